"""OTIO bundles: read, unpacked, written back; hostile ones refused before anything is written."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from otio_samples import clip, dump, external, timeline, track

from unisync_adapters import EditError, PathMap, Relink, open_edit
from unisync_adapters.otio_bundle import (
    fingerprint,
    is_bundle,
    media_map,
    read_content,
    unpack_media,
    write_bundle,
)
from unisync_adapters.timebase import Rate
from unisync_adapters.urls import map_to_local

PLATE = b"plate" * 1000


def content() -> bytes:
    media = {"DEFAULT_MEDIA": external("media/a.mov")}
    return dump(timeline(track(clip(media_references=media))))


def folder_bundle(path: Path) -> Path:
    (path / "media").mkdir(parents=True)
    (path / "content.otio").write_bytes(content())
    (path / "version.txt").write_bytes(b"1.0.0")
    (path / "media" / "a.mov").write_bytes(PLATE)
    return path


def zip_bundle(path: Path, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("version.txt", b"1.0.0", zipfile.ZIP_DEFLATED)
        bundle.writestr("content.otio", content(), zipfile.ZIP_DEFLATED)
        bundle.writestr("media/a.mov", PLATE)
        for name, data in more.items():
            bundle.writestr(name, data, zipfile.ZIP_DEFLATED)
    return path


@pytest.fixture(params=["otiod", "otioz"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    make: Callable[[Path], Path] = folder_bundle if request.param == "otiod" else zip_bundle
    return make(tmp_path / f"Reel.{request.param}")


def members(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        files = (p for p in path.rglob("*") if p.is_file())
        return {p.relative_to(path).as_posix(): p.read_bytes() for p in files}
    with zipfile.ZipFile(path) as bundle:
        assert bundle.testzip() is None
        return {name: bundle.read(name) for name in bundle.namelist()}


def test_a_bundle_is_read_as_the_edit_inside(bundle: Path) -> None:
    document = open_edit(bundle)
    assert (document.adapter.name, document.path) == ("OTIO JSON", bundle)
    assert document.data == content() == read_content(bundle)
    assert document.patch([]) is document.data


def test_the_media_of_a_folder_are_found_in_it(tmp_path: Path) -> None:
    document = open_edit(folder_bundle(tmp_path / "Reel.otiod"))
    found = map_to_local("media/a.mov", document.path_map, document.path.parent)
    assert found.read_bytes() == PLATE


def test_the_media_of_a_zip_file_are_unpacked(tmp_path: Path) -> None:
    path = zip_bundle(tmp_path / "Reel.otioz")
    unpack_media(path, tmp_path / "out" / "m")
    assert [p.name for p in (tmp_path / "out" / "m").iterdir()] == ["a.mov"]
    document = open_edit(path, path_map=media_map(tmp_path / "out" / "m", PathMap()))
    assert map_to_local("media/a.mov", document.path_map, tmp_path).read_bytes() == PLATE


def test_the_same_kind_comes_back_with_the_new_media(bundle: Path, tmp_path: Path) -> None:
    new = tmp_path / "work" / "unisync_fr_1.mov"
    new.parent.mkdir()
    new.write_bytes(b"new picture")
    document = open_edit(bundle, path_map=media_map(new.parent, PathMap()))
    relink = Relink(next(iter(document.origins)), new, 0, 48, Rate.of(24), 86500)
    data = document.patch([relink], name="Reel FR")
    document.verify(data, [relink], name="Reel FR")
    assert b'"media/unisync_fr_1.mov"' in data
    before = members(bundle)
    target = tmp_path / f"back{bundle.suffix}"
    write_bundle(bundle, target, data, [new])
    after = members(target)
    assert after == {**before, "content.otio": data, "media/unisync_fr_1.mov": b"new picture"}
    assert members(bundle) == before
    assert open_edit(target).timeline.name == "Reel FR"


def test_equal_work_gives_equal_bytes(tmp_path: Path) -> None:
    source = zip_bundle(tmp_path / "Reel.otioz")
    new = tmp_path / "n.mov"
    new.write_bytes(b"new")
    written = []
    for name in ("one", "two"):
        write_bundle(source, tmp_path / name, content(), [new])
        os.utime(new, (1, 1))
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]


def test_a_name_that_is_taken_is_refused(bundle: Path, tmp_path: Path) -> None:
    new = tmp_path / "work" / "a.mov"
    new.parent.mkdir()
    new.write_bytes(b"other")
    with pytest.raises(EditError, match=r"already holds another media/a\.mov"):
        write_bundle(bundle, tmp_path / "back", content(), [new])


def test_the_fingerprint_is_of_what_it_holds(tmp_path: Path) -> None:
    one = fingerprint(zip_bundle(tmp_path / "a.otioz"))
    assert one == fingerprint(zip_bundle(tmp_path / "b.otioz"))
    assert one != fingerprint(zip_bundle(tmp_path / "c.otioz", **{"media/b.mov": b"x"}))


def _link(bundle: zipfile.ZipFile) -> None:
    member = zipfile.ZipInfo("media/link.mov")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    bundle.writestr(member, "/etc/passwd")


@pytest.mark.parametrize(
    "name",
    ["media/../../x", "/media/x", "media/..\\x", "media/C:x", "link"],
)
def test_members_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    path = zip_bundle(tmp_path / "Reel.otioz")
    with zipfile.ZipFile(path, "a") as bundle:
        if name == "link":
            _link(bundle)
        else:
            bundle.writestr(name, b"evil")
    target = tmp_path / "deep" / "down" / "media"
    if name.startswith("media") or name == "link":
        with pytest.raises(EditError, match="leads out of it"):
            unpack_media(path, target)
        assert not target.exists()
    with pytest.raises(EditError, match="leads out of it"):
        write_bundle(path, tmp_path / "back.otioz", content(), [])


def _patched(data: bytes, field: int, value: int) -> bytes:
    """A 32-bit field of the last central directory entry, changed."""
    at = data.rindex(b"PK\x01\x02") + field
    return data[:at] + value.to_bytes(4, "little") + data[at + 4 :]


def test_a_member_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = zip_bundle(tmp_path / "Reel.otioz", **{"media/z.mov": b"\0" * 100_000})
    path.write_bytes(_patched(path.read_bytes(), 24, 4_000_000_000))
    with pytest.raises(EditError, match="claims to be 4000000000 bytes long"):
        unpack_media(path, tmp_path / "media")


def test_media_that_do_not_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        free = 10

    monkeypatch.setattr("unisync_adapters.otio_bundle.shutil.disk_usage", lambda path: Full)
    with pytest.raises(EditError, match="Make room on the disk"):
        unpack_media(zip_bundle(tmp_path / "Reel.otioz"), tmp_path / "media")


@pytest.mark.parametrize("name", ["content.otio", "media"])
def test_nothing_is_written_through_a_link(name: str, tmp_path: Path) -> None:
    source = folder_bundle(tmp_path / "Reel.otiod")
    away = (source / name).rename(tmp_path / f"away-{name}")
    (source / name).symlink_to(away)
    before = members(away) if away.is_dir() else away.read_bytes()
    with pytest.raises(EditError, match=f"{name} is a link"):
        write_bundle(source, tmp_path / "back.otiod", b"{}", [])
    assert (members(away) if away.is_dir() else away.read_bytes()) == before
    assert not (tmp_path / "back.otiod").exists()


def test_an_edit_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="larger than 0 MiB"):
        read_content(zip_bundle(tmp_path / "Reel.otioz"), max_bytes=100)


@pytest.mark.parametrize("damage", ["short", "checksum", "twice", "empty", "gone"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_damaged_bundle_is_named(damage: str, tmp_path: Path) -> None:
    path = zip_bundle(tmp_path / "Reel.otioz")
    data = path.read_bytes()
    if damage == "twice":
        with zipfile.ZipFile(path, "a") as bundle:
            bundle.writestr("media/a.mov", b"again")
    elif damage == "gone":
        path.unlink()
    elif damage == "empty":
        with zipfile.ZipFile(path, "w"):
            pass
    else:
        cut = data[:-30] if damage == "short" else data.replace(b"plateplate", b"plateplatx", 1)
        path.write_bytes(cut)

    def use() -> None:
        read_content(path)
        unpack_media(path, tmp_path / "media")

    with pytest.raises(EditError) as caught:
        use()
    assert caught.value.file == str(path)


def test_other_files_are_no_bundles(tmp_path: Path) -> None:
    other = tmp_path / "a.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", b"x")
    plain = tmp_path / "a.otio"
    plain.write_bytes(content())
    assert not any(is_bundle(path) for path in (other, plain, tmp_path, tmp_path / "none.otioz"))


ROOT = os.environ.get("UNISYNC_TIMELINES")
CORPUS = sorted(Path(ROOT).rglob("*.otioz")) if ROOT else []


@pytest.mark.skipif(not CORPUS, reason="UNISYNC_TIMELINES names no bundle")
@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.name)
def test_real_bundles(path: Path, tmp_path: Path) -> None:
    document = open_edit(path)
    assert document.patch([]) is document.data
    unpack_media(path, tmp_path / "media")
    write_bundle(path, tmp_path / "back", document.patch([], name="Back"), [])
    before, after = members(path), members(tmp_path / "back")
    assert {name for name in before if before[name] != after.get(name)} == {"content.otio"}
    assert open_edit(tmp_path / "back").timeline.name == "Back"
