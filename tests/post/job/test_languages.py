"""Several languages from one edit: a job each, and no shot rendered twice."""

from __future__ import annotations

from pathlib import Path

from job_kit import Painter, plan_for

from unisync_post.job.assemble import assemble
from unisync_post.job.manage import purge_job
from unisync_post.job.run import render_job


def test_36_what_sounds_the_same_in_two_languages_is_rendered_once(stage, tmp_path: Path) -> None:
    out, engine = tmp_path / "out", Painter()
    french = plan_for(stage.edit, stage.dub, out, engine)
    render_job(french, engine=engine)
    assemble(french)
    other = Painter()
    german = plan_for(stage.edit, stage.dub, out, other, language="de")
    assert german.path != french.path
    counts = render_job(german, engine=other)
    assert (counts["ready"], other.takes) == (3, 0)
    assert assemble(german).relinked == 2
    made = sorted(path.name for path in (out / "media").iterdir())
    assert len(made) == 2
    assert sorted(path.name for path in out.glob("*.xml")) == [
        f"{stage.edit.stem}_UNISYNC_DE_v001.xml",
        f"{stage.edit.stem}_UNISYNC_FR_v001.xml",
    ]
    purge_job(french)
    assert sorted(path.name for path in (out / "media").iterdir()) == made  # German plays them
    purge_job(german)
    assert not (out / "media").exists()
