"""What is dropped in comes back, whatever the layout; the watched folder stays as it was."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from watch_kit import Bench, Cut, InlineRenderer, Painter, drop_edit, write_edit

from unisync_post.errors import EngineError
from unisync_post.job.events import Event
from unisync_post.job.manage import jobs_at
from unisync_post.watch.names import status_path
from unisync_post.watch.status import State


def theirs(folder: Path) -> dict[str, str]:
    """Every file in the watched folder that is not ours."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith((".unisync.json", ".unisync-watch"))
    }


def test_an_edit_with_a_dub_beside_it_comes_back(bench: Bench, stage) -> None:
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    before = theirs(bench.folder)
    status = bench.until("Reel.xml", "done")
    (output,) = status.outputs
    assert (output.language, output.shots, output.done, output.kept) == ("fr", 1, 1, 1)
    assert Path(output.edit).name == "Reel_UNISYNC_FR_v001.xml"
    assert Path(output.review).exists()
    assert not Path(output.edit).is_relative_to(bench.folder)
    assert status.progress == 1
    assert "Reel_FR.wav is dub (fr, says its name): it fits Reel[ ._@-]*." in status.pairing
    assert theirs(bench.folder) == before


def test_several_languages_give_several_outputs(bench: Bench, stage) -> None:
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    shutil.copy(stage.de, bench.folder / "Reel.de.wav")
    status = bench.until("Reel.xml", "done")
    assert [output.language for output in status.outputs] == ["de", "fr"]
    assert len({output.edit for output in status.outputs}) == 2
    assert len({output.review for output in status.outputs}) == 2


def test_a_package_with_its_own_media_stems_and_settings(bench: Bench, stage) -> None:
    package = bench.folder / "EP101"
    (package / "dub").mkdir(parents=True)
    (package / "media").mkdir()
    moved = shutil.copy(stage.anna, package / "media" / "anna.mov")
    write_edit(package / "cut 3.xml", [Cut(Path("/Volumes/SHOW/anna.mov"))])
    shutil.copy(stage.fr, package / "dub" / "FR_ANNA.wav")
    shutil.copy(stage.fr, package / "dub" / "FR_BEN.wav")
    (package / "unisync.toml").write_text("priority = 7\n")
    bench.config = replace(bench.config, media=())
    status = bench.until("EP101", "done")
    assert status.priority == 7
    assert status.outputs[0].shots == 1
    assert bench.renderer.submitted == [("cut_3_UNISYNC_FR_v001", 7)]
    assert str(moved) in (Path(status.outputs[0].job) / "plan.json").read_text()


def test_of_several_files_named_like_edits_the_one_that_is_an_edit_is_taken(
    bench: Bench, stage
) -> None:
    package = bench.folder / "EP101"
    package.mkdir()
    shutil.copy(stage.edit, package / "cut.xml")
    shutil.copy(stage.fr, package / "FR.wav")
    (package / "A001C003.xml").write_text("<?xml version='1.0'?><Clip/>")
    (package / "notes.json").write_text("{}")
    (package / "old.aaf").write_bytes(b"")
    assert bench.until("EP101", "done").outputs
    shutil.copy(stage.edit, package / "cut 2.xml")
    status = bench.until("EP101", "rejected")
    assert "It holds 2 edits: cut 2.xml, cut.xml" in status.reason


def test_a_drop_grows_slowly_and_is_left_alone_until_it_is_whole(bench: Bench, stage) -> None:
    data = stage.fr.read_bytes()
    shutil.copy(stage.edit, bench.folder / "Reel.xml")
    with (bench.folder / "Reel_FR.wav").open("wb", buffering=0) as file:
        for start in range(0, len(data), len(data) // 12):
            file.write(data[start : start + len(data) // 12])
            bench.pass_time(1)
            assert bench.status("Reel.xml").state is State.ARRIVING
    assert bench.until("Reel.xml", "done").outputs


def test_a_drop_that_comes_in_bursts_starts_after_the_last(bench: Bench, stage) -> None:
    package = bench.folder / "EP101"
    package.mkdir()
    for number, name in enumerate(("FR_ANNA.wav", "FR_BEN.wav", "FR_CARL.wav")):
        shutil.copy(stage.fr, package / name)
        if number == 1:
            shutil.copy(stage.edit, package / "Reel.xml")
        bench.pass_time(1.5)
        assert not bench.renderer.submitted
    status = bench.until("EP101", "done")
    assert sum("is dub" in reason for reason in status.pairing) == 3
    assert len(bench.renderer.submitted) == 1


def test_a_temporary_name_is_waited_for(bench: Bench, stage) -> None:
    shutil.copy(stage.edit, bench.folder / "Reel.xml")
    upload = bench.folder / "Reel_FR.wav.filepart"
    shutil.copy(stage.fr, upload)
    bench.pass_time(10)
    assert "Reel_FR.wav.filepart" in bench.status("Reel.xml").reason
    upload.rename(bench.folder / "Reel_FR.wav")
    bench.until("Reel.xml", "done")


@pytest.mark.parametrize(
    ("proof", "sign"), [("trigger", "Reel.xml.ready"), ("trigger", "Reel.ready"), ("hash", "")]
)
def test_a_demanded_proof_is_waited_for(bench: Bench, stage, proof: str, sign: str) -> None:
    bench.config = replace(bench.config, ready=proof)
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    bench.pass_time(20)
    assert bench.status("Reel.xml").state is State.ARRIVING
    if sign:
        (bench.folder / sign).touch()
    else:
        digest = hashlib.md5((bench.folder / "Reel_FR.wav").read_bytes()).hexdigest()
        (bench.folder / "Reel.md5").write_text(f"{digest}  Reel_FR.wav\n")
    bench.until("Reel.xml", "done")


def test_a_renamed_upload_needs_no_settling(bench: Bench, stage) -> None:
    bench.config = replace(bench.config, ready="rename", settle=3600.0)
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    bench.until("Reel.xml", "done", limit=5)


def test_a_hash_list_that_disagrees_holds_the_drop_back(bench: Bench, stage) -> None:
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    (bench.folder / "Reel.md5").write_text(f"{'0' * 32}  Reel_FR.wav\n")
    status = bench.until("Reel.xml", "waiting")
    assert status.waiting_for == ("Reel_FR.wav is not what its md5 says",)


def test_an_edit_without_a_dub_waits_for_one(bench: Bench, stage) -> None:
    shutil.copy(stage.edit, bench.folder / "Reel.xml")
    status = bench.until("Reel.xml", "waiting")
    assert status.waiting_for == ("a dub, such as Reel_FR.wav",)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    bench.until("Reel.xml", "done")


def test_missing_media_is_listed_and_the_drop_goes_on_when_it_comes(bench: Bench, stage) -> None:
    away = bench.folder.parent / "media"
    away.mkdir()
    bench.config = replace(bench.config, media=(away,))
    edit = write_edit(bench.folder / "Reel.xml", [Cut(away / "anna.mov")])
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    status = bench.until("Reel.xml", "waiting")
    assert status.waiting_for == ((away / "anna.mov").as_uri(),)
    assert "Copy it into the drop" in status.remedy
    whole = stage.anna.read_bytes()
    (away / "anna.mov").write_bytes(whole[: len(whole) // 2])
    bench.pass_time(10)
    assert "anna.mov" in bench.status(edit.name).waiting_for[0]
    (away / "anna.mov").write_bytes(whole)
    assert bench.until("Reel.xml", "done").outputs[0].shots == 1


def test_media_that_the_edit_outgrows_is_waited_for(bench: Bench, stage) -> None:
    write_edit(bench.folder / "Reel.xml", [Cut(stage.anna, entry=30, length=24)])
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    status = bench.until("Reel.xml", "waiting")
    assert status.waiting_for == ("anna.mov: 14 of the 24 frames that “anna.mov” plays",)


def test_a_rejected_drop_is_tried_again_only_when_it_changes(bench: Bench, stage) -> None:
    edit = bench.folder / "Reel.xml"
    edit.write_text("<html>not an edit</html>")
    status = bench.until("Reel.xml", "rejected")
    assert "no edit document of a known format" in status.reason
    assert status.remedy.startswith("Export one of")
    tried = sum("planning" in line for line in bench.said)
    bench.restart()
    bench.pass_time(30)
    assert sum("planning" in line for line in bench.said) == tried == 1
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    bench.until("Reel.xml", "done")


def test_a_drop_that_is_done_is_not_looked_into_again(bench: Bench, stage) -> None:
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    done = bench.until("Reel.xml", "done")
    bench.restart()
    bench.pass_time(30)
    assert bench.status("Reel.xml") == done
    assert len(bench.renderer.submitted) == 1


def test_lost_results_are_made_again(bench: Bench, stage) -> None:
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    output = bench.until("Reel.xml", "done").outputs[0]
    Path(output.edit).unlink()
    bench.restart()
    bench.pass_time(0.25)
    bench.until("Reel.xml", "done")
    assert Path(output.edit).exists()
    assert len(bench.renderer.order) == 1
    # a job that was purged is not wanted any more
    shutil.rmtree(Path(output.job).parents[1])
    bench.restart()
    bench.pass_time(20)
    assert bench.status("Reel.xml").state is State.DONE
    assert len(bench.renderer.order) == 1


def test_the_same_content_under_another_name_is_the_old_result(bench: Bench, stage) -> None:
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    first = bench.until("Reel.xml", "done").outputs[0]
    drop_edit(bench.folder, "Other name.xml", stage.edit, stage.fr)
    second = bench.until("Other name.xml", "done").outputs[0]
    assert (second.job, second.edit) == (first.job, first.edit)
    assert len(bench.renderer.order) == 1


def test_a_changed_edit_renders_only_what_changed(stage, tmp_path: Path) -> None:
    bench = Bench.at(tmp_path, quick=False, media=(stage.folder,))
    before = [Cut(stage.anna, length=20), Cut(stage.anna, entry=2, length=20)]
    write_edit(bench.folder / "Reel_v1.xml", before)
    shutil.copy(stage.fr, bench.folder / "Reel_v1_FR.wav")
    bench.until("Reel_v1.xml", "done")
    write_edit(bench.folder / "Reel_v1.xml", [before[0], Cut(stage.anna, entry=7, length=20)])
    bench.until("Reel_v1.xml", "rendering")
    done = bench.until("Reel_v1.xml", "done").outputs[0]
    assert done.edit.endswith("Reel_v1_UNISYNC_FR_v002.xml")
    assert (done.shots, done.rendered, len(bench.renderer.order)) == (2, 2, 3)
    # a new version that comes under its own name is the same reel
    write_edit(bench.folder / "Reel_v2.xml", [before[0], Cut(stage.anna, entry=9, length=20)])
    shutil.copy(stage.fr, bench.folder / "Reel_v2_FR.wav")
    bench.until("Reel_v2.xml", "done")
    assert len(bench.renderer.order) == 4
    bench.watcher.close()


def test_a_trailer_is_not_starved_and_priority_goes_first(bench: Bench, stage) -> None:
    cuts = [Cut(stage.anna, entry=entry, length=8) for entry in range(2, 30, 4)]
    shutil.copy(write_edit(stage.folder / "long.xml", cuts), bench.folder / "Feature.xml")
    shutil.copy(stage.fr, bench.folder / "Feature_FR.wav")
    bench.until("Feature.xml", "rendering")
    drop_edit(bench.folder, "Trailer.xml", stage.edit, stage.fr)
    (bench.folder / "Trailer.unisync.toml").write_text("priority = 50\n")
    bench.until("Trailer.xml", "done")
    assert dict(bench.renderer.submitted)["Trailer_UNISYNC_FR_v001"] == 50
    bench.until("Feature.xml", "done")


def test_an_engine_that_the_folder_does_not_allow_is_refused(bench: Bench, stage) -> None:
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    (bench.folder / "Reel.unisync.toml").write_text('engine = "os:getcwd"\n')
    status = bench.until("Reel.xml", "rejected")
    assert "engine 'os:getcwd' is not allowed in this watch folder" in status.reason
    assert not bench.renderer.submitted


def test_where_a_status_file_cannot_be_it_is_written_elsewhere(bench: Bench, stage) -> None:
    drop_edit(bench.folder, "Reel.xml", stage.edit, stage.fr)
    mine = status_path(bench.folder, "Reel.xml")
    mine.write_text("somebody else's")
    status = bench.until("Reel.xml", "done")
    assert status.outputs
    assert mine.read_text() == "somebody else's"
    assert (bench.out / ".watch" / "status" / mine.name).exists()


def test_a_drop_that_is_taken_away_is_given_up(bench: Bench, stage) -> None:
    cuts = [Cut(stage.anna, entry=entry, length=8) for entry in range(2, 30, 4)]
    write_edit(bench.folder / "Reel.xml", cuts)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    bench.renderer.before = lambda: (bench.folder / "Reel.xml").unlink(missing_ok=True)
    bench.until("Reel.xml", "rendering")
    bench.pass_time(5)
    assert any("it was taken away" in line for line in bench.said)
    assert not bench.renderer.waiting


def test_versions_in_packages_whose_edits_have_one_name_do_not_collide(bench: Bench, stage) -> None:
    for version in ("EP101_v1", "EP101_v2"):
        package = bench.folder / version
        package.mkdir()
        text = stage.edit.read_text().replace("<name>Reel</name>", f"<name>{version}</name>")
        (package / "edit.xml").write_text(text)
        shutil.copy(stage.fr, package / "FR.wav")
    first = bench.until("EP101_v1", "done").outputs[0]
    second = bench.until("EP101_v2", "done").outputs[0]
    assert Path(first.edit).name == "edit_UNISYNC_FR_v001.xml"
    assert Path(second.edit).name == "edit_2_UNISYNC_FR_v001.xml"
    assert len(bench.renderer.order) == 1, "the second shows the same pictures"


def test_another_engine_is_opened_for_the_drop_that_asks_for_it(bench: Bench, stage) -> None:
    bench.config = replace(bench.config, engines=("better", "broken"))
    better = InlineRenderer(Painter(tint=(1, 2, 3)), quick=True)
    broken = InlineRenderer(quick=True, ready=False)

    def refuse(timeout: float) -> list[Event]:
        raise EngineError("the engine broken cannot be opened", remedy="Run `unisync doctor`.")

    broken.poll = refuse  # type: ignore[method-assign]
    bench.others = {"better": better, "broken": broken}
    for engine in ("painter", "better", "broken"):
        drop_edit(bench.folder, f"{engine}.xml", stage.edit, stage.fr)
        (bench.folder / f"{engine}.unisync.toml").write_text(f'engine = "{engine}"\n')
    status = bench.until("broken.xml", "rejected")
    assert (status.reason, status.remedy) == (
        "the engine broken cannot be opened",
        "Run `unisync doctor`.",
    )
    bench.until("painter.xml", "done")
    bench.until("better.xml", "done")
    assert [name for name, _ in better.submitted] == ["better_UNISYNC_FR_v001"]
    assert [name for name, _ in bench.renderer.submitted] == ["painter_UNISYNC_FR_v001"]


def test_the_jobs_of_a_watch_folder_are_listed_together(bench: Bench, stage) -> None:
    for name in ("One", "Two"):
        write_edit(bench.folder / f"{name}.xml", [Cut(stage.anna, length=20)])
        shutil.copy(stage.fr, bench.folder / f"{name}_FR.wav")
    text = (bench.folder / "Two.xml").read_text()
    (bench.folder / "Two.xml").write_text(text.replace("Reel", "Two"))
    for name in ("One", "Two"):
        bench.until(f"{name}.xml", "done")
    assert [job.job.output[:3] for job in jobs_at([bench.out])] == ["One", "Two"]
