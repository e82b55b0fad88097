"""Which timeline of a document is the edit: its projects, or else the compounds it hands over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import EditError
from .tags import Tag


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """A timeline that may be the edit.

    Attributes:
        tag: what bears its name: a ``project``, or a compound's ``media``.
        sequence: its ``sequence``.
        media: the compound; None for a project.
    """

    tag: Tag
    sequence: Tag
    media: Tag | None = None

    @property
    def name(self) -> str:
        return self.tag.get("name") or ""


def choose(root: Tag, pick: str | int | None, path: Path) -> tuple[list[Root], Root]:
    """Every timeline, and the one to read: of this name, else of this uid, or at this place.

    Raises:
        EditError: none, several, or none of that name.
    """
    roots = list(_projects(root)) or list(_compounds(root))
    if not roots:
        raise EditError(
            "This XML holds no project and no compound clip, only single clips or events",
            file=path,
            remedy="Put the clips in a project and export that",
        )
    if isinstance(pick, int):
        return roots, roots[pick]
    found = roots
    if pick is not None:
        found = [r for r in roots if r.name == pick] or [
            r for r in roots if r.tag.get("uid") == pick
        ]
    if len(found) == 1:
        return roots, found[0]
    names = ", ".join(f"{r.name!r} (uid {r.tag.get('uid') or 'none'})" for r in roots[:20])
    more = f" and {len(roots) - 20} more" if len(roots) > 20 else ""
    what = f"There is no one project {pick!r}" if pick is not None else "Several projects"
    raise EditError(
        f"{what} in this XML: {names}{more}", file=path, remedy="Name one by --sequence"
    )


def _projects(tag: Tag) -> Iterator[Root]:
    for child in tag.children():
        if child.name == "project":
            sequence = child.first("sequence")
            if sequence is not None:
                yield Root(child, sequence)
        elif child.name in ("library", "event"):
            yield from _projects(child)


def _compounds(root: Tag) -> Iterator[Root]:
    """Compounds that stand by themselves, or in an event."""
    handed = {clip.get("ref") for clip in _loose(root) if clip.name == "ref-clip"}
    for holder in root.all("resources"):
        for media in holder.all("media"):
            sequence = media.first("sequence")
            if sequence is not None and media.get("id") in handed:
                yield Root(media, sequence, media)


def _loose(tag: Tag) -> Iterator[Tag]:
    for child in tag.children():
        if child.name in ("library", "event"):
            yield from _loose(child)
        else:
            yield child
