"""The tiny UniSync that ships follows a voice it never heard, on characters it never saw."""

from __future__ import annotations

import pytest

from unisync_model.characters.espeak import SpeechError
from unisync_model.characters.speech import require_library
from unisync_model.folder import TINY
from unisync_model.tiny import clips
from unisync_model.tiny.ablation.parts import open_network, open_parts
from unisync_model.tiny.score import cases, score

MEBIBYTE = 2**20


def test_it_is_small() -> None:
    assert sum(f.stat().st_size for f in TINY.rglob("*") if f.is_file()) < 40 * MEBIBYTE


def test_lips_follow_the_dub_and_not_the_source() -> None:
    """Of few scenes; the card's figures are of many."""
    try:
        require_library()
    except SpeechError as error:
        pytest.skip(str(error))
    parts = open_parts(TINY)
    told = cases("test", clips.seeds("test", 3), parts.codec, parts.ear)
    found = score(
        open_network(TINY, None), told, parts.prompts, parts.settings, parts.codec, parts.reader
    )
    assert found.follow.value > 0.75
    assert found.leak.value < found.coupling + 0.15
    assert found.shut > 0.8
    assert found.mouth[1] > found.mouth[0] + 3  # dB nearer to the truth than a copy
    assert found.outside[0] > found.outside[1] - 0.5  # dB short of the codec
