"""Edits as broken transfers, careless scripts and attackers leave them."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_ELEMENT = re.compile(rb"<([A-Za-z][\w-]*)[^<>]*>[^<>]*</\1>|<[A-Za-z][^<>]*/>")
_MEMBER = re.compile(rb'"[^"\\]*"\s*:\s*(?:"[^"\\]*"|-?[\d.]+|\w+)\s*,?')
_QUOTED = re.compile(rb'"[^"\n]{0,80}"')
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)")
_ENCODING = re.compile(rb"encoding=[\"'][^\"']*[\"']")
_ENCODINGS = (b"UTF-16", b"UTF-7", b"latin-1", b"shift_jis", b"x-none", b"cp037", b"utf-8-sig")
_ABSURD = (
    *(b"0", b"-1", b"1", b"-0", b"1e308", b"NaN", b"Infinity", b"-Infinity", b"2147483648"),
    *(b"9223372036854775807", b"9007199254740993", b"1/0", b"99:99:99:99", b"0.1", b""),
    *(b"9" * 40, b"9" * 5000),
)
_PATTERNS = (_ELEMENT, _MEMBER, _QUOTED, _LINE)


def damaged(data: bytes, other: bytes, draw: Random) -> bytes:
    """``data`` after up to four accidents; ``other`` is an edit that pieces may come from."""
    for _ in range(draw.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        data = draw.choice(_ACCIDENTS)(data, other, draw) or data
    return data


def _span(data: bytes, draw: Random, most: int = 400) -> tuple[int, int]:
    start = draw.randrange(len(data))
    return start, min(len(data), start + draw.randint(1, most))


def _bits(data: bytes, other: bytes, draw: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _noise(data: bytes, other: bytes, draw: Random) -> bytes:
    start, end = _span(data, draw, 40)
    return data[:start] + draw.randbytes(draw.randint(0, 40)) + data[end:]


def _lost(data: bytes, other: bytes, draw: Random) -> bytes:
    start, end = _span(data, draw)
    return data[:start] + data[end:]


def _doubled(data: bytes, other: bytes, draw: Random) -> bytes:
    start, end = _span(data, draw)
    return data[:end] + data[start:end] * draw.randint(1, 3) + data[end:]


def _cut_off(data: bytes, other: bytes, draw: Random) -> bytes:
    return data[: draw.randrange(1, len(data) + 1)]


def _grafted(data: bytes, other: bytes, draw: Random) -> bytes:
    start, end = _span(data, draw)
    first, last = _span(other, draw)
    return data[:start] + other[first:last] + data[end:]


def _absurd(data: bytes, other: bytes, draw: Random) -> bytes:
    return _replaced(data, _NUMBER, draw, lambda _: draw.choice(_ABSURD))


def _near(data: bytes, other: bytes, draw: Random) -> bytes:
    """A number that is only a little wrong: what a person would not notice."""
    return _replaced(data, _NUMBER, draw, lambda old: old + b"0" if draw.random() < 0.5 else b"1")


def _without(data: bytes, other: bytes, draw: Random) -> bytes:
    return _replaced(data, draw.choice(_PATTERNS), draw, lambda _: b"")


def _twice(data: bytes, other: bytes, draw: Random) -> bytes:
    return _replaced(data, draw.choice(_PATTERNS), draw, lambda old: old + old)


def _swapped(data: bytes, other: bytes, draw: Random) -> bytes:
    """What stands in one place put in another: ids, references, times."""
    pattern = draw.choice((*_PATTERNS, _NUMBER))
    one, two = _found(data, pattern, draw), _found(other, pattern, draw)
    if one is None or two is None:
        return data
    return data[: one.start()] + two[0] + data[one.end() :]


def _declared(data: bytes, other: bytes, draw: Random) -> bytes:
    encoding = b'encoding="' + draw.choice(_ENCODINGS) + b'"'
    return _ENCODING.sub(encoding, data, count=1)


def _found(data: bytes, pattern: re.Pattern[bytes], draw: Random) -> re.Match[bytes] | None:
    """A match somewhere; the same few pages of a long edit are looked at."""
    start = draw.randrange(max(1, len(data) - 20_000))
    found = [match for match in pattern.finditer(data, start, start + 20_000) if match[0]]
    return draw.choice(found) if found else None


def _replaced(
    data: bytes, pattern: re.Pattern[bytes], draw: Random, new: Callable[[bytes], bytes]
) -> bytes:
    match = _found(data, pattern, draw)
    if match is None:
        return data
    return data[: match.start()] + new(match[0]) + data[match.end() :]


_ACCIDENTS = (
    *(_bits, _noise, _lost, _doubled, _cut_off, _grafted, _declared),
    *(_absurd, _absurd, _absurd, _near, _without, _without, _twice, _twice, _swapped, _swapped),
)
