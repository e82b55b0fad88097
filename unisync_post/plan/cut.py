"""One clip's picture range in its media: exact source frames, handles, retimes and ramps to bake.

Without a retime the new media keeps the media's own rate, whatever the edit's (a 24 fps plate in
a 25 fps edit stays 24); with one it has the record rate and shows what the NLE plays, unblended.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from unisync_adapters.cutlist import UNCHANGED
from unisync_adapters.ramp import Ramp
from unisync_adapters.timebase import FrameRange, Rate

from ..errors import PlanError
from ..media.info import MediaInfo
from .exact import Moment, counted_at, seconds, settled
from .walk import Placement

_SAME_RATE = Fraction(1, 2000)
"""Rates this close (relatively) are one rate rounded; 24 and 23.976 are twice as far apart."""


class Cut(NamedTuple):
    """The geometry of a :class:`~unisync_post.plan.shots.Shot`, field by field."""

    source: FrameRange
    record: FrameRange
    head: int
    tail: int
    length: int
    rate: Rate
    start: Fraction
    dub_start: Fraction
    speed: Fraction | Ramp
    warnings: tuple[str, ...] = ()


def cut(placement: Placement, info: MediaInfo, record_rate: Rate, handles: int) -> Cut:
    """Where this clip's frames lie in its media, with handles clamped to what there is.

    A clip inside a nest is cut whole, also where the nest shows only a part of it: the document
    is patched inside the nest, once.

    Raises:
        PlanError: the clip lies outside its media, or edit and file disagree on the frame rate.
    """
    first = ceil(placement.start)
    count = ceil(placement.start + placement.duration) - first
    record = FrameRange(first, count, record_rate)
    speed = placement.clip.speed
    ratio = 1 if info.rate == record_rate else info.rate.fps / record_rate.fps
    offset, warnings = media_offset(placement, info, record_rate)
    late = first - placement.start
    if (
        speed is not UNCHANGED and speed < 0
    ):  # its range starts at the last picture played: otiotime.first_shown
        late -= placement.duration - 1
    position = settled(offset + late * speed * ratio) if late else offset
    overlaps = (ceil(placement.before), ceil(placement.after))
    if placement.ramp is not None:
        fps, ramp = info.rate.fps, placement.ramp
        shown = ramp.mapped(lambda when: when - late, lambda media: offset + media * fps)
        return _ramped(record, info, shown, overlaps, handles, warnings)
    if speed is UNCHANGED or speed == 1:
        return _straight(record, info, position, ratio, overlaps, handles, warnings)
    return _baked(record, info, position, speed, overlaps, handles, warnings)


def media_offset(
    placement: Placement, info: MediaInfo, record_rate: Rate
) -> tuple[Moment, tuple[str, ...]]:
    """Exact plate frame (0-based) at which the clip's source range starts, and what is odd there.

    Raises:
        PlanError: the edit states another frame rate for the media than the file has.
    """
    clip, media = placement.clip, placement.media
    if media.start is None:
        played = counted_at(info.rate, clip.start, clip.clock)
        # in its timecode, or in the numbers of its frames; else from its first frame
        return played - (info.start_frame if played >= info.start_frame else 0), ()
    start, stated = media.start
    if _means(stated, info.rate):
        return settled(counted_at(stated, clip.start, clip.clock) - start), ()
    if stated == record_rate or media.counted == record_rate:
        begin = counted_at(record_rate, clip.start, clip.clock)
        played = seconds(begin, record_rate) - seconds(start, stated)
        note = f"The edit counts this {info.rate.label} fps media in its own rate"
        return settled(played * info.rate.fps), (note,)
    raise PlanError(
        f"The edit says this media runs at {stated.label} fps, the file runs at {info.rate.label}",
        remedy="Relink the clip in the NLE, or conform the media to the rate that the edit states.",
    )


def _means(stated: Rate, true: Rate) -> bool:
    """Whether an edit that states one rate counts the frames of the other.

    It does where it merely rounds: 22.131 to 22.13, or, in a format that has only whole frame
    rates and their 1001ths (FCP7 XML), to 22. A file at 24 that is stated as 25 is another thing.
    """
    if stated is true or stated == true or abs(stated.fps / true.fps - 1) < _SAME_RATE:
        return True
    sayable = true.fps.denominator in (1, 1001)
    return not sayable and stated.fps == round(true.fps)


def _straight(
    record: FrameRange,
    info: MediaInfo,
    position: Moment,
    ratio: Moment,
    overlaps: tuple[int, int],
    handles: int,
    warnings: tuple[str, ...],
) -> Cut:
    """No retime: a run of the media's own frames."""
    first = floor(position)
    end = ceil(settled(position + record.count * ratio))
    wanted = (handles + ceil(overlaps[0] * ratio), handles + ceil(overlaps[1] * ratio))
    low, high = max(0, first - wanted[0]), min(info.frames, end + wanted[1])
    _refuse_outside(max(first, 0) >= min(end, info.frames), info)
    short = (first - low - (wanted[0] - handles), high - end - (wanted[1] - handles))
    early = low - position
    if ratio == 1:
        due = seconds(record.start + early, info.rate)
    else:
        due = seconds(record.start, record.rate) + seconds(early, info.rate)
    source, head, tail = FrameRange(low, high - low, info.rate), first - low, high - end
    # in order: ten thousand tuples are made in half the time without their names
    return Cut(
        source,
        record,
        max(0, head),
        max(0, tail),
        high - low,
        info.rate,
        Fraction(low),
        due,
        UNCHANGED,
        warnings + _short_of_media(short),
    )


def _baked(
    record: FrameRange,
    info: MediaInfo,
    position: Moment,
    speed: Fraction,
    overlaps: tuple[int, int],
    handles: int,
    warnings: tuple[str, ...],
) -> Cut:
    """A constant retime: the frames that the edit plays, at the record rate."""
    step = speed * info.rate.fps / record.rate.fps
    first, end = _playable(position, step, info.frames)
    wanted = (handles + overlaps[0], handles + overlaps[1])
    low = max(-wanted[0], -wanted[0] if first is None else first)
    high = min(record.count + wanted[1], record.count + wanted[1] if end is None else end)
    _refuse_outside(max(low, 0) >= min(high, record.count), info)
    edges = [floor(position + k * step) for k in (low, high - 1)]
    short = (-low - overlaps[0], high - record.count - overlaps[1])
    return Cut(
        source=FrameRange(min(edges), max(edges) - min(edges) + 1, info.rate),
        record=record,
        head=max(0, -low),
        tail=max(0, high - record.count),
        length=high - low,
        rate=record.rate,
        start=Fraction(position + low * step),
        dub_start=seconds(record.start + low, record.rate),
        speed=speed,
        warnings=warnings + _short_of_media(short),
    )


def _ramped(
    record: FrameRange,
    info: MediaInfo,
    shown: Ramp,
    overlaps: tuple[int, int],
    handles: int,
    warnings: tuple[str, ...],
) -> Cut:
    """A ramp: the frames that the edit plays, at the record rate.

    ``shown`` maps record frames, counted from the clip's first, to plate frames. Handles end where
    the curve does, and where it leaves the media.
    """
    count = record.count
    own = _bounds(shown, 0, count)
    _refuse_outside(own.start < 0 or own.stop > info.frames, info)
    low = -_reach(shown, range(-1, -1 - handles - overlaps[0], -1), info.frames)
    high = count + _reach(shown, range(count, count + handles + overlaps[1]), info.frames)
    played = _bounds(shown, low, high)
    short = (-low - overlaps[0], high - count - overlaps[1])
    ramp = shown.mapped(lambda when: when - low, lambda frame: frame)
    return Cut(
        source=FrameRange(played.start, len(played), info.rate),
        record=record,
        head=-low,
        tail=high - count,
        length=high - low,
        rate=record.rate,
        start=ramp.at(0),
        dub_start=seconds(record.start + low, record.rate),
        speed=ramp,
        warnings=warnings + _short_of_media(short),
    )


def _bounds(shown: Ramp, low: int, high: int) -> range:
    """The plate frames between the first and the last that low … high - 1 show.

    Between two knots a ramp goes one way, so only the ends and what lies beside a knot count.
    """
    beside = (k for when, _ in shown.knots for k in (floor(when), ceil(when)))
    edges = {low, high - 1, *(k for k in beside if low <= k < high)}
    frames = [shown.frame(k) for k in edges]
    return range(min(frames), max(frames) + 1)


def _reach(shown: Ramp, handle: range, total: int) -> int:
    """How many of these frames, from the clip outwards, the curve states and the media has."""
    ends = (n for n, k in enumerate(handle) if not _is_there(shown, k, total))
    return next(ends, len(handle))


def _is_there(shown: Ramp, k: int, total: int) -> bool:
    return shown.knots[0][0] <= k <= shown.knots[-1][0] and 0 <= shown.frame(k) < total


def _playable(position: Moment, step: Fraction, total: int) -> tuple[int | None, int | None]:
    """Steps from ``position`` (first, exclusive end) that stay inside 0 … total; None = no end."""
    if step > 0:
        return ceil(-position / step), ceil((total - position) / step)
    if step < 0:
        return floor((total - position) / step) + 1, floor(-position / step) + 1
    return (None, None) if 0 <= position < total else (0, 0)


def _refuse_outside(outside: bool, info: MediaInfo) -> None:
    if outside:
        raise PlanError(
            f"The clip lies outside its media, which has {info.frames} frames",
            file=info.path,
            remedy="Relink the clip to the media that it was cut from.",
        )


def _short_of_media(short: tuple[int, int]) -> tuple[str, ...]:
    """Warnings for frames that the clip and its transitions need and the media lacks."""
    if min(short) >= 0:
        return ()
    return tuple(
        f"The media is {-missing} frames short at the {end} of this clip; they stay as they are"
        for missing, end in zip(short, ("head", "tail"), strict=True)
        if missing < 0
    )
