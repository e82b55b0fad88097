"""A picture clip of the edit as patching needs it, and the reasons why one cannot be relinked."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..timebase import Rate
from .clock import unknown_time
from .multicam import Angle
from .resources import Asset
from .retime import Retime, retime_of
from .tags import Tag

_FINEST = 100
"""Parts of a frame; finer than any speed that people choose."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture clip.

    Attributes:
        element: the story element in the timeline.
        media: the element whose ``ref`` names the asset: the same, or the ``video`` in a ``clip``.
        asset: what it plays.
        retime: how the element's clock runs.
        nest: the ``media`` resources around it.
        sound: the same element plays sound too.
        shift: media time less the time that the retime leads to.
        start: time of the element's clock where it begins.
        length: seconds that it lasts in the timeline around it.
        rate: of the media's pictures; ``record``: of the timeline around it.
        angle: of a multicam clip, the angle that it shows.
        detach: its sound must become a clip of its own, since the new media lacks it.
        refuse: why it cannot be relinked.
    """

    element: Tag
    media: Tag
    asset: Asset
    retime: Retime
    nest: tuple[Tag, ...]
    sound: bool
    shift: Fraction
    start: Fraction
    length: Fraction
    rate: Rate
    record: Rate
    angle: Angle | None = None
    detach: bool = False
    refuse: str | None = None

    def media_time(self, clock: Fraction) -> Fraction:
        """The media time at this time of the element's clock."""
        return self.retime.media(clock) + self.shift


def shift_in(element: Tag, media: Tag, asset: Asset) -> Fraction:
    """How far the media's time is from the clock of the ``clip`` that its ``video`` lies in."""
    if media is element:
        return Fraction(0)
    start = media.time("start")
    return (asset.start if start is None else start) - (media.time("offset") or 0)


def backward_hair(end: Fraction, step: Fraction) -> Fraction:
    """How far before ``end`` the first picture lies of what plays backwards from there, in frames.

    A time map gives the edge where a picture ends. Of a media frame n that ends at n + 1, any time
    just before n + 1 is inside; this one is, and so are all those whole steps from it.
    """
    parts = (Fraction(1, end.denominator) * Fraction(1, step.denominator)).denominator
    return Fraction(1, min(parts, _FINEST))


def refusal(item: Item) -> str | None:
    """Why a clip cannot be relinked, as a sentence; None if it can."""
    if item.retime.refuse:
        return item.retime.refuse
    if item.asset.format is not None and item.asset.format.spherical:
        return "It is a 360° picture"
    if item.media is not item.element and not retime_of(item.media, item.record).is_plain:
        return "The speed of the picture inside it is changed"
    if item.angle is not None and item.retime.ramp is not None:
        return "It is a multicam clip with a speed ramp; flatten it to the angle in use"
    unknown = unknown_time(item.element, item.retime.tags)
    if item.retime.is_changed and unknown is not None:
        return f"Its speed is changed, and the times of its <{unknown.name}> would not follow"
    if needs_detach(item) and not item.detach:
        why = "Its speed is changed" if item.retime.is_changed else "It is a split edit"
        return (
            f"{why} and its sound is in the same clip; "
            "detach the audio (Clip > Detach Audio) and export again"
        )
    return None


def needs_detach(item: Item) -> bool:
    """Whether the new media cannot carry all the sound that is one element with the picture."""
    if not item.sound:
        return False
    if item.retime.is_changed:
        return True
    own = item.element.name == "asset-clip"
    return own and _is_split(item.element, item.start, item.length)


def _is_split(element: Tag, start: Fraction, length: Fraction) -> bool:
    """Whether its sound begins before its picture, or ends after it."""
    begin, sounds = element.time("audioStart"), element.length("audioDuration")
    begin = start if begin is None else begin
    end = begin + (length if sounds is None else sounds)
    return begin < start or end > start + length
