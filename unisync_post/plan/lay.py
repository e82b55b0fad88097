"""The dub as a new audio track of the returned edit, where that was asked for."""

from __future__ import annotations

from fractions import Fraction

from unisync_adapters.document import Document, Lay
from unisync_adapters.otio_bundle import is_bundle
from unisync_adapters.timebase import Timecode

from ..errors import PlanError
from ..media.audio import audio_info
from .dialogue import start_frame
from .options import PlanOptions
from .plan import DubChoice
from .rules import UNDETERMINED
from .shots import DubClip


def lays_of(
    document: Document, dub: DubChoice, options: PlanOptions
) -> tuple[tuple[Lay, ...], tuple[str, ...]]:
    """What is to be laid, a track a dub file, and what to say of it.

    Nothing, unless it was asked for and the dub is not in the edit yet.

    Raises:
        PlanError: a dub that begins between two frames, or an edit in a bundle.
        EditError: a format in which no sound can be laid.
    """
    if not options.lay_dub:
        return (), ()
    if not options.dub:
        return (), ("Nothing is laid: the dub is a track of the edit already.",)
    if is_bundle(document.path):
        raise PlanError(
            "The dub cannot be laid in an edit that holds its media",
            file=document.path,
            remedy="Leave out --lay-dub, or hand over the .otio beside its media.",
        )
    lays = tuple(_lay(document, dub, clip) for clip in dub.clips if clip.duration > 0)
    document.patch([], lays=lays)  # refused here, if it must be, and not after hours of rendering
    zero = start_frame(document)
    places = ", ".join(
        f"{lay.path.name} on {lay.track} from "
        f"{Timecode(zero + lay.start, document.rate, document.drop)}"
        for lay in lays
    )
    return lays, (f"The dub is laid on a new audio track: {places}.",)


def _lay(document: Document, dub: DubChoice, clip: DubClip) -> Lay:
    info, rate = audio_info(clip.path), document.rate
    start, source_in = clip.record * rate.fps, clip.source * rate.fps
    length = int(clip.duration * rate.fps)
    if start.denominator != 1 or source_in.denominator != 1 or not length:
        raise PlanError(
            "The dub cannot be laid: it begins between two frames of the edit, or lasts none",
            file=clip.path,
            remedy="Give --dub-start with a timecode, or leave out --lay-dub.",
        )
    stamp = Fraction(info.time_reference or 0, info.sample_rate)
    return Lay(
        path=clip.path,
        track=_track_name(dub.language, clip.speaker),
        language=dub.language,
        start=int(start),
        duration=length,
        source_in=int(source_in),
        media_duration=int(source_in) + max(length, int((info.duration - clip.source) * rate.fps)),
        start_frame=rate.frame_at(stamp),
        channels=info.channels,
        sample_rate=info.sample_rate,
    )


def _track_name(language: str, speaker: str | None) -> str:
    """As the track rules read it: a dub, of this language, and who speaks."""
    known = "" if language == UNDETERMINED else f" {language.upper()}"
    return f"DUB{known}" + (f" {speaker}" if speaker else "")
