"""Films and clips: found, probed, and cut into shots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import av
import cv2
import numpy as np
import xxhash
from numpy.typing import NDArray

from ..errors import MediaError, NodeError
from ..media.frames import read_frames
from ..media.info import MediaInfo
from ..media.pixels import is_supported
from ..media.probe import identity, probe
from ..media.viewed import seen
from ..media.viewing import read_colour
from .kinds import BROKEN, SILENT_FILE, UNUSABLE, Rejected, Source

SUFFIXES = (".mov", ".mp4", ".m4v", ".mkv", ".mxf", ".avi", ".webm", ".mts", ".m2ts", ".ts", ".mpg")
_SIDE = 256
"""Width at which cuts are looked for: what changes with a shot is seen from afar."""
_SHORTEST_SHOT = Fraction(1, 2)


def find_sources(given: Sequence[Path]) -> list[Path]:
    """Files as given, folders searched for media; each once, in a steady order.

    Raises:
        MediaError: nothing there, or a folder without media.
    """
    found: dict[Path, None] = {}
    for path in given:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise MediaError(
                    "there are no films or clips in this folder",
                    file=path,
                    remedy=f"Give files or folders with {', '.join(SUFFIXES)}.",
                )
            found |= dict.fromkeys(p.absolute() for p in inside)
        elif path.exists():
            found[path.absolute()] = None
        else:
            raise MediaError("there is no such file", file=path, remedy="Check the path.")
    return list(found)


def content_key(path: Path) -> str:
    """A source's fingerprint; of its name where its bytes cannot be read."""
    try:
        return identity(path)
    except (OSError, MediaError):
        return f"unread-{xxhash.xxh128(str(path).encode()).hexdigest()}"


def look_at_source(path: Path, key: str) -> Source:
    """Probe a source and find its shots; one that cannot be used says why."""
    try:
        info = probe(path)
        reason = _unusable(info)
        if reason is not None:
            return Source(path, key, (), (_whole(path, info, *reason),))
        return Source(path, key, tuple(find_shots(info)))
    except (MediaError, av.FFmpegError, OSError) as error:
        return Source(path, key, (), (Rejected(path.name, BROKEN, str(error)),))


def find_shots(info: MediaInfo) -> list[tuple[int, int]]:
    """First picture and the one after the last of each shot, by PySceneDetect's adaptive detector.

    It compares a picture's change of colour with that of its neighbours, so that a moving camera
    makes no cut. The face tracks look for cuts once more, from close by.
    """
    pictures = _small(info)
    cuts = sorted({0, *_cuts(pictures, info.rate.fps)})
    return list(zip(cuts, [*cuts[1:], info.frames], strict=True))


def _cuts(pictures: Iterable[NDArray[np.uint8]], fps: Fraction) -> Iterator[int]:
    try:
        library, detectors = import_module("scenedetect"), import_module("scenedetect.detectors")
    except ImportError as error:
        raise NodeError(
            f"PySceneDetect cannot be used: {error}",
            remedy="Install it: pip install 'unisync-post[train]'.",
        ) from error
    detector = detectors.AdaptiveDetector(min_scene_len=max(1, round(_SHORTEST_SHOT * fps)))
    # only counts pictures here; our own numbers stay exact
    clock = library.FrameTimecode(0, float(fps))
    for picture in pictures:
        yield from (cut.frame_num for cut in detector.process_frame(clock, picture))
        clock = clock + 1


def _small(info: MediaInfo) -> Iterator[NDArray[np.uint8]]:
    """(h, w, 3) B'G'R' pictures, as OpenCV and the detector order them."""
    tags = read_colour(info, None).encoding
    scale = min(1.0, _SIDE / info.width)
    size = max(1, round(info.width * scale)), max(1, round(info.height * scale))
    for _, frame in read_frames(info, 0, info.frames):
        small = cv2.resize(seen(frame, tags), size, interpolation=cv2.INTER_AREA)
        yield cv2.cvtColor(small, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)


def _unusable(info: MediaInfo) -> tuple[str, str] | None:
    """A reason and its detail."""
    if info.variable:
        return UNUSABLE, "its frame rate varies"
    if info.interlaced:
        return UNUSABLE, "it is interlaced"
    if info.rotated:
        return UNUSABLE, f"it is stored rotated by {info.rotated} degrees"
    if not is_supported(info.pixel_format):
        return UNUSABLE, f"its pixel format {info.pixel_format} is not supported"
    if not info.audio:
        return SILENT_FILE, ""
    return None


def _whole(path: Path, info: MediaInfo, reason: str, detail: str) -> Rejected:
    return Rejected(path.name, reason, detail, 0, info.frames, info.rate.fps)
