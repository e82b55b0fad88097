"""Who a drawn person is: everything about them that does not move."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float32]
"""(3,) R'G'B' 0..1."""

_SKIN = ((0.93, 0.75, 0.64), (0.86, 0.66, 0.53), (0.74, 0.53, 0.40), (0.56, 0.38, 0.28))
_HAIR = ((0.10, 0.08, 0.07), (0.26, 0.16, 0.10), (0.45, 0.29, 0.15), (0.72, 0.58, 0.36))
_EYES = ((0.25, 0.42, 0.56), (0.32, 0.22, 0.13), (0.30, 0.42, 0.26), (0.36, 0.40, 0.44))
_CLOTH = ((0.20, 0.27, 0.40), (0.45, 0.20, 0.20), (0.22, 0.36, 0.28), (0.55, 0.52, 0.46))


def _tint(rng: np.random.Generator, colours: tuple[tuple[float, float, float], ...]) -> Colour:
    base = np.array(colours[rng.integers(len(colours))], np.float32)
    return np.clip(base * rng.uniform(0.92, 1.06) + rng.uniform(-0.02, 0.02, 3), 0, 1).astype(
        np.float32
    )


@dataclass(frozen=True)
class Character:
    """A person, made from a seed; the same seed is the same person.

    Lengths are in half head widths, the origin lies between the ears at eye height, y points down.

    Attributes:
        seed: whom to draw.
        beard: full beard, or by the seed when None.
        long_hair: hair to the shoulders, or by the seed when None.
    """

    seed: int
    beard: bool | None = None
    long_hair: bool | None = None
    skin: Colour = field(init=False, repr=False, compare=False)
    hair: Colour = field(init=False, repr=False, compare=False)
    iris: Colour = field(init=False, repr=False, compare=False)
    cloth: Colour = field(init=False, repr=False, compare=False)
    lips: Colour = field(init=False, repr=False, compare=False)
    eye_x: float = field(init=False, repr=False, compare=False)
    eye_size: float = field(init=False, repr=False, compare=False)
    brow_y: float = field(init=False, repr=False, compare=False)
    nose_y: float = field(init=False, repr=False, compare=False)
    nose_width: float = field(init=False, repr=False, compare=False)
    mouth_y: float = field(init=False, repr=False, compare=False)
    mouth_half: float = field(init=False, repr=False, compare=False)
    lip_height: float = field(init=False, repr=False, compare=False)
    chin_y: float = field(init=False, repr=False, compare=False)
    jaw: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 1])
        skin = _tint(rng, _SKIN)
        made = {
            "skin": skin,
            "hair": _tint(rng, _HAIR),
            "iris": _tint(rng, _EYES),
            "cloth": _tint(rng, _CLOTH),
            "lips": (skin * np.array([0.88, 0.60, 0.60], np.float32)).astype(np.float32),
            "eye_x": rng.uniform(0.39, 0.44),
            "eye_size": rng.uniform(0.185, 0.215),
            "brow_y": rng.uniform(-0.40, -0.35),
            "nose_y": rng.uniform(0.42, 0.50),
            "nose_width": rng.uniform(0.18, 0.24),
            "mouth_y": rng.uniform(0.80, 0.86),
            "mouth_half": rng.uniform(0.35, 0.41),
            "lip_height": rng.uniform(0.085, 0.125),
            "chin_y": rng.uniform(1.32, 1.42),
            "jaw": rng.uniform(0.78, 0.92),
        }
        beard, long_hair = rng.random() < 0.4, rng.random() < 0.5
        made["beard"] = beard if self.beard is None else self.beard
        made["long_hair"] = (long_hair and not beard) if self.long_hair is None else self.long_hair
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def outline(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Half width of the face at these heights; 0 above the skull and below the chin."""
        upper = np.sqrt(np.clip(1 - (np.minimum(y, 0) / 1.30) ** 2, 0, 1))
        down = np.clip(np.maximum(y, 0) / self.chin_y, 0, 1)
        # full at the cheekbone, square at the jaw's corner, round at the chin
        lower = self.jaw * np.sqrt(1 - down**3.2) + (1 - self.jaw) * (1 - down**1.3)
        return np.where(y < 0, upper, lower).astype(np.float32)
