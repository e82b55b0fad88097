"""Hostile edits end in a named error, quickly, and never in anything else."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otio_samples import clip, dump, external, span, time, timeline, track
from xmeml import Edit, Item, Media

from unisync_adapters.document import open_edit, read_edit
from unisync_adapters.errors import EditError, UniSyncError
from unisync_adapters.limits import check_number, check_rate, whole_number

XML = Path("cut.xml")
OTIO = Path("cut.otio")
PLAIN = Edit([[Item(Media("A001.mov"), 0, 50), Item(Media("B002.mov"), 50, 90)]]).text()
DEEP = 2_000_000


def refused(data: bytes | str, path: Path, said: str) -> EditError:
    """The error of a document that must be refused, at a cost linear in its size."""
    data = data.encode() if isinstance(data, str) else data
    began = process_time()
    with pytest.raises(EditError, match=said) as caught:
        read_edit(data, path)
    assert process_time() - began < 20
    assert caught.value.file == str(path)
    return caught.value


def laughs(levels: int = 20) -> str:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE xmeml [<!ENTITY a0 "ha">{entities}]><xmeml>&a{levels - 1};</xmeml>'


@pytest.mark.parametrize(
    "text",
    [
        laughs(),
        '<!DOCTYPE xmeml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xmeml>&a;</xmeml>',
        '<!DOCTYPE xmeml [<!ENTITY % a SYSTEM "http://127.0.0.1:1/a">%a;]><xmeml></xmeml>',
    ],
    ids=["billion laughs", "external entity", "external subset"],
)
def test_row_11_entities_are_refused_and_never_fetched(text: str) -> None:
    refused(text, XML, "declares XML entities")


@pytest.mark.parametrize("tag", ["a", "clipitem", "file", "sequence", "media", "bin", "rate"])
def test_row_11_two_million_nested_elements(tag: str) -> None:
    depth = DEEP if tag == "a" else DEEP // 10
    nest = f"<{tag}>" * depth + f"</{tag}>" * depth
    refused(f"<xmeml>{nest}</xmeml>", XML, "nested")
    if tag != "a":  # unknown elements in a clip are stepped over, however deep
        refused(PLAIN.replace("</clipitem>", nest + "</clipitem>", 1), XML, "nested")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN[:-20], r"line \d+, column \d+"),
        (PLAIN + "<" * DEEP, r"line \d+, column \d+"),
        ("<xmeml><a " + '"' * DEEP, "line 1, column"),
        (PLAIN.replace("<start>0<", f"<start>{9 * 10**30}<", 1), r"<start> in line \d+"),
        (PLAIN.replace("<end>50<", f"<end>{'9' * 5000}<", 1), r"5000 digits.*<end> in line"),
        (PLAIN.replace("<timebase>25<", "<timebase>25000001<"), r"<rate> in line \d+"),
        (PLAIN.replace("<timebase>25<", f"<timebase>{'1' * 5000}<"), r"<rate> in line \d+"),
    ],
)
def test_row_11_damage_is_named_with_its_line(text: str, said: str) -> None:
    assert text != PLAIN
    refused(text, XML, said)


@pytest.mark.parametrize(
    ("value", "rate", "said"),
    [
        (float("nan"), 24.0, "sh666"),
        (float("inf"), 24.0, "inf is no number"),
        (1e308, 24.0, "1e.308 is no number"),
        (2**53, 24.0, "is no number"),
        (10**400, 24.0, "bits is no number"),
        (10.0, float("nan"), "nan is no number"),
        (10.0, -24.0, "-24 is no frame rate"),
        (10.0, 0.0, "sh666"),
        (10.0, 0.01, "0.01 is no frame rate"),
        (10.0, 1234.5, "1234.5 is no frame rate"),
        (10.0, 1e9, "is no frame rate"),
    ],
)
def test_row_12_numbers_that_are_no_times(value: float, rate: float, said: str) -> None:
    """OpenTimelineIO itself reads each of these (0.18.1)."""
    source = {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(value, rate), "duration": time(9.0)}
    error = refused(dump(timeline(track(clip("sh666", source)))), OTIO, said)
    assert error.clip == "sh666"


def test_row_12_negative_durations() -> None:
    source = span(10.0, -5.0)
    assert refused(dump(timeline(track(clip("sh666", source)))), OTIO, "-5 frames").clip == "sh666"
    media = {"media_references": {"DEFAULT_MEDIA": external(available=span(0.0, -1.0))}}
    refused(dump(timeline(track(clip("sh666", **media)))), OTIO, "-1 frames")


@pytest.mark.parametrize(
    "data",
    [
        b'{"OTIO_SCHEMA":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"OTIO_SCHEMA":' + b'{"a":' * DEEP,
    ],
)
def test_row_12_deep_nesting(data: bytes) -> None:
    refused(data, OTIO, r"nested more than 200 deep at line 1, column \d+")


def test_row_12_unknown_schemas_are_kept_verbatim() -> None:
    odd = {"OTIO_SCHEMA": "Hologram.7", "n": "X", "deep": [{"OTIO_SCHEMA": "Y.1"}, 10**30, -0.0]}
    data = dump(timeline(track(clip(metadata={"vendor": odd}, effects=[odd]))))
    document = read_edit(data, OTIO)
    patched = document.patch([], name="cut FR")
    assert patched.replace(b"cut FR", b"cut") == data
    document.verify(patched, [], name="cut FR")


def test_row_12_a_document_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse terabyte
    with pytest.raises(EditError, match="larger than 512 MiB"):
        open_edit(path)
    path.write_bytes(PLAIN.encode())
    with pytest.raises(EditError, match="larger than"):
        open_edit(path, max_bytes=1000)
    assert open_edit(path, max_bytes=1 << 20).origins


@pytest.mark.skipif(sys.platform == "win32", reason="FIFOs and devices are POSIX's")
def test_row_12_what_never_ends_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cut.xml")
    for path in (tmp_path / "cut.xml", Path("/dev/zero"), tmp_path):
        with pytest.raises(EditError, match="no regular file"):
            open_edit(path)


NASTY = st.sampled_from(
    ["-1", "0", "NaN", "Infinity", "1e308", "-24", "9" * 30, "9" * 5000, "", "x"]
)
OTIO_TEXT = dump(timeline(track(clip(), clip("b")))).decode()


@settings(max_examples=150, deadline=None)
@given(data=st.data(), text=st.sampled_from([PLAIN, OTIO_TEXT]), nasty=NASTY)
def test_row_12_any_number_replaced_ends_in_a_document_or_a_named_error(
    data: st.DataObject, text: str, nasty: str
) -> None:
    numbers = list(re.finditer(r"-?\d+(?:\.\d+)?", text))
    for found in data.draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=3)):
        text = text[: found.start()] + nasty + text[found.end() :]
    _read_or_refused(text.encode())


@settings(max_examples=150, deadline=None)
@given(data=st.data(), text=st.sampled_from([PLAIN, OTIO_TEXT]))
def test_row_12_any_bytes_replaced_end_in_a_document_or_a_named_error(
    data: st.DataObject, text: str
) -> None:
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw) - 1))
        raw[start : start + data.draw(st.integers(0, 400))] = data.draw(st.binary(max_size=8))
    _read_or_refused(bytes(raw))


def _read_or_refused(data: bytes) -> None:
    document = None
    with suppress(UniSyncError):
        document = read_edit(data, XML)
    assert document is None or document.patch([]) == data


@given(st.integers(-(10**40), 10**40))
def test_whole_numbers_are_exact_or_refused(value: int) -> None:
    if abs(value) < 1 << 53:
        assert whole_number(str(value)) == value == check_number(value)
        return
    for check in (lambda: whole_number(str(value)), lambda: check_number(value)):
        with pytest.raises(EditError, match="no number that an edit can hold"):
            check()


@pytest.mark.parametrize("rate", [1, 12.5, 22.131147, 23.976, 24, 59.94, 240, 1000, 24000, 48000])
def test_rates_in_use_are_rates(rate: float) -> None:
    assert abs(check_rate(rate).fps - Fraction(rate)) < Fraction(1, 100)
