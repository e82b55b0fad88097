from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from job_kit import Cut, write_dub, write_edit, write_plate


@dataclass(frozen=True)
class Stage:
    """Two speakers, a landscape, a dub, and the edit that cuts them together."""

    anna: Path
    ben: Path
    valley: Path
    dub: Path
    edit: Path


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("stage")
    anna = write_plate(folder / "anna.mov", 3)
    ben = write_plate(folder / "ben.mov", 5)
    valley = write_plate(folder / "valley.mov", None)
    return Stage(
        anna,
        ben,
        valley,
        write_dub(folder / "dub_fr.wav"),
        write_edit(folder / "Reel.xml", [Cut(anna, 5, 4), Cut(ben, 5, 4), Cut(valley, 5, 4)]),
    )


@pytest.fixture(scope="session")
def quick(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Three short shots of one speaker."""
    cuts = [Cut(stage.anna, entry, 4) for entry in (3, 13, 23)]
    edit = write_edit(tmp_path_factory.mktemp("quick") / "Quick.xml", cuts)
    return replace(stage, edit=edit)


@pytest.fixture
def trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ``bad_engines`` count; and workers, fresh processes, find them by PYTHONPATH."""
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    folder = tmp_path / "trouble"
    folder.mkdir()
    monkeypatch.setenv("TROUBLE", str(folder))
    return folder
