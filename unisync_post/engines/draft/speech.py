"""Speech to mouth curves: the shipped network, at the take's exact picture times."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from unisync_adapters.timebase import Rate

from ...errors import EngineError
from ..base import Driver
from .mel import HOP, log_mel
from .net import CURVES, STRIDE, SpeechNet

WEIGHTS = Path(__file__).parent / "weights" / "speech.safetensors"
_STEP = HOP * STRIDE
_MARGIN = 48
"""Outputs computed beyond each end; more than the networks' reach."""
_CHUNK = 3000
"""Outputs (a minute) computed at once: memory does not grow with the driver."""


@dataclass(frozen=True)
class SpeechModel:
    """An ensemble of networks whose outputs are averaged, and what they say of usual speech.

    Attributes:
        nets: in evaluation mode.
        heard: (Q,) quantiles of the aperture output over training speech.
        spoken: (Q,) quantiles of talking mouths' opening, as shares of their 92nd percentile.
        width_deviation: of the width output over training speech.
    """

    nets: tuple[SpeechNet, ...]
    heard: NDArray[np.float64]
    spoken: NDArray[np.float64]
    width_deviation: float

    def openness(self, aperture: NDArray[np.float32]) -> NDArray[np.float64]:
        """Rank-map the aperture output on talking mouths: 0 closed .. 1 as open as speech gets."""
        share: NDArray[np.float64] = np.interp(aperture, self.heard, self.spoken)
        return share


def load_model(path: Path = WEIGHTS) -> SpeechModel:
    """Load an ensemble.

    Raises:
        EngineError: the file is missing or holds something else.
    """
    try:
        state = load_file(path)
        return model_from(state)
    except (OSError, SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise EngineError(
            f"the speech network cannot be loaded: {error}",
            file=path,
            remedy="Install the package again, or make the weights with `make draft-weights`.",
        ) from error


def model_from(state: dict[str, torch.Tensor]) -> SpeechModel:
    """An ensemble from the tensors of one file: ``netN.*``, ``heard``, ``spoken``, ``width``."""
    count = 1 + max(int(name[3]) for name in state if name.startswith("net"))
    nets = []
    for index in range(count):
        prefix = f"net{index}."
        part = {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}
        width, bands, _ = part["stem.weight"].shape
        net = SpeechNet(bands=bands, width=width)
        net.load_state_dict(part)
        nets.append(net.eval())
    return SpeechModel(
        nets=tuple(nets),
        heard=state["heard"].double().numpy(),
        spoken=state["spoken"].double().numpy(),
        width_deviation=float(state["width"]),
    )


@lru_cache(maxsize=1)
def shipped_model() -> SpeechModel:
    """The networks that come with the package."""
    return load_model()


def mouth_curves(
    driver: Driver, rate: Rate, count: int, model: SpeechModel | None = None
) -> NDArray[np.float32]:
    """What the lips do at each picture while this is said.

    Picture k is at ``k / rate`` exactly; the network runs on its own 20 ms grid from the first
    picture's time, and its output, which changes far more slowly than that, is read between grid
    points. No media is resampled in time.

    Args:
        driver: the dub.
        rate: pictures a second.
        count: pictures.
        model: the shipped one if None.

    Returns:
        (count, 3) float32 in the order of :data:`CURVES`: aperture and width in the speaker's
        standard deviations, closure as log-odds.
    """
    if count == 0:
        return np.zeros((0, len(CURVES)), np.float32)
    model = model or shipped_model()
    outputs = int(Fraction(count - 1) / rate.fps / _STEP) + 2
    grid = np.concatenate(
        [
            _outputs(driver, first, min(_CHUNK, outputs - first), model)
            for first in range(0, outputs, _CHUNK)
        ]
    )
    places = [Fraction(k) / rate.fps / _STEP for k in range(count)]
    low = np.array([int(place) for place in places])
    part = np.array([float(place - int(place)) for place in places], np.float32)[:, None]
    high = np.minimum(low + 1, len(grid) - 1)
    curves: NDArray[np.float32] = grid[low] * (1 - part) + grid[high] * part
    return curves


def _outputs(driver: Driver, first: int, count: int, model: SpeechModel) -> NDArray[np.float32]:
    """(count, 3) network outputs from grid point ``first``."""
    columns = STRIDE * (count + 2 * _MARGIN)
    begin = _STEP * (first - _MARGIN)
    mel = log_mel(driver.samples, driver.sample_rate, driver.start, begin, columns)
    with torch.inference_mode():
        batch = torch.from_numpy(mel)[None]
        mean = torch.stack([net(batch)[0] for net in model.nets]).mean(dim=0)
    outputs: NDArray[np.float32] = mean[_MARGIN : _MARGIN + count].numpy()
    return outputs
