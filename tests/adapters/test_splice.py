"""Splicing: what no edit names does not change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unisync_adapters.errors import EditError
from unisync_adapters.splice import Edit, splice


def test_no_edits_give_the_same_object() -> None:
    data = bytes(bytearray(b"<xmeml/>"))
    assert splice(data, []) is data


def test_insertions_at_one_point_keep_their_order() -> None:
    assert splice(b"ad", [Edit(1, 1, b"b"), Edit(1, 1, b"c")]) == b"abcd"


def test_an_insertion_stands_before_a_replacement_at_the_same_point() -> None:
    assert splice(b"abc", [Edit(1, 2, b"X"), Edit(1, 1, b"-")]) == b"a-Xc"


@pytest.mark.parametrize("span", [(-1, 2), (3, 2), (4, 6), (6, 6)])
def test_spans_outside_are_refused(span: tuple[int, int]) -> None:
    with pytest.raises(EditError, match="outside"):
        splice(b"abcde", [Edit(*span, b"")])


@pytest.mark.parametrize("other", [(1, 3), (2, 2), (0, 5), (2, 4)])
def test_overlaps_are_refused(other: tuple[int, int]) -> None:
    with pytest.raises(EditError, match="overlap"):
        splice(b"abcde", [Edit(1, 3, b"x"), Edit(*other, b"y")])


@st.composite
def documents_and_edits(draw: st.DrawFn) -> tuple[bytes, list[Edit]]:
    data = draw(st.binary(max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8, unique=True)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    return data, [Edit(a, b, draw(st.binary(max_size=6))) for a, b in spans]


@given(documents_and_edits(), st.randoms())
def test_splicing_is_replacing_from_the_back(case: tuple[bytes, list[Edit]], random) -> None:
    data, edits = case
    expected = data
    for edit in reversed(edits):
        expected = expected[: edit.start] + edit.text + expected[edit.end :]
    random.shuffle(edits)
    assert splice(data, edits) == expected
