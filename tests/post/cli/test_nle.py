"""`unisync nle` copies a script out, whole, and never over somebody's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from unisync_post.cli import main
from unisync_post.exit_codes import ExitCode
from unisync_templates import read_template


def run(program: str, folder: Path) -> Result:
    return CliRunner().invoke(main, ["nle", program, "--to", str(folder)])


@pytest.mark.parametrize(
    ("program", "name"), [("resolve", "resolve_import.py"), ("premiere", "premiere_import.jsx")]
)
def test_the_script_is_copied_out_and_how_to_run_it_is_said(
    tmp_path: Path, program: str, name: str
) -> None:
    for _ in range(2):
        done = run(program, tmp_path / "new" / "folder")
        assert done.exit_code == 0, done.output
    copied = tmp_path / "new" / "folder" / name
    assert copied.read_text("utf-8") == read_template(f"nle/{name}")
    assert done.output.startswith(f"{copied}\n")
    assert "Not yet run in the application" in done.output
    assert "NOT been run in the" in copied.read_text("utf-8")


def test_somebodys_own_script_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "resolve_import.py"
    own.write_text("print()")
    done = run("resolve", tmp_path)
    assert done.exit_code == int(ExitCode.JOB)
    assert own.read_text() == "print()"
