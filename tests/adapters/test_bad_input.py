"""Broken edits of every format, one kind of damage after another: named errors, nothing written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aaf2.file import AAFFile
from aaf2.rational import AAFRational
from aaf_samples import Media as AafMedia
from aaf_samples import Sample
from aaf_samples import Shot as AafShot
from cmx import HOUR, Cmx, Ev
from fcpxmls import Edit as Final
from fcpxmls import Item as FinalItem
from generated import FRENCH, WRITERS, Line, Shot, Story, Voice
from xmeml import Edit, Item, Media

from unisync_adapters.document import Document, read_edit
from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate

STORY = Story(
    (Shot(0, 4, 6, gap=2), Shot(1, 8, 5)),
    (Voice(*FRENCH, (Line(1, 9, 0),)),),
    FRENCH[1],
    Rate.of(25),
)
WRITTEN = {name: write(STORY) for name, write in WRITERS.items()}
XMLS = [name for name in WRITTEN if name.endswith("xml")]


def refused(name: str, data: bytes, said: str | None = None, rate: Rate | None = None) -> EditError:
    """The error of an edit that must be refused as a whole."""
    with pytest.raises(EditError, match=said) as caught:
        read_edit(data, Path(name), rate=rate)
    assert caught.value.file == name
    assert caught.value.remedy
    return caught.value


def read(name: str, data: bytes, rate: Rate | None = None) -> Document:
    return read_edit(data, Path(name), rate=rate)


def changed(name: str, old: str, new: str, count: int = 1) -> bytes:
    text = WRITTEN[name].decode()
    assert old in text
    return text.replace(old, new, count).encode()


@pytest.mark.parametrize("name", [n for n in WRITTEN if n != "avid.edl"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
def test_a_truncated_edit(name: str, kept: float) -> None:
    data = WRITTEN[name]
    refused(name, data[: int(len(data) * kept)])


def test_a_truncated_edl_names_its_line() -> None:
    """At a line's end it is a shorter list, which nothing can tell; within a line it is damaged."""
    data = WRITTEN["avid.edl"]
    cut = data.rindex(b"01:00:00:")
    refused("avid.edl", data[: cut + 5], "Line 5 begins like an event", Rate.of(25))


@pytest.mark.parametrize("name", XMLS)
@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("UTF-16", ""),
        ("x-no-such", ""),
        ("UTF-7", ""),
        ("UTF-8", "Caf\xe9"),
        ("US-ASCII", "Caf\xe9"),
    ],
)
def test_a_wrong_encoding_declaration(name: str, declared: str, text: str) -> None:
    data = WRITTEN[name].replace(b'encoding="UTF-8"', f'encoding="{declared}"'.encode(), 1)
    # a name in Latin-1
    data = data.replace(b"anna.mov", b"anna" + text.encode("latin-1") + b".mov")
    refused(name, data)


def test_two_million_nested_elements_of_fcpxml() -> None:
    """Of xmeml, which is read by the same hands: ``test_row_11_two_million_nested_elements``."""
    name, deep = "resolve.fcpxml", "<clip>" * 2_000_000
    refused(name, changed(name, "</spine>", f"{deep}</spine>"))
    whole = "<clip>" * 100_000 + "</clip>" * 100_000
    refused(name, changed(name, "</spine>", f"{whole}</spine>"), "nested")


@pytest.mark.parametrize("rate", ["0", "-25", "NaN", "Infinity", "1e9", ""])
@pytest.mark.parametrize("name", [n for n in WRITTEN if n not in ("avid.edl", "avid.aaf")])
def test_a_rate_that_is_none(name: str, rate: str) -> None:
    if name.endswith(".xml"):
        data = changed(name, "<timebase>25<", f"<timebase>{rate}<", -1)
    elif name.endswith(".fcpxml"):
        data = changed(name, 'frameDuration="1/25s"', f'frameDuration="1/{rate}s"', -1)
    else:
        data = changed(name, '"rate": 25.0', f'"rate": {rate or "null"}', -1)
    refused(name, data, "rate|number|length|no time")


@pytest.mark.parametrize("rate", ["0/1", "-25/1", "1000001/1"])
def test_a_rate_of_an_aaf_that_is_none(rate: str, tmp_path: Path) -> None:
    def slow(slot: Any) -> None:
        slot.edit_rate = AAFRational(*map(int, rate.split("/")))

    refused("avid.aaf", aaf(slow, tmp_path), "rate")


def test_a_negative_duration_in_an_aaf(tmp_path: Path) -> None:
    def shorten(slot: Any) -> None:
        for piece in getattr(slot.segment, "components", ()):
            piece.length = -5

    refused("avid.aaf", aaf(shorten, tmp_path), "length of -5 edit units does not exist")


def aaf(change: Callable[[Any], None], folder: Path) -> bytes:
    """The AAF with its edit's picture slot changed by a careless program."""
    path = folder / "cut.aaf"
    path.write_bytes(WRITTEN["avid.aaf"])
    with AAFFile(str(path), "rw", extensions=False) as file:
        (edit,) = (mob for mob in file.content.mobs if mob.name == "cut_v1")
        for slot in edit.slots:
            if slot.media_kind == "Picture":
                change(slot)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["resolve.otio", "resolve.fcpxml"])
def test_a_negative_duration(name: str) -> None:
    old, new = (
        ('duration="6/25s"', 'duration="-6/25s"')
        if name.endswith("xml")
        else (
            '"value": 6',
            '"value": -6',
        )
    )
    error = refused(name, changed(name, old, new), "negative|does not exist")
    assert error.clip == "anna.mov" or "line" in error.what


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<end>8</end>", "<end>-8</end>", "end -8 is no frame"),
        ("<start>8</start>", "<start>80</start>", "begins at frame 80 and ends before, at 13"),
        ("<duration>40</duration>", "<duration>-40</duration>", "duration of -40 frames"),
    ],
)
def test_a_negative_duration_in_xmeml(old: str, new: str, said: str) -> None:
    name = "premiere.xml"
    text = changed(name, old, new, -1).decode()
    error = refused(name, text.encode(), said)
    assert "in line" in error.what
    assert error.clip or "anna.mov" in error.what


def test_every_error_says_what_to_do() -> None:
    """Found by damaging edits at random: a range without a rate had no remedy."""
    data = changed("resolve.otio", '"rate": 25.0', '"rate": "x"', -1)
    error = refused("resolve.otio", data, "The source range is no time")
    assert error.remedy == "Export it again"


def test_an_edl_that_runs_backwards() -> None:
    data = Cmx([Ev(count=50), Ev(entry=HOUR, count=-20)]).data()
    refused("cut.edl", data, "Line 5: the record out lies before the record in", Rate.of(25))


def test_ids_defined_twice_in_xmeml() -> None:
    """Which of the two files is meant, nothing can tell."""
    a, b = Media("a.mov"), Media("b.mov")
    text = Edit([[Item(a, 0, 50), Item(b, 50, 90), Item(a, 90, 120)]], sound=False).text()
    same = text.replace('id="file-b.mov"', 'id="file-a.mov"')
    error = refused("cut.xml", same.encode(), "defined twice")
    assert "line" in error.what
    assert "file-a.mov" in error.what
    # the same file defined in two places is only said twice
    again = text.replace('<file id="file-a.mov"/>', re.search(r"<file .*?</file>", text, re.S)[0])  # type: ignore[index]
    assert len(read("cut.xml", again.encode()).origins) == 3


def test_ids_defined_twice_in_fcpxml() -> None:
    text = Final([FinalItem()]).data().decode()
    asset = re.search(r"<asset .*?</asset>", text, re.S)
    assert asset is not None
    data = text.replace(asset[0], asset[0] + asset[0].replace("a.mov", "b.mov")).encode()
    assert "line" in refused("cut.fcpxml", data, "given twice").what


def test_members_defined_twice_in_otio() -> None:
    """Of two members of one name the last counts, here as in every JSON reader."""
    data = changed("resolve.otio", '"name": "cut"', '"name": "cut", "name": "other"')
    document = read("resolve.otio", data)
    assert document.timeline.name == "other"
    assert document.patch([]) == data


def test_an_edl_with_mixed_rates() -> None:
    """A third of the events counts 24 frames a second in a list of 25."""
    lines = ["TITLE: MIXED", "FCM: NON-DROP FRAME"]
    for number in range(1, 7):
        # 24 frames a second: 1 s 10 f to 2 s 2 f is 16 frames, as is 0 to 16
        out = "02:00:02:02" if number % 3 == 0 else "02:00:02:01"
        lines.append(
            f"{number:03d}  AX       V     C        02:00:01:10 {out} "
            f"01:00:{number:02d}:00 01:00:{number:02d}:16"
        )
        lines.append(f"* FROM CLIP NAME: c{number}.mov")
    data = "\r\n".join([*lines, ""]).encode()
    refused("cut.edl", data, "does not state its frame rate")
    document = read("cut.edl", data, Rate.of(25))
    refusals = [
        str(clip.metadata["unisync"].get("refuse", "")) for clip in document.timeline.find_clips()
    ]
    assert [bool(text) for text in refusals] == [False, False, True, False, False, True]
    assert "correct the event" in refusals[2]


def test_an_aaf_with_embedded_essence_only() -> None:
    media = AafMedia(url=None, embedded=True)
    document = read(
        "cut.aaf", Sample(tracks=[(AafShot(), AafShot(start=60))], media=[media]).data()
    )
    for clip in document.timeline.find_clips():
        said = str(clip.metadata["unisync"]["refuse"])
        assert "AAF" in said
        assert "link" in said or "export" in said.lower()
