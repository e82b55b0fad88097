"""Motion of a clipitem: whether one may see past it what lies below.

Final Cut's fixed effects, as Premiere and Resolve write them too: ``basic`` (scale), ``crop`` and
``opacity``. A scale is of the media's own size, so what is larger than the frame may be scaled down
and still fill it. What moves or turns a picture is taken to leave it in place.
"""

from __future__ import annotations

from .filters import WHOLE, Filters
from .scan import Element
from .stated import Stated

Raster = tuple[int, int]


def shows_below(clip: Stated, filters: Filters, raster: Raster | None, sequence: Element) -> bool:
    """Whether this clipitem is blended, faded, cropped or scaled down at any moment.

    Args:
        clip: the ``clipitem``.
        filters: what its filters say.
        raster: width and height of its media, where the document says.
        sequence: the sequence it lies in, whose frame it may fill.
    """
    if clip.composite is not None and clip.composite.casefold() != "normal":
        return True
    return filters.least < WHOLE and not _fills(raster, sequence, filters.least)


def frame_of(sequence: Element) -> Raster | None:
    """Width and height of a sequence, where it says."""
    stated = sequence.first("media", "video", "format", "samplecharacteristics")
    if stated is None:
        return None
    width, height = stated.int_of("width"), stated.int_of("height")
    return (width, height) if width and height else None


def _fills(raster: Raster | None, sequence: Element, percent: float) -> bool:
    frame = frame_of(sequence)
    if raster is None or frame is None:
        return False
    # a percentage is rounded; a line missing at the edge is no picture in picture
    return all(whole - side * percent / 100 < 2 for side, whole in zip(raster, frame, strict=True))
