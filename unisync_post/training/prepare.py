"""The way from films to a manifest, in three passes that can each be cut off anywhere.

    DATA/manifest.jsonl  held_out.jsonl  prompts.safetensors  rejected.jsonl  settings.json
    DATA/sets/DIGEST/sources/  faces/  clips/     a record for everything that is finished

Records appear under their names only when they are whole, and the manifest is written from them:
the same command again does only what is missing. ``DIGEST`` stands for all settings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import av
from filelock import FileLock, Timeout

from unisync_model.errors import ModelError

from ..errors import DiskFullError, JobError, UniSyncError
from ..records import dump, load, write_atomic
from .clips import landmarks_file, look_at_shot
from .kinds import BROKEN, FAILED, NO_RELIP, NO_VOICE, Clip, Looked, Made, Rejected, Report, Source
from .lists import write_lists
from .pool import each
from .rows import make_rows
from .settings import Labels, Settings
from .sources import content_key, find_sources, look_at_source

Record = TypeVar("Record", Source, Looked, Made)
Shot = tuple[Source, tuple[int, int]]


@dataclass(frozen=True)
class Progress:
    """How far a pass is.

    Attributes:
        step: ``shots``, ``faces`` or ``clips``; ``name``: what was just finished.
        kept, rejected: of it.
    """

    step: str
    done: int
    total: int
    name: str
    kept: int
    rejected: int


Tell = Callable[[Progress], None]


def prepare(
    given: Sequence[Path],
    out: Path,
    settings: Settings,
    labels: Labels,
    *,
    hold_out: int | None = None,
    workers: int = 1,
    tell: Tell = lambda progress: None,
) -> Report:
    """Make training rows of films and clips, and add them to those that ``out`` has.

    Args:
        given: files, and folders to search.
        labels: what is known of them.
        hold_out: clips that are kept from training, to look at; None: one in twenty, at most 8.

    Raises:
        MediaError: a source that does not exist.
        JobError: another process prepares the same folder, or the disk is full.
        ModelError, EngineError: the model's parts or the engine cannot be opened.
    """
    sources = find_sources(given)
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            work = _Preparation(out, settings, workers, tell)
            keys = work.label(sources, labels)
            looked = work.look(work.cut(keys))
            work.encode(looked)
            return write_lists(out, settings, keys, hold_out)
    except Timeout as error:
        raise JobError(
            "another process prepares this data",
            file=out,
            remedy="Wait for it, or choose another --out.",
        ) from error


class _Preparation:
    def __init__(self, out: Path, settings: Settings, workers: int, tell: Tell) -> None:
        self.out, self.settings, self.workers, self.tell = out, settings, workers, tell
        self.home = out / "sets" / settings.digest

    def label(self, sources: Sequence[Path], labels: Labels) -> dict[Path, str]:
        """Each source's fingerprint; what is known of it is recorded under that."""
        keys = {path: content_key(path) for path in sources}
        for key in set(keys.values()):
            write_atomic(self.out / "labels" / f"{key}.json", dump(labels))
        return keys

    def cut(self, keys: dict[Path, str]) -> list[Source]:
        found = []
        # two names of one content are one source
        items = list({key: path for path, key in keys.items()}.items())
        work = partial(_source_work, self.home)
        for number, (_, source) in enumerate(each(work, items, self.workers), 1):
            found.append(source)
            self._told("shots", number, len(items), source.path, source.shots, source.rejected)
        return sorted(found, key=lambda source: source.identity)

    def look(self, sources: Sequence[Source]) -> list[Looked]:
        items = [(source, shot) for source in sources for shot in source.shots]
        work = partial(_shot_work, self.home, self.settings)
        found = []
        for number, (_, looked) in enumerate(each(work, items, self.workers), 1):
            found.append(looked)
            self._told("faces", number, len(items), looked.source, looked.clips, looked.rejected)
        return found

    def encode(self, looked: Sequence[Looked]) -> None:
        clips = sorted((c for one in looked for c in one.clips), key=lambda clip: clip.key)
        items = [(clip, _voice_for(clip, clips)) for clip in clips]
        work = partial(_clip_work, self.out, self.home, self.settings)
        for number, ((clip, _), made) in enumerate(each(work, items, self.workers), 1):
            self._told("clips", number, len(items), clip.source, made.rows, made.rejected)

    def _told(
        self,
        step: str,
        done: int,
        total: int,
        path: Path,
        kept: Sequence[object],
        rejected: Sequence[Rejected],
    ) -> None:
        self.tell(Progress(step, done, total, path.name, len(kept), len(rejected)))


def _voice_for(clip: Clip, clips: Sequence[Clip]) -> Clip | None:
    """Whose voice gives a clip its other lips: the next of another source, else of its own.

    ``clips`` are in the order of their keys, which is as good as any draw.
    """
    at = clips.index(clip)
    ring = [*clips[at + 1 :], *clips[:at]]
    return next((c for c in ring if c.identity != clip.identity), ring[0] if ring else None)


def _source_work(home: Path, item: tuple[str, Path]) -> Source:
    key, path = item
    record = home / "sources" / f"{key}.json"
    return _kept(record, Source, lambda: look_at_source(path, key), {BROKEN})


def _shot_work(home: Path, settings: Settings, item: Shot) -> Looked:
    source, (begin, end) = item
    folder = home / "faces"

    def look() -> Looked:
        try:
            return look_at_shot(source, (begin, end), settings, folder)
        except DiskFullError:
            raise
        except (UniSyncError, ModelError, av.FFmpegError) as error:
            failed = Rejected(source.path.name, FAILED, str(error), begin, end - begin)
            return Looked(source.path, source.identity, (), (failed,))

    return _kept(folder / f"{source.identity}-{begin}-{end}.json", Looked, look, {FAILED})


def _clip_work(out: Path, home: Path, settings: Settings, item: tuple[Clip, Clip | None]) -> Made:
    clip, voice = item
    shard = home / "clips" / f"{clip.key}.safetensors"

    def make() -> Made:
        try:
            landmarks = landmarks_file(home / "faces", clip)
            return make_rows(clip, landmarks, voice, settings, shard)
        except JobError:
            raise
        except (UniSyncError, ModelError, av.FFmpegError) as error:
            failed = Rejected(
                clip.source.name, FAILED, str(error), clip.first, clip.frames, clip.rate, clip.face
            )
            return Made(clip, (), (failed,))

    again = {FAILED, NO_RELIP} | ({NO_VOICE} if voice else set())
    return _kept(home / "clips" / f"{clip.key}.json", Made, make, again)


def _kept(
    path: Path, kind: type[Record], make: Callable[[], Record], again: Collection[str]
) -> Record:
    """The record that is there, or a new one; written whole.

    Args:
        again: reasons that may be gone by now, and are looked into once more.
    """
    if path.is_file():
        held = load(kind, path.read_bytes(), file=path)
        if not any(one.reason in again for one in held.rejected):
            return held
    record = make()
    try:
        write_atomic(path, dump(record))
    except OSError as error:
        raise DiskFullError(
            f"a record could not be written: {error}",
            file=path,
            remedy="Make room and run the same command again; finished clips are kept.",
        ) from error
    return record
