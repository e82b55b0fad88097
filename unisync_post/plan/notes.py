"""What the editor wrote for us: markers such as ``unisync:skip`` and ``unisync:face=left``.

``unisync:face=ANNA:left,BRUNO:right`` gives each character a face; a name of several words is
written with ``_`` or ``-`` between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from unisync_adapters.cutlist import Mark

from ..errors import PlanError
from . import casting

KNOWN = f"unisync:skip, unisync:ramp and unisync:face={casting.KNOWN}"

_CAST = r"[\w-]+:[^\s,]*(?:,\s*(?!unisync\b)[^\s,:]+:[^\s,]*)*"
_WORD = re.compile(rf"\bunisync:\s*(\w+)(?:\s*=\s*({_CAST}|\w+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Note:
    """One instruction, as written: ``word`` and ``value`` in lower case."""

    word: str
    value: str | None = None

    def __str__(self) -> str:
        return f"unisync:{self.word}" + (f"={self.value}" if self.value is not None else "")


@dataclass(frozen=True, slots=True)
class Wish:
    """What all notes over one clip come to.

    Attributes:
        skip: leave this clip alone.
        ramp: render its speed ramp.
        face: which face, or whose is which (:mod:`.casting`), or None.
        problem: why the notes cannot be obeyed, as a sentence.
    """

    skip: bool = False
    ramp: bool = False
    face: str | None = None
    problem: str | None = None


def notes_in(marks: Iterable[Mark]) -> Iterator[tuple[Mark, Note]]:
    """Every instruction in these markers' names and comments."""
    for mark in marks:
        seen = set()
        for text in (mark.name, mark.comment, *mark.others):
            for match in _WORD.finditer(text):
                value = match[2].lower().rstrip(".;!?)") if match[2] else None
                note = Note(match[1].lower(), value)
                if note not in seen:
                    seen.add(note)
                    yield mark, note


def wish_of(notes: Iterable[Note]) -> Wish:
    """Notes made into one wish; an unknown word is a problem, never ignored."""
    skip = ramp = False
    faces: set[str] = set()
    for note in notes:
        if note.word == "skip" and note.value is None:
            skip = True
        elif note.word == "ramp" and note.value is None:
            ramp = True
        elif note.word == "face" and note.value is not None and _is_face(note.value):
            faces.add(note.value)
        else:
            return Wish(problem=f"A marker says {note}, which is not known; known are {KNOWN}.")
    if len(faces) > 1 and all(":" in face for face in faces):
        faces = {",".join(sorted(faces))}
    if len(faces) > 1:
        listed = " and ".join(f"unisync:face={face}" for face in sorted(faces))
        return Wish(problem=f"Markers contradict each other: {listed}. Keep one of them.")
    return Wish(skip, ramp, faces.pop() if faces else None)


def _is_face(value: str) -> bool:
    try:
        return casting.is_place(value) or bool(casting.cast_in(value))
    except PlanError:
        return False
