"""What an edit says of a media file, asked once for all the clips that hold its one reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import opentimelineio as otio

from unisync_adapters.from_otio import facts
from unisync_adapters.timebase import Rate

from .exact import Moment, frames, rate_of
from .sequences import sequence_url


def url_of(media: otio.core.MediaReference) -> str:
    """The URL or path of a reference as the edit writes it; empty where it has a name at most."""
    return str(getattr(media, "target_url", None) or sequence_url(media) or "")


@dataclass(frozen=True)
class Reference:
    """A media reference of an edit, and what its reader noted on it."""

    media: otio.core.MediaReference
    noted: Mapping[str, object]

    @classmethod
    def of(cls, media: otio.core.MediaReference) -> Reference:
        return cls(media, facts(media))

    @cached_property
    def url(self) -> str:
        """See :func:`url_of`."""
        return url_of(self.media)

    @cached_property
    def raster(self) -> tuple[float, ...] | None:
        """Width and height, where the edit knows them."""
        stated = self.noted.get("raster")
        if isinstance(stated, tuple) and all(isinstance(side, int | float) for side in stated):
            return stated
        return None

    @cached_property
    def first(self) -> tuple[Moment, Rate] | None:
        """Its first frame, and the rate that the edit counts its range in; None without one."""
        available = self.media.available_range
        if available is None:
            return None
        rate = rate_of(available.start_time.rate)
        return frames(available.start_time, rate), rate

    @property
    def counted(self) -> Rate | None:
        """The rate that the edit counts its range in; None without a range."""
        return None if self.first is None else self.first[1]

    @cached_property
    def start(self) -> tuple[Moment, Rate] | None:
        """Its first frame, and the rate that the edit states for it; None without a range."""
        available = self.media.available_range
        if available is None:
            return None
        rate = rate_of(str(self.noted.get("rate", "") or available.start_time.rate))
        return frames(available.start_time, rate), rate
