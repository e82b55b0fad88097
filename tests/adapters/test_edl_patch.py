"""EDLs patched line by line: one test for every trap of the format, and the laws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cmx import (
    AVID,
    DIALECTS,
    FILE32,
    PAL,
    TABS,
    Cmx,
    Dialect,
    Ev,
    changed,
    patched,
    read,
    relink,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from unisync_adapters.document import PathMap
from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate

NEW = "unisync_fr_0000.mov"


def test_patching_nothing_gives_the_same_bytes() -> None:
    data = Cmx([Ev()]).data()
    assert read(data).patch([]) is data


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.name)
def test_one_line_differs(dialect: Dialect) -> None:
    edit = Cmx([Ev(), Ev("B2", name="12B"), Ev()], dialect)
    document = read(edit)
    result = patched(document, relink(document), name=None)
    assert changed(edit.data(), result) == [
        (
            f"{dialect.star}FROM CLIP NAME:  12A-1{dialect.trail}",
            f"{dialect.star}FROM CLIP NAME:  {NEW}{dialect.trail}",
        )
    ]
    assert result.count(b"\r") == edit.data().count(b"\r")


def test_the_source_file_follows() -> None:
    edit = Cmx([Ev(source="A001C001_R1"), Ev(source="/Volumes/x/b.mov")])
    document = read(edit, path_map=PathMap((("/Volumes/x", "/out/media"),)))
    result = patched(document, relink(document), relink(document, 1), name=None)
    assert [new for _, new in changed(edit.data(), result)] == [
        f"* FROM CLIP NAME:  {NEW} ",
        f"* SOURCE FILE: {NEW}",
        "* FROM CLIP NAME:  unisync_fr_0001.mov ",
        "* SOURCE FILE: /Volumes/x/unisync_fr_0001.mov",
    ]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.name)
def test_a_clip_without_a_name_gets_one(dialect: Dialect) -> None:
    edit = Cmx([Ev(name=None), Ev(name=None, speed="050.0", played=100)], dialect)
    document = read(edit)
    result = patched(document, relink(document), name=None).decode()
    lines = result.splitlines()
    assert lines.index(f"* FROM CLIP NAME: {NEW}") == (3 if dialect.fcm else 2)
    assert result.replace(f"* FROM CLIP NAME: {NEW}{dialect.newline}", "").encode() == edit.data()


def test_a_name_after_a_last_line_without_an_end() -> None:
    data = Cmx([Ev(name=None)]).data().rstrip()
    document = read(data)
    assert patched(document, relink(document), name=None) == (
        data + f"\r\n* FROM CLIP NAME: {NEW}".encode()
    )


def test_the_title_is_renamed_or_put_first() -> None:
    document = read(Cmx([Ev()]))
    assert b"TITLE:   REEL 1_FR_v001\r\n" in patched(document)
    bare = Cmx([Ev()], title=None).data("utf-8-sig")
    assert patched(read(bare)).startswith(b"\xef\xbb\xbfTITLE: REEL 1_FR_v001\r\nFCM")


def test_source_times_change_only_where_the_media_start_elsewhere() -> None:
    edit = Cmx([Ev()])
    document = read(edit)
    result = patched(document, relink(document, start_frame=0, source_in=12), name=None)
    (event, _) = changed(edit.data(), result)
    assert event == (
        "001  A001C001 V     C        01:00:00:00 01:00:02:00 01:00:00:00 01:00:02:00 ",
        "001  A001C001 V     C        00:00:00:12 00:00:02:12 01:00:00:00 01:00:02:00 ",
    )


def test_separators_stay_the_authors() -> None:
    text = "FCM: DROP FRAME\n001 A V C 01;00;00;00 01;00;02;00 00;00;00;00 00;00;02;00\n"
    document = read(text, Rate.of(29.97))
    result = patched(document, relink(document, start_frame=17982), name=None)
    assert b"00;10;00;12 00;10;02;12 00;00;00;00" in result


def test_a_baked_speed_leaves_the_list() -> None:
    edit = Cmx([Ev(speed="050.0", played=100), Ev(speed="-025.0", played=1)])
    document = read(edit)
    result = patched(document, relink(document), relink(document, 1), name=None)
    assert b"M2" not in result
    assert [c.speed for c in read(result).cuts.values()] == [1, 1]
    assert b"01:00:00:00 01:00:02:00 01:00:02:00 01:00:04:00" in result
    with pytest.raises(EditError, match="does not have the retime baked"):
        document.patch([relink(document, baked=False)])


def test_a_baked_freeze_leaves_the_list() -> None:
    document = read(Cmx([Ev(speed="000.0", played=1, remarks=("* * FREEZE FRAME",))]))
    result = patched(document, relink(document))
    assert b"FREEZE" not in result
    assert b"M2" not in result


def test_a_relinked_clip_is_relinked_under_its_transition_too() -> None:
    edit = Cmx([Ev(source="A001C001"), Ev("B2", name="12B", dissolve=10), Ev("C3", name="c")])
    document = read(edit)
    result = patched(document, relink(document, 0, start_frame=500), name=None)
    assert [new for _, new in changed(edit.data(), result)] == [
        "001  A001C001 V     C        00:00:20:12 00:00:22:12 01:00:00:00 01:00:02:00 ",
        f"* FROM CLIP NAME:  {NEW} ",
        f"* SOURCE FILE: {NEW}",
        "002  A001C001 V     C        00:00:22:12 00:00:22:12 01:00:02:00 01:00:02:00 ",
        f"* FROM CLIP NAME:  {NEW} ",
    ]
    incoming = patched(document, relink(document, 1), name=None)
    assert changed(edit.data(), incoming) == [
        ("* TO CLIP NAME:  12B ", "* TO CLIP NAME:  unisync_fr_0001.mov ")
    ]


def test_a_source_file_of_a_transition_belongs_to_one_side() -> None:
    remark = "* SOURCE FILE: B2_LONG"
    edit = Cmx([Ev(), Ev("B2", name="12B", dissolve=10, remarks=(remark,))])
    document = read(edit)
    outgoing, incoming = relink(document, 0), relink(document, 1)
    assert remark.encode() in patched(document, outgoing, name=None)
    assert b"* SOURCE FILE: unisync_fr_0001.mov" in patched(document, incoming, name=None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_other_bytes_stay_whatever_their_encoding(encoding: str) -> None:
    data = Cmx([Ev(name="Café"), Ev(name="Über")]).data(encoding)
    document = read(data)
    result = patched(document, relink(document), name=None)
    old = "Café".encode(encoding.removesuffix("-sig"))
    assert result == data.replace(old, NEW.encode())


def test_the_new_name_keeps_its_accents() -> None:
    document = read(Cmx([Ev()]))
    result = patched(document, relink(document, path=Path("/out/é ü.mov")), name="Schnitt Ä")
    assert read(result).timeline.name == "Schnitt Ä"
    assert "é ü.mov".encode() in result


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rate": Rate.of(24)}, "new media runs at 24 fps; an EDL counts"),
        ({"source_in": -1}, "begins after the clip does"),
        ({"path": Path("/out/a\nb.mov")}, "does not fit in a line"),
        ({"drop": True, "rate": PAL, "start_frame": 5}, "differ in drop-frame"),
    ],
)
def test_what_an_edl_cannot_say_is_refused(changes: dict[str, object], what: str) -> None:
    document = read(Cmx([Ev()]))
    with pytest.raises(EditError, match=what) as caught:
        document.patch([relink(document, **changes)])
    assert caught.value.clip == "12A-1"


def test_a_refused_event_stays_refused() -> None:
    document = read(Cmx([Ev(played=30)]))
    with pytest.raises(EditError, match="no M2 line says why"):
        document.patch([relink(document)])


def _tampered(data: bytes) -> list[bytes]:
    return [
        data.replace(b"12B", b"12C"),
        data.replace(b"CLIP NAME:  12B", b"CLIP NAME: 12B"),
        data.replace(b"01:00:02:00 01:00:04:00", b"01:00:02:00 01:00:04:01"),
        data.replace(b"B2      ", b"B3      "),
        data.replace(b"* LOC", b"* XOC"),
        data + b"* a remark\r\n",
        data.replace(NEW.encode(), b"other.mov"),
        data.replace(b"001  A001C001 V     C        01:00", b"001  A001C001 V     C        02:00"),
    ]


@pytest.mark.parametrize("which", range(8))
def test_a_patch_that_changes_anything_else_is_caught(which: int) -> None:
    edit = Cmx([Ev(), Ev("B2", name="12B", remarks=("* LOC: 01:00:03:00 RED x",))])
    document = read(edit)
    one = relink(document)
    good = patched(document, one)
    bad = _tampered(good)[which]
    assert bad != good
    with pytest.raises(EditError):
        document.verify(bad, [one], name="REEL 1_FR_v001")


def test_a_picture_and_sound_event_plays_both_from_the_new_media() -> None:
    edit = Cmx([Ev(channels="B"), Ev(channels="AA", name="dx.wav")])
    document = read(edit)
    assert len(changed(edit.data(), patched(document, relink(document), name=None))) == 1


_RATES = [(PAL, False), (Rate.of(23.976), False), (Rate.of(29.97), True), (Rate.of(59.94), True)]


@st.composite
def edits(draw: st.DrawFn) -> Cmx:
    rate, drop = draw(st.sampled_from(_RATES))
    events = []
    for index in range(draw(st.integers(1, 6))):
        count = draw(st.integers(12, 400))
        retimed = draw(st.sampled_from([None, None, "half", "double", "back", "hold"]))
        nominal = rate.nominal
        speeds = {
            None: (None, count),
            "half": (f"{nominal / 2:05.1f}", count // 2),
            "double": (f"{nominal * 2:05.1f}", count * 2),
            "back": (f"-{nominal:05.1f}", 1),
            "hold": ("000.0", 1),
        }
        speed, played = speeds[retimed]
        fade = draw(st.sampled_from([0, 0, 8])) if retimed is None else 0
        events.append(
            Ev(
                reel=draw(st.sampled_from(["A001C001", "AX", "B002C003_R1AB_LONG", "7"])),
                entry=draw(st.integers(5000, 2_000_000)),
                count=count,
                name=draw(st.sampled_from(["12A-1", "Café (v2)", None])),
                source=draw(st.sampled_from([None, "B002C003_R1AB_LONG_X", "/m/a b.mov"])),
                channels=draw(st.sampled_from(["V", "V", "B", "AA/V", "AA"])),
                dissolve=fade,
                speed=speed,
                played=played,
                gap=draw(st.integers(0, 20)) if not fade else 0,
                remarks=tuple(draw(st.lists(st.sampled_from([f"* LOC: x {index}", "* ZOOM"])))),
            )
        )
    dialect = draw(st.sampled_from([replace(AVID), FILE32, *DIALECTS]))
    return Cmx(events, dialect, rate, drop, start=draw(st.integers(0, 900_000)))


@given(edits(), st.data())
@settings(max_examples=80)
def test_any_edit_keeps_the_laws(edit: Cmx, data: st.DataObject) -> None:
    document = read(edit)
    todo = [i for i, cut in enumerate(document.cuts.values()) if cut.refuse is None]
    chosen = data.draw(st.lists(st.sampled_from(todo), unique=True)) if todo else []
    shift = data.draw(st.sampled_from([0, 0, 5]))
    relinks = [
        replace(one, start_frame=one.start_frame + shift)
        for one in (relink(document, index) for index in chosen)
    ]
    assert document.patch([]) is document.data
    result = patched(document, *relinks)
    again = read(result, document.rate)
    assert len(again.cuts) == len(document.cuts)
    tabs = edit.dialect is TABS
    assert (b"\n" not in result) is tabs
