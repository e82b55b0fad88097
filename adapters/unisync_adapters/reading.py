"""What was read of an edit: as a cut list and as an OTIO timeline, one made of the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import opentimelineio as otio

from .collector import no_cycles
from .cutlist import CutList
from .from_otio import cuts_of
from .timebase import Rate
from .to_otio import timeline_of


class Reading(Protocol):
    """An edit in both forms."""

    @property
    def timeline(self) -> otio.schema.Timeline: ...

    @property
    def cuts(self) -> CutList: ...


@dataclass(frozen=True)
class ReadTimeline:
    """Read as a timeline; the cut list, in frames of ``rate``, is made when it is asked for."""

    timeline: otio.schema.Timeline
    rate: Rate

    @cached_property
    def cuts(self) -> CutList:
        return cuts_of(self.timeline, self.rate)


@dataclass(frozen=True)
class ReadCuts:
    """Read as a cut list; the timeline is made when it is asked for."""

    cuts: CutList

    @cached_property
    def timeline(self) -> otio.schema.Timeline:
        with no_cycles():
            return timeline_of(self.cuts)
