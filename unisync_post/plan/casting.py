"""Who is who: faces asked for by character, ``ANNA:left,BRUNO:right``."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..errors import PlanError
from .rules import name_key

KNOWN = "left|right|largest|N or NAME:left,NAME:right"
_PLACES = ("left", "right", "largest")


def is_place(text: str) -> bool:
    """Whether this says one face: ``left``, ``right``, ``largest`` or a track's number."""
    return text in _PLACES or (text.isascii() and text.isdigit())


def cast_in(face: str | None) -> dict[str, str]:
    """Where each character's face is; empty where one face is asked for, or none.

    Raises:
        PlanError: it names no character, no face, or one of them twice.
    """
    cast: dict[str, str] = {}
    for part in face.split(",") if face and ":" in face else ():
        name, _, place = (word.strip() for word in part.rpartition(":"))
        place = place.lower()
        if ":" in name or not name_key(name) or not is_place(place):
            raise _unclear(f"“{part.strip()}” gives no character a face")
        if place in cast.values() or name_key(name) in map(name_key, cast):
            raise _unclear(f"“{face}” names a character or a face twice")
        cast[name] = place
    return cast


def _unclear(what: str) -> PlanError:
    return PlanError(what, remedy="Write NAME:left,NAME:right (or largest, or a face's number).")


def settle(face: str, characters: Collection[str]) -> str:
    """The face asked for, with the characters called as the dub calls them.

    Args:
        face: one face, or a cast as a person wrote it.
        characters: those who have a dub file or track of their own.

    Raises:
        PlanError: see :func:`cast_in`; or a character that the dub does not have.
    """
    known = {name_key(name): name for name in characters}
    cast = cast_in(face)
    strangers = [name for name in cast if name_key(name) not in known]
    if strangers:
        has = f"its characters are {', '.join(sorted(characters))}" if known else "it has none"
        raise PlanError(
            f"The dub has no character {' or '.join(strangers)} with a file or track; {has}",
            remedy="Name the characters as their files or tracks do, or ask for one face.",
        )
    settled = {known[name_key(name)]: place for name, place in cast.items()}
    return ",".join(f"{name}:{place}" for name, place in sorted(settled.items())) or face


def example(characters: Sequence[str]) -> str:
    """How to give the first two of these a face."""
    written = [name.replace(" ", "_") for name in characters]
    return ",".join(f"{name}:{place}" for name, place in zip(written, _PLACES[:2], strict=False))
