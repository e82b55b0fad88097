"""A whole shot under a step cache: skipped while TALI holds, computed again when it lets go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny_pipeline, tiny_shot

from unisync_model import UniSyncPipeline
from unisync_model.speed import FirstBlock, enable_cache

STEPS, PASSES = 8, 2
EAGER = FirstBlock(threshold=1e9)
"""Skips whatever it may."""


@pytest.fixture
def pipeline() -> UniSyncPipeline:
    return tiny_pipeline(steps=STEPS, tau=0.5)


def last_block_calls(pipeline: UniSyncPipeline) -> list[int]:
    """Counts calls of the last block, which a skipped step does without."""
    calls = [0]
    inside = pipeline.transformer.blocks[-1].forward

    def forward(*told: object, **more: object) -> object:
        calls[0] += 1
        return inside(*told, **more)

    pipeline.transformer.blocks[-1].forward = forward
    return calls


@pytest.mark.parametrize("mode", ["joint", "autoregressive"])
def test_the_steps_around_the_end_of_tali_are_computed(
    pipeline: UniSyncPipeline, mode: str
) -> None:
    calls = last_block_calls(pipeline)
    enable_cache(pipeline.transformer, EAGER)
    pipeline(**tiny_shot(), settings=replace(pipeline.settings, mode=mode))
    # the first step, the last that injects, the first that does not
    assert calls == [3 * PASSES]


def test_a_shot_remembers_nothing_of_the_one_before(pipeline: UniSyncPipeline) -> None:
    plain = pipeline(**tiny_shot())
    enable_cache(pipeline.transformer, EAGER)
    once, again = pipeline(**tiny_shot()), pipeline(**tiny_shot())
    assert np.array_equal(once, again)
    assert not np.array_equal(once, plain)
