"""Which sequence is the edit, where the nested ones are defined, and what a track is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EditError
from .scan import Element, elements
from .text import XmlText


class SequenceTable:
    """The sequences of a document, by id."""

    def __init__(self, source: XmlText, path: Path) -> None:
        self.path = path
        self.top = [s for s in _in_bins(Element(source, 0)) if s.has_children]
        self.nested_ids: set[str] = set()
        self._definitions: dict[str, Element] = {}
        self._keys: dict[int, str] = {}
        known = {s.row: s for s in self.top}
        for number, found in enumerate(elements(source, "sequence"), 1):
            element = known.get(found.row, found)
            identity = element.id
            if element.has_children:
                self._keys[element.row] = identity or f"sequence[{number}]"
                if identity:
                    self._definitions.setdefault(identity, element)
            elif identity:
                self.nested_ids.add(identity)

    def choose(self, pick: str | int | None) -> Element:
        """The one sequence, or the one of this name or id, or at this place.

        Of several, one that is not nested in another is the edit if there is only one such.

        Raises:
            EditError: none, several, or none of that name.
        """
        if not self.top:
            raise EditError("This XML holds no sequence", file=self.path, remedy="Export one")
        if isinstance(pick, int):
            return self.top[pick]
        if pick is not None:
            # a name is what people type; an id only decides when no name does
            found = [s for s in self.top if s.text_of("name") == pick]
            found = found or [s for s in self.top if s.id == pick]
        else:
            found = self.top
            if len(found) > 1:
                found = [s for s in found if s.id not in self.nested_ids] or found
        if len(found) == 1:
            return found[0]
        names = ", ".join(f"{s.text_of('name') or ''!r} (id {s.id or 'none'})" for s in self.top)
        what = f"There is no one sequence {pick!r}" if pick is not None else "Several sequences"
        raise EditError(
            f"{what} in this XML: {names}", file=self.path, remedy="Name one by --sequence"
        )

    def key(self, sequence: Element) -> str:
        """What a sequence is called in origin keys; a new name does not change it."""
        return self._keys[sequence.row]

    def nested(self, clip: Element) -> Element | None:
        """The sequence that a clipitem shows, wherever it is defined.

        None if it shows none, or one that the export left out: then it is a clip without media.
        """
        element = clip.first("sequence")
        if element is None:
            return None
        found = element if element.has_children else self._definitions.get(element.id or "")
        if found is None:
            return None
        return self._definitions.get(found.id or "", found)


def _in_bins(element: Element) -> list[Element]:
    """Sequences of the project and its bins, not those inside other sequences."""
    found = []
    for child in element.children():
        if child.tag == "sequence":
            found.append(child)
        elif child.tag in ("project", "bin", "children"):
            found += _in_bins(child)
    return found


@dataclass(frozen=True, slots=True)
class TrackHead:
    """A track and what its document says of it.

    Attributes:
        position: ``V1``, ``A3``.
        name: its own name, or empty.
        label: both, as an editor would say it: ``A3 FR DX``.
    """

    element: Element
    position: str
    name: str
    enabled: bool
    locked: bool
    language: str | None
    channels: int | None

    @property
    def label(self) -> str:
        return f"{self.position} {self.name}".strip()

    def metadata(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"locked": self.locked}
        if self.language:
            facts["language"] = self.language
        if self.channels:
            facts["channels"] = self.channels
        return facts


def tracks_of(sequence: Element, kind: str) -> list[TrackHead]:
    """The ``video`` or ``audio`` tracks of a sequence, bottom (or first) track first."""
    media = sequence.first("media", kind)
    if media is None:
        return []
    return [
        _track_head(track, f"{kind[0].upper()}{number}", kind)
        for number, track in enumerate(media.all("track"), 1)
    ]


def _track_head(track: Element, position: str, kind: str) -> TrackHead:
    attributes = track.attributes()
    language = next(
        (value for name, value in attributes.items() if name.casefold().endswith("language")), None
    )
    return TrackHead(
        element=track,
        position=position,
        name=track.text_of("name") or attributes.get("MZ.TrackName", "").strip(),
        enabled=not track.is_false("enabled"),
        locked=track.is_true("locked"),
        language=track.text_of("language") or language,
        channels=_channels(attributes) if kind == "audio" else None,
    )


def _channels(attributes: dict[str, str]) -> int | None:
    """Channels that this one track carries: a stereo pair is exploded into two tracks of one."""
    exploded = attributes.get("totalExplodedTrackCount", "")
    if exploded.isdecimal() and exploded.lstrip("0") not in ("", "1"):
        return 1
    layout = attributes.get("premiereTrackType", "").casefold()
    return {"mono": 1, "stereo": 2, "5.1": 6}.get(layout)
