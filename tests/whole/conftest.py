"""Whole edits over real media: what the adapters' and the jobs' tests have is on the path here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / name) for name in ("adapters", "post/job", "post/plan", "post")]


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The media of :mod:`generated`'s edits: two drawn speakers, and voices in three languages."""
    from generated import PLATES
    from job_kit import write_plate
    from whole_kit import write_sound

    folder = tmp_path_factory.mktemp("footage")
    for seed, name in zip((3, 5), PLATES, strict=True):
        write_plate(folder / name, seed)
    for name in ("orig_en", "dub_fr", "dub_de", "music"):
        write_sound(folder / f"{name}.wav", name[-2:])
    return folder
