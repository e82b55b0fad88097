"""The review media of one shot: made once, kept while its inputs are the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from unisync_adapters.timebase import Rate

from ..errors import JobError, MediaError
from ..job.result import ShotResult
from ..media.frames import read_frames, read_played
from ..media.info import MediaInfo
from ..media.probe import probe
from ..media.viewed import seen
from ..media.viewing import read_colour
from ..plan.shots import Shot
from ..records import dump, load, write_atomic
from .options import ReviewOptions
from .proxies import Proxies, write_proxies
from .sound import dub_sound, original_sound

FORMAT = "1"
"""Raised whenever proxies of the same inputs would look or sound different."""

RECORD = "proxy.json"


@dataclass(frozen=True, slots=True)
class SourceClock:
    """The plate's own timecode.

    Attributes:
        start: frame number of its first frame.
        known: False when the file carries no timecode and frames are counted from zero.
    """

    start: int
    rate: Rate
    drop: bool
    known: bool


@dataclass(frozen=True, slots=True)
class ShotMedia:
    """The record of one shot's review media, beside them as ``proxy.json``.

    Attributes:
        made_from: hash of everything that decides these files.
        proxies: the two pictures.
        clock: the plate's timecode.
        dub, original: whether the after / before proxy has sound.
    """

    made_from: str
    proxies: Proxies
    clock: SourceClock
    dub: bool
    original: bool


def media_folder(result: ShotResult) -> str:
    """Name of a shot's folder in ``review/media``: ours, whatever the key is made of."""
    return hashlib.sha256(result.key.encode()).hexdigest()[:16]


def shot_media(
    folder: Path, shot: Shot, result: ShotResult, out: Path, options: ReviewOptions
) -> ShotMedia:
    """The review media of a rendered shot, made now unless they are there already.

    Args:
        folder: where they lie.
        out: the output folder that ``result.media`` and the shots' folders are relative to.

    Raises:
        MediaError: plate or new media cannot be read, or do not have the shot's frames.
    """
    made_from = _inputs(shot, result, options)
    known = _known(folder, made_from)
    if known is not None:
        return known
    if result.media is None:
        raise MediaError("A rendered shot without media", clip=shot.name)
    plate = probe(shot.media, shot.source.rate)
    new = probe(out / result.media, shot.rate)
    tags = read_colour(plate, shot.colour).encoding
    dub, original = dub_sound(shot), original_sound(shot, plate)
    proxies = write_proxies(
        folder,
        (seen(frame, tags) for frame in read_played(plate, shot.played())),
        (seen(frame, tags) for _, frame in read_frames(new, 0, shot.length)),
        count=shot.length,
        rate=shot.rate,
        pixel_aspect=plate.pixel_aspect,
        original=original,
        dub=dub,
        draft=result.draft,
        options=options,
    )
    media = ShotMedia(made_from, proxies, _clock(plate), dub is not None, original is not None)
    write_atomic(folder / RECORD, dump(media))
    return media


def _clock(plate: MediaInfo) -> SourceClock:
    return SourceClock(plate.start_frame, plate.rate, plate.drop, plate.has_timecode)


def _inputs(shot: Shot, result: ShotResult, options: ReviewOptions) -> str:
    """Hash of what decides the files; paths are left out, so a moved plate costs nothing."""
    sounds = [
        (c.record, c.source, c.duration, c.stream, c.channel) for c in (*shot.dub, *shot.original)
    ]
    parts = (FORMAT, shot.key, result.key, result.sha256, result.draft, options, sounds)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _known(folder: Path, made_from: str) -> ShotMedia | None:
    """The record, if it is of these inputs and every file of it is there."""
    path = folder / RECORD
    try:
        media = load(ShotMedia, path.read_bytes(), file=path)
    except (OSError, JobError):
        return None
    names = ("before.mp4", "after.mp4", "before.jpg", "after.jpg")
    whole = all((folder / name).is_file() for name in names)
    return media if whole and media.made_from == made_from else None


def face_pictures(folder: Path, result: ShotResult, source: Path) -> dict[int, str]:
    """Copy the face candidates' thumbnails beside the page's media.

    Args:
        source: the shot's folder, which the thumbnails' paths are relative to. One that is missing,
            or lies outside this folder, is left out.

    Returns:
        File name in ``folder`` by track id.
    """
    names: dict[int, str] = {}
    for candidate in result.face.candidates if result.face else ():
        track, thumbnail = candidate.get("id"), candidate.get("thumbnail")
        if not isinstance(track, int) or not isinstance(thumbnail, str):
            continue
        picture = (source / thumbnail).resolve()
        if not picture.is_file() or not picture.is_relative_to(source.resolve()):
            continue
        names[track] = f"face-{track}{'.png' if picture.suffix.lower() == '.png' else '.jpg'}"
        _copy_if_new(picture, folder / names[track])
    return names


def _copy_if_new(source: Path, target: Path) -> None:
    data = source.read_bytes()
    if not target.is_file() or target.read_bytes() != data:
        write_atomic(target, data)
