"""A scene without its lips: who is in it, where, under which light, and how all of it moves."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import numpy as np

from .backgrounds import landscape, room
from .canvas import Picture, smoothstep
from .figures.figure import Figure, random_character
from .figures.palette import Look
from .light import Light, random_light
from .motion import Movement, random_movement
from .splits import character_seeds, split_of
from .things import Thing, random_thing

Place = Literal["room", "landscape", "studio", "bokeh", "wall"]
PLACES: tuple[Place, ...] = get_args(Place)


@dataclass(frozen=True)
class Partner:
    """A second figure beside the first.

    Attributes:
        figure, movement: who, and how they move.
        x, y: from the first figure's eyes to theirs, in half head widths of the first.
        size: their size against the first's.
        talks: whether they talk (to themselves: no speech drives them) or listen.
    """

    figure: Figure
    movement: Movement
    x: float
    y: float
    size: float
    talks: bool


@dataclass(frozen=True)
class Stage:
    """Everything that is seen but the speaker's lips.

    Attributes:
        seed: background and grain.
        grain: standard deviation of the film grain, in 8-bit code values.
        rate: pictures a second.
        offset: where the crop is centred off the face, half head widths.
    """

    seed: int
    figure: Figure
    light: Light
    movement: Movement
    place: Place
    partner: Partner | None = None
    thing: Thing | None = None
    grain: float = 2.0
    rate: Fraction = Fraction(25)
    offset: tuple[float, float] = (0.0, 0.0)


def random_scene(seed: int, look: Look | None = None, rate: Fraction = Fraction(25)) -> Stage:
    """A scene around the character of that seed; a partner is of the same split.

    Args:
        seed: any integer from 0; ``splits.split_of("character", seed)`` is its split.
        look: how its figures are drawn; by the seed when None.
        rate: pictures a second.

    Raises:
        InputError: there is no such look.
    """
    figure = random_character(seed, look)
    rng = np.random.default_rng([seed, 121])
    return Stage(
        seed=seed,
        figure=figure,
        light=random_light(rng),
        movement=random_movement(rng, seed),
        place=PLACES[rng.integers(len(PLACES))],
        partner=_random_partner(rng, seed, figure.look),
        thing=random_thing(rng),
        grain=float(rng.choice((0.0, 1.5, 3.0, 6.0), p=(0.3, 0.35, 0.25, 0.1))),
        rate=rate,
        offset=(float(rng.normal(0, 0.03)), float(rng.normal(0, 0.03))),
    )


def _random_partner(rng: np.random.Generator, seed: int, look: Look) -> Partner | None:
    if rng.random() >= 0.12:
        return None
    other = next(character_seeds(split_of("character", seed), seed + 1 + int(rng.integers(10_000))))
    return Partner(
        figure=random_character(other, look),
        movement=random_movement(rng, other),
        x=float(rng.choice((-1, 1))) * rng.uniform(1.7, 2.3),
        y=rng.uniform(-0.3, 0.3),
        size=rng.uniform(0.75, 0.95),
        talks=bool(rng.random() < 0.5),
    )


def backdrop(place: Place, width: int, height: int, seed: int) -> Picture:
    """(H, W, 3) float32 0..1, what is behind the figures."""
    if place == "room":
        return room(width, height, seed)
    if place == "landscape":
        return landscape(width, height, seed)
    rng = np.random.default_rng([seed, 131])
    x = np.broadcast_to(np.linspace(-1, 1, width, dtype=np.float32), (height, width))
    y = np.broadcast_to(np.linspace(-1, 1, height, dtype=np.float32)[:, None], (height, width))
    draw = {"studio": _studio, "bokeh": _bokeh, "wall": _wall}[place]
    return np.asarray(np.clip(draw(rng, x, y), 0, 1), np.float32)


def _studio(rng: np.random.Generator, x: Picture, y: Picture) -> Picture:
    glow = np.exp(-((x - rng.uniform(-0.5, 0.5)) ** 2 + (y + 0.2) ** 2) / 0.8)
    first, second = rng.uniform(0.05, 0.5, 3), rng.uniform(0.3, 0.9, 3)
    return np.asarray(first + glow[..., None] * (second - first), np.float32)


def _bokeh(rng: np.random.Generator, x: Picture, y: Picture) -> Picture:
    picture = np.empty((*x.shape, 3), np.float32)
    picture[:] = rng.uniform(0.02, 0.18, 3)
    for _ in range(22):
        cx, cy, radius = *rng.uniform(-1, 1, 2), rng.uniform(0.05, 0.16)
        disc = 1 - smoothstep(np.hypot(x - cx, y - cy) / radius, 0.9, 1.0)
        picture += (0.45 * disc)[..., None] * rng.uniform(0.1, 1, 3).astype(np.float32)
    return picture


def _wall(rng: np.random.Generator, x: Picture, y: Picture) -> Picture:
    """Bricks, tiles or stripes."""
    count = rng.integers(4, 9)
    row = np.floor(y * count)
    along = x * count * rng.choice((0.5, 1.0)) + 0.5 * (row % 2) * rng.integers(0, 2)
    joint = np.minimum(np.abs(along - np.round(along)), np.abs(y * count - np.round(y * count)))
    shades = rng.uniform(-0.08, 0.08, 97)
    tone = shades[(np.floor(along) * 31 + row * 17).astype(int) % 97]
    flat = rng.uniform(0.2, 0.8, 3) + tone[..., None]
    return np.asarray(flat * (0.75 + 0.25 * smoothstep(joint, 0.02, 0.06))[..., None], np.float32)
