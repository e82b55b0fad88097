"""JSON with the byte span of every value, so that one value can be replaced and no other.

Reads what OpenTimelineIO and the programs around it write, which is a little more than RFC 8259:
bare ``Inf``, ``-Inf``, ``Infinity``, ``NaN`` (RapidJSON's), a UTF-8 byte order mark, any line ends.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import EditError

Value: TypeAlias = "dict[str, Node] | list[Node] | str | int | float | bool | None"
"""What a node holds: containers of nodes, or a leaf's Python value."""

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | float | bool | None"
"""The same without spans, as :mod:`json` gives it."""

MAX_DEPTH = 200
"""Containers in containers; fifty nested compound clips need 200."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_SIMPLE_STRING = re.compile(rb'"([^"\\\x00-\x1f]*)"')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORD = re.compile(rb"-?[A-Za-z]+")
_WORDS: dict[bytes, bool | float | None] = {
    b"true": True,
    b"false": False,
    b"null": None,
    b"NaN": float("nan"),
    b"Inf": float("inf"),
    b"-Inf": float("-inf"),
    b"Infinity": float("inf"),
    b"-Infinity": float("-inf"),
}
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Node:
    """One JSON value and where it stands: bytes ``start`` to ``end`` (exclusive)."""

    value: Value
    start: int
    end: int

    def get(self, key: str) -> Node | None:
        """An object's member; None if this is no object or has no such member."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    @property
    def members(self) -> dict[str, Node]:
        """An object's members; none if this is no object."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """An array's items; none if this is no array."""
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str | None:
        """A string's value; None if this is no string."""
        return self.value if isinstance(self.value, str) else None

    def plain(self) -> Plain:
        """The value without spans."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, pointer: str) -> Node:
        """The node a JSON pointer (RFC 6901, fragment form ``#/a/0``) leads to.

        Raises:
            KeyError: it leads nowhere.
        """
        node = self
        for token in pointer.removeprefix("#").split("/")[1:]:
            if isinstance(node.value, list):
                child = dict(enumerate(node.value)).get(int(token)) if token.isdigit() else None
            else:
                child = node.get(token.replace("~1", "/").replace("~0", "~"))
            if child is None:
                raise KeyError(pointer)
            node = child
        return node


def scan(data: bytes) -> Node:
    """Read a whole JSON document. Of members with one name the last counts, as in :mod:`json`.

    Raises:
        EditError: not UTF-8, or not JSON; says at which line and column.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EditError(
            f"The file is not UTF-8 text (byte {error.start})",
            remedy="Export it again, or save it as UTF-8",
        ) from error
    scanner = _Scanner(data)
    start = len(_BOM) if data.startswith(_BOM) else 0
    node = scanner.value(scanner.skip(start), 0)
    if scanner.skip(node.end) != len(data):
        raise scanner.error(scanner.skip(node.end), "more text after the end of the document")
    return node


class _Scanner:
    """A recursive-descent reader over bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.keys: dict[bytes, str] = {}

    def skip(self, position: int) -> int:
        match = _SPACE.match(self.data, position)
        return match.end() if match else position

    def error(self, position: int, what: str) -> EditError:
        line = self.data.count(b"\n", 0, position) + 1
        column = position - self.data.rfind(b"\n", 0, position)
        return EditError(
            f"The file is damaged: {what} at line {line}, column {column}",
            remedy="Export it again",
        )

    def value(self, position: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.error(position, f"values nested more than {MAX_DEPTH} deep")
        head = self.data[position : position + 1]
        if head == b"{":
            return self.object(position, depth + 1)
        if head == b"[":
            return self.array(position, depth + 1)
        if head == b'"':
            text, end = self.string(position)
            return Node(text, position, end)
        return self.number_or_word(position)

    def object(self, start: int, depth: int) -> Node:
        members: dict[str, Node] = {}
        position = self.skip(start + 1)
        if self.data[position : position + 1] == b"}":
            return Node(members, start, position + 1)
        while True:
            key, position = self.string(position)
            position = self.skip(position)
            if self.data[position : position + 1] != b":":
                raise self.error(position, "a colon is missing")
            node = self.value(self.skip(position + 1), depth)
            members[key] = node
            position, done = self.after(node.end, b"}")
            if done:
                return Node(members, start, position)

    def array(self, start: int, depth: int) -> Node:
        items: list[Node] = []
        position = self.skip(start + 1)
        if self.data[position : position + 1] == b"]":
            return Node(items, start, position + 1)
        while True:
            node = self.value(position, depth)
            items.append(node)
            position, done = self.after(node.end, b"]")
            if done:
                return Node(items, start, position)

    def after(self, position: int, closing: bytes) -> tuple[int, bool]:
        """Past a comma (and space) to the next element, or past the closing bracket."""
        position = self.skip(position)
        head = self.data[position : position + 1]
        if head == closing:
            return position + 1, True
        if head != b",":
            what = "the text ends" if not head else f"{head.decode('latin-1')!r} where none belongs"
            raise self.error(position, what)
        return self.skip(position + 1), False

    def string(self, position: int) -> tuple[str, int]:
        if match := _SIMPLE_STRING.match(self.data, position):
            raw = match[1]
            text = self.keys.get(raw)
            if text is None:
                text = raw.decode()
                if len(raw) < 32:
                    self.keys[raw] = text
            return text, match.end()
        match = _STRING.match(self.data, position)
        if match is None:
            raise self.error(position, "a string is missing or not closed")
        try:
            return json.loads(match[0].decode(), strict=False), match.end()
        except ValueError as error:
            raise self.error(position, "a string has a bad escape") from error

    def number_or_word(self, position: int) -> Node:
        if match := _NUMBER.match(self.data, position):
            whole = match[1] is None and match[2] is None
            value = int(match[0]) if whole and len(match[0]) < 4000 else float(match[0])
            return Node(value, position, match.end())
        match = _WORD.match(self.data, position)
        if match is None or match[0] not in _WORDS:
            raise self.error(position, "a value is missing or unknown")
        return Node(_WORDS[match[0]], position, match.end())
