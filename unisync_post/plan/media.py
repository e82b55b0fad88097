"""Finding the media of a clip: where the edit says, through the path map, or by searching.

A search takes the only file that fits and never guesses between two (unless they are copies of
one another). Every file is probed once.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import opentimelineio as otio

from unisync_adapters.cutlist import Clip
from unisync_adapters.document import Document
from unisync_adapters.from_otio import facts
from unisync_adapters.timebase import Rate
from unisync_adapters.urls import MediaUrl, map_to_local

from ..errors import MediaError, UniSyncError
from ..media.info import MediaInfo
from ..media.probe import probe
from ..media.roots import admits, outside
from .content import MEDIA_SUFFIXES
from .exact import counted_at, frames
from .find import called, folded, holds
from .reference import url_of
from .sequences import named_alike, rate_of_media, sequence_here, sequences_among

_REMEDY = "Say where it is with --path-map THEIRS=HERE, or name folders to search with --media."


class MediaFinder:
    """The media of one edit on this machine."""

    def __init__(self, document: Document, roots: Iterable[Path] = ()) -> None:
        self._document = document
        self._roots = tuple(roots)
        self._probed: dict[tuple[Path, Rate | None], MediaInfo | UniSyncError] = {}
        self._present: dict[Path, bool] = {}
        self._local: dict[str, Path] = {}
        self._pictures: dict[otio.core.MediaReference, MediaInfo] = {}
        self._sounds: dict[otio.core.MediaReference, Path] = {}
        self.offline: dict[str, None] = {}
        """Media that were looked for and not found, as the edit writes them, in order."""

    def picture(self, clip: Clip) -> MediaInfo:
        """Facts of the picture media that this clip plays.

        Raises:
            MediaError: offline, damaged, or several files fit.
        """
        media = clip.media
        known = self._pictures.get(media)
        if known is not None:
            return known
        path = self.local(media)
        sequence = None if path is None else sequence_here(clip, path)
        if sequence is not None:
            info = self._pictures[media] = self._probe(sequence, rate_of_media(clip))
            return info
        if path is not None and self._exists(path):
            info = self._pictures[media] = self._probe(path)
            return info
        found = self._by_reel(clip) or self._by_name(clip, path) or self._by_frames(clip, path)
        return self._only(clip, found or called(clip, self._files, self._probe_all))

    def sound(self, clip: Clip) -> Path:
        """The sound file that this clip plays.

        Raises:
            MediaError: offline, or several files of its name.
        """
        media = clip.media
        known = self._sounds.get(media)
        if known is not None:
            return known
        path = self.local(media)
        if path is not None and self._exists(path):
            self._sounds[media] = path
            return path
        found = self._named(_file_name(clip, path))
        if len(found) != 1:
            raise self._offline(clip, found)
        return found[0]

    def local(self, media: otio.core.MediaReference) -> Path | None:
        """Where this machine would find what the reference names; None when it names nothing.

        Raises:
            UrlError: the reference names something that is no file.
        """
        url = url_of(media)
        if not url:
            return None
        if url not in self._local:
            document = self._document
            self._local[url] = map_to_local(url, document.path_map, document.path.parent)
        return self._local[url]

    def _exists(self, path: Path) -> bool:
        if path not in self._present:
            self._present[path] = admits(path) and os.path.isfile(path)
        return self._present[path]

    def _probe(self, path: Path, rate: Rate | None = None) -> MediaInfo:
        """``rate``: of an image sequence."""
        if (path, rate) not in self._probed:
            try:
                self._probed[path, rate] = probe(path) if rate is None else probe(path, rate)
            except UniSyncError as error:
                self._probed[path, rate] = error
        known = self._probed[path, rate]
        if isinstance(known, UniSyncError):
            raise known
        return known

    def _only(self, clip: Clip, found: list[MediaInfo]) -> MediaInfo:
        contents = {info.identity or str(info.path) for info in found}
        if len(contents) == 1:
            return found[0]
        raise self._offline(clip, [info.path for info in found])

    def _offline(self, clip: Clip, found: list[Path]) -> MediaError:
        written = written_media(clip)
        if found:
            listed = ", ".join(str(path) for path in found)
            return MediaError(
                f"The media is not where the edit says, and several files fit: {listed}",
                file=written,
                remedy="Say which one it is with --path-map THEIRS=HERE.",
            )
        path = self.local(clip.media)
        if path is not None and not admits(path):
            return outside(written)
        self.offline[written] = None
        return MediaError("The media is offline", file=written, remedy=_REMEDY)

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """Every file under the roots by its folded name."""
        files: defaultdict[str, list[Path]] = defaultdict(list)
        for folder, names in self._folders:
            for name in names:
                files[folded(name)].append(folder / name)
        return files

    @cached_property
    def _folders(self) -> list[tuple[Path, list[str]]]:
        """Every folder under the roots, with its files, in order."""
        found = []
        for root in self._roots:
            for folder, folders, names in os.walk(root):
                folders.sort()
                found.append((Path(folder), sorted(names)))
        return found

    @cached_property
    def _sequences(self) -> list[Path]:
        """Every image sequence under the roots."""
        return [path for folder in self._folders for path in sequences_among(*folder)]

    def _by_frames(self, clip: Clip, path: Path | None) -> list[MediaInfo]:
        """Image sequences of the media's name whose frames the clip plays."""
        rate = rate_of_media(clip)
        alike = named_alike(self._sequences, _file_name(clip, path))
        found = [self._probe(sequence, rate) for sequence in alike if admits(sequence.parent)]
        return [info for info in found if holds(clip, info)] or found

    def _named(self, name: str) -> list[Path]:
        return self._files.get(folded(name), []) if name else []

    @cached_property
    def _reels(self) -> dict[str, list[MediaInfo]]:
        """Every picture file under the roots that has a reel and a timecode, by reel."""
        reels: defaultdict[str, list[MediaInfo]] = defaultdict(list)
        for info in self._probe_all(p for paths in self._files.values() for p in paths):
            if info.reel and info.has_timecode:
                reels[folded(info.reel)].append(info)
        return reels

    def _probe_all(self, paths: Iterable[Path]) -> Iterator[MediaInfo]:
        for path in paths:
            if path.suffix.lower() in MEDIA_SUFFIXES:
                try:
                    yield self._probe(path)
                except UniSyncError:
                    continue  # damaged, or no picture: it cannot be what is looked for

    def _by_reel(self, clip: Clip) -> list[MediaInfo]:
        """Files of the clip's reel whose timecode holds the range that it plays."""
        reel = facts(clip.media).get("reel")
        if not isinstance(reel, str) or not self._roots:
            return []
        fits = []
        for info in self._reels.get(folded(reel), []):
            first = counted_at(info.rate, clip.start, clip.clock) // 1
            if info.start_frame <= first < info.start_frame + info.frames:
                fits.append(info)
        name = folded(_file_name(clip, self.local(clip.media)))
        return [info for info in fits if folded(info.path.name) == name] or fits

    def _by_name(self, clip: Clip, path: Path | None) -> list[MediaInfo]:
        """Files of the media's name with the length that the edit states."""
        found = list(self._probe_all(self._named(_file_name(clip, path))))
        available = clip.media.available_range
        if available is None:
            return [info for info in found if holds(clip, info)] or found
        rate = Rate.of(available.duration.rate)
        stated = Fraction(frames(available.duration, rate))
        return [info for info in found if abs(stated - _length(info, rate)) < 1]


def all_written(clips: Iterable[Clip]) -> frozenset[str]:
    """The media of these clips as the edit writes it; of many clips of a file asked once."""
    urls: dict[otio.core.MediaReference, str] = {}
    written = set()
    for clip in clips:
        media = clip.media
        if media not in urls:
            urls[media] = url_of(media)
        written.add(urls[media] or written_media(clip))
    return frozenset(written)


def written_media(clip: Clip) -> str:
    """The clip's media as the edit writes it, for people; empty for generators."""
    media = clip.media
    url = url_of(media)
    if url:
        return url
    if isinstance(media, otio.schema.GeneratorReference):
        return ""
    reel = facts(media).get("reel")
    return str(media.name or clip.name or reel or "")


def _length(info: MediaInfo, rate: Rate) -> int:
    """A file's length, counted as an edit in another rate would."""
    near = abs(rate.fps / info.rate.fps - 1) < Fraction(1, 500)
    return info.frames if near else round(info.frames * rate.fps / info.rate.fps)


def _file_name(clip: Clip, path: Path | None) -> str:
    if path is not None:
        return MediaUrl.parse(str(path)).name
    media = clip.media
    return media.name or clip.name or ""
