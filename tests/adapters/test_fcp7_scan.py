"""Element spans: whatever XML comes, they are what a full parser sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from unisync_adapters.errors import EditError
from unisync_adapters.fcp7.scan import Element, elements
from unisync_adapters.fcp7.stated import Columns
from unisync_adapters.fcp7.text import XmlText
from unisync_adapters.splice import TextEdit

TAGS = st.sampled_from(["track", "trackindex", "file", "media", "clipitem", "a"])
ATTRIBUTES = st.sampled_from(["", ' id="1"', " n='a > b'", ' n="/>" id = "x"', ' n="&lt;file>" '])
NOISE = st.sampled_from(["", "\r\n\t", "<!-- <file> -->", "<?p </track> ?>", "<!---->", " "])
TEXT = st.sampled_from(["", "x", "a &amp; b > c", "ü日本😀", "<![CDATA[<file/>]]>", "1<!-- 2 -->3"])


@st.composite
def empty(draw: Any) -> str:
    return f"<{draw(TAGS)}{draw(ATTRIBUTES)}/>"


@st.composite
def leaf(draw: Any) -> str:
    tag = draw(TAGS)
    return f"<{tag}{draw(ATTRIBUTES)}>{draw(TEXT)}</{tag}{draw(st.sampled_from(['', ' ']))}>"


@st.composite
def container(draw: Any, children: Any) -> str:
    tag, noise = draw(TAGS), draw(NOISE)
    inside = noise.join(draw(st.lists(children, min_size=1, max_size=4)))
    return f"<{tag}{draw(ATTRIBUTES)}>{noise}{inside}{draw(NOISE)}</{tag}>"


TREES = st.recursive(empty() | leaf(), lambda inner: container(inner), max_leaves=25)


def agree(ours: Element, theirs: Any) -> None:
    assert ours.tag == theirs.tag
    assert ours.attributes() == dict(theirs.attrib)
    children = [child for child in theirs if isinstance(child.tag, str)]
    found = ours.children()
    assert [c.tag for c in found] == [c.tag for c in children]
    for a, b in zip(found, children, strict=True):
        agree(a, b)
    assert etree.fromstring(ours.raw).tag == theirs.tag
    if not children:
        assert ours.text == theirs.xpath("string()").strip()


HEADS = ["", "<!-- <a> -->", "<!DOCTYPE r>", "<?p it's <!--?>", "<!-- it's --><!DOCTYPE r []>"]


@given(body=TREES, head=st.sampled_from(HEADS))
def test_spans_are_what_a_parser_sees(body: str, head: str) -> None:
    text = f"{head}<r>{body}</r>"
    source = XmlText.of(text.encode(), Path("x.xml"))
    theirs = etree.fromstring(text.encode())
    agree(Element(source, 0), theirs)
    for tag in ("track", "file", "clipitem"):
        assert [e.tag for e in elements(source, tag)] == [tag] * len(list(theirs.iter(tag)))


@given(
    body=TREES,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]),
    data=st.data(),
)
def test_edits_of_characters_are_edits_of_bytes(body: str, encoding: str, data: Any) -> None:
    text = f"<r>{body}</r>"
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    mark = marks.get(encoding, b"")
    raw = mark + text.encode(encoding)
    source = XmlText.of(raw, Path("x.xml"))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), min_size=2, max_size=6)))
    edits = [TextEdit(a, b, "é&amp;") for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    expected, position = "", 0
    for edit in edits:
        expected += text[position : edit.start] + edit.text
        position = edit.end
    expected += text[position:]
    assert source.spliced(raw, edits) == mark + expected.encode(encoding)


@pytest.mark.parametrize("text", ["<r><a/><a>1</a></r>", "<r><a /><b/><a>1</a></r>"])
def test_an_empty_tag_ends_where_it_ends(text: str) -> None:
    first, *_, last = Element(XmlText.of(text.encode(), Path("x.xml")), 0).children()
    assert (first.raw.replace(" ", ""), first.is_empty_tag) == ("<a/>", True)
    assert (last.raw, last.text) == ("<a>1</a>", "1")


@pytest.mark.parametrize("head", ["<?p it's?>", "<!-- it's -->", "<?p ?><!-- <xmeml> ' -->"])
def test_what_stands_before_the_root_is_no_markup(head: str) -> None:
    root = Element(XmlText.of(f"{head}<xmeml><a/></xmeml>".encode(), Path("x.xml")), 0)
    assert root.raw == "<xmeml><a/></xmeml>"


ASKED = ("a", "file", "rate", "name", "out")
NUMBERS = st.sampled_from(
    ["", "7", " 12 ", "-1", "1:2", "/3", "٣", "3.5", "0000000000000000009", "<!-- 4 -->4"]
)


@st.composite
def parted(draw: Any) -> str:
    """A clip with children of few names, in any number and order."""
    children = []
    for _ in range(draw(st.integers(0, 5))):
        tag, inside = draw(st.sampled_from(ASKED)), draw(NUMBERS | TREES)
        children.append(f"<{tag}{draw(ATTRIBUTES)}>{inside}</{tag}>")
    return f"<clipitem{draw(ATTRIBUTES)}>{''.join(children)}</clipitem>"


def number(element: Element, tag: str) -> int | str | None:
    """The number of this child, or what is wrong with it."""
    try:
        return element.int_of(tag)
    except EditError as error:
        return error.what


@given(st.lists(parted() | empty(), min_size=1, max_size=8))
def test_many_siblings_answer_as_one_by_one(clips: list[str]) -> None:
    text = "<track>" + "".join(clips) * 60 + "</track>"
    source = XmlText.of(text.encode(), Path("cut.xml"))
    together = Element(source, 0).children()
    assert together[0].siblings is not None
    for one in together[: len(clips)] + together[-len(clips) :]:
        alone = Element(source, one.row)
        for tag in ASKED:
            assert one.content(tag) == alone.content(tag)
            assert one.text_of(tag) == alone.text_of(tag)
            assert one.raw_of(tag) == alone.raw_of(tag)
            assert one.span(tag) == alone.span(tag)
            assert [e.row for e in one.all(tag)] == [e.row for e in alone.all(tag)]
            assert number(one, tag) == number(alone, tag)


@given(st.lists(parted() | empty(), min_size=1, max_size=8))
def test_a_column_is_what_each_answers_alone(clips: list[str]) -> None:
    text = "<track>" + "".join(clips) * 60 + "</track>"
    source = XmlText.of(text.encode(), Path("cut.xml"))
    together = Element(source, 0).children()
    columns = Columns(together)
    alone = [Element(source, one.row) for one in together]
    few = Columns(alone)
    for tag in (*ASKED, "clipitem", "sequence"):
        assert columns.texts(tag) == few.texts(tag) == [e.text_of(tag) for e in alone]
        assert columns.raws(tag) == few.raws(tag) == [e.raw_of(tag) for e in alone]
        assert columns.spans(tag) == few.spans(tag) == [e.span(tag) for e in alone]
        assert columns.has(tag) == few.has(tag) == [e.first(tag) is not None for e in alone]
        numbers = [number(e, tag) for e in alone]
        if any(isinstance(said, str) for said in numbers):
            with pytest.raises(EditError):
                columns.numbers(tag)
        else:
            assert columns.numbers(tag) == few.numbers(tag) == numbers


def test_a_name_longer_than_what_is_left_of_the_document_is_none_of_it() -> None:
    source = XmlText.of(b"<r><c/></r>", Path("cut.xml"))
    assert list(elements(source, "clipitem")) == []
    assert [e.row for e in elements(source, "c")] == [1]
