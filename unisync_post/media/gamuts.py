"""Primaries of cameras and displays, and the matrices to and from those of BT.709."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_Point = tuple[float, float]
_D65, _ACES_WHITE, _DCI_WHITE = (0.3127, 0.3290), (0.32168, 0.33767), (0.314, 0.351)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True)
class Gamut:
    """CIE 1931 x, y of the primaries and of the white (an EXR's ``chromaticities``, too)."""

    red: _Point
    green: _Point
    blue: _Point
    white: _Point = _D65


BT709 = Gamut((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
BT2020 = Gamut((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
P3_D65 = Gamut((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
P3_DCI = Gamut((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI_WHITE)
AP0 = Gamut((0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.0770), _ACES_WHITE)
AP1 = Gamut((0.713, 0.293), (0.165, 0.830), (0.128, 0.044), _ACES_WHITE)
# from the documents named with the curves
SGAMUT3 = Gamut((0.730, 0.280), (0.140, 0.855), (0.100, -0.050))
SGAMUT3_CINE = Gamut((0.766, 0.275), (0.225, 0.800), (0.089, -0.087))
AWG3 = Gamut((0.6840, 0.3130), (0.2210, 0.8480), (0.0861, -0.1020))
AWG4 = Gamut((0.7347, 0.2653), (0.1424, 0.8576), (0.0991, -0.0308))
VGAMUT = Gamut((0.730, 0.280), (0.165, 0.840), (0.100, -0.030))
REDWIDE = Gamut((0.780308, 0.304253), (0.121595, 1.493994), (0.095612, -0.084589))


@lru_cache(maxsize=64)
def to_bt709(gamut: Gamut) -> NDArray[np.float64]:
    """(3, 3) from light in this gamut to light in BT.709; whites are adapted (Bradford)."""
    if gamut == BT709:
        return np.eye(3)
    steps = (np.linalg.inv(_to_xyz(BT709)), _adapted(gamut), _to_xyz(gamut))
    return np.asarray(np.linalg.multi_dot(steps), np.float64)


@lru_cache(maxsize=64)
def from_bt709(gamut: Gamut) -> NDArray[np.float64]:
    """The inverse of :func:`to_bt709`."""
    return np.asarray(np.linalg.inv(to_bt709(gamut)), np.float64)


def _to_xyz(gamut: Gamut) -> NDArray[np.float64]:
    """SMPTE RP 177: columns are the primaries, scaled so that they add up to the white."""
    primaries = np.stack([_xyz(p) for p in (gamut.red, gamut.green, gamut.blue)], -1)
    return np.asarray(primaries * np.linalg.solve(primaries, _white(gamut)), np.float64)


def _xyz(point: _Point) -> NDArray[np.float64]:
    x, y = point
    return np.array([x, y, 1 - x - y])


def _white(gamut: Gamut) -> NDArray[np.float64]:
    """Its tristimulus values at luminance 1."""
    return np.asarray(_xyz(gamut.white) / gamut.white[1], np.float64)


def _adapted(gamut: Gamut) -> NDArray[np.float64]:
    cones = [_BRADFORD @ _white(one) for one in (gamut, BT709)]
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(cones[1] / cones[0]) @ _BRADFORD)
