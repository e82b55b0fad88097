"""A new ``file`` definition, written as the old one was, for media that lies elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from ..document import Relink
from ..errors import EditError
from ..splice import TextEdit
from ..timebase import Rate, timecode
from .media import MediaFile, rate_of
from .scan import Element
from .text import escape


def set_text(element: Element, text: str) -> TextEdit:
    """The element with this character data; ``<a/>`` becomes ``<a>text</a>``."""
    if not element.is_empty_tag:
        return TextEdit(element.inner, element.inner_end, escape(text))
    opening = element.raw[:-2].rstrip()
    return TextEdit(element.start, element.end, f"{opening}>{escape(text)}</{element.tag}>")


def set_number(parent: Element, tag: str, value: int) -> list[TextEdit]:
    """The first child of this tag saying this number, if there is one."""
    content = parent.content(tag)
    if content is not None:
        start, end = content
        return [TextEdit(start, end, str(value))]
    child = parent.first(tag)
    return [] if child is None else [set_text(child, str(value))]


def removed(element: Element) -> TextEdit:
    """The element gone, with the line it stood on."""
    text = element.source.text
    start = element.start
    while start > 0 and text[start - 1] in " \t\r\n":
        start -= 1
    return TextEdit(start, element.end, "")


def indent_of(element: Element) -> str:
    """What stands between the previous tag and this one: a line end and its indentation."""
    text = element.source.text
    start = element.start
    while start > 0 and text[start - 1] in " \t\r\n":
        start -= 1
    return text[start : element.start]


def set_rate(rate: Element, value: Rate) -> list[TextEdit]:
    """The ``rate`` element saying this rate.

    Raises:
        EditError: a rate that ``timebase`` and ``ntsc`` cannot express.
    """
    if rate_of_element(rate) == value:
        return []
    if value != Rate.ntsc(value.nominal, value.is_ntsc):
        raise EditError(f"FCP7 XML has no way to write {value} frames per second")
    edits = []
    timebase, ntsc = rate.first("timebase"), rate.first("ntsc")
    flag = "TRUE" if value.is_ntsc else "FALSE"
    if timebase is None:
        body = f"<timebase>{value.nominal}</timebase><ntsc>{flag}</ntsc>"
        return [TextEdit(rate.start, rate.end, f"<rate>{body}</rate>")]
    edits.append(set_text(timebase, str(value.nominal)))
    if ntsc is not None:
        edits.append(set_text(ntsc, flag))
    else:
        tag = f"{indent_of(timebase)}<ntsc>{flag}</ntsc>"
        edits.append(TextEdit(timebase.end, timebase.end, tag))
    return edits


def rate_of_element(rate: Element) -> Rate | None:
    """The rate that a ``rate`` element itself states."""
    timebase = rate.int_of("timebase")
    return Rate.ntsc(timebase, rate.is_true("ntsc")) if timebase else None


@dataclass(frozen=True, slots=True)
class Template:
    """A definition with holes, so that a file used by a hundred clips is taken apart once.

    ``text`` is a format string of the ``%(name)s`` kind.
    """

    text: str

    def fill(self, relink: Relink, identity: str, url: str) -> str:
        return self.text % {
            "id": identity,
            "name": escape(relink.path.name),
            "url": escape(url),
            "duration": relink.duration,
            "frame": relink.start_frame,
            "code": timecode(relink.start_frame, relink.rate, relink.drop),
        }


_HOLE = {name: f"\0{name}\0" for name in ("id", "name", "url", "duration", "frame", "code")}
"""NUL stands in no XML document, so no text can be taken for a hole."""


def template(media: MediaFile, relink: Relink, inherited: Rate) -> Template:
    """The old definition, with holes for the new media's id, name, URL, length and start.

    Rate, drop-frame and reel are the relink's. Everything else (raster, channel layout, colour,
    fields) is as it was: the new media keeps it. Final Cut's media UUID goes, because it would
    find the old file again.
    """
    old = media.element
    body = apply(old, _edits(old, relink, inherited))
    opening = old.raw[: old.inner - old.start]
    attributes = {n: quoteattr(v) for n, v in old.attributes().items()}
    attributes["id"] = f'"{_HOLE["id"]}"'
    written = "".join(f" {name}={value}" for name, value in attributes.items())
    text = f"<file{written}>{body[len(opening) :]}".replace("%", "%%")
    return Template(re.sub(r"\0(\w+)\0", r"%(\1)s", text))


def apply(element: Element, edits: list[TextEdit]) -> str:
    """The element's own text with these edits; they lie inside it and do not overlap."""
    pieces, position = [], element.start
    text = element.source.text
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        pieces += [text[position : edit.start], edit.text]
        position = edit.end
    pieces.append(text[position : element.end])
    return "".join(pieces)


def _edits(old: Element, relink: Relink, inherited: Rate) -> list[TextEdit]:
    pathurl = _known(old, "pathurl")
    edits = [set_text(pathurl, _HOLE["url"])]
    additions: list[str] = []
    name, duration = old.first("name"), old.first("duration")
    if name is not None:
        edits.append(set_text(name, _HOLE["name"]))
    if duration is not None:
        edits.append(set_text(duration, _HOLE["duration"]))
    else:
        additions.append(f"<duration>{_HOLE['duration']}</duration>")
    video = old.first("media", "video")
    length = video.first("duration") if video is not None else None
    if length is not None:
        edits.append(set_text(length, _HOLE["duration"]))
    rate = old.first("rate")
    if rate is None and relink.rate != inherited:
        additions.append(_rate_tag(relink.rate))
    for parent in (old, video.first("samplecharacteristics") if video is not None else None):
        stated = parent.first("rate") if parent is not None else None
        if stated is not None and rate_of(parent) is not None:
            edits += set_rate(stated, relink.rate)
    code = old.first("timecode")
    if code is not None:
        edits += _timecode(code, relink)
    elif relink.start_frame or relink.reel:
        additions.append(_timecode_tag(relink))
    edits += [
        removed(block)
        for block in old.all("metadata")
        if (block.text_of("key") or "").endswith("media.uuid")
    ]
    if additions:
        indent = indent_of(pathurl)
        text = "".join(indent + tag for tag in additions)
        edits.append(TextEdit(pathurl.end, pathurl.end, text))
    return edits


def _known(parent: Element, tag: str) -> Element:
    child = parent.first(tag)
    if child is None:
        raise EditError(f"The media definition has no {tag}", remedy="Relink it in the NLE first")
    return child


def _rate_tag(rate: Rate) -> str:
    flag = "TRUE" if rate.is_ntsc else "FALSE"
    return f"<rate><timebase>{rate.nominal}</timebase><ntsc>{flag}</ntsc></rate>"


def _timecode_tag(relink: Relink) -> str:
    reel = f"<reel><name>{escape(relink.reel)}</name></reel>" if relink.reel else ""
    return (
        f"<timecode>{_rate_tag(relink.rate)}<string>{_HOLE['code']}</string>"
        f"<frame>{_HOLE['frame']}</frame>"
        f"<displayformat>{_format(relink)}</displayformat>{reel}</timecode>"
    )


def _format(relink: Relink) -> str:
    return "DF" if relink.drop else "NDF"


def _timecode(code: Element, relink: Relink) -> list[TextEdit]:
    """The ``timecode`` element saying the new media's start, in the children it has."""
    edits: list[TextEdit] = []
    additions = []
    rate = code.first("rate")
    if rate is not None:
        edits += set_rate(rate, relink.rate)
    values = {
        "string": _HOLE["code"],
        "frame": _HOLE["frame"],
        "displayformat": _format(relink),
    }
    for tag, value in values.items():
        child = code.first(tag)
        if child is None:
            # nothing is added that the other children already say
            if tag == "frame" and code.first("string") is None:
                additions.append(f"<frame>{value}</frame>")
            elif tag == "displayformat" and relink.drop:
                additions.append("<displayformat>DF</displayformat>")
        elif child.text != value:
            edits.append(set_text(child, value))
    if relink.reel is not None:
        reel = code.first("reel", "name")
        if reel is None and code.first("reel") is None:
            additions.append(f"<reel><name>{escape(relink.reel)}</name></reel>")
        elif reel is not None and reel.text != relink.reel:
            edits.append(set_text(reel, relink.reel))
    if additions:
        last = code.children()[-1] if code.children() else None
        at, indent = (last.end, indent_of(last)) if last is not None else (code.inner, "")
        edits.append(TextEdit(at, at, "".join(indent + tag for tag in additions)))
    return edits
