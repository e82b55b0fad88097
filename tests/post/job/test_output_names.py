"""Nothing an edit says names a file that we write (fault table, rows 14 and 24)."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from job_kit import Cut, Painter, plan_for, write_edit

from unisync_post.job.assemble import assemble
from unisync_post.job.dub import show_job
from unisync_post.job.folder import JobFolder
from unisync_post.job.run import render_job

NASTY = (
    "../../../evil",
    "/tmp/evil",
    "..\\..\\evil",
    "C:\\evil",
    "\\\\server\\share\\evil",
    "file:///tmp/evil",
    "-rf",
    "$(touch evil)`touch evil`;evil|evil&",
    "%2e%2e%2fevil",
    "evil_UNISYNC_../../evil_UNISYNC_FR_v007",
    "Reel_UNISYNC_FR_v999",
    "CON",
    "evil. ",
    "e\u0301\U0001f3ac\u202egpj.evil",
    "evil\nevil\tevil",
    "x" * 5000,
    "{evil}%s%n%d",
    "<script>evil</script>",
    "",
)
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufffe\uffff")
    ),
)


@pytest.fixture(scope="module")
def plain(stage, tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    """The job of the same cut with harmless names."""
    folder = tmp_path_factory.mktemp("plain")
    edit = write_edit(folder / "Reel.xml", [Cut(stage.anna)])
    return plan_for(edit, stage.dub, folder / "out", Painter())


def renamed(edit: Path, names: list[str]) -> Path:
    """The edit with these texts for every name and id in it, in turn."""
    turn = itertools.cycle(names)
    text = re.sub(
        r"<name>[^<]*</name>",
        lambda _: f"<name>{escape(next(turn))}</name><comments>{escape(next(turn))}</comments>",
        edit.read_text("utf-8"),
    )
    edit.write_text(text, "utf-8")
    return edit


def paths(job: JobFolder) -> list[str]:
    return sorted(str(path.relative_to(job.out)) for path in job.out.rglob("*"))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(texts, min_size=1, max_size=6))
@example(names=["evil_UNISYNC_../../evil_UNISYNC_FR_v007"])
@example(names=["../../../evil"])
def test_row_14_no_name_of_an_edit_becomes_a_path(
    stage, plain: JobFolder, tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    edit = renamed(write_edit(folder / "Reel.xml", [Cut(stage.anna)]), names)
    job = plan_for(edit, stage.dub, folder / "out", Painter())
    version = re.compile(r"_v\d+")
    assert [version.sub("", path) for path in paths(job)] == [
        version.sub("", path) for path in paths(plain)
    ]
    assert [job.media_name(c) for c in job.plan.to_render] == [
        plain.media_name(c) for c in plain.plan.to_render
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["Reel.xml", "out"]


def test_row_14_a_whole_job_writes_the_same_files_whatever_the_names(stage, tmp_path: Path) -> None:
    written = {}
    for folder, names in (("plain", ["Reel"]), ("hostile", list(NASTY[:7]))):
        (tmp_path / folder).mkdir()
        edit = renamed(write_edit(tmp_path / folder / "Reel.xml", [Cut(stage.anna)]), names)
        engine = Painter()
        job = plan_for(edit, stage.dub, tmp_path / folder / "out", engine)
        assert render_job(job, engine=engine)["rendered"] == 1
        assemble(job)
        show_job(job)
        written[folder] = paths(job)
    assert written["hostile"] == written["plain"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile", "plain"]
    assert not any("evil" in path for path in written["hostile"])


@pytest.mark.parametrize(
    "name",
    ["a" * 240 + ".xml", "\u65e5\u672c\u8a9e.xml", "a.b c\n;$(x).xml", "-x.xml", "no suffix",
     "x.\u00e9\u00e9"],
)  # fmt: skip
def test_row_24_versions_of_one_edit_have_folders_of_their_own(
    stage, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    first = plan_for(write_edit(tmp_path / name, [Cut(stage.anna)]), stage.dub, out, Painter())
    changed = write_edit(tmp_path / name, [Cut(stage.anna, length=20)])
    second = plan_for(changed, stage.dub, out, Painter())
    assert first.path != second.path
    for job in (first, second):
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", job.name)
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}(\.xml)?", job.job.output)
