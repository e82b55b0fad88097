"""Speech to mouth curves: exact times, local, deterministic."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate
from unisync_post.engines.base import Driver
from unisync_post.engines.draft.control import limited, voiced
from unisync_post.engines.draft.mel import HOP, log_mel
from unisync_post.engines.draft.speech import load_model, mouth_curves, shipped_model
from unisync_post.errors import EngineError


def driver(samples: NDArray[np.float32], start: Fraction = Fraction(0)) -> Driver:
    return Driver(samples, 16000, start)


@pytest.mark.parametrize("rate", ["24", "30000/1001", "1350/61", "60"])
def test_every_rate_reads_the_same_curve(babble: NDArray[np.float32], rate: str) -> None:
    """A picture's value is that of its time, whatever other pictures are asked for."""
    native = Rate.of(Fraction(rate))
    count = int(2 * native.fps)
    curves = mouth_curves(driver(babble), native, count)
    dense = mouth_curves(driver(babble), Rate(Fraction(1000)), 2001)
    milliseconds = np.array([float(1000 * k / native.fps) for k in range(count)])
    expected = np.stack(
        [np.interp(milliseconds, np.arange(2001), dense[:, c]) for c in range(3)], 1
    )
    np.testing.assert_allclose(curves, expected, atol=2e-3)


def test_curves_do_not_depend_on_where_the_file_begins(babble: NDArray[np.float32]) -> None:
    padded = np.concatenate([np.zeros(16000, np.float32), babble])
    first = mouth_curves(driver(babble), Rate.of(25), 50)
    second = mouth_curves(driver(padded, Fraction(-1)), Rate.of(25), 50)
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_sound_far_away_changes_nothing(babble: NDArray[np.float32]) -> None:
    """The networks see less than a second to either side: long files cannot change a curve."""
    noise = np.random.default_rng(0).normal(0, 0.3, 64000).astype(np.float32)
    near = mouth_curves(driver(np.concatenate([babble, np.zeros_like(noise)])), Rate.of(25), 100)
    far = mouth_curves(driver(np.concatenate([babble, noise])), Rate.of(25), 100)
    np.testing.assert_allclose(near[:24], far[:24], atol=1e-5)
    assert np.abs(near[50:] - far[50:]).max() > 0.1


def test_level_hardly_matters(babble: NDArray[np.float32]) -> None:
    loud = mouth_curves(driver(babble), Rate.of(25), 50)
    quiet = mouth_curves(driver(babble * np.float32(0.3)), Rate.of(25), 50)
    assert np.corrcoef(loud[8:42, 0], quiet[8:42, 0])[0, 1] > 0.9


def test_curves_repeat_exactly(babble: NDArray[np.float32]) -> None:
    again = [mouth_curves(driver(babble), Rate.of(25), 40) for _ in range(2)]
    assert np.array_equal(*again)


def test_no_pictures_no_curves(babble: NDArray[np.float32]) -> None:
    assert mouth_curves(driver(babble), Rate.of(25), 0).shape == (0, 3)


def test_gate_opens_on_speech_only(babble: NDArray[np.float32]) -> None:
    heard = voiced(driver(babble), Rate.of(25), 50)
    assert heard[:4].max() < 0.05
    assert heard[12:38].min() > 0.9
    assert heard[47:].max() < 0.05
    assert voiced(driver(babble * 0), Rate.of(25), 50).max() == 0


def test_mel_sees_a_tone_where_it_is() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    mel = log_mel(tone, 16000, Fraction(1), Fraction(1, 2), 200)
    assert mel[:, 20].max() == mel.min()
    assert int(mel[:, 100].argmax()) in (26, 27, 28)
    assert mel.shape == (80, 200)
    assert float(HOP) == 0.01


def test_limited_keeps_closures_and_speed() -> None:
    rng = np.random.default_rng(1)
    curve = rng.uniform(0, 1, 200)
    slow = limited(curve, 0.1)
    assert np.abs(np.diff(slow)).max() <= 0.1 + 1e-12
    assert (slow <= curve).all()
    assert slow.min() == curve.min()


def test_broken_weights_name_the_remedy(tmp_path: Path) -> None:
    bad = tmp_path / "speech.safetensors"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(EngineError, match="draft-weights"):
        load_model(bad)


def test_shipped_weights_are_small() -> None:
    folder = Path(__file__).parents[3] / "unisync_post" / "engines" / "draft" / "weights"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    assert len(shipped_model().heard) == len(shipped_model().spoken)
