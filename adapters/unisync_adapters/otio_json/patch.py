"""OTIO JSON patched in place: the active media reference's values, and little else.

What changes for a relink: ``target_url``, ``available_range`` and (where it repeats the old file's
name) ``name`` of the active media reference, and the old URL noted under its ``metadata.unisync``.
The clip's ``source_range`` changes only where the new media does not keep the old one's clock; then
the clip's markers, which count in that clock, move along. A baked retime leaves ``effects``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath

import opentimelineio as otio

from ..document import Document, Relink
from ..errors import EditError, UrlError
from ..image_sequence import SequenceName, spelled_like
from ..otiotime import exact_frames, first_shown
from ..splice import Edit, splice
from ..timebase import Rate
from ..urls import MediaUrl, map_from_local
from .build import active_key, build_clip, reference_nodes
from .fields import number_of, read_range, read_time, schema_of, text_of
from .scan import Node, Plain, scan

_SPACE = re.compile(rb"\s*")


def patch_document(document: Document, relinks: Sequence[Relink], name: str | None) -> bytes:
    """The document's bytes with these clips relinked and its timeline called ``name``.

    A lone clip or track has no timeline, so there is nothing to rename.

    Raises:
        EditError: a clip without a media file, or a path that cannot be written in the old URL's
            form.
    """
    root = scan(document.data)
    writer = Writer.like(document.data)
    edits: list[Edit] = []
    timeline = renamed_node(document, root)
    if name is not None and timeline is not None:
        edits += writer.member(timeline, "name", name)
    for relink in relinks:
        clip = root.at(relink.origin)
        edits += _ClipPatch(document, relink, clip, writer).edits()
    return splice(document.data, edits)


def renamed_node(document: Document, root: Node) -> Node | None:
    """The timeline whose name a patch changes; None where a lone clip or track was read."""
    node = root.at(document.timeline.metadata["unisync"]["origin"])
    return node if schema_of(node) == "Timeline" else None


@dataclass(frozen=True)
class Writer:
    """Writes JSON values in the style of the document around them.

    Attributes:
        data: the document.
        escape: whether it writes non-ASCII characters as ``\\u`` escapes.
    """

    data: bytes
    escape: bool

    @classmethod
    def like(cls, data: bytes) -> Writer:
        return cls(data, escape=data.isascii() and rb"\u" in data)

    def text(self, value: Plain) -> bytes:
        """A value as JSON."""
        try:
            return json.dumps(value, ensure_ascii=self.escape).encode()
        except UnicodeEncodeError as error:
            raise EditError(f"{value!r} cannot be written as UTF-8") from error

    def member(self, parent: Node, key: str, value: Plain) -> Iterator[Edit]:
        """Set a member: its value replaced, or a new member put first in the object."""
        old = parent.get(key)
        if old is None:
            yield self.insert(parent, key, value)
        elif old.plain() != value or isinstance(old.value, bool):
            yield Edit(old.start, old.end, self.text(value))

    def insert(self, parent: Node, key: str, value: Plain) -> Edit:
        """A new first member, indented like the one that was first."""
        inside = parent.start + 1
        text = self.text(key) + b": " + self.text(value)
        if not parent.members:
            return Edit(inside, parent.end - 1, text)
        space = _SPACE.match(self.data, inside)
        return Edit(inside, inside, (space[0] if space else b"") + text + b",")

    def number(self, node: Node | None, value: Fraction) -> Iterator[Edit]:
        """Replace a number where its value differs; ``24.0`` stays a float, ``24`` an integer."""
        if node is None or Fraction(number_of(node, 0.0)) == value:
            return
        integer = value.denominator == 1 and isinstance(node.value, int)
        text = str(int(value)) if integer else repr(float(value))
        yield Edit(node.start, node.end, text.encode())

    def time(self, node: Node | None, frames: Fraction, rate: Rate) -> Iterator[Edit]:
        """Replace a ``RationalTime``'s numbers; a rate that means the same stays as written."""
        if node is None:
            return
        old = read_time(node)
        if old is None or Rate.of(old.rate) != rate:
            yield from self.number(node.get("rate"), Fraction(float(rate.fps)))
        yield from self.number(node.get("value"), frames)


def range_value(start: Fraction, duration: Fraction, rate: Rate) -> Plain:
    """A ``TimeRange`` as JSON."""

    def time(frames: Fraction) -> Plain:
        schema = "RationalTime.1"
        return {"OTIO_SCHEMA": schema, "rate": float(rate.fps), "value": float(frames)}

    return {"OTIO_SCHEMA": "TimeRange.1", "duration": time(duration), "start_time": time(start)}


@dataclass(frozen=True)
class _ClipPatch:
    """The edits of one relink."""

    document: Document
    relink: Relink
    clip: Node
    writer: Writer

    def edits(self) -> Iterator[Edit]:
        reference = reference_nodes(self.clip).get(active_key(self.clip))
        if reference is not None and schema_of(reference) == "ImageSequenceReference":
            yield from self.sequence(reference)
        else:
            yield from self.file(reference)
        assert reference is not None, "self.file has seen it"
        yield from self.available_range(reference)
        yield from self.source_range()
        if self.relink.baked:
            yield from self.without_warps()

    def file(self, reference: Node | None) -> Iterator[Edit]:
        """Where the new media is, and what the reference is called."""
        old_url = text_of(reference, "target_url") if reference else ""
        if reference is None or not old_url:
            raise self.error("The clip has no media file that could be relinked")
        try:
            old = MediaUrl.parse(old_url)
            new = spelled_like(self.relink.path, old.name)
            new_url = map_from_local(new, self.document.path_map, old)
        except UrlError as error:
            raise self.error(error.what) from error
        yield from self.writer.member(reference, "target_url", new_url)
        yield from self.reference_name(reference, old.name, new)
        yield from self.note(reference, old_url)

    def sequence(self, reference: Node) -> Iterator[Edit]:
        """Folder, prefix, suffix, first number and padding of an ``ImageSequenceReference``."""
        new = SequenceName.parse(self.relink.path.name)
        if new is None or new.first is None:
            raise self.error("The clip plays an image sequence, and its new media is none")
        base = text_of(reference, "target_url_base")
        slash = base[-1:] if base[-1:] in ("/", "\\") else ""
        try:
            old = MediaUrl.parse(base)
            folder = map_from_local(self.relink.path.parent, self.document.path_map, old)
        except UrlError as error:
            raise self.error(error.what) from error
        values = {
            "target_url_base": folder + slash,
            "name_prefix": new.prefix,
            "name_suffix": new.suffix,
        }
        for key, value in values.items():
            yield from self.writer.member(reference, key, value)
        for key, number in (("start_frame", new.first), ("frame_zero_padding", new.padding)):
            yield from self.writer.member(reference, key, number)
        name = SequenceName.parse(text_of(reference, "name"))
        if name is not None:
            spelled = spelled_like(self.relink.path, str(name)).name
            yield from self.writer.member(reference, "name", spelled)
        prefix, suffix = text_of(reference, "name_prefix"), text_of(reference, "name_suffix")
        padding = int(number_of(reference.get("frame_zero_padding"), 0))
        yield from self.note(reference, f"{base}{'' if slash else '/'}{prefix}%0{padding}d{suffix}")

    def error(self, what: str) -> EditError:
        return EditError(what, file=self.document.path, clip=text_of(self.clip, "name") or None)

    def reference_name(self, reference: Node, old_file: str, new: Path) -> Iterator[Edit]:
        """A reference called after its file is called after the new one."""
        name = text_of(reference, "name")
        if name and name == old_file:
            yield from self.writer.member(reference, "name", new.name)
        elif name and name == PurePosixPath(old_file).stem:
            yield from self.writer.member(reference, "name", new.stem)

    def note(self, reference: Node, old_url: str) -> Iterator[Edit]:
        """Keep the URL that was there first, so that a relink can be told and undone."""
        note: dict[str, Plain] = {"original_url": old_url}
        if self.relink.language is not None:
            note["language"] = self.relink.language
        metadata = reference.get("metadata")
        if metadata is None or not isinstance(metadata.value, dict):
            yield from self.writer.member(reference, "metadata", {"unisync": note})
            return
        previous = metadata.get("unisync")
        kept = text_of(previous, "original_url") if previous else ""
        if kept:
            note["original_url"] = kept
        yield from self.writer.member(metadata, "unisync", note)

    def available_range(self, reference: Node) -> Iterator[Edit]:
        relink = self.relink
        start, duration = Fraction(relink.start_frame), Fraction(relink.duration)
        node = reference.get("available_range")
        if node is None or read_range(node) is None:
            value = range_value(start, duration, relink.rate)
            yield from self.writer.member(reference, "available_range", value)
            return
        yield from self.writer.time(node.get("start_time"), start, relink.rate)
        yield from self.writer.time(node.get("duration"), duration, relink.rate)

    def source_range(self) -> Iterator[Edit]:
        """Move the source in-point, if the new media does not keep the old clock."""
        relink = self.relink
        old = build_clip(self.clip)
        played = old.trimmed_range()
        first = Fraction(relink.start_frame + relink.source_in)
        before = exact_frames(played.start_time, relink.rate)
        # the range counts as it did before: an edit without a start has its rate from its ranges
        rate = Rate.of(played.start_time.rate)
        start = relink.rate.seconds(first) * rate.fps
        node = self.clip.get("source_range")
        if node is None or node.value is None:
            value = range_value(start, exact_frames(played.duration, rate), rate)
            yield from self.writer.member(self.clip, "source_range", value)
        elif before // 1 != first or (relink.baked and before != first):
            yield from self.writer.number(_value(node, "start_time"), start)
        else:
            first = before
        yield from self.markers(old, first)

    def markers(self, clip: otio.schema.Clip, after: Fraction) -> Iterator[Edit]:
        """Markers count in the media's clock: keep them on their record frames."""
        speed = _speed(clip) if self.relink.baked else Fraction(1)
        before = first_shown(clip.trimmed_range(), speed, self.relink.rate)
        if before == after and speed == 1:
            return
        nodes = self.clip.get("markers")
        for node in nodes.items if nodes else []:
            span = node.get("marked_range")
            start = read_time(span.get("start_time")) if span else None
            if span is None or start is None:
                continue
            rate = Rate.of(start.rate)
            frames = exact_frames(start, self.relink.rate)
            moved = after + ((frames - before) / speed if speed else 0)
            yield from self.writer.number(
                _value(span, "start_time"), self.relink.rate.seconds(moved) * rate.fps
            )

    def without_warps(self) -> Iterator[Edit]:
        """Take the speed effect out of ``effects``, with the comma that it needed."""
        effects = self.clip.get("effects")
        items = effects.items if effects else []
        warps = [schema_of(item) in ("LinearTimeWarp", "FreezeFrame") for item in items]
        if effects is not None and items and all(warps):
            yield Edit(effects.start, effects.end, b"[]")
            return
        for index, item in enumerate(items):
            if not warps[index]:
                continue
            if all(warps[:index]):
                # the first one kept must become the first of the list
                yield Edit(item.start, items[index + 1].start, b"")
            else:
                yield Edit(items[index - 1].end, item.end, b"")


def _value(span: Node, edge: str) -> Node | None:
    time = span.get(edge)
    return time.get("value") if time else None


def _speed(clip: otio.schema.Clip) -> Fraction:
    warps = [e for e in clip.effects if isinstance(e, otio.schema.LinearTimeWarp)]
    return Fraction(warps[0].time_scalar) if warps else Fraction(1)
