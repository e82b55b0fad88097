"""``--keep-takes``: the result is the take that plays, what played before is one to go back to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from generated import Shot, Story
from job_kit import Painter
from plan_kit import loud_spans
from whole_kit import Case

from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate
from unisync_post.cli import main
from unisync_post.job.assemble import KEPT, assemble, read_sidecar
from unisync_post.job.dub import choices
from unisync_post.job.run import render_job
from unisync_post.plan.options import DubFile

SILENT = Story((Shot(0, 6, 6),), (), None, Rate.of(24))


@pytest.fixture(autouse=True)
def _loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unisync_post.plan.listen.speech_spans", loud_spans)


@pytest.mark.parametrize("name", ["resolve.otio", "resolve.fcpxml"])
def test_19_the_old_take_is_kept_in_the_returned_edit(
    name: str, footage: Path, tmp_path: Path
) -> None:
    case = Case(name, footage, tmp_path)
    edit = case.write(SILENT)
    dub = (DubFile(footage / "dub_fr.wav", "fr"),)
    plain = case.planned(edit, case.options(dub=dub))
    job = case.planned(edit, case.options(dub=dub, keep_takes=True))
    assert job.path != plain.path
    said = "Every dubbed clip keeps what it played, as a take to go back to."
    assert said in choices(job.plan, Painter().info)
    render_job(job, engine=Painter())
    returned = assemble(job)
    assert returned.relinked == 1
    assert read_sidecar(returned.sidecar).statement.endswith(KEPT)
    (clip,) = case.opened(returned.edit, case.options()).timeline.video_tracks()[0].find_clips()
    assert "_fr" in clip.media_reference.target_url.lower()
    text = returned.edit.read_text("utf-8")
    (plate,) = (clip.media for clip in job.plan.clips)
    if name.endswith(".otio"):
        references = clip.media_references()
        assert list(references) == ["DEFAULT_MEDIA", "unisync_fr"]
        assert Path(references["DEFAULT_MEDIA"].target_url).name == Path(plate or "").name
    else:
        assert text.count("<audition") == 1
        assert text.count("<asset-clip") == edit.read_text("utf-8").count("<asset-clip") + 1


def test_19_a_format_of_one_take_refuses_before_anything_is_made(
    footage: Path, tmp_path: Path
) -> None:
    case = Case("premiere.xml", footage, tmp_path)
    options = case.options(dub=(DubFile(footage / "dub_fr.wav", "fr"),), keep_takes=True)
    with pytest.raises(EditError, match="one take in this format"):
        case.planned(case.write(SILENT), options)


def test_19_the_command_line_says_it(footage: Path, tmp_path: Path) -> None:
    case = Case("resolve.otio", footage, tmp_path)
    words = ["plan", str(case.write(SILENT)), "--dub", f"{footage / 'dub_fr.wav'}@fr", "--json"]
    maps = [w for a, b in case.options().path_map.pairs for w in ("--path-map", f"{a}={b}")]
    for more, kept in (([], False), (["--keep-takes"], True)):
        said = CliRunner().invoke(main, [*words, *maps, *more])
        assert said.exit_code == 0, said.output
        assert json.loads(said.output)["keep_takes"] is kept
