"""Looks, and the colours that belong to them."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Look = Literal["film", "toon", "cel", "flat", "animal", "robot"]
LOOKS: tuple[Look, ...] = get_args(Look)
"""Shaded people, shaded 3D cartoons, two-tone 2D, flat 2D, animals and robots."""

Rgb = tuple[float, float, float]
"""R'G'B' 0..1."""

_SKIN: tuple[Rgb, ...] = (
    (0.96, 0.80, 0.71),
    (0.92, 0.73, 0.61),
    (0.87, 0.67, 0.53),
    (0.78, 0.57, 0.43),
    (0.66, 0.45, 0.33),
    (0.53, 0.35, 0.25),
    (0.42, 0.27, 0.20),
)
_HAIR: tuple[Rgb, ...] = (
    (0.09, 0.07, 0.07),
    (0.20, 0.13, 0.09),
    (0.36, 0.22, 0.13),
    (0.52, 0.33, 0.18),
    (0.74, 0.58, 0.34),
    (0.55, 0.22, 0.10),
)
_DYED: tuple[Rgb, ...] = (
    (0.25, 0.35, 0.75),
    (0.85, 0.35, 0.55),
    (0.20, 0.60, 0.55),
    (0.55, 0.30, 0.70),
    (0.90, 0.55, 0.15),
)
_FANCY_SKIN: tuple[Rgb, ...] = (
    (0.55, 0.75, 0.50),
    (0.50, 0.65, 0.85),
    (0.75, 0.60, 0.85),
    (0.95, 0.80, 0.35),
)
_FUR: tuple[Rgb, ...] = (
    (0.80, 0.50, 0.25),
    (0.55, 0.40, 0.30),
    (0.60, 0.60, 0.62),
    (0.92, 0.88, 0.82),
    (0.32, 0.28, 0.28),
    (0.85, 0.70, 0.45),
)
_METAL: tuple[Rgb, ...] = (
    (0.70, 0.73, 0.77),
    (0.80, 0.65, 0.40),
    (0.45, 0.60, 0.70),
    (0.85, 0.85, 0.82),
    (0.75, 0.40, 0.32),
)
EYES: tuple[Rgb, ...] = (
    (0.27, 0.45, 0.62),
    (0.34, 0.22, 0.12),
    (0.32, 0.45, 0.27),
    (0.40, 0.43, 0.46),
    (0.22, 0.14, 0.10),
    (0.50, 0.36, 0.14),
)


def rgb(values: NDArray[np.float64]) -> Rgb:
    """A colour, kept within range."""
    red, green, blue = (float(v) for v in np.clip(values, 0.02, 1))
    return red, green, blue


def near(rng: np.random.Generator, colours: tuple[Rgb, ...]) -> Rgb:
    """One of these colours, a little off."""
    base = np.array(colours[rng.integers(len(colours))])
    return rgb(base * rng.uniform(0.9, 1.08) + rng.uniform(-0.025, 0.025, 3))


def mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Between two colours; ``share`` 0..1 of the second."""
    return rgb(np.array(first) * (1 - share) + np.array(second) * share)


def skin_colour(rng: np.random.Generator, look: Look) -> Rgb:
    """Skin, fur or metal."""
    if look == "animal":
        return near(rng, _FUR)
    if look == "robot":
        return near(rng, _METAL)
    fancy = look != "film" and rng.random() < 0.15
    return near(rng, _FANCY_SKIN if fancy else _SKIN)


def strands_colour(rng: np.random.Generator, look: Look, age: float) -> Rgb:
    """Hair, dyed now and then, grey with age."""
    dyed = rng.random() < (0.04 if look == "film" else 0.25)
    colour = near(rng, _DYED if dyed else _HAIR)
    grey = float(np.clip((age - 0.55) * 2.2, 0, 1)) * rng.uniform(0, 1)
    return mixed(colour, (0.75, 0.74, 0.73), grey)


def lips_colour(rng: np.random.Generator, skin: Rgb, painted: float, look: Look) -> Rgb:
    """Lips before light; ``painted`` 0..1 with lipstick."""
    if look == "robot":
        return rgb(np.array(skin) * rng.uniform(0.45, 0.65))
    if look == "animal":
        return rgb(np.array(skin) * (0.45, 0.36, 0.36))
    natural = rgb(np.array(skin) * (rng.uniform(0.84, 0.95), 0.62, 0.62))
    stick = ((0.72, 0.10, 0.16), (0.80, 0.30, 0.38), (0.50, 0.12, 0.22), (0.75, 0.35, 0.28))
    return mixed(natural, near(rng, stick), 0.8 * painted)
