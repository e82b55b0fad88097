from __future__ import annotations

from dataclasses import dataclass
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
        write_edit(folder / "Reel.xml", [Cut(anna), Cut(ben), Cut(valley)]),
    )
