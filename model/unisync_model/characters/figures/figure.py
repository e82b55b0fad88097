"""Who a figure is: everything about it that does not move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .palette import (
    EYES,
    LOOKS,
    Look,
    Rgb,
    lips_colour,
    mixed,
    near,
    rgb,
    skin_colour,
    strands_colour,
)

Hair = Literal[
    "bald", "receding", "buzz", "short", "side", "fringe", "curly", "afro", "long", "bob", "bun"
]
Beard = Literal["none", "stubble", "moustache", "goatee", "full", "long"]
Glasses = Literal["none", "round", "square", "thin"]
Hat = Literal["none", "cap", "beanie", "scarf", "headphones"]
Ears = Literal["round", "pointed", "floppy"]

_Name = TypeVar("_Name", bound=str)


@dataclass(frozen=True)
class Shape:
    """Where things are on a face, in half head widths.

    Attributes:
        eye_x, eye_size, eye_tilt: middle of an eye, its half width, its slant (outer corner up).
        brow_y, brow_thick, brow_slope: of the brows.
        nose_y, nose_width: of the nose base.
        mouth_y, mouth_half, lip_height: the seam, half its width at rest, one lip's height.
        chin_y, jaw, skull: chin, squareness 0..1, height of the skull above the eyes.
        smile: how much the corners rise (or hang), about -1..1.
        box: 0 round .. 1 a box, for robots.
        skew: how much lower the right corner of the mouth hangs than its middle.
    """

    eye_x: float
    eye_size: float
    eye_tilt: float
    brow_y: float
    brow_thick: float
    brow_slope: float
    nose_y: float
    nose_width: float
    mouth_y: float
    mouth_half: float
    lip_height: float
    chin_y: float
    jaw: float
    skull: float
    smile: float
    box: float = 0.0
    skew: float = 0.0

    def outline(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Half width of the face at these heights; 0 above the skull and below the chin."""
        power = 2 + 4 * self.box
        upper = np.clip(1 - np.clip(-y / self.skull, 0, 1) ** power, 0, 1) ** (1 / power)
        down = np.clip(np.maximum(y, 0) / self.chin_y, 0, 1)
        # full at the cheekbone, square at the jaw's corner, round at the chin
        corner = np.sqrt(1 - down ** (3.2 + 6 * self.box))
        lower = self.jaw * corner + (1 - self.jaw) * (1 - down**1.3)
        return np.where(y < 0, upper, lower).astype(np.float32)


@dataclass(frozen=True)
class Figure:
    """A character, complete; made by :func:`random_character`.

    Attributes:
        seed: of its skin, strands and other noise.
        look: one of :data:`LOOKS`.
        age: 0 child .. 1 old.
        freckles, grain, ruddy: strength 0..1 of skin textures.
        lipstick, shadow: make-up; 0 none.
        lips: colour of the lips before light.
        patch: light muzzle and cheeks of an animal, face plate of a robot.
    """

    seed: int
    look: Look
    shape: Shape
    skin: Rgb
    hair: Rgb
    lips: Rgb
    iris: Rgb
    cloth: Rgb
    patch: Rgb
    age: float
    freckles: float
    grain: float
    ruddy: float
    lipstick: float
    shadow: float
    hair_style: Hair
    beard: Beard
    glasses: Glasses
    hat: Hat
    ears: Ears

    @property
    def drawn(self) -> bool:
        """Whether it has outlines and no soft shading."""
        return self.look in ("cel", "flat")


_EYE_SIZES = {
    "film": (0.170, 0.210),
    "toon": (0.225, 0.285),
    "cel": (0.220, 0.280),
    "flat": (0.170, 0.260),
    "animal": (0.200, 0.260),
    "robot": (0.190, 0.250),
}
_MENS_HAIR: tuple[tuple[Hair, ...], tuple[float, ...]] = (
    ("bald", "receding", "buzz", "short", "side", "curly", "afro", "long"),
    (0.10, 0.10, 0.15, 0.25, 0.19, 0.11, 0.05, 0.05),
)
_WOMENS_HAIR: tuple[tuple[Hair, ...], tuple[float, ...]] = (
    ("long", "bob", "bun", "fringe", "curly", "afro", "short"),
    (0.30, 0.18, 0.14, 0.16, 0.12, 0.05, 0.05),
)


def random_character(seed: int, look: Look | None = None) -> Figure:
    """A character; the same seed (and look) is the same character in every process.

    Args:
        seed: any integer from 0.
        look: how it is drawn; by the seed when None.

    Raises:
        InputError: there is no such look.
    """
    rng = np.random.default_rng([seed, 101])
    chosen: Look = LOOKS[rng.choice(len(LOOKS), p=(0.46, 0.18, 0.13, 0.11, 0.07, 0.05))]
    if look is not None and look not in LOOKS:
        raise InputError(f"No look {look!r}. There are {', '.join(LOOKS)}.")
    chosen = look or chosen
    age = float(rng.beta(1.3, 1.5))
    shape = _shape(rng, chosen, age)
    masculine = rng.random() < 0.55
    hair, beard, hat = _hair(rng, masculine, age, chosen)
    skin, strands = skin_colour(rng, chosen), strands_colour(rng, chosen, age)
    painted = 0.0 if masculine or chosen in ("animal", "robot") else float(rng.random() < 0.6)
    return Figure(
        seed=seed,
        look=chosen,
        shape=shape,
        skin=skin,
        hair=strands,
        lips=lips_colour(rng, skin, painted, chosen),
        iris=near(rng, EYES),
        cloth=rgb(rng.uniform(0.1, 0.8, 3)),
        patch=mixed(skin, (0.97, 0.95, 0.90), rng.uniform(0.4, 0.8)),
        age=age,
        freckles=float(rng.random() < 0.2) * rng.uniform(0.4, 1),
        grain=rng.uniform(0.3, 1.0),
        ruddy=rng.uniform(0.1, 0.8),
        lipstick=painted * rng.uniform(0.4, 1),
        shadow=painted * rng.uniform(0, 1),
        hair_style=hair,
        beard=beard,
        glasses=_choice(rng, get_args(Glasses), (0.74, 0.09, 0.10, 0.07)),
        hat=hat,
        ears=_choice(rng, get_args(Ears)),
    )


def _choice(
    rng: np.random.Generator, names: tuple[_Name, ...], p: tuple[float, ...] | None = None
) -> _Name:
    return names[int(rng.choice(len(names), p=p))]


def _hair(
    rng: np.random.Generator, masculine: bool, age: float, look: Look
) -> tuple[Hair, Beard, Hat]:
    if look in ("animal", "robot"):
        return "bald", "none", "none"
    if masculine:
        hair = _choice(rng, *_MENS_HAIR)
        grown = age > 0.15 and rng.random() < 0.6
        beard: Beard = _choice(rng, get_args(Beard)[1:]) if grown else "none"
    else:
        hair, beard = _choice(rng, *_WOMENS_HAIR), "none"
    return hair, beard, _choice(rng, get_args(Hat), (0.80, 0.06, 0.05, 0.05, 0.04))


def _shape(rng: np.random.Generator, look: Look, age: float) -> Shape:
    """A face; big eyes for children and cartoons, a muzzle's mouth for animals."""
    young = max(0.0, 1 - age / 0.2)
    low, high = _EYE_SIZES[look]
    nose = {"film": 1.0, "animal": 1.15, "robot": 0.9}.get(look, 0.75)
    return Shape(
        eye_x=rng.uniform(0.38, 0.45) + 0.02 * (high > 0.23),
        eye_size=rng.uniform(low, high) * (1 + 0.12 * young),
        eye_tilt=rng.uniform(-0.10, 0.14),
        brow_y=rng.uniform(-0.42, -0.34) - 0.5 * max(0.0, high - 0.22),
        brow_thick=rng.uniform(0.030, 0.065) * (1 - 0.4 * young),
        brow_slope=rng.uniform(-0.05, 0.05),
        nose_y=rng.uniform(0.40, 0.50) - 0.06 * young,
        nose_width=rng.uniform(0.16, 0.26) * nose * (1 - 0.2 * young),
        mouth_y=rng.uniform(0.80, 0.88) - 0.05 * young,
        mouth_half=rng.uniform(0.34, 0.42) * (1 - 0.08 * young),
        lip_height=rng.uniform(0.070, 0.125) * (0.8 if look in ("cel", "flat") else 1),
        chin_y=rng.uniform(1.30, 1.48) - 0.10 * young,
        jaw=rng.uniform(0.70, 0.97) - 0.06 * young,
        skull=rng.uniform(1.20, 1.42),
        smile=rng.uniform(-0.5, 0.9),
        box=rng.uniform(0.3, 1.0) if look == "robot" else 0.0,
        skew=float(rng.normal(0, 0.012)),
    )
