"""Killed at any I/O point and started again, a job delivers the same bytes and nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from job_kit import Cut, write_edit

HERE = Path(__file__).parent


def sweep(stage, folder: Path, *options: str) -> dict[str, object]:  # type: ignore[no-untyped-def]
    """What ``crash_sweep.py`` says of one shot."""
    edit = write_edit(folder / "edit" / "One.xml", [Cut(stage.anna)])
    paths = [str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "TROUBLE": str(folder),
    }
    script = [sys.executable, HERE / "crash_sweep.py", edit, stage.dub, folder / "out", *options]
    said = subprocess.run(
        [str(word) for word in script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    record: dict[str, object] = json.loads(said.stdout)
    return record


posix = pytest.mark.skipif(os.name != "posix", reason="forks")


@posix
def test_some_points(stage, tmp_path: Path) -> None:
    found = sweep(stage, tmp_path, "--every", "15")
    assert found["wrong"] == {}
    assert found["tried"] == 3
    points = found["points"]
    assert isinstance(points, list)
    for name in ("file written", "job folder filled", "media written", "media renamed"):
        assert name in points


@posix
@pytest.mark.slow
def test_every_point(stage, tmp_path: Path) -> None:
    found = sweep(stage, tmp_path)
    assert found["wrong"] == {}
    assert found["tried"] == len(found["points"])  # type: ignore[arg-type]


@posix
@pytest.mark.slow
def test_every_point_of_the_whole_way_with_a_worker(stage, tmp_path: Path) -> None:
    """`unisync dub`: a worker that dies is replaced there and then, a coordinator is not."""
    found = sweep(stage, tmp_path, "--engine", "bad_engines:Sound")
    assert found["wrong"] == {}
    survived, tried = found["survived"], found["tried"]
    assert isinstance(survived, int)
    assert isinstance(tried, int)
    assert 0 < survived < tried
