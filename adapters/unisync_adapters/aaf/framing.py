"""Effects on a picture of an AAF: whether one may see past it what lies below.

Avid counts scale and opacity in percent, and a scale of the frame: what fills it has 100, whatever
its own size. Its Resize, Picture-in-Picture and keys name their parameters ``AFX_…``, its 3D Warp
``DVE_…``. The effects of the AAF Edit Protocol (Video Scale, Video Crop …) and of AS-05 (Video
Opacity) have 1 for the whole, and a scale is of the picture's own size, so what is larger than the
frame may be scaled down and still fill it. What moves or turns a picture is taken to leave it in
place, and an effect that says nothing of the kind to cover what lies below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import opentimelineio as otio
from aaf2 import components, misc

from ..otiotime import exact_seconds
from .mobs import value_of
from .parts import operation

Raster = tuple[int, int]

_BLACK = ("mask", "spatial")
"""Avid's Mask and FrameFlex: where they leave no picture, it is black."""
_CONTAINER = "submaster"
_KEYS = ("key", "matte", "title", "graphic", "subcap", "alpha", "cornerpinning")
_PARTIAL = ("pictureinpicture", "pip", "superimpose")
"""What shows below unless it says otherwise: their defaults, which are not written, do."""
_PLAIN = ("sblend", "3dwarp")
"""What lies over the track below at its full size, unless its parameters say less."""
_STANDARD = {
    "8d568129-847e-11d5-935a-50f857c10000": "scalex",
    "8d56812a-847e-11d5-935a-50f857c10000": "scaley",
    "d47b3377-318c-4657-a9d8-75811b6dc3d1": "cropleft",
    "5ecc9dd5-21c1-462b-9fec-c2bd85f14033": "cropright",
    "8170a539-9b55-4051-9d4e-46598d01b914": "croptop",
    "154ba82b-990a-4c80-9101-3037e28839a1": "cropbottom",
    "cb7c0ec4-f45f-4ee6-aef0-c63ddb134924": "opacitylevel",
}
"""Parameters of the Edit Protocol and of AS-05: known by their ids, whatever they are called."""
_PERCENT = {
    "dvescaleenabledu": ("dvescalexu", "dvescaleyu"),
    "": ("afxscalexu", "afxscaleyu", "afxfgkeyopacityu", "dvefgkeyopacityu"),
}
"""Parameters that are 100 for all of the picture, by the one that must not switch them off."""
_CROPS = {
    "dvecropenabledu": ("dvecropleftu", "dvecroprightu", "dvecroptopu", "dvecropbottomu"),
    "": ("afxcropleftu", "afxcroprightu", "afxcroptopu", "afxcropbottomu"),
}
"""Parameters that are 0 where nothing is cut off."""
_SWITCHES = ("dvefgkeyenabledu", "dvecornerpinenabledu", "dveshapeenabledu")
_EDGES = {"cropleft": -1, "croptop": -1, "cropright": 1, "cropbottom": 1}
_SCALES = ("scalex", "scaley")
_EFFECT_ID = "avideffectid"
_READ = frozenset((*_STANDARD.values(), *_SWITCHES, _EFFECT_ID, *_PERCENT, *_CROPS)).union(
    *_PERCENT.values(), *_CROPS.values()
)

Values = dict[str, list[Fraction]]


class Framing:
    """The effects of an edit; what is scaled by its own size is judged once all of it is read."""

    def __init__(self) -> None:
        self._scaled: list[tuple[otio.schema.Effect, Fraction, otio.core.Item]] = []
        self._mattes: list[tuple[otio.core.Item, int]] = []

    def judge(self, group: Any, effect: otio.schema.Effect, item: otio.core.Item) -> None:
        """Say of the OperationGroup over ``item`` where one sees past it: ``see_through``."""
        values = _values(group)
        if _shows_below(group, values):
            effect.metadata["unisync"] = {"see_through": True}
            if has_matte(group) and (below := _tracks_below(group["InputSegments"].value[1])):
                self._mattes.append((item, below))
        elif (least := _least(values, _SCALES)) < 1:
            self._scaled.append((effect, least, item))

    def settle(self, timeline: otio.schema.Timeline) -> None:
        """Say what only the whole edit tells.

        An AAF of the Edit Protocol states no frame: it is that of the pictures that are shown
        longest without being scaled. A matte on a track of its own cuts out the track below it.
        """
        tracks = timeline.video_tracks()
        if self._scaled:
            frame = _frame(tracks, [item for _, _, item in self._scaled])
            for effect, least, item in self._scaled:
                if not _fills(_raster(item), frame, least):
                    effect.metadata["unisync"] = {"see_through": True}
        for item, below in self._mattes:
            above = next((i for i, t in enumerate(tracks) if t is item.parent()), 0)
            if above >= below:
                _cut_out(tracks[above - below], item.range_in_parent(), item.name)


def may_uncover(group: Any) -> bool:
    """Whether what lies below may be seen past this effect."""
    values = _values(group)
    return _shows_below(group, values) or _least(values, _SCALES) < 1


def has_matte(group: Any) -> bool:
    """Whether it is a key of three inputs, whose last cuts out the second over the first."""
    keyed = len(value_of(group, "InputSegments", ())) == 3
    return keyed and _names(_kind(group, _values(group)), _KEYS)


def _shows_below(group: Any, values: Values) -> bool:
    """Whether this effect states that it blends, fades, crops, or shrinks below the frame."""
    kind = _kind(group, values)
    if _names(kind, _BLACK) or _CONTAINER in kind:
        return False
    if _names(kind, _KEYS) or any(any(values.get(switch, ())) for switch in _SWITCHES):
        return True
    percent = [name for names in _active(_PERCENT, values) for name in names]
    if _least(values, percent, 100) < 100 or _is_cropped(values):
        return True
    if _names(kind, _PARTIAL):
        return not any(name in values for name in percent)
    return _is_blend(group) and not _names(kind, _PLAIN)


def _names(kind: str, words: tuple[str, ...]) -> bool:
    return any(word in kind for word in words)


def _is_cropped(values: Values) -> bool:
    if any(any(values.get(name, ())) for names in _active(_CROPS, values) for name in names):
        return True
    if any(value != edge for name, edge in _EDGES.items() for value in values.get(name, ())):
        return True
    return _least(values, ("opacitylevel",)) < 1


def _is_blend(group: Any) -> bool:
    """Whether its first input is the track below, alone: it mixes with it."""
    inputs = value_of(group, "InputSegments", ())
    return len(inputs) > 1 and _tracks_below(inputs[0]) > 0


def _tracks_below(segment: Any) -> int:
    """How many tracks below lies what an input shows; 0 where it is no reference to a track."""
    if isinstance(segment, components.Sequence):
        parts = value_of(segment, "Components", ())
        segment = parts[0] if len(parts) == 1 else None
    if not isinstance(segment, components.ScopeReference):
        return 0
    return int(value_of(segment, "RelativeSlot", 0))


def _cut_out(track: otio.schema.Track, span: otio.opentime.TimeRange, name: str) -> None:
    """A key's see-through on what a track shows in this range."""
    for child in track:
        shows = isinstance(child, otio.core.Item) and not isinstance(child, otio.schema.Gap)
        if shows and child.range_in_parent().intersects(span):
            facts = {"unisync": {"see_through": True}}
            child.effects.append(otio.schema.Effect(name, name, facts))


def _active(table: Mapping[str, tuple[str, ...]], values: Values) -> list[tuple[str, ...]]:
    return [names for switch, names in table.items() if all(values.get(switch, ()))]


def _least(values: Values, names: Iterable[str], whole: int = 1) -> Fraction:
    found = [value for name in names for value in values.get(name, ())]
    return min(found, default=Fraction(whole))


def _kind(group: Any, values: Values) -> str:
    """Its name and Avid's identifier for it, letters and digits alone."""
    letters = (chr(int(value)) for value in values.get(_EFFECT_ID, ()) if 0 < value < 128)
    return _plain(operation(group) + "".join(letters))


def _plain(name: str) -> str:
    """A name without its case, blanks, hyphens and underscores."""
    return "".join(filter(str.isalnum, name)).lower()


def _values(group: Any) -> Values:
    """Numbers of the parameters that tell: at every keyframe, or throughout."""
    found: Values = {}
    for parameter in value_of(group, "Parameters", ()):
        name = _name(parameter)
        if name not in _READ:
            continue
        if isinstance(parameter, misc.VaryingValue):
            stated = [value_of(point, "Value") for point in value_of(parameter, "PointList", ())]
        else:
            value = value_of(parameter, "Value")
            stated = list(value) if isinstance(value, list | bytes | bytearray) else [value]
        found[name] = [Fraction(v.numerator, v.denominator) for v in stated if _is_number(v)]
    return found


def _name(parameter: Any) -> str:
    """Avid gives its percentages the ids of the Edit Protocol's ratios: its names come first."""
    definition = getattr(parameter, "parameterdef", None)
    name = _plain(str(definition.name)) if definition is not None else ""
    if name.startswith(("afx", "dve")):
        return name
    return _STANDARD.get(str(value_of(parameter, "Definition")), name)


def _is_number(value: Any) -> bool:
    return isinstance(getattr(value, "numerator", None), int) and value.denominator != 0


def _frame(tracks: list[otio.schema.Track], scaled: list[otio.core.Item]) -> Raster | None:
    shown: Counter[Raster] = Counter()
    for track in tracks:
        for clip in track.find_clips():
            raster = _raster(clip)
            if raster is not None and not any(clip is item for item in scaled):
                # the counts only rank: a microsecond is fine enough
                shown[raster] += int(exact_seconds(clip.duration()) * 1_000_000)
    return max(shown, key=lambda raster: shown[raster], default=None)


def _raster(item: otio.core.Item) -> Raster | None:
    if not isinstance(item, otio.schema.Clip):
        return None
    stated = item.media_reference.metadata.get("unisync", {}).get("raster")
    return (int(stated[0]), int(stated[1])) if stated else None


def _fills(raster: Raster | None, frame: Raster | None, least: Fraction) -> bool:
    if raster is None or frame is None:
        return False
    # a ratio is rounded; a line missing at the edge is no picture in picture
    return all(whole - side * least < 2 for side, whole in zip(raster, frame, strict=True))
