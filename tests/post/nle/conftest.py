from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "job"))

from job_kit import Cut, Painter, plan_for, write_dub, write_edit, write_plate

from unisync_post.job.assemble import assemble
from unisync_post.job.work import render_clip


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a job gives back: an edit of two dubbed clips and a view without a face's dub."""
    home = tmp_path_factory.mktemp("nle")
    anna = write_plate(home / "anna.mov", 3)
    late = write_plate(home / "late.mov", 5)
    # the dub has ended when the third clip begins
    edit = write_edit(home / "Reel 1.xml", [Cut(anna), Cut(late), Cut(late, entry=20)])
    job = plan_for(edit, write_dub(home / "dub.wav"), home / "out", Painter())
    for clip in job.plan.to_render:
        assert render_clip(job, clip, Painter()).status == "rendered"
    assemble(job)
    return home


@pytest.fixture
def returned(_made: Path, tmp_path: Path) -> Path:
    """The returned edit in a copy of its folder; it names the media where they were made."""
    shutil.copytree(_made / "out", tmp_path / "out")
    (edit,) = (tmp_path / "out").glob("*.xml")
    text = edit.read_text().replace(str(_made / "out"), str(tmp_path / "out"))
    edit.write_text(text)
    return edit
