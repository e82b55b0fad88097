from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from farm_kit import (
    PYTHONPATH,
    Cut,
    Titled,
    end_all,
    media_of,
    plan_farm_job,
    plan_for,
    write_dub,
    write_edit,
    write_plate,
)

from unisync_post.job.folder import JobFolder
from unisync_post.job.run import render_job


@dataclass(frozen=True)
class Stage:
    """A speaker, a dub, and an edit of six short shots."""

    anna: Path
    dub: Path
    edit: Path


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("farm")
    anna = write_plate(folder / "anna.mov", 3)
    cuts = [Cut(anna, entry, 4) for entry in (3, 8, 13, 18, 23, 28)]
    return Stage(
        anna, write_dub(folder / "dub_fr.wav", "help"), write_edit(folder / "Reel.xml", cuts)
    )


@pytest.fixture(scope="session")
def plain(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name and hash of the new media as one process renders them."""
    job = plan_for(stage.edit, stage.dub, tmp_path_factory.mktemp("plain"), Titled())
    render_job(job, engine=Titled())
    return media_of(job.out)


@pytest.fixture
def trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ``farm_engines`` count and wait; other processes find them by PYTHONPATH."""
    paths = (PYTHONPATH, os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = tmp_path / "trouble"
    folder.mkdir()
    monkeypatch.setenv("TROUBLE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """No process outlives its test."""
    yield
    end_all()


@pytest.fixture
def farm_job(stage: Stage, trouble: Path, tmp_path: Path) -> Callable[..., JobFolder]:
    """Makes a planned job of six shots with its ``farm.json``; called with an engine's name."""

    def make(engine: str = "farm_engines:Counted", out: str = "out") -> JobFolder:
        return plan_farm_job(stage.edit, stage.dub, tmp_path / out, engine)

    return make
