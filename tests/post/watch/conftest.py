from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from watch_kit import Bench, Cut, Running, write_dub, write_edit, write_plate


@dataclass(frozen=True)
class Stage:
    """A speaker, two dubs, and an edit of one shot."""

    anna: Path
    fr: Path
    de: Path
    edit: Path

    @property
    def folder(self) -> Path:
        return self.anna.parent


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("stage")
    anna = write_plate(folder / "anna.mov", 3)
    return Stage(
        anna,
        write_dub(folder / "dub_fr.wav"),
        write_dub(folder / "dub_de.wav", language="de"),
        write_edit(folder / "Reel.xml", [Cut(anna)]),
    )


@pytest.fixture
def bench(stage: Stage, tmp_path: Path) -> Iterator[Bench]:
    """A watcher in this process that only says that it renders."""
    made = Bench.at(tmp_path, media=(stage.folder,))
    yield made
    made.watcher.close()


@pytest.fixture
def running(stage: Stage, tmp_path: Path) -> Iterator[Running]:
    """The command, not yet started."""
    made = Running(tmp_path, f'media = ["{stage.folder}"]\nengine = "bad_engines:Sound"')
    yield made
    if made.process is not None:
        made.stop()
