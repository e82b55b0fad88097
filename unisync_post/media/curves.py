"""Transfer curves: what light a code value stands for, each by its published specification.

Light is relative to diffuse white (1.0; a grey card is 0.18), so that every plate can be viewed by
one tone curve. Curves are defined for all reals: codes below black and above white keep their
order and come back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Values = NDArray[np.floating[Any]]
"""float32 where whole pictures are viewed, float64 where a round trip must be exact."""
_Function = Callable[[Values], Values]


@dataclass(frozen=True)
class Curve:
    """One transfer curve.

    Attributes:
        name: as people write it.
        to_light: code values (0..1 over the whole range) to light.
        to_code: its inverse.
        graded: made for an SDR display: light is already within 0..1 and needs no tone curve.
        coded: code values lie in 0..1; False for light itself, which has no upper end.
    """

    name: str
    to_light: _Function
    to_code: _Function
    graded: bool = False
    coded: bool = True


def _mirrored(positive: _Function) -> _Function:
    """The same curve for negative values, point-reflected at zero."""
    return lambda values: np.copysign(positive(np.abs(values)), values)


def _power(exponent: float) -> _Function:
    return _mirrored(lambda values: np.power(values, exponent))


def _joined(at: float, low: _Function, high: _Function) -> _Function:
    """``low`` below ``at``, ``high`` from there on; neither sees the other's values."""

    def curve(values: Values) -> Values:
        below, above = low(np.minimum(values, at)), high(np.maximum(values, at))
        return np.where(values < at, below, above)

    return curve


def _line(slope: float, offset: float) -> tuple[_Function, _Function]:
    """A straight line and its inverse."""
    return lambda x: x * slope + offset, lambda y: (y - offset) / slope


def _logarithm(
    scale: float, gain: float, bias: float, offset: float
) -> tuple[_Function, _Function]:
    """``scale * log10(gain * x + bias) + offset`` and its inverse."""
    return (
        lambda x: np.log10(x * gain + bias) * scale + offset,
        lambda y: (np.power(10.0, (y - offset) / scale) - bias) / gain,
    )


def _camera(
    name: str, cut: float, line: tuple[float, float], log: tuple[float, float, float, float]
) -> Curve:
    """A camera log: a line below ``cut`` (light), a logarithm above."""
    (below, from_below), (above, from_above) = _line(*line), _logarithm(*log)
    code_at_cut = line[0] * cut + line[1]
    return Curve(name, _joined(code_at_cut, from_below, from_above), _joined(cut, below, above))


_LOG2 = math.log10(2)

# Sony, "Technical Summary for S-Gamut3.Cine/S-Log3 and S-Gamut3/S-Log3", 2014
_SLOG3_SLOPE = (171.2102946929 - 95) / 0.01125 / 1023
SLOG3 = _camera(
    "S-Log3",
    0.01125,
    (_SLOG3_SLOPE, 95 / 1023),
    (261.5 / 1023, 1 / 0.19, 0.01 / 0.19, 420 / 1023),
)
# ARRI, "ALEXA Log C Curve, Usage in VFX", 2017: Log C (Alexa V3) at EI 800
LOGC3 = _camera("LogC3", 0.010591, (5.367655, 0.092809), (0.247190, 5.555556, 0.052272, 0.385537))
# Panasonic, "V-Log/V-Gamut Reference Manual", 2014
VLOG = _camera("V-Log", 0.01, (5.6, 0.125), (0.241514, 1, 0.00873, 0.598206))
# RED, "White Paper on REDWideGamutRGB and Log3G10", 2017
LOG3G10 = _camera(
    "Log3G10", -0.01, (15.1927, 0.151927), (0.224282, 155.975327, 155.975327 * 0.01 + 1, 0)
)
# Academy S-2016-001
ACESCCT = _camera(
    "ACEScct",
    0.0078125,
    (10.5402377416545, 0.0729055341958355),
    (1 / 17.52 / _LOG2, 1, 0, 9.72 / 17.52),
)


def _logc4() -> Curve:
    """ARRI, "LogC4 Logarithmic Color Space Specification", 2022."""
    a, b, c = (2**18 - 16) / 117.45, (1023 - 95) / 1023, 95 / 1023
    s = 7 * math.log(2) * 2 ** (7 - 14 * c / b) / (a * b)
    t = (2 ** (14 * (-c / b) + 6) - 64) / a
    log = (b / 14 / _LOG2, a, 64, c - 6 * b / 14)
    return _camera("LogC4", t, (1 / s, -t / s), log)


LOGC4 = _logc4()


def _pq() -> Curve:
    """SMPTE ST 2084; reference white is 203 cd/m2 (ITU-R BT.2408)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    peak = 10_000 / 203

    def to_light(codes: Values) -> Values:
        e = np.power(codes, 1 / m2)
        # the pole lies at code 1.07: what is beyond the peak is only a little more
        light = np.maximum(e - c1, 0) / np.maximum(c2 - c3 * e, 1e-3)
        linear: Values = np.power(light, 1 / m1) * peak
        return linear

    def to_code(light: Values) -> Values:
        y = np.power(light / peak, m1)
        code: Values = np.power((c1 + c2 * y) / (1 + c3 * y), m2)
        return code

    return Curve("PQ", _mirrored(to_light), _mirrored(to_code))


def _hlg() -> Curve:
    """ITU-R BT.2100 HLG as scene light; reference white is its signal 0.75 (BT.2408)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * math.log(4 * a)
    white = (math.exp((0.75 - c) / a) + b) / 12
    in_light = _joined(0.5, lambda e: np.square(e) / 3, lambda e: (np.exp((e - c) / a) + b) / 12)
    in_code = _joined(
        1 / 12, lambda x: np.sqrt(3 * x), lambda x: a * np.log(np.maximum(12 * x - b, 1e-9)) + c
    )
    return Curve(
        "HLG",
        _mirrored(lambda codes: in_light(codes) / white),
        _mirrored(lambda light: in_code(light * white)),
    )


PQ = _pq()
HLG = _hlg()
# ITU-R BT.1886, for everything graded on an SDR video display
SDR = Curve("BT.1886", _power(2.4), _power(1 / 2.4), graded=True)
# SMPTE RP 431-2
CINEMA = Curve("gamma 2.6", _power(2.6), _power(1 / 2.6), graded=True)
LINEAR = Curve("linear", lambda codes: codes, lambda light: light, coded=False)
