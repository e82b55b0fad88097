"""The before and after proxy of one shot, and where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, zip_longest
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from ..errors import MediaError
from .encode import ProxyEncoder
from .options import ReviewOptions
from .stills import DraftLabel, Picture, proxy_size, save_jpeg, scaled

_NOISE = 10
"""8-bit code values up to which a difference is taken for the delivered codec's own loss."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """What :func:`write_proxies` made.

    Attributes:
        frames: pictures in each of the two proxies.
        width, height: of the proxies.
        poster: the frame shown by the poster pair: the one that changed most.
        changes: per frame, how much it changed: 0 not at all, 1000 the shot's largest change.
        region: x0, y0, x1, y1 around what changed clearly, in thousandths of width and height;
            None when nothing changed.
    """

    frames: int
    width: int
    height: int
    poster: int
    changes: tuple[int, ...]
    region: tuple[int, int, int, int] | None


@dataclass
class _Difference:
    """Follows a pair of streams and remembers where and when they differ."""

    totals: list[int] = field(default_factory=list)
    reach: NDArray[np.uint8] | None = None
    pair: tuple[Picture, Picture] | None = None

    def see(self, before: Picture, after: Picture) -> None:
        difference = cv2.absdiff(before, after).max(axis=2)
        difference[difference <= _NOISE] = 0
        total = int(difference.sum(dtype=np.int64))
        if self.pair is None or total > max(self.totals):
            self.pair = (before.copy(), after.copy())
        self.totals.append(total)
        self.reach = difference if self.reach is None else np.maximum(self.reach, difference)

    @property
    def peak(self) -> int:
        return 0 if self.reach is None else int(self.reach.max())

    @property
    def poster(self) -> int:
        return self.totals.index(max(self.totals))

    @property
    def changes(self) -> tuple[int, ...]:
        most = max(self.totals) or 1
        return tuple(-(-1000 * total // most) for total in self.totals)

    @property
    def region(self) -> tuple[int, int, int, int] | None:
        if self.reach is None:
            return None
        # the delivered codec leaves specks all over the picture; a mouth is a patch
        patch = cv2.erode(self.reach, np.ones((3, 3), np.uint8)) > max(_NOISE, self.peak // 4)
        if not patch.any():
            return None
        height, width = patch.shape
        rows, columns = np.flatnonzero(patch.any(1)), np.flatnonzero(patch.any(0))
        return (
            int(columns[0]) * 1000 // width,
            int(rows[0]) * 1000 // height,
            -(-(int(columns[-1]) + 1) * 1000 // width),
            -(-(int(rows[-1]) + 1) * 1000 // height),
        )


def write_proxies(
    folder: Path,
    before: Iterable[Picture],
    after: Iterable[Picture],
    *,
    count: int,
    rate: Rate,
    pixel_aspect: Fraction = Fraction(1),
    original: NDArray[np.float32] | None = None,
    dub: NDArray[np.float32] | None = None,
    draft: bool = False,
    options: ReviewOptions | None = None,
) -> Proxies:
    """Write ``before.mp4``, ``after.mp4``, ``before.jpg`` and ``after.jpg`` into ``folder``.

    The pictures are streamed: no more than a few are held at once.

    Args:
        before: the plate's pictures as the shot plays them, (H, W, 3) uint8 R'G'B'.
        after: the new media's pictures, same number and raster.
        count: how many there are; one more or one less in either is an error.
        rate: frames a second of both.
        pixel_aspect: of the plate; proxies have square pixels.
        original, dub: (N,) float32 mono at 48 kHz under the before and the after picture.
        draft: the after pictures are a draft engine's and are labelled (``options.burn_in``).

    Raises:
        MediaError: the streams do not have ``count`` pictures each.
    """
    options = options or ReviewOptions()
    folder.mkdir(parents=True, exist_ok=True)
    pairs = _paired(before, after, count, folder)
    first = next(pairs)
    height, width = first[0].shape[:2]
    size = proxy_size(width, height, options.height, pixel_aspect)
    label = DraftLabel(size) if draft and options.burn_in else None
    difference = _Difference()
    with (
        ProxyEncoder(folder / "before.mp4", size, rate, original, options) as old,
        ProxyEncoder(folder / "after.mp4", size, rate, dub, options) as new,
    ):
        for pair in chain([first], pairs):
            plate, picture = (scaled(p, size) for p in pair)
            difference.see(plate, picture)
            old.add(plate)
            new.add(label.on(picture) if label else picture)
        old.finish()
        new.finish()
    if difference.pair is not None:
        _save_posters(folder, difference.pair, label)
    return Proxies(count, *size, difference.poster, difference.changes, difference.region)


def _save_posters(folder: Path, pair: tuple[Picture, Picture], label: DraftLabel | None) -> None:
    save_jpeg(folder / "before.jpg", pair[0])
    save_jpeg(folder / "after.jpg", label.on(pair[1]) if label else pair[1])


def _paired(
    before: Iterable[Picture], after: Iterable[Picture], count: int, folder: Path
) -> Iterator[tuple[Picture, Picture]]:
    """Both streams in step; exactly ``count`` pictures in each."""
    seen = 0
    for plate, picture in zip_longest(before, after):
        if plate is None or picture is None or seen == count:
            kind = "before" if plate is None else "after"
            what = f"has only {seen} pictures" if seen < count else f"goes on after {count}"
            raise MediaError(f"The {kind} stream of a review proxy {what}", file=folder)
        seen += 1
        yield plate, picture
    if seen != count or not seen:
        raise MediaError(f"{seen} pictures for a review proxy of {count}", file=folder)
