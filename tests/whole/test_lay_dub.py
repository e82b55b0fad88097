"""``--lay-dub``: the dub file as a new audio track of the returned edit."""

from __future__ import annotations

import json
from pathlib import Path

import opentimelineio as otio
import pytest
from click.testing import CliRunner
from generated import FRENCH, WRITERS, Line, Shot, Story, Voice
from job_kit import Painter
from test_plan_dub import add_time_reference
from whole_kit import Case

from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate
from unisync_post.cli import main
from unisync_post.errors import PlanError
from unisync_post.job.assemble import LAID, assemble, read_sidecar
from unisync_post.job.dub import choices
from unisync_post.job.folder import JobFolder
from unisync_post.plan.options import DubFile, PlanOptions

SILENT = Story((Shot(0, 6, 6, gap=2), Shot(1, 10, 5)), (), None, Rate.of(24))
LAYING = [name for name in WRITERS if not name.startswith("avid")]


@pytest.fixture
def dub(footage: Path, tmp_path: Path) -> Path:
    """A dub with a time stamp, one second before the sequence begins."""
    path = tmp_path / "REEL_FR.wav"
    path.write_bytes((footage / "dub_fr.wav").read_bytes())
    stamp(path, 86_400 - 24)
    return path


def stamp(path: Path, frame: int, more: int = 0) -> None:
    with path.open("rb") as file:
        rate = int.from_bytes(file.read(28)[24:28], "little")
    add_time_reference(path, frame * rate // 24 + more)


def job_of(case: Case, options: PlanOptions) -> JobFolder:
    edit = case.folder / "in" / case.name
    return case.planned(edit if edit.exists() else case.write(SILENT), options)


@pytest.mark.parametrize("name", LAYING)
def test_the_dub_is_a_track_of_the_returned_edit(
    name: str, footage: Path, dub: Path, tmp_path: Path
) -> None:
    case = Case(name, footage, tmp_path)
    plain = job_of(case, case.options(dub=(DubFile(dub, "fr"),)))
    assert plain.plan.lays == ()
    job = job_of(case, case.options(dub=(DubFile(dub, "fr"),), lay_dub=True))
    assert job.path != plain.path
    said = "The dub is laid on a new audio track: REEL_FR.wav on DUB FR from 01:00:00:00."
    assert said in choices(job.plan, Painter().info)
    returned = assemble(job, partial=True)
    options = case.options()
    old = case.opened(job.edit, options).timeline
    new = case.opened(returned.edit, options).timeline
    assert len(new.tracks) == len(old.tracks) + 1
    track = new.tracks[-1]
    assert track.kind == otio.schema.TrackKind.Audio
    clip = track[-1]
    assert clip.media_reference.target_url.endswith("REEL_FR.wav")
    # a second of it lies before the sequence
    assert clip.source_range.start_time.value == 86_400
    assert clip.media_reference.available_range.start_time.value == 86_400 - 24
    record = read_sidecar(returned.sidecar)
    assert record.laid == ("DUB FR",)
    assert record.statement.endswith(LAID)
    # and there it is found, by the rules that find any dub
    again = Case(name, footage, tmp_path / "again")
    found = again.planned(returned.edit, options)
    assert {piece.path for piece in found.plan.dub.clips} == {dub}
    assert found.plan.dub.language == "fr"


@pytest.mark.parametrize("name", ["avid.aaf", "avid.edl"])
def test_a_format_that_cannot_refuses_before_anything_is_made(
    name: str, footage: Path, dub: Path, tmp_path: Path
) -> None:
    case = Case(name, footage, tmp_path)
    with pytest.raises(EditError, match="cannot be laid in this format"):
        job_of(case, case.options(dub=(DubFile(dub, "fr"),), lay_dub=True))
    assert not (tmp_path / "out").exists()


def test_a_dub_that_is_in_the_edit_is_not_laid_again(footage: Path, tmp_path: Path) -> None:
    case = Case("premiere.xml", footage, tmp_path)
    voice = Voice(*FRENCH, (Line(2, 12, 20),))
    job = case.planned(
        case.write(Story(SILENT.shots, (voice,), FRENCH[1], SILENT.rate)),
        case.options(lay_dub=True),
    )
    assert job.plan.lays == ()
    assert "Nothing is laid: the dub is a track of the edit already." in job.plan.warnings


def test_between_two_frames_no_track_can_hold_it(footage: Path, tmp_path: Path) -> None:
    path = tmp_path / "late.wav"
    path.write_bytes((footage / "dub_fr.wav").read_bytes())
    stamp(path, 86_400, more=100)
    case = Case("resolve.otio", footage, tmp_path)
    with pytest.raises(PlanError, match="between two frames") as caught:
        job_of(case, case.options(dub=(DubFile(path, "fr"),), lay_dub=True))
    assert "--dub-start" in (caught.value.remedy or "")


def test_every_characters_file_gets_a_track(footage: Path, tmp_path: Path) -> None:
    files = []
    for speaker in ("ANNA", "BEN"):
        path = tmp_path / f"REEL_FR_DX_{speaker}.wav"
        path.write_bytes((footage / "dub_fr.wav").read_bytes())
        files.append(DubFile(path, "fr"))
    case = Case("premiere.xml", footage, tmp_path)
    job = job_of(case, case.options(dub=tuple(files), lay_dub=True))
    assert [lay.track.casefold() for lay in job.plan.lays] == ["dub fr anna", "dub fr ben"]
    assert assemble(job, partial=True)


def test_the_command_says_what_is_laid(footage: Path, dub: Path, tmp_path: Path) -> None:
    case = Case("resolve.otio", footage, tmp_path)
    edit = case.write(SILENT)
    maps = [word for f in ("/Volumes/Media",) for word in ("--path-map", f"{f}={footage}")]
    run = CliRunner().invoke(
        main, ["plan", str(edit), "--dub", f"{dub}@fr", "--lay-dub", "--json", *maps]
    )
    assert run.exit_code == 0, run.output
    (lay,) = json.loads(run.stdout)["lays"]
    assert (lay["track"], lay["start"], lay["source_in"]) == ("DUB FR", 0, 24)
