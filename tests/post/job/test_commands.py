"""`unisync dub`, `render`, `assemble`, `review` as a person and a farm call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from job_kit import Cut, write_edit

from unisync_post.cli import main
from unisync_post.exit_codes import ExitCode
from unisync_post.job.folder import open_job

pytestmark = pytest.mark.usefixtures("trouble")


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def dubbed(stage, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """An OUT folder that `unisync dub` filled, and what it said."""
    out = tmp_path_factory.mktemp("dubbed") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        said = run(
            "dub", stage.edit, "--dub", f"{stage.dub}@fr", "--out", out,
            "--engine", "bad_engines:Sound", "--workers", 2,
        )  # fmt: skip
    return out, said


def test_dub_says_what_it_chose_and_where_things_are(dubbed: tuple[Path, Result]) -> None:
    out, said = dubbed
    assert said.exit_code == ExitCode.SOME_KEPT, said.output
    assert "engine: bad_engines:Sound 1 (previews, not for delivery)" in said.stderr
    assert "dub: Given on the command line" in said.stderr
    assert "shot 3: kept: no face was found" in said.stderr
    assert f"edit:     {out}/Reel_UNISYNC_FR_v001.xml  (2 clips relinked)" in said.stdout
    assert (out / "review" / "index.html").exists()


def test_a_job_that_is_not_rendered_is_what_render_goes_on_with(
    stage, dubbed: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    words = ("--dub", f"{stage.dub}@fr", "--out", tmp_path, "--engine", "bad_engines:Sound")
    said = run("dub", stage.edit, *words, "--no-render")
    assert said.exit_code == 0, said.output
    assert "3 shots to render, none rendered" in said.stdout
    assert not list(tmp_path.glob("media/*"))
    assert not list(tmp_path.glob("*.xml"))
    assert run("render", tmp_path).exit_code == ExitCode.SOME_KEPT
    assert run("assemble", tmp_path).exit_code == 0
    name = "Reel_UNISYNC_FR_v001.xml"
    there, here = (folder / name for folder in (dubbed[0], tmp_path))
    assert here.read_text() == there.read_text().replace(str(dubbed[0]), str(tmp_path))


def test_render_and_assemble_again_change_nothing(dubbed: tuple[Path, Result]) -> None:
    out, _ = dubbed
    edit = out / "Reel_UNISYNC_FR_v001.xml"
    before = edit.read_bytes()
    again = run("render", out, "--json")
    assert again.exit_code == ExitCode.SOME_KEPT
    first, last = (json.loads(line) for line in again.stdout.splitlines())
    assert (first["kind"], first["done"]) == ("job", 3)
    assert last["message"] == "2 rendered (3 ready before), 1 kept their original media, 0 failed"
    assembled = run("assemble", out)
    assert assembled.exit_code == 0, assembled.output
    assert edit.read_bytes() == before
    assert run("review", out).stdout.strip() == str(out / "review" / "index.html")


@pytest.mark.parametrize(
    ("shots", "complaint"),
    [
        ("9", "Shot 9 is not rendered: the plan has clips 1 to 3"),
        ("x-3", "takes numbers and ranges"),
        ("7-9", "No shot of '7-9' is rendered"),
    ],
)
def test_shots_that_do_not_exist_are_named(
    dubbed: tuple[Path, Result], shots: str, complaint: str
) -> None:
    said = run("render", dubbed[0], "--shots", shots)
    assert said.exit_code == ExitCode.USAGE
    assert complaint in " ".join(said.stderr.split())


def test_a_face_needs_its_shots(dubbed: tuple[Path, Result]) -> None:
    said = run("render", dubbed[0], "--face", "left")
    assert said.exit_code == ExitCode.USAGE
    assert "--face needs --shots" in said.stderr


@pytest.mark.slow
def test_one_shot_redone_with_a_named_face(dubbed: tuple[Path, Result]) -> None:
    out, _ = dubbed
    said = run("render", out, "--shots", "2", "--face", "left")
    assert said.exit_code == ExitCode.OK, said.output
    assert "shot 2: rendered" in said.stderr
    job = open_job(out)
    result = job.result(job.plan.to_render[1])
    assert result is not None
    assert result.face is not None
    assert result.face.reason != "the only face"


def test_nothing_rendered_is_another_exit_code(stage, tmp_path: Path) -> None:
    edit = write_edit(tmp_path / "Valley.xml", [Cut(stage.valley)])
    said = run(
        "dub", edit, "--dub", stage.dub, "--out", tmp_path / "out", "--engine", "bad_engines:Sound"
    )
    assert said.exit_code == ExitCode.NONE_RENDERED
    assert (tmp_path / "out" / "Valley_UNISYNC_FR_v001.xml").exists()


def test_errors_are_one_line_with_a_remedy(stage, tmp_path: Path) -> None:
    nothing = run("render", tmp_path)
    assert nothing.exit_code == ExitCode.JOB
    assert nothing.stderr.startswith("unisync: No job here")
    rubbish = tmp_path / "rubbish.xml"
    rubbish.write_bytes(b"\0\1\2")
    said = run("dub", rubbish, "--dub", stage.dub, "--out", tmp_path / "out")
    assert said.exit_code == ExitCode.INPUT
    assert "no edit document of a known format" in said.stderr
    assert not (tmp_path / "out").exists()


def test_render_keeps_records_and_figures(dubbed: tuple[Path, Result], tmp_path: Path) -> None:
    log, figures = tmp_path / "unisync.jsonl", tmp_path / "unisync.prom"
    said = run("render", dubbed[0], "--log", log, "--metrics", figures)
    assert said.exit_code == ExitCode.SOME_KEPT
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert [record["kind"] for record in records] == ["job", "end"]
    assert 'unisync_shots_total{state="rendered"} 0.0' in figures.read_text()
