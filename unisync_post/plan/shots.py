"""A shot: one picture range to re-sync, and everything needed to render it alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from unisync_adapters.ramp import Ramp
from unisync_adapters.timebase import FrameRange, Rate


@dataclass(frozen=True, slots=True)
class DubClip:
    """A piece of the dub as it lies on the record timeline.

    Attributes:
        path: the audio (or audio-bearing) file, as this machine sees it.
        record: seconds since the sequence start at which the piece begins.
        source: seconds into the file at which it begins.
        duration: seconds.
        stream: audio stream of the file.
        channel: one channel of that stream; None = mix down (the centre of 5.1).
        speaker: who speaks, where the track or file name says so.
    """

    path: Path
    record: Fraction
    source: Fraction
    duration: Fraction
    stream: int = 0
    channel: int | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture range to re-sync.

    The new media has ``length`` frames: ``head`` handle frames, the clip's own frames, ``tail``
    handle frames. Frame *k* of it shows plate frame ``played()[k]``.

    Attributes:
        key: content hash of everything below that decides the pixels, and of the dub's samples
            under it; not of paths, names or the language.
        origin: the clip in its document.
        name: the clip's name.
        media: the plate file.
        source: plate frames (0-based in the file), handles included. With a retime: the span that
            ``played()`` draws from.
        record: where the clip lies in the edit, handles excluded, in record frames counted from
            the sequence start.
        head, tail: handle frames, in frames of the new media.
        length: frames of the new media.
        rate: rate of the new media: the plate's own, or the record rate when ``speed`` is baked.
        speed: plate seconds per record second: 1, or the constant retime to bake (may be < 0); or
            the ramp to bake, a map from frames of the new media to plate frames.
        start: first played plate frame as an exact position, before flooring.
        dub_start: record seconds (from the sequence start) of the new media's first frame.
        dub: the pieces of dub that sound during the shot (with context), in record time.
        original: the original dialogue during the shot, if the edit tells; else empty.
        language: BCP-47 tag of the dub, or "und".
        face: ``left``, ``right``, ``largest``, a track number, or None to choose; or the face of
            each character, ``ANNA:left,BRUNO:right``, named as in ``characters``.
        characters: who speaks in the clip, of those with a dub file or track of their own.
        colour: what the plate's values were said to mean (a name of
            :data:`~unisync_post.media.viewing.ENCODINGS`); None: what its tags say.
        mezzanine: codec of the new media where the plate's own cannot be kept; None where it is.
        suffix: of the new media's file name.
        identity: the plate file's fingerprint when planned (``MediaInfo.identity``); a file that
            changed since is refused.
    """

    key: str
    origin: str
    name: str
    media: Path
    source: FrameRange
    record: FrameRange
    head: int
    tail: int
    length: int
    rate: Rate
    start: Fraction
    dub_start: Fraction
    speed: Fraction | Ramp = Fraction(1)
    dub: tuple[DubClip, ...] = ()
    original: tuple[DubClip, ...] = ()
    language: str = "und"
    face: str | None = None
    colour: str | None = None
    mezzanine: str | None = None
    suffix: str = ".mov"
    identity: str = ""
    characters: tuple[str, ...] = ()

    def played(self) -> list[int]:
        """Plate frame (0-based in the file) shown by each frame of the new media.

        Without a retime this is ``source`` itself. With one, frame *k* shows the plate at
        ``start + k * speed * plate_rate / rate``, or where the ramp says, floored: what an NLE
        plays without frame blending.
        """
        if isinstance(self.speed, Ramp):
            frames = [self.speed.frame(k) for k in range(self.length)]
        else:
            step = self.speed * self.source.rate.fps / self.rate.fps
            frames = [int((self.start + k * step) // 1) for k in range(self.length)]
        return [min(max(f, self.source.start), self.source.end - 1) for f in frames]
