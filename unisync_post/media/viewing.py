"""Log, HDR and scene-linear plates seen as SDR pictures, and changes to those carried back.

Face finders and engines know pictures as a display shows them. A plate that is not one is *viewed*:
its code values become light, light of its gamut becomes light of BT.709, and one tone curve makes
that a picture. The curve has an inverse everywhere, so what an engine changes in the view is
carried back as a *difference*: where it changed nothing, the plate's own values stay, bit for bit;
where it did, the plate's finer gradation and its highlights stay under the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError
from . import curves, gamuts
from .colour import UNSPECIFIED
from .curves import Curve, Floats, Values
from .gamuts import Gamut, from_bt709, to_bt709
from .info import ColourTags, MediaInfo

View = NDArray[np.uint8] | Floats
"""(H, W, 3) R'G'B' of BT.709 in steps of an 8-bit code, 0..255."""

_KNEE = 0.5
_ROLL = 0.05
"""Below the knee sRGB's curve, above it a logarithm of the same slope: diffuse white lands at 0.84
and sixteen times diffuse white at 1, as the eye adapts to highlights on skin."""
_MOST = 65504.0
"""What a half float can hold: infinite light is seen as this."""
_CODES = (-1.0, 2.0)
"""Codes that a curve is asked about; beyond these are only the values of damaged files."""
_FADE = 16 / 255
"""A change this large replaces a highlight, or a colour that BT.709 cannot show, altogether."""
_BLACK_SLOPE, _BLACK = 12.92, 0.0031308


@dataclass(frozen=True)
class Encoding:
    """What a plate's R'G'B' means: its transfer curve and its primaries."""

    name: str
    curve: Curve
    gamut: Gamut


ENCODINGS = {
    encoding.name: encoding
    for encoding in (
        Encoding("bt709", curves.SDR, gamuts.BT709),
        Encoding("bt2020", curves.SDR, gamuts.BT2020),
        Encoding("p3-d65", curves.SDR, gamuts.P3_D65),
        Encoding("p3-dci", curves.CINEMA, gamuts.P3_DCI),
        Encoding("pq", curves.PQ, gamuts.BT2020),
        Encoding("pq-p3", curves.PQ, gamuts.P3_D65),
        Encoding("hlg", curves.HLG, gamuts.BT2020),
        Encoding("slog3", curves.SLOG3, gamuts.SGAMUT3_CINE),
        Encoding("slog3-sgamut3", curves.SLOG3, gamuts.SGAMUT3),
        Encoding("logc3", curves.LOGC3, gamuts.AWG3),
        Encoding("logc4", curves.LOGC4, gamuts.AWG4),
        Encoding("vlog", curves.VLOG, gamuts.VGAMUT),
        Encoding("log3g10", curves.LOG3G10, gamuts.REDWIDE),
        Encoding("acescct", curves.ACESCCT, gamuts.AP1),
        Encoding("acescg", curves.LINEAR, gamuts.AP1),
        Encoding("aces2065-1", curves.LINEAR, gamuts.AP0),
        Encoding("linear", curves.LINEAR, gamuts.BT709),
    )
}
"""What a plate may be said to be, by the names that people give it."""

_CURVES = {8: curves.LINEAR, 16: curves.PQ, 17: curves.CINEMA, 18: curves.HLG}
_GAMUTS = {9: gamuts.BT2020, 11: gamuts.P3_DCI, 12: gamuts.P3_D65}


def encoding_named(name: str) -> Encoding:
    """One of :data:`ENCODINGS`.

    Raises:
        MediaError: no such name.
    """
    if name not in ENCODINGS:
        raise MediaError(
            f"No colour encoding is called {name}", remedy=f"Known are {', '.join(ENCODINGS)}."
        )
    return ENCODINGS[name]


@dataclass(frozen=True)
class Reading:
    """How a plate is read: its encoding, None for a picture as a display shows it, and why."""

    encoding: Encoding | None
    reason: str


def read_colour(info: MediaInfo, said: str | None) -> Reading:
    """What a plate's values mean: what a person said of it, else its header, else its tags.

    Raises:
        MediaError: what was said is no known encoding.
    """
    if said is not None:
        return Reading(_unless_shown(encoding_named(said)), f"{said}, as said when planned")
    if info.encoding is not None:
        named = encoding_named(info.encoding)
        return Reading(_unless_shown(named), f"{named.name}, by its header")
    found = encoding_of(info.colour)
    if found is not None:
        return Reading(found, f"{found.name}, by its tags")
    if info.colour.transfer == UNSPECIFIED:
        return Reading(None, "taken as a display shows it: it has no transfer tag")
    return Reading(None, "as a display shows it, by its tags")


def _unless_shown(encoding: Encoding) -> Encoding | None:
    return None if encoding.name == "bt709" else encoding


def encoding_of(tags: ColourTags) -> Encoding | None:
    """What a file's tags (ISO/IEC 23091-2) say; None where it is a picture as a display shows it.

    Untagged plates are such pictures: nothing tells a camera log from them. PQ and HLG without
    primaries are of BT.2020, as in every HDR delivery.
    """
    curve = _CURVES.get(tags.transfer, curves.SDR)
    unsaid = gamuts.BT2020 if curve in (curves.PQ, curves.HLG) else gamuts.BT709
    gamut = unsaid if tags.primaries == UNSPECIFIED else _GAMUTS.get(tags.primaries, gamuts.BT709)
    known = (one for one in ENCODINGS.values() if (one.curve, one.gamut) == (curve, gamut))
    return _unless_shown(next(known, Encoding(curve.name, curve, gamut)))


def to_view(plate: Floats, tags: Encoding) -> NDArray[np.uint8]:
    """The plate as an SDR picture.

    Args:
        plate: (H, W, 3) float32 R'G'B' code values, 0..1 from black to white, or light where
            ``tags`` are linear; excursions, infinities and NaN (shown black) are allowed.
        tags: what its values mean.

    Returns:
        (H, W, 3) uint8 R'G'B' of BT.709.
    """
    seen = _view(np.nan_to_num(plate, nan=0.0, posinf=_MOST, neginf=-_MOST), tags)
    seen *= 255
    np.rint(seen, out=seen)
    return seen.clip(0, 255).astype(np.uint8)


def carry_back(
    plate: Floats, old_view: View, new_view: View, matte: Floats, tags: Encoding
) -> Floats:
    """The plate with the change of its view in it: unview(view(plate) + matte (new - old)).

    The change is added to the plate's own unrounded view, so its gradation is finer than the 8-bit
    views'. What the view clips (highlights, saturated colours) stays where the change is small. The
    result stays within black and white (of the view, and of code values) unless the plate itself
    is beyond them, and then by no more than the plate is.

    Args:
        plate: (H, W, 3) float32; it is not changed.
        old_view: (H, W, 3) of this plate, from :func:`to_view`.
        new_view: (H, W, 3) what it became; uint8, or float32 in steps of 8-bit codes.
        matte: (H, W) float32, 0..1: how much of the change is meant.
        tags: what the plate's values mean.

    Returns:
        (H, W, 3) float32. Pixels whose view did not change, or where the matte is 0, or that are
        not finite, are the plate's, bit for bit.
    """
    change = (new_view.astype(np.float32) - old_view) * (matte[..., None] / 255)
    touched = change.any(-1) & np.isfinite(plate).all(-1)
    result: Floats = plate.copy()
    if touched.any():
        old = plate[touched].astype(np.float64)
        seen = _view(old, tags)
        wanted = _changed(seen, change[touched], _brightest(tags))
        # the difference of two inverses: the rounding of going there and back cancels
        new = old + (_unview(wanted, tags) - _unview(seen, tags))
        top = np.maximum(old, 1 if tags.curve.coded else np.inf)
        result[touched] = np.clip(new, np.minimum(old, 0), top)
    return result


@lru_cache(maxsize=64)
def _brightest(tags: Encoding) -> float:
    """The view of code 1, which lies below 1 for HLG: brighter than that, colours would break."""
    return min(1.0, float(_view(np.ones((1, 3)), tags).min())) if tags.curve.coded else 1.0


def _changed(seen: Values, change: Values, top: float) -> Values:
    """The view with this change; what lies beyond black or white fades as the change grows."""
    inside = seen.clip(0, 1)
    kept = np.maximum(1 - np.abs(change).max(-1, keepdims=True) / _FADE, 0)
    wanted = inside + change + kept * (seen - inside)
    low, high = kept * np.minimum(seen, 0), top + kept * np.maximum(seen - top, 0)
    bounded: Values = np.clip(wanted, low, high)
    return bounded


def _view(codes: Values, tags: Encoding) -> Values:
    """Code values to R'G'B' of BT.709, unrounded and unclipped."""
    if tags.curve.coded:
        codes = codes.clip(*_CODES)
    light: Values = tags.curve.to_light(codes) @ to_bt709(tags.gamut).T.astype(codes.dtype)
    return curves.SDR.to_code(light) if tags.curve.graded else _toned(light)


def _unview(seen: Values, tags: Encoding) -> Values:
    """The inverse of :func:`_view`."""
    light = curves.SDR.to_light(seen) if tags.curve.graded else _untoned(seen)
    return tags.curve.to_code(light @ from_bt709(tags.gamut).T.astype(light.dtype))


_AT_KNEE = 1.055 * _KNEE ** (1 / 2.4) - 0.055
_SLOPE = 1.055 / 2.4 * _KNEE ** (1 / 2.4 - 1)


def _toned(light: Values) -> Values:
    """sRGB (IEC 61966-2-1) up to the knee, a logarithm above it; negative light: sRGB's line."""
    low = np.clip(light, _BLACK, _KNEE)
    srgb = 1.055 * np.power(low, 1 / 2.4) - 0.055
    over = np.maximum(light - _KNEE, 0)
    rolled = _AT_KNEE + _ROLL * np.log1p(over * (_SLOPE / _ROLL))
    return np.where(light > _KNEE, rolled, np.where(light < _BLACK, light * _BLACK_SLOPE, srgb))


def _untoned(seen: Values) -> Values:
    """The inverse of :func:`_toned`."""
    black = _BLACK * _BLACK_SLOPE
    low = (np.clip(seen, black, _AT_KNEE) + 0.055) / 1.055
    srgb = np.power(low, 2.4)
    over = np.maximum(seen - _AT_KNEE, 0)
    unrolled = _KNEE + np.expm1(over / _ROLL) * (_ROLL / _SLOPE)
    return np.where(seen > _AT_KNEE, unrolled, np.where(seen < black, seen / _BLACK_SLOPE, srgb))
