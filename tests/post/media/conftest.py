"""Clips that many tests read; written once a session."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from clips import Spec, make_clip

from unisync_post.media.info import MediaInfo
from unisync_post.media.probe import probe


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def prores(folder: Path) -> MediaInfo:
    """ProRes 422 HQ, 29.97 DF, reel, BT.2020 PQ tags, 4:3 pixels, one PCM and one AAC stream."""
    spec = Spec(
        rate=Fraction(30000, 1001),
        frames=40,
        timecode="00:59:58;02",
        reel="A001C002",
        colour=(9, 16, 9),
        aspect=Fraction(4, 3),
        audio=("pcm_s24le", "aac"),
        languages=("fra", "eng"),
    )
    return probe(make_clip(folder / "prores.mov", spec))


@pytest.fixture(scope="session")
def long_gop(folder: Path) -> MediaInfo:
    """H.264 with B-frames, open and odd groups of pictures, 23.976."""
    options = {"g": "13", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}
    spec = Spec("libx264", "yuv420p", rate=Fraction(24000, 1001), frames=70, options=options)
    return probe(make_clip(folder / "long_gop.mp4", spec))
