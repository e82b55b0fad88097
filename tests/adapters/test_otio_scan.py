"""The span-recording JSON scanner against :mod:`json`, and where it must know more or refuse."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unisync_adapters.errors import EditError
from unisync_adapters.otio_json.scan import MAX_DEPTH, Node, scan

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
documents = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


def every(node: Node) -> list[Node]:
    children = list(node.members.values()) + node.items
    return [node, *(inner for child in children for inner in every(child))]


@given(documents, st.booleans(), st.sampled_from([None, 0, 3]), st.booleans())
def test_values_and_spans(document: object, ascii_only: bool, indent: int, bom: bool) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    data = (b"\xef\xbb\xbf" if bom else b"") + text.encode("utf-8", "surrogatepass")
    root = scan(data)
    assert repr(root.plain()) == repr(json.loads(text))
    for node in every(root):
        inside = json.loads(data[node.start : node.end].decode())
        assert repr(inside) == repr(node.plain())


def test_rapidjsons_bare_words() -> None:
    values = scan(b"[Inf, -Inf,Infinity ,-Infinity, NaN]").plain()
    assert values[:4] == [math.inf, -math.inf, math.inf, -math.inf]
    assert math.isnan(values[4])


def test_numbers_are_told_apart() -> None:
    assert repr(scan(b"[1, 1.0, 1e2, -0, 86400.000000001]").plain()) == (
        "[1, 1.0, 100.0, 0, 86400.000000001]"
    )


def test_of_two_members_the_last_counts() -> None:
    node = scan(b'{"a": 1, "a": 22}').get("a")
    assert (node.value, node.start) == (22, 14)


def test_pointers_lead_to_values() -> None:
    root = scan(b'{"a/b": [{"~": 5}]}')
    assert root.at("#/a~1b/0/~0").value == 5
    assert root.at("#") is root
    for nowhere in ("#/a", "#/a~1b/0/x", "#/a~1b/0/~0/0", "#/a~1b/1", "#/a~1b/x"):
        with pytest.raises(KeyError):
            root.at(nowhere)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "line 1, column 1"),
        (b'{"a": 1', "the text ends at line 1, column 8"),
        (b'{\n"a" 1}', "a colon is missing at line 2, column 5"),
        (b'{"a": 1} x', "more text"),
        (b'{"a": nil}', "missing or unknown"),
        (b"[1 2]", "'2' where none belongs"),
        (b'{"a: 1}', "not closed"),
        (b'["\\x"]', "bad escape"),
        (b"{1: 2}", "string is missing"),
        (b'["\xff"]', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b"[" * (MAX_DEPTH + 2), "deep"),
    ],
)
def test_damage_is_located(data: bytes, what: str) -> None:
    with pytest.raises(EditError, match=what):
        scan(data)
