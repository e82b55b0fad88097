"""Opening an edit: the content decides, and what cannot be opened says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from otio_samples import clip, dump, timeline, track

from unisync_adapters import EditError, PathMap, Relink, UniSyncError, open_edit
from unisync_adapters.document import adapters
from unisync_adapters.timebase import Rate


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml"
    path.write_bytes(dump(timeline(track(clip()))))
    document = open_edit(str(path), path_map=PathMap((("/a", "/b"),)))
    assert (document.adapter.name, document.path) == ("OTIO JSON", path)
    assert document.path_map.pairs == (("/a", "/b"),)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"\0\1\2\xff" * 100, "no edit document of a known format"),
        (b'{"a": 1}', "no edit document"),
        (b"just text", "no edit document"),
    ],
)
def test_rubbish_is_named_with_the_formats_understood(
    tmp_path: Path, data: bytes, what: str
) -> None:
    path = tmp_path / "cut.otio"
    path.write_bytes(data)
    with pytest.raises(EditError, match=what) as caught:
        open_edit(path)
    assert caught.value.file == str(path)
    if data:
        assert "OTIO JSON (.otio" in str(caught.value)


@pytest.mark.parametrize("name", ["missing.otio", "."])
def test_what_is_no_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(EditError, match="cannot be opened") as caught:
        open_edit(tmp_path / name)
    assert caught.value.file == str(tmp_path / name)


def test_a_bundle_folder_holds_an_edit_or_is_refused(tmp_path: Path) -> None:
    (tmp_path / "content.otio").write_bytes(b"{}")
    with pytest.raises(EditError, match="no edit document of a known format"):
        open_edit(tmp_path)


def test_a_truncated_edit_is_damaged_not_unknown(tmp_path: Path) -> None:
    path = tmp_path / "cut.otio"
    path.write_bytes(dump(timeline(track(clip())))[:-20])
    with pytest.raises(EditError, match=r"damaged.*line \d+.*cut\.otio"):
        open_edit(path)


def test_patching_never_writes(tmp_path: Path) -> None:
    path = tmp_path / "cut.otio"
    data = dump(timeline(track(clip())))
    path.write_bytes(data)
    document = open_edit(path)
    origin = next(iter(document.origins))
    relink = Relink(origin, Path("/new.mov"), 0, 48, Rate.of(24), 86500)
    assert document.patch([relink], name="new") != data
    assert path.read_bytes() == data
    assert [p.name for p in tmp_path.iterdir()] == ["cut.otio"]


def test_every_adapter_has_a_name_and_suffixes() -> None:
    names = [adapter.name for adapter in adapters()]
    assert names[:2] == ["OTIO JSON", "FCP7 XML"]
    assert "EDL" in names
    assert all(s.startswith(".") for adapter in adapters() for s in adapter.suffixes)


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = UniSyncError("It broke", file="a.otio", clip="sh010", timecode="01:00", remedy="Fix it")
    assert str(error) == "It broke (a.otio, clip “sh010”, at 01:00). Fix it"
