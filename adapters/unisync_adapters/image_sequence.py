"""Names of image sequences, in every form that edits give them.

===========================  ======================================================
``plate.%04d.exr``           Nuke, Hiero, FFmpeg: a printf pattern
``plate.####.exr``           one mark for each digit
``plate.[1001-1100].exr``    Resolve: first and last frame, as wide as they are padded
``plate.1001.exr``           Premiere, Resolve's and Hiero's FCP7 XML: the first frame
===========================  ======================================================

Here, and as :attr:`~.document.Relink.path`, a sequence is named in Resolve's form: the only one
that says which frames it has. A returned edit names it as its author named the old one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

Form = Literal["printf", "hashes", "range", "frame"]

_PATTERN = re.compile(
    r"(?P<prefix>.*?)"
    r"(?:%0?(?P<printf>\d*)d|(?P<hashes>#{2,})|\[(?P<first>\d+)-(?P<last>\d+)\])"
    r"(?P<suffix>\.\w+)\Z",
    re.DOTALL,
)
_PICTURE = re.compile(
    r"\.(bmp|cin|dpx|exr|gif|hdr|heic|j2k|jp2|jpe?g|png|psd|sgi|tga|tiff?|webp)\Z", re.IGNORECASE
)
_NUMBERED = re.compile(r"\d{3,}\.\w+\Z")
_FRAME = re.compile(r"(?P<prefix>.*?)(?P<number>\d+)(?P<suffix>\.\w+)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SequenceName:
    """The file name of an image sequence.

    Attributes:
        prefix, suffix: what stands before and after the number: ``plate.`` and ``.exr``.
        padding: digits that a number is padded to with zeros.
        first, last: frame numbers, None where the form does not say.
        form: how its author writes it.

    >>> SequenceName.parse("plate.[0997-1055].exr").of(1000)
    'plate.1000.exr'
    """

    prefix: str
    suffix: str
    padding: int
    first: int | None = None
    last: int | None = None
    form: Form = "range"

    @classmethod
    def parse(cls, name: str) -> SequenceName | None:
        """A pattern of file names; None for the name of one file."""
        match = _PATTERN.match(name)
        if match is None:
            return None
        prefix, suffix = match["prefix"], match["suffix"]
        if match["hashes"]:
            return cls(prefix, suffix, len(match["hashes"]), form="hashes")
        if match["first"] is None:
            return cls(prefix, suffix, int(match["printf"] or 0), form="printf")
        first, last = int(match["first"]), int(match["last"])
        return cls(prefix, suffix, len(match["first"]), first, last) if first <= last else None

    @classmethod
    def of_frame(cls, name: str) -> SequenceName | None:
        """The sequence that this file is the first frame of; None where it has no number."""
        match = _FRAME.match(name)
        if match is None:
            return None
        number = match["number"]
        return cls(match["prefix"], match["suffix"], len(number), int(number), form="frame")

    @classmethod
    def read(cls, name: str) -> SequenceName | None:
        """A name that is known to be that of a sequence, in any form."""
        return cls.parse(name) or cls.of_frame(name)

    def of(self, number: int) -> str:
        """The file name of one frame."""
        return f"{self.prefix}{number:0{self.padding}d}{self.suffix}"

    def __str__(self) -> str:
        """The name in its own form."""
        if self.form == "printf":
            middle = f"%0{self.padding}d" if self.padding else "%d"
        elif self.form == "hashes":
            middle = "#" * self.padding
        elif self.first is None or self.last is None or self.form == "frame":
            return self.of(self.first or 0)
        else:
            middle = f"[{self.first:0{self.padding}d}-{self.last:0{self.padding}d}]"
        return f"{self.prefix}{middle}{self.suffix}"


def picture_kind(name: str, frames: int) -> Literal["", "still", "sequence"]:
    """Whether media of this name and length is a still or an image sequence; empty for a movie.

    A numbered picture that plays for longer than a frame is a sequence's first.

    >>> picture_kind("plate.1001.exr", 48), picture_kind("card.png", 48), picture_kind("a.mov", 48)
    ('sequence', 'still', '')
    """
    if _PICTURE.search(name) is None:
        return ""
    numbered = SequenceName.parse(name) is not None or _NUMBERED.search(name) is not None
    return "sequence" if numbered and frames > 1 else "still"


def spelled_like(path: Path, old_name: str) -> Path:
    """The path of new media, a sequence in the form that its author gave the old one's name.

    >>> spelled_like(Path("/new/a.[1001-1050].exr"), "plate.%04d.exr").as_posix()
    '/new/a.%04d.exr'
    """
    new, old = SequenceName.parse(path.name), SequenceName.read(old_name)
    if new is None or old is None:
        return path
    return path.with_name(str(replace(new, form=old.form)))
