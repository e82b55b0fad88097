"""`--rate`: for an edit that does not state its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from unisync_adapters.errors import EditError
from unisync_post.cli import main

EDL = "TITLE: x\nFCM: NON-DROP FRAME\n001 AX V C 01:00:00:00 01:00:02:00 01:00:00:00 01:00:02:00\n"


@pytest.fixture
def edit(tmp_path: Path) -> Path:
    path = tmp_path / "cut.edl"
    path.write_text(EDL)
    return path


def run(*words: str | Path) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(main, [str(word) for word in ("plan", *words)])
    return result.exit_code, result.output, result.exception


def test_without_it_the_rate_is_asked_for(edit: Path) -> None:
    code, output, error = run(edit)
    assert code != 0
    told = output + (str(error) if isinstance(error, EditError) else "")
    assert "Add --rate" in told


def test_with_it_the_edit_opens(edit: Path) -> None:
    _, output, error = run(edit, "--rate", "23.976")
    told = output + str(error)
    assert "--rate" not in told
    assert "dub" in told


@pytest.mark.parametrize("rate", ["0", "fast", "-25", "nan"])
def test_what_is_no_rate_is_refused(rate: str, edit: Path) -> None:
    code, output, _ = run(edit, "--rate", rate)
    assert code == 2
    assert "write a rate such as" in output
