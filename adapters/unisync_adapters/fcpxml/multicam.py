"""Multicam clips: the angle that one shows, and the one clip under it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import EditError
from ..timebase import Rate
from .resources import Resources
from .tags import EXPORT_AGAIN, Tag

if TYPE_CHECKING:
    from .read import Reader


@dataclass(frozen=True, slots=True)
class Angle:
    """What an ``mc-clip`` shows.

    Attributes:
        media: the ``media`` resource; ``multicam`` the element in it.
        tag: the ``mc-angle``; None when it shows none.
        source: the ``mc-source`` that chose it; None when the clip has none.
        item: the one element of the angle under the whole clip; None if there are several.
        at: the multicam time at which ``item`` begins.
        refuse: why nothing can be done with it.
    """

    media: Tag
    multicam: Tag
    tag: Tag | None
    source: Tag | None
    item: Tag | None = None
    at: Fraction = Fraction(0)
    refuse: str | None = None

    @property
    def zero(self) -> Fraction:
        """The multicam's start time."""
        return self.multicam.time("tcStart") or Fraction(0)

    def rate(self, record: Rate, reader: Reader) -> Rate:
        """The multicam's own rate, or else that of the timeline that uses it."""
        format_ = reader.resources.format(self.multicam.get("format"), self.multicam)
        return (format_.rate if format_ is not None else None) or record

    def shift(self, reader: Reader, shown: Tag) -> Fraction:
        """The shown element's clock less the multicam's."""
        return reader.extent(shown)[0] - self.at


def active_angle(resources: Resources, tag: Tag, start: Fraction, length: Fraction) -> Angle:
    """The angle whose picture a multicam clip shows from ``start``, in the multicam's time.

    Raises:
        EditError: it refers to no multicam.
    """
    media = resources.of(tag, "media")
    multicam = media.first("multicam")
    if multicam is None:
        raise tag.located(EditError("<mc-clip> refers to no multicam", remedy=EXPORT_AGAIN))
    angles = multicam.all("mc-angle")
    sources = [s for s in tag.all("mc-source") if (s.get("srcEnable") or "all") in ("all", "video")]
    source = sources[0] if sources else None
    if source is None:
        chosen = None if tag.first("mc-source") is not None else next(iter(angles), None)
    else:
        wanted = source.get("angleID")
        chosen = next((angle for angle in angles if angle.get("angleID") == wanted), None)
    if chosen is None:
        return Angle(media, multicam, None, source, refuse="Its multicam angle does not exist")
    cursor = multicam.time("tcStart") or Fraction(0)
    for item in chosen.story():
        offset = item.time("offset")
        begin = cursor if offset is None else offset
        cursor = begin + (item.length() or 0)
        if begin <= start and start + length <= cursor:
            return Angle(media, multicam, chosen, source, item, begin)
    return Angle(media, multicam, chosen, source)
