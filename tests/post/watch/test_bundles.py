"""Edits that are bundles (.otioz, .otiod, .fcpxmld) dropped in: whole, half there, and hostile."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import opentimelineio as otio
import pytest
from watch_kit import Bench, Running

from unisync_adapters.document import open_edit
from unisync_post.watch.scan import scan
from unisync_post.watch.status import State

FCPXML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.11"><resources>
<format id="r1" frameDuration="1/24s" width="640" height="360"/>
<asset id="r2" name="anna" start="0s" duration="48/24s" hasVideo="1" format="r1">
<media-rep kind="original-media" src="{url}"/></asset>
</resources><project name="Reel"><sequence format="r1" duration="24/24s" tcStart="0s"><spine>
<asset-clip ref="r2" offset="0s" name="sh010" start="4/24s" duration="24/24s"/>
</spine></sequence></project></fcpxml>
"""


def otio_text(url: str = "media/anna.mov") -> str:
    """An edit of one clip of a medium that lies in the bundle."""

    def span(start: int, count: int) -> otio.opentime.TimeRange:
        at = otio.opentime.RationalTime
        return otio.opentime.TimeRange(at(start, 24), at(count, 24))

    media = otio.schema.ExternalReference(url, span(0, 48))
    clip = otio.schema.Clip("sh010", media, span(4, 24))
    track = otio.schema.Track("V1", [clip], kind=otio.schema.TrackKind.Video)
    timeline = otio.schema.Timeline("Reel")
    timeline.tracks.append(track)
    return str(timeline.to_json_string())


def otioz(path: Path, plate: Path, text: str = "", **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("version.txt", "1.0.0")
        bundle.writestr("content.otio", text or otio_text())
        bundle.write(plate, "media/anna.mov")
        for name, data in more.items():
            bundle.writestr(name, data)
    return path


def otiod(path: Path, plate: Path) -> Path:
    (path / "media").mkdir(parents=True)
    shutil.copy(plate, path / "media" / "anna.mov")
    (path / "version.txt").write_text("1.0.0")
    (path / "content.otio").write_text(otio_text())
    return path


def fcpxmld(path: Path, plate: Path) -> Path:
    path.mkdir(parents=True)
    (path / "Info.fcpxml").write_text(FCPXML.format(url=plate.as_uri()))
    (path / "CurrentVersion.plist").write_text("<plist/>")
    return path


MAKE = {"otioz": otioz, "otiod": otiod, "fcpxmld": fcpxmld}


# whole -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "back"), [("otioz", ".otioz"), ("otiod", ".otiod")])
def test_a_bundle_dropped_in_comes_back_as_one(stage, tmp_path: Path, kind: str, back: str) -> None:
    bench = Bench.at(tmp_path, quick=False)
    MAKE[kind](bench.folder / f"Reel.{kind}", stage.anna)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    (output,) = bench.until(f"Reel.{kind}", "done").outputs
    bench.watcher.close()
    edit = Path(output.edit)
    assert (edit.name, output.rendered) == (f"Reel_UNISYNC_FR_v001{back}", 1)
    (clip,) = open_edit(edit).timeline.find_clips()
    assert clip.media_reference.target_url.startswith("media/unisync_fr_")
    if kind == "otioz":
        assert clip.media_reference.target_url in zipfile.ZipFile(edit).namelist()


def test_an_fcpxmld_dropped_in_is_one_edit(bench: Bench, stage) -> None:
    fcpxmld(bench.folder / "Reel.fcpxmld", stage.anna)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    (found,) = scan(bench.folder)
    assert (found.edits, found.is_folder) == (("Reel.fcpxmld",), False)
    assert set(found.files) == {
        *("Reel.fcpxmld/Info.fcpxml", "Reel.fcpxmld/CurrentVersion.plist", "Reel_FR.wav"),
    }
    (output,) = bench.until("Reel.fcpxmld", "done").outputs
    assert Path(output.edit).name == "Reel_UNISYNC_FR_v001.fcpxml"


@pytest.mark.parametrize("kind", sorted(MAKE))
def test_a_package_may_hold_a_bundle(bench: Bench, stage, kind: str) -> None:
    package = bench.folder / "EP101"
    package.mkdir()
    MAKE[kind](package / f"cut 3.{kind}", stage.anna)
    shutil.copy(stage.fr, package / "FR_ANNA.wav")
    (found,) = scan(bench.folder)
    assert found.edits == (f"cut 3.{kind}",)
    assert bench.until("EP101", "done").outputs[0].done == 1


def test_media_of_a_zip_file_are_unpacked_once_for_all_languages(bench: Bench, stage) -> None:
    otioz(bench.folder / "Reel.otioz", stage.anna)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    shutil.copy(stage.de, bench.folder / "Reel_DE.wav")
    assert len(bench.until("Reel.otioz", "done").outputs) == 2
    (unpacked,) = bench.out.rglob("anna.mov")
    assert unpacked.parts[-3] == "bundles"


def test_the_real_command_takes_bundles(running: Running, stage) -> None:
    running.folder.mkdir()
    otioz(running.folder / "Zip.otioz", stage.anna)
    fcpxmld(running.folder / "Cut.fcpxmld", stage.anna)
    for name in ("Zip", "Cut"):
        shutil.copy(stage.fr, running.folder / f"{name}_FR.wav")
    running.start()
    zipped = running.until("Zip.otioz", "done", "rejected")
    assert zipped["outputs"][0]["edit"].endswith("Zip_UNISYNC_FR_v001.otioz")
    cut = running.until("Cut.fcpxmld", "done", "rejected")
    assert cut["outputs"][0]["edit"].endswith("Cut_UNISYNC_FR_v001.fcpxml")
    assert running.stop() == 0


# half there ------------------------------------------------------------------------------------


@pytest.mark.parametrize("proof", ["settle", "rename"])
def test_an_otioz_is_whole_when_its_end_is_there(stage, tmp_path: Path, proof: str) -> None:
    bench = Bench.at(tmp_path, ready=proof)
    whole = otioz(tmp_path / "whole.otioz", stage.anna).read_bytes()
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    target = bench.folder / "Reel.otioz"
    target.write_bytes(whole[: len(whole) // 2])
    bench.pass_time(30)  # a copy that stalls looks settled
    status = bench.status("Reel.otioz")
    assert (status.state, status.waiting_for) == (State.WAITING, ("the end of its copy",))
    assert "Its end" in status.reason
    target.write_bytes(whole)
    assert bench.until("Reel.otioz", "done").outputs
    bench.watcher.close()


def test_an_fcpxmld_that_grows_is_one_drop(bench: Bench, stage) -> None:
    whole = fcpxmld(bench.out.parent / "whole.fcpxmld", stage.anna)
    target = bench.folder / "Reel.fcpxmld"
    target.mkdir()
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    shutil.copy(whole / "CurrentVersion.plist", target)
    bench.pass_time(20)
    status = bench.status("Reel.fcpxmld")
    assert status.state is State.WAITING
    assert "There is no Info.fcpxml in it yet" in status.reason
    data = (whole / "Info.fcpxml").read_bytes()
    with (target / "Info.fcpxml").open("wb", buffering=0) as file:
        for start in range(0, len(data), 200):
            file.write(data[start : start + 200])
            bench.pass_time(1)
            assert bench.status("Reel.fcpxmld").state is State.ARRIVING
    assert bench.until("Reel.fcpxmld", "done").outputs
    assert not list(bench.folder.glob("Info*"))
    assert [drop.name for drop in scan(bench.folder)] == ["Reel.fcpxmld"]


def test_a_bundle_under_a_temporary_name_is_no_drop_yet(bench: Bench, stage) -> None:
    fcpxmld(bench.folder / "Reel.fcpxmld.part", stage.anna)
    otioz(bench.folder / "Reel.otioz.part", stage.anna)
    assert scan(bench.folder) == []


def test_row_05_a_zip_file_whose_media_do_not_fit_waits_for_room(
    bench: Bench, stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    otioz(bench.folder / "Reel.otioz", stage.anna)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    with monkeypatch.context() as full:
        full.setattr(
            "unisync_adapters.otio_bundle.shutil.disk_usage", lambda path: SimpleNamespace(free=10)
        )
        status = bench.until("Reel.otioz", "waiting")
    assert status.waiting_for == ("room on the disk",)
    assert bench.until("Reel.otioz", "done").outputs


def test_row_09_a_bundle_that_is_replaced_gives_back_no_mixture(stage, tmp_path: Path) -> None:
    bench = Bench.at(tmp_path, quick=False)
    bundle = otioz(bench.folder / "Reel.otioz", stage.anna)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    bench.until("Reel.otioz", "rendering")
    otioz(bundle, stage.anna, otio_text().replace("sh010", "sh020"))
    status = bench.until("Reel.otioz", "rejected")
    assert "replaced while its shots were rendered" in status.reason
    assert not list(bench.out.rglob("*_UNISYNC_*.otioz"))
    (output,) = bench.until("Reel.otioz", "done").outputs
    assert b"sh020" in zipfile.ZipFile(output.edit).read("content.otio")
    bench.watcher.close()


# hostile ---------------------------------------------------------------------------------------


def test_row_14_a_zip_file_that_leads_elsewhere_is_refused(bench: Bench, stage) -> None:
    otioz(bench.folder / "Reel.otioz", stage.anna, **{"media/../../escape.mov": b"x"})
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    assert "leads out of it" in bench.until("Reel.otioz", "rejected").reason
    assert not list(bench.out.rglob("*.mov"))


def test_row_14_an_edit_in_a_zip_file_may_not_lead_out_of_the_roots(bench: Bench, stage) -> None:
    for url in ("file:///etc/passwd", "media/../../../../etc/passwd"):
        otioz(bench.folder / "Reel.otioz", stage.anna, otio_text(url))
        shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
        assert url in bench.until("Reel.otioz", "rejected").reason
        bench.restart()


def test_row_17_a_member_that_claims_too_much_is_refused(bench: Bench, stage) -> None:
    path = otioz(bench.folder / "Reel.otioz", stage.anna)
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr("media/zeros.mov", b"\0" * 100_000, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    assert "claims to be" in bench.until("Reel.otioz", "rejected").reason


@pytest.mark.parametrize("kind", ["fcpxmld", "otiod"])
def test_row_14_a_bundle_that_holds_a_link_is_refused(
    bench: Bench, stage, tmp_path: Path, kind: str
) -> None:
    bundle = MAKE[kind](bench.folder / f"Reel.{kind}", stage.anna)
    away = tmp_path / "elsewhere"
    away.mkdir()
    (bundle / "extra").symlink_to(away, target_is_directory=True)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    status = bench.until(f"Reel.{kind}", "rejected")
    assert "holds a link: extra" in status.reason
    assert os.listdir(away) == []
