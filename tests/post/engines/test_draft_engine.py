"""The laws of the draft engine, on a drawn face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from unisync_post.engines import available, open_engine
from unisync_post.engines.base import Take
from unisync_post.engines.draft.engine import DraftConfig, DraftEngine, generic_table
from unisync_post.errors import EngineError

MakeTake = Callable[..., Take]


@pytest.fixture(scope="module")
def engine() -> DraftEngine:
    return DraftEngine()


def test_only_the_mask_changes(
    engine: DraftEngine, make_take: MakeTake, babble: NDArray[np.float32]
) -> None:
    take = make_take(36, babble)
    made = engine.generate(take)
    assert made.frames.shape == take.frames.shape
    assert made.frames.dtype == np.uint8
    outside = take.mouth == 0
    assert np.array_equal(made.frames[outside], take.frames[outside])
    assert made.changed.sum() > 20
    assert (made.frames != take.frames).any()


def test_context_frames_come_back_untouched(
    engine: DraftEngine, make_take: MakeTake, babble: NDArray[np.float32]
) -> None:
    asked = np.zeros(36, bool)
    asked[10:20] = True
    take = make_take(36, babble, generate=asked)
    made = engine.generate(take)
    assert np.array_equal(made.frames[~asked], take.frames[~asked])
    assert not made.changed[~asked].any()
    assert not set(made.reasons) - set(np.flatnonzero(asked))


def test_same_take_same_pixels(
    engine: DraftEngine, make_take: MakeTake, babble: NDArray[np.float32]
) -> None:
    take = make_take(24, babble)
    first, second = engine.generate(take), DraftEngine().generate(take)
    assert np.array_equal(first.frames, second.frames)
    assert first.remarks == second.remarks


def test_the_take_is_not_written_to(
    engine: DraftEngine, make_take: MakeTake, babble: NDArray[np.float32]
) -> None:
    take = make_take(24, babble)
    frames, marks = take.frames.copy(), take.landmarks.copy()
    engine.generate(take)
    assert np.array_equal(take.frames, frames)
    assert np.array_equal(take.landmarks, marks)


def test_silence_closes_an_open_mouth(engine: DraftEngine, make_take: MakeTake) -> None:
    """The drawn mouth's dark inside is gone where nothing is said."""
    take = make_take(24)
    made = engine.generate(take)
    wide = [k for k in range(24) if k % 12 in (4, 5, 6)]

    def dark(frames: NDArray[np.uint8]) -> float:
        return float(
            np.mean([(frames[k][take.mouth[k] > 0].max(axis=1) < 90).mean() for k in wide])
        )

    assert dark(made.frames) < 0.35 * dark(take.frames)


def test_silent_and_closed_stays_as_it_is(engine: DraftEngine, make_take: MakeTake) -> None:
    take = make_take(30)
    closed = replace(
        take,
        frames=np.repeat(take.frames[:1], 30, axis=0),
        landmarks=np.repeat(take.landmarks[:1], 30, axis=0),
        mouth=np.repeat(take.mouth[:1], 30, axis=0),
    )
    made = engine.generate(closed)
    assert not made.changed.any()
    assert np.array_equal(made.frames, closed.frames)
    assert set(made.reasons) == set(range(30))


def test_turned_and_unseen_frames_pass_with_a_reason(
    engine: DraftEngine, make_take: MakeTake, babble: NDArray[np.float32]
) -> None:
    take = make_take(30, babble)
    yaw, marks = take.yaw.copy(), take.landmarks.copy()
    yaw[12] = -41.0
    marks[20] = np.nan
    take = replace(take, yaw=yaw, landmarks=marks)
    made = engine.generate(take)
    assert made.reasons[12] == "turned away 41°"
    assert made.reasons[20] == "face not seen"
    for k in (12, 20):
        assert not made.changed[k]
        assert np.array_equal(made.frames[k], take.frames[k])


def test_a_shot_that_never_opens_is_a_marked_placeholder(
    engine: DraftEngine, make_take: MakeTake, babble: NDArray[np.float32]
) -> None:
    take = make_take(36, babble)
    closed = replace(
        take,
        frames=np.repeat(take.frames[:1], 36, axis=0),
        landmarks=np.repeat(take.landmarks[:1], 36, axis=0),
        mouth=np.repeat(take.mouth[:1], 36, axis=0),
    )
    made = engine.generate(closed)
    assert float(made.remarks["placeholder_share"]) > 0.1
    assert "drawn" in str(made.remarks["placeholder"])


def test_nothing_to_do(engine: DraftEngine, make_take: MakeTake) -> None:
    take = make_take(5, yaw=np.full(5, 60, np.float32))
    made = engine.generate(take)
    assert not made.changed.any()
    assert len(made.reasons) == 5


def test_one_frame_is_a_take(
    engine: DraftEngine, make_take: MakeTake, babble: NDArray[np.float32]
) -> None:
    take = make_take(1, babble)
    assert engine.generate(take).frames.shape == take.frames.shape


def test_takes_that_do_not_fit_are_refused(engine: DraftEngine, make_take: MakeTake) -> None:
    take = make_take(5)
    with pytest.raises(EngineError, match="yaw"):
        engine.generate(replace(take, yaw=np.zeros(4, np.float32)))


def test_fingerprint_follows_the_settings() -> None:
    first = DraftEngine().info
    assert first.draft
    assert first == DraftEngine().info
    assert DraftEngine(DraftConfig(max_yaw=20)).info.fingerprint != first.fingerprint
    assert DraftEngine(table=generic_table() * 1.01).info.fingerprint != first.fingerprint


def test_engines_are_opened_by_name() -> None:
    assert open_engine("draft").info.name == "draft"
    assert open_engine().info.name in {engine.name for engine in available()}
    assert not {e.name: e.problem for e in available()}["draft"]
    with pytest.raises(EngineError, match="no engine 'hollywood'"):
        open_engine("hollywood")


def test_driver_context_before_the_first_picture(
    engine: DraftEngine, make_take: MakeTake, babble: NDArray[np.float32]
) -> None:
    take = make_take(24, babble)
    early = np.concatenate([np.zeros(8000, np.float32), babble])
    shifted = replace(take, driver=replace(take.driver, samples=early, start=Fraction(-1, 2)))
    a, b = engine.generate(take).frames, engine.generate(shifted).frames
    assert np.abs(a.astype(int) - b).max() <= 2
