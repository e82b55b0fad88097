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
_KEY = re.compile(rb'"([^"\\\x00-\x1f]*)"[ \t\r\n]*:[ \t\r\n]*')
_AFTER = re.compile(rb"[ \t\r\n]*([,\]}])[ \t\r\n]*")
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
                inside = token.isdigit() and int(token) < len(node.value)
                child = node.value[int(token)] if inside else None
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
            key, position = self.key(position)
            node = self.value(position, depth)
            members[key] = node
            position, end = self.after(node.end, b"}")
            if end:
                return Node(members, start, end)

    def array(self, start: int, depth: int) -> Node:
        items: list[Node] = []
        position = self.skip(start + 1)
        if self.data[position : position + 1] == b"]":
            return Node(items, start, position + 1)
        while True:
            node = self.value(position, depth)
            items.append(node)
            position, end = self.after(node.end, b"]")
            if end:
                return Node(items, start, end)

    def after(self, position: int, closing: bytes) -> tuple[int, int]:
        """Where the next element begins, and where the container ends (0 if it goes on)."""
        match = _AFTER.match(self.data, position)
        if match is not None and match[1] == b",":
            return match.end(), 0
        if match is not None and match[1] == closing:
            return match.end(), match.end(1)
        position = self.skip(position)
        head = self.data[position : position + 1]
        what = f"{head.decode('latin-1')!r} where none belongs" if head else "the text ends"
        raise self.error(position, what)

    def key(self, position: int) -> tuple[str, int]:
        """A member's name, and where its value begins; one string object a name."""
        if match := _KEY.match(self.data, position):
            key = self.keys.get(match[1])
            if key is None:
                key = self.keys[match[1]] = match[1].decode()
            return key, match.end()
        key, position = self.string(position)
        position = self.skip(position)
        if self.data[position : position + 1] != b":":
            raise self.error(position, "a colon is missing")
        return key, self.skip(position + 1)

    def string(self, position: int) -> tuple[str, int]:
        if match := _SIMPLE_STRING.match(self.data, position):
            return match[1].decode(), match.end()
        match = _STRING.match(self.data, position)
        if match is None:
            raise self.error(position, "a string is missing or not closed")
        try:
            text: str = json.loads(match[0].decode(), strict=False)
        except ValueError as error:
            raise self.error(position, "a string has a bad escape") from error
        return text, match.end()

    def number_or_word(self, position: int) -> Node:
        if match := _NUMBER.match(self.data, position):
            whole = match[1] is None and match[2] is None
            value = int(match[0]) if whole and len(match[0]) < 4000 else float(match[0])
            return Node(value, position, match.end())
        match = _WORD.match(self.data, position)
        if match is None or match[0] not in _WORDS:
            raise self.error(position, "a value is missing or unknown")
        return Node(_WORDS[match[0]], position, match.end())
