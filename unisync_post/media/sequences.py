"""Image sequences: many files that are one plate.

A sequence is one path here, in Resolve's form: ``plate.[1001-1100].exr`` (:mod:`unisync_adapters.\
image_sequence`). Its numbers say which frames there are, its width how they are padded, so the path
alone names every file. What has such a name and *is* a file is that file.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unisync_adapters.image_sequence import SequenceName

from ..errors import MediaError
from .roots import admits, outside

SUFFIXES = frozenset({".exr", ".dpx", ".png", ".tif", ".tiff"})
"""Of the picture files that can be read and written as frames."""

IMAGE_SEQUENCE = "image2"
"""What stands for a container in :attr:`.info.MediaInfo.container`."""

MISSING = "Frames are missing from the image sequence"
_FEWEST = 2
"""A lone numbered picture that an edit holds for a while is a still."""
_SHOWN = 6
"""Missing frames that are named one by one."""


@dataclass(frozen=True, slots=True)
class ImageSequence:
    """The files of one plate, numbered without step.

    Attributes:
        folder: where they lie.
        name: their name; ``first`` and ``last`` are known.
    """

    folder: Path
    name: SequenceName

    @classmethod
    def of(cls, path: Path) -> ImageSequence | None:
        """The sequence that a path in Resolve's form names; None for any other path."""
        name = SequenceName.parse(path.name)
        if name is None or name.first is None or path.suffix.lower() not in SUFFIXES:
            return None
        return None if path.is_file() else cls(path.parent, name)

    @property
    def first(self) -> int:
        """Number of the first frame."""
        return self.name.first or 0

    @property
    def count(self) -> int:
        """Frames from the first to the last number, missing ones included."""
        return (self.name.last or 0) - self.first + 1

    @property
    def path(self) -> Path:
        """The whole sequence as one path."""
        return self.folder / str(self.name)

    def file(self, index: int) -> Path:
        """The file of frame ``index``, 0 for the first."""
        return self.folder / self.name.of(self.first + index)

    def files(self, start: int = 0, count: int | None = None) -> Iterator[Path]:
        """The files of a run of frames."""
        for index in range(start, start + (self.count if count is None else count)):
            yield self.file(index)


def whole(path: Path) -> Path:
    """What new media is made, looked for and removed as: a file, or the folder of a sequence."""
    return path if ImageSequence.of(path) is None else path.parent


def files_of(path: Path, start: int = 0, count: int | None = None) -> Iterator[Path]:
    """The files that media consists of, in order; of a sequence those of a run of frames."""
    sequence = ImageSequence.of(path)
    return iter([path]) if sequence is None else sequence.files(start, count)


def remove(path: Path) -> None:
    """Remove new media, whole; nothing happens where there is none."""
    target = whole(path)
    if target == path:
        path.unlink(missing_ok=True)
    elif target.is_dir():
        shutil.rmtree(target)


def delivered_name(plate: Path, stem: str, suffix: str, first: int, count: int) -> str:
    """Relative path of new media for a plate: a file, or a folder of frames numbered as it is.

    Args:
        plate: the plate.
        stem: the name of the new media, ours.
        suffix: of a file.
        first: index of the plate frame that the new media begins with.
        count: frames of the new media.
    """
    sequence = ImageSequence.of(plate)
    if sequence is None:
        return f"{stem}{suffix}"
    number = sequence.first + first
    name = replace(sequence.name, prefix=f"{stem}.", first=number, last=number + count - 1)
    return f"{stem}/{name}"


def find_sequence(path: Path, *, frame: bool = False, count: int | None = None) -> Path | None:
    """What is on this disk under the name that an edit has for a sequence.

    Args:
        path: a pattern in any form; with ``frame`` also the path of the first frame.
        frame: the edit says that this numbered file begins a sequence.
        count: frames that it has, where the edit says so; else it reaches as far as there are
            files.

    Returns:
        The sequence in Resolve's form, from its first frame; None where there is no file of it, or
        ``path`` names no sequence.

    Raises:
        MediaError: the files cannot be told apart (``a.1.exr`` and ``a.01.exr``), or their folder
            lies outside the media roots.
    """
    name = SequenceName.read(path.name) if frame else SequenceName.parse(path.name)
    if name is None or path.suffix.lower() not in SUFFIXES:
        return None
    if not admits(path.parent):
        raise outside(path)
    numbers = _numbers(path.parent, name)
    if name.last is not None:
        wanted = range(name.first or 0, name.last + 1)
        return path if any(n in wanted for n in numbers) else None
    if name.first is not None:
        end = numbers[-1] if numbers and count is None else name.first + (count or 0) - 1
        numbers = [number for number in numbers if name.first <= number <= end]
    if len(numbers) < (_FEWEST if frame else 1):
        return None
    first = numbers[0] if name.first is None else name.first
    last = numbers[-1] if count is None else first + count - 1
    padding = name.padding or len(str(first))
    return path.with_name(str(replace(name, first=first, last=last, padding=padding, form="range")))


def _numbers(folder: Path, name: SequenceName) -> list[int]:
    """Numbers of the frames in a folder, ascending."""
    pattern = re.compile(re.escape(name.prefix) + r"(\d+)" + re.escape(name.suffix))
    try:
        entries = os.listdir(folder)
    except OSError:
        return []
    texts = [m[1] for m in map(pattern.fullmatch, entries) if m]
    if name.padding:
        texts = [text for text in texts if len(text) == max(name.padding, len(str(int(text))))]
    numbers = sorted(map(int, texts))
    if len(set(numbers)) < len(numbers):
        raise MediaError(
            "Two paddings of one image sequence lie in one folder",
            file=folder / str(name),
            remedy="Keep one of them, or name it with its padding, such as %04d.",
        )
    return numbers


def missing_frames(path: Path, start: int, count: int) -> str | None:
    """Which frames of a run have no file, as a sentence; None when all are there.

    Files of other media are not asked for: what is no sequence lacks nothing.
    """
    sequence = ImageSequence.of(path)
    if sequence is None:
        return None
    try:
        there = set(os.listdir(sequence.folder))
    except OSError:
        there = set()
    run = range(start, start + count)
    lacking = [i for i in run if sequence.name.of(sequence.first + i) not in there]
    if not lacking:
        return None
    return f"{MISSING}: {_listed(sequence, lacking)}"


def _listed(sequence: ImageSequence, lacking: Sequence[int]) -> str:
    """Frame numbers as people write them: ``1003, 1007-1012``."""
    runs: list[list[int]] = []
    for index in lacking:
        number = sequence.first + index
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [f"{a}" if a == b else f"{a}-{b}" for a, b in runs[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else "")
