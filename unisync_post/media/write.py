"""Writing new media: the plate's own packets where nothing changed, an encode where it did.

The new file repeats what an NLE compares: raster, pixel aspect, exact rate, start timecode, reel,
colour tags and audio streams. The same input gives the same bytes; no clock is written into it.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from unisync_adapters.timebase import Rate, Timecode

from .. import crashpoints
from ..errors import MediaError
from ..records import make_folder, sync_folder
from .delivery import AUTO, Delivery, delivery_for
from .info import MediaInfo
from .mux import Muxer, Picture
from .mxf import complete
from .probe import check_usable, probe, timecode_rate
from .sequences import IMAGE_SEQUENCE
from .sequences_write import SequenceWriter


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file.

    Attributes:
        copied: pictures that are the source's own packets.
        encoded: pictures that went through the encoder.
        spliced: those among them of which only the touched ProRes slices are new; every other
            slice is the plate's own, bit for bit.
        codec: as people name it, such as "Apple ProRes 422 HQ".
    """

    path: Path
    frames: int
    copied: int
    encoded: int
    codec: str
    audio_streams: int
    spliced: int = 0


def write_media(
    info: MediaInfo,
    pictures: Iterable[Picture],
    out: Path,
    *,
    count: int,
    rate: Rate,
    start_frame: int,
    drop: bool = False,
    reel: str | None = None,
    audio: bool = True,
    marks: Mapping[str, str] | None = None,
    mezzanine: str | None = None,
) -> Written:
    """Write one QuickTime or MXF file, streaming: memory does not grow with its length.

    Args:
        info: the plate.
        pictures: for each new frame the plate frame it shows, the decoded (and perhaps changed)
            picture, and whether it was changed. The picture may be None where it is unchanged and
            the plate is ProRes or DNxHR: its packet is copied, bit for bit. Saying *where* it
            changed (the ``Region.box`` of each composite) instead of True keeps all other slices of
            a ProRes plate, too.
        out: the new file, with the suffix of its delivery
            (:func:`~unisync_post.media.delivery.delivery_for`); it appears whole or not at all.
            One writer at a time: what a killed one left under a temporary name is removed.
        count: frames it must have.
        rate: its rate: the plate's, or the record rate where a retime is baked.
        start_frame, drop: its start timecode, counted at ``rate``.
        reel: reel name; None writes none.
        audio: copy the plate's audio under the range. The pictures must then be consecutive.
        marks: provenance, written as QuickTime metadata and, in one line, as its comment; in an MXF
            as user comments.
        mezzanine: codec, where the plate's own cannot be kept.

    Raises:
        MediaError: an unusable plate, fewer or more pictures than ``count``, a picture that is
            missing or cannot be encoded, sound asked for under a retime, or a result that does not
            read back as meant. No file is left behind.
    """
    delivery = _delivery(info, out, rate, mezzanine)
    if info.container == IMAGE_SEQUENCE:
        start = Timecode(start_frame, rate, drop)
        return _write_frames(info, pictures, out, _Meant(count, rate, start, reel, marks or {}))
    clock = timecode_rate(rate)
    # read back from its own text: a timecode past midnight starts the day again
    start = Timecode.parse(str(Timecode(start_frame, clock, drop)), clock, drop)
    meant = _Meant(count, rate, start, reel, marks or {})
    return _write_movie(info, pictures, out, delivery, meant, audio)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What new media has to say of itself."""

    frames: int
    rate: Rate
    start: Timecode
    reel: str | None
    marks: Mapping[str, str]


def _delivery(info: MediaInfo, out: Path, rate: Rate, mezzanine: str | None) -> Delivery:
    """How the plate is delivered, once it is clear that it can be, under this name."""
    if refusal := check_usable(info):
        raise MediaError(refusal)
    delivery = delivery_for(info, rate, mezzanine or AUTO)
    if out.suffix != delivery.suffix:
        raise MediaError(f"New media is written as {delivery.suffix}", file=out)
    if out.resolve() == info.path.resolve():
        raise MediaError("The original would be overwritten", file=out, remedy="Choose a new name.")
    return delivery


def _write_movie(
    info: MediaInfo,
    pictures: Iterable[Picture],
    out: Path,
    delivery: Delivery,
    meant: _Meant,
    audio: bool,
) -> Written:
    make_folder(out.parent)
    for killed in out.parent.glob(f".{glob.escape(out.name)}.*.part"):
        killed.unlink(missing_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with Muxer(info, delivery, temporary, meant.rate, meant.frames, audio=audio) as muxer:
            muxer.describe(meant.start, meant.reel, meant.marks)
            crashpoints.reached("media opened")
            for picture in pictures:
                muxer.add(*picture)
            muxer.finish()
        if delivery.container == "mxf":
            shape = info.pixel_aspect * Fraction(info.width, info.height)
            complete(temporary, muxer.essence, shape)
        _check(info, temporary, meant)
        _publish(temporary, out)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"New media could not be written: {error}", file=out) from error
    finally:
        temporary.unlink(missing_ok=True)
    streams = len(info.audio) if audio else 0
    counts = muxer.copied, muxer.encoded
    return Written(out, meant.frames, *counts, delivery.name, streams, muxer.spliced)


def _write_frames(
    info: MediaInfo, pictures: Iterable[Picture], out: Path, meant: _Meant
) -> Written:
    """:func:`write_media` of an image sequence."""
    writer = SequenceWriter(info, meant.start, meant.marks)
    try:
        writer.write(pictures, out, meant.frames)
    except OSError as error:
        raise MediaError(f"New media could not be written: {error}", file=out) from error
    name = delivery_for(info).name
    return Written(out, meant.frames, writer.copied, writer.encoded, name, 0)


def _check(info: MediaInfo, path: Path, meant: _Meant) -> None:
    """Read the new file back: everything an NLE compares must be as meant."""
    new = probe(path)
    same_tags = replace(new.colour, range=0) == replace(info.colour, range=0)
    facts = {
        "frame count": new.frames == meant.frames,
        "rate": new.rate == meant.rate,
        "start timecode": (new.start_frame, new.drop) == (meant.start.frame, meant.start.drop),
        "raster": (new.width, new.height) == (info.width, info.height),
        "pixel aspect": new.pixel_aspect == info.pixel_aspect,
        "reel": new.reel == meant.reel,
        "colour tags": same_tags,
    }
    wrong = [name for name, kept in facts.items() if not kept]
    if wrong:
        raise MediaError(
            f"The new file does not read back with the plate's {' and '.join(wrong)}",
            file=info.path,
            remedy="Conform the plate to ProRes and try again.",
        )


def _publish(temporary: Path, out: Path) -> None:
    crashpoints.reached("media written")
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    crashpoints.reached("media synced")
    temporary.replace(out)
    crashpoints.reached("media renamed")
    sync_folder(out.parent)
    crashpoints.reached("media folder synced")
