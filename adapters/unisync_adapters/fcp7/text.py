"""An XML document as text that goes back to the very bytes it came from, and the guard at its door.

Elements are found, and changed, in the decoded text. Only an encoding whose every character goes
back to its own bytes is read, so what is not changed is not changed, and a UTF-16 document, a byte
order mark or Windows line ends need no special case.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from lxml import etree

from ..errors import EditError
from ..splice import TextEdit, splice
from .outline import Outline

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]*)[\"']")
_STATEFUL = re.compile(
    r"utf-?7|iso-?2022|^hz|punycode|idna|escape|2004|jisx0213|hkscs", re.IGNORECASE
)
"""Encodings in which the bytes of a character depend on its neighbours."""
_NOT_MARKUP = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
_BLOCK = 1 << 16
"""Bytes that the parser is fed at a time: more is slower, because no cache holds it."""
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|(\w+));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@dataclass(frozen=True, slots=True)
class XmlText:
    """A well-formed document.

    Attributes:
        text: decoded, without its byte order mark.
        outline: where its elements begin and end.
        encoding: Python's name of the encoding.
        bom: length of the byte order mark.
    """

    text: str
    outline: Outline
    encoding: str
    bom: int

    @classmethod
    def of(cls, data: bytes, path: Path) -> XmlText:
        """Decode and check a document.

        Raises:
            EditError: not well-formed, an encoding that cannot be given back exactly, an entity
                declaration (nothing is ever expanded or fetched), or nested beyond reason.
        """
        text, encoding, bom = _decode(data, path)
        utf8 = data[bom:] if encoding == "utf-8" else text.encode("utf-8")
        _check(text, utf8, path)
        if _has_other_markup(text):
            masked = _NOT_MARKUP.sub(lambda match: " " * len(match[0]), text)
            outline = Outline.of(masked, masked.encode("latin-1", "replace"))
        else:
            codes = utf8 if text.isascii() else text.encode("latin-1", "replace")
            outline = Outline.of(text, codes)
        return cls(text, outline, encoding, bom)

    @property
    def newline(self) -> str:
        """The document's line end, as it is found between its first tags."""
        return "\r\n" if "\r\n" in self.text[:4096] else "\n"

    def plain(self, start: int, end: int) -> str:
        """Character data of a leaf: references resolved, CDATA unwrapped, comments dropped."""
        raw = self.text[start:end]
        if "<" in raw:
            raw = _CDATA.sub(lambda match: escape(match[1]), raw)
            raw = _NOT_MARKUP.sub("", raw)
        return unescape(raw) if "&" in raw else raw

    def spliced(self, data: bytes, edits: Iterable[TextEdit]) -> bytes:
        """``data``, which this was read from, with every edit applied (its text already escaped).

        Characters that the document's encoding does not have become character references.

        Raises:
            EditError: as :func:`.splice.splice`.
        """
        bom, encoded = self.bom, (self.encoding, "xmlcharrefreplace")
        if self.text.isascii() and not self.encoding.startswith("utf-16"):
            # a character is a byte, so the document itself need not be written again
            return splice(
                data, [(bom + start, bom + end, t.encode(*encoded)) for start, end, t in edits]
            )
        text = splice(self.text, edits)
        return data if text is self.text else data[:bom] + text.encode(*encoded)


def escape(text: str) -> str:
    """Text as XML character data."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Character data with its references resolved; unknown entities stay as they are written."""
    return _REFERENCE.sub(_resolved, text)


def _resolved(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    if match[2]:
        return chr(int(match[2]))
    return _NAMED.get(match[3], match[0])


def sniff_text(data: bytes) -> str:
    """The document's first characters, as well as they can be read; for recognition alone."""
    encoding, bom = _encoding(data)
    try:
        return data[bom : bom + 8192].decode(encoding, "replace")
    except LookupError:
        return data[:8192].decode("latin-1")


def _encoding(data: bytes) -> tuple[str, int]:
    """Encoding and length of the byte order mark (XML 1.0, appendix F)."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name, len(mark)
    if data.startswith(b"<\0?\0"):
        return "utf-16-le", 0
    if data.startswith(b"\0<\0?"):
        return "utf-16-be", 0
    declared = _DECLARED.match(data[:512].lstrip())
    return (declared[1].decode("ascii").lower() if declared else "utf-8"), 0


def _decode(data: bytes, path: Path) -> tuple[str, str, int]:
    encoding, bom = _encoding(data)
    try:
        if _STATEFUL.search(encoding):
            raise LookupError(encoding)
        text = data[bom:].decode(encoding) if bom else data.decode(encoding)
        # a byte that another byte could stand for would not come back as it was
        exact = encoding in ("utf-8", "utf-16-le", "utf-16-be") or text.encode(encoding) == data
    except (LookupError, UnicodeError) as error:
        raise EditError(
            f"The document says it is {encoding}, which cannot be read: {error}",
            file=path,
            remedy="Save it as UTF-8",
        ) from error
    if not exact:
        raise EditError(
            f"The document's {encoding} text does not survive being read",
            file=path,
            remedy="Save it as UTF-8",
        )
    return text, encoding, bom


def _has_other_markup(text: str) -> bool:
    """Whether a text holds comments, CDATA sections or processing instructions."""
    root = max(text.find("<xmeml"), 0)
    if _NOT_MARKUP.search(text, 1, root):
        return True
    # most edits hold neither character, and one character is found far quicker than two
    marked = text.find("!", root) != -1 and ("<!--" in text or "<![CDATA[" in text)
    return marked or (text.find("?", root) != -1 and text.find("<?", root) != -1)


def _declares_entities(text: str) -> bool:
    # as above: the one character of a document's type is found at once, and mostly the only one
    mark = text.find("!")
    while mark > 0 and not text.startswith("<!ENTITY", mark - 1):
        mark = text.find("!", mark + 1)
    return mark > 0


class _NoTarget:
    """A parser's target that wants to hear of nothing."""

    def close(self) -> None:
        """The end of the document."""


def _check(text: str, utf8: bytes, path: Path) -> None:
    """Refuse what is not well-formed, and entity declarations."""
    if _declares_entities(text):
        _check_slowly(text, path)
        return
    parser = etree.XMLParser(
        target=_NoTarget(),  # type: ignore[arg-type]  # no event is a choice too
        encoding="utf-8",
        huge_tree=True,
        resolve_entities=False,
        no_network=True,
    )
    try:
        for at in range(0, len(utf8), _BLOCK):
            parser.feed(utf8[at : at + _BLOCK])
        parser.close()
    except etree.XMLSyntaxError:
        _check_slowly(text, path)


def _check_slowly(text: str, path: Path) -> None:
    """As :func:`_check`, naming the place; twice as slow, so only where something is odd."""

    def refuse(*_: Any) -> NoReturn:
        raise EditError(
            "The document declares XML entities, which no NLE writes",
            file=path,
            remedy="Export it again; a document from elsewhere may be an attack",
        )

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise EditError(
            f"The XML is damaged in line {error.lineno}, column {error.offset + 1}: "
            f"{expat.ErrorString(error.code)}",
            file=path,
            remedy="Export it again",
        ) from error
