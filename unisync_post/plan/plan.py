"""The plan: for every picture clip of the edit, what will be done and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from unisync_adapters.document import Lay
from unisync_adapters.timebase import FrameRange, Rate

from .shots import DubClip, Shot


class Decision(str, Enum):
    RENDER = "render"
    LEAVE = "leave"
    """Nothing to do here: no dub, disabled, generator, marked ``unisync:skip`` …"""
    REFUSE = "refuse"
    """There is something to do, but not what we can do yet; the reason says what to do instead."""


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """One picture clip of the edit.

    Attributes:
        index: 1-based, in record order; what ``--shots 3-8`` counts.
        origin: key in the document.
        name, track: as the editor knows them.
        record: frames from the sequence start, at the record rate.
        timecode: record in-point as the edit writes it.
        media: the media as the edit writes it (for people), empty for generators and gaps.
        dub: names of the dub files that sound under it, for people.
        speech: seconds of dub speech under it; None when not looked at.
        decision, reason: what, and why (always a sentence).
        shot: the work, when the decision is to render. Clips that show the very same frames with
            the same dub share one shot key.
        warnings: what is odd about it but does not stop it.
    """

    index: int
    origin: str
    name: str
    track: str
    record: FrameRange
    timecode: str
    media: str
    dub: tuple[str, ...]
    speech: float | None
    decision: Decision
    reason: str
    shot: Shot | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DubChoice:
    """Which audio is the dub, and how that was found.

    Attributes:
        clips: the pieces on the record timeline.
        language: BCP-47, "und" when nothing says.
        reason: one sentence: given on the command line, track "A3 FR DX" by rule …
        warnings: such as a stereo mix used as driver.
    """

    clips: tuple[DubClip, ...]
    language: str
    reason: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done to one edit with one dub.

    Attributes:
        edit: path of the edit; ``edit_sha256`` of its bytes.
        name: the edit's own name; ``new_name`` what the returned timeline will be called.
        rate, drop, start_frame: the record clock (``start_frame`` = its timecode of frame 0).
        clips: every picture clip, in record order.
        warnings: about the whole edit, such as all offline media.
        lays: the dub files to be laid on new audio tracks of the returned edit.
        keep_takes: dubbed clips keep what they played, as a take to go back to.
    """

    edit: str
    edit_sha256: str
    name: str
    new_name: str
    rate: Rate
    drop: bool
    start_frame: int
    dub: DubChoice
    clips: tuple[ClipPlan, ...]
    warnings: tuple[str, ...] = ()
    lays: tuple[Lay, ...] = ()
    keep_takes: bool = False

    @property
    def to_render(self) -> tuple[ClipPlan, ...]:
        return tuple(c for c in self.clips if c.decision is Decision.RENDER)
