"""EDLs read: events, rates, speeds, transitions, sounds, and what is refused with its reason."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from cmx import DIALECTS, HOUR, PAL, PATH, Cmx, Dialect, Ev, read
from otio_samples import clip, dump, timeline, track

from unisync_adapters.document import open_edit, read_edit
from unisync_adapters.edl import ADAPTER
from unisync_adapters.edl.read import EdlDocument
from unisync_adapters.edl.sides import sound_channels
from unisync_adapters.errors import EditError
from unisync_adapters.otiotime import exact_frames, first_shown
from unisync_adapters.timebase import Rate

HEAD = "TITLE: x\nFCM: NON-DROP FRAME\n"


def clips(document: EdlDocument) -> list[otio.schema.Clip]:
    return [c for c in document.timeline.find_clips() if c.parent().kind == "Video"]


def reasons(document: EdlDocument) -> list[str | None]:
    return [cut.refuse for cut in document.cuts.values()]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.name)
def test_every_dialect_reads_alike(dialect: Dialect) -> None:
    edit = Cmx([Ev(source="A001C001_R1"), Ev("B002C003", 3 * HOUR, 30, "12B-2", gap=10)], dialect)
    document = read(edit)
    first, second = clips(document)
    assert (first.name, second.name) == ("12A-1", "12B-2")
    assert document.timeline.name == "REEL 1"
    assert [document.timeline.global_start_time.value, first.source_range.start_time.value] == [
        HOUR,
        HOUR,
    ]
    place = second.range_in_parent()
    assert (place.start_time.value, place.duration.value) == (60, 30)
    facts = second.media_reference.metadata["unisync"]
    assert (facts["reel"], facts["rate"], facts["drop"]) == ("B002C003", "25", False)
    assert reasons(document) == [None, None]


def test_a_reel_cut_short_is_read_from_the_source_file() -> None:
    document = read(Cmx([Ev("A001C001_261101_R1AB", source="A001C001_261101_R1AB")]))
    facts = clips(document)[0].media_reference.metadata["unisync"]
    assert facts["reel"] == "A001C001_261101_R1AB"


def test_aux_is_no_reel() -> None:
    document = read(Cmx([Ev("AX", name="a.mov")]))
    facts = clips(document)[0].media_reference.metadata["unisync"]
    assert "reel" not in facts
    assert list(facts["names"]) == ["a.mov"]


@pytest.mark.parametrize(
    ("line", "reel", "number"),
    [
        (
            "001  MY TAPE 01 V C 01:00:00:00 01:00:02:00 01:00:00:00 01:00:02:00",
            "MY TAPE 01",
            "001",
        ),
        ("A001 V C 01:00:00:00 01:00:02:00 01:00:00:00 01:00:02:00", "A001", ""),
        ("001 007 V C 01:00:00:00 01:00:02:00 01:00:00:00 01:00:02:00", "007", "001"),
        ("1\tT1\tV\tC\t01:00:00:00\t01:00:02:00\t01:00:00:00\t01:00:02:00 * x", "T1", "1"),
        ("0001 T V C 1:00:00:00 1:00:02:00 1:00:00:00 1:00:02:00", "T", "0001"),
    ],
)
def test_events_are_known_by_their_tail(line: str, reel: str, number: str) -> None:
    (cut,) = read(HEAD + line + "\n").cuts.values()
    assert (cut.side.event.reel, cut.side.event.number, cut.count) == (reel, number, 50)


@pytest.mark.parametrize(
    ("channels", "numbers"),
    [("V", []), ("A", [1]), ("A2", [2]), ("AA", [1, 2]), ("AA/V", [1, 2]), ("B", [1]),
     ("A12", [12]), ("A2/V", [2]), ("NONE", [])],
)  # fmt: skip
def test_channels(channels: str, numbers: list[int]) -> None:
    assert list(sound_channels(channels)) == numbers
    document = read(Cmx([Ev(), Ev(channels=channels, gap=5)]))
    names = [t.name for t in document.timeline.audio_tracks()]
    assert names == [f"A{n}" for n in numbers]
    pictures = 2 if channels in ("V", "B", "AA/V", "A2/V") else 1
    assert len(clips(document)) == pictures


def test_aud_adds_channels() -> None:
    document = read(Cmx([Ev(channels="AA", remarks=("AUD  3    4",))]))
    assert [t.name for t in document.timeline.audio_tracks()] == ["A1", "A2", "A3", "A4"]


def test_a_dissolve_plays_the_outgoing_clip_on() -> None:
    document = read(Cmx([Ev(), Ev("B2", 2 * HOUR, 60, "12B", dissolve=10), Ev(name="c")]))
    track = document.timeline.video_tracks()[0]
    assert [type(c).__name__ for c in track] == ["Clip", "Transition", "Clip", "Clip"]
    assert (track[1].in_offset.value, track[1].out_offset.value) == (0, 10)
    first = next(iter(document.cuts.values()))
    assert [t.event.ordinal for t in first.tails] == [1]
    assert [c.name for c in clips(document)] == ["12A-1", "12B", "c"]


def test_a_wipe_and_a_fade_from_black() -> None:
    track = read(Cmx([Ev(dissolve=8), Ev("B2", wipe=1, dissolve=5)])).timeline.video_tracks()[0]
    kinds = [(c.transition_type, c.name) for c in track if isinstance(c, otio.schema.Transition)]
    assert kinds == [("SMPTE_Dissolve", ""), ("Custom_Transition", "W001")]


def test_black_is_a_gap() -> None:
    track = read(Cmx([Ev(), Ev("BL", 0, 20, None), Ev()])).timeline.video_tracks()[0]
    assert [type(c).__name__ for c in track] == ["Clip", "Gap", "Clip"]


@pytest.mark.parametrize(
    ("speed", "played", "scalar", "first", "earliest"),
    [
        ("050.0", 100, 2.0, HOUR, HOUR),
        ("012.5", 25, 0.5, HOUR, HOUR),
        ("-025.0", 1, -1.0, HOUR, HOUR - 49),  # the entry point, as Avid writes it
        ("-025.0", 50, -1.0, HOUR + 49, HOUR),  # the whole range
        ("000.0", 1, 0.0, HOUR, HOUR),
    ],
)
def test_speeds(speed: str, played: int, scalar: float, first: int, earliest: int) -> None:
    document = read(Cmx([Ev(speed=speed, played=played)]))
    (clip,) = clips(document)
    assert reasons(document) == [None]
    assert clip.effects[0].time_scalar == scalar
    assert exact_frames(clip.source_range.start_time, PAL) == earliest
    assert clip.source_range.duration.value == 50
    shown = first_shown(clip.source_range, Fraction(scalar), PAL)
    assert shown == first


def test_full_speed_is_no_retime() -> None:
    assert not clips(read(Cmx([Ev(speed="025.0")])))[0].effects


def test_a_freeze_frame_without_m2() -> None:
    (clip,) = clips(read(Cmx([Ev(played=1, remarks=("* * FREEZE FRAME",))])))
    assert isinstance(clip.effects[0], otio.schema.FreezeFrame)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Ev(played=30), "30 frames and its record 50, and no M2 line says why"),
        (Ev(played=80, speed="050.0"), "does not explain"),
        (Ev(remarks=("M2 fast",)), "Its speed cannot be read: 'M2 fast'"),
        (Ev(name="a.[1..96].dpx"), "sequence of pictures"),
        (
            Ev(dissolve=5, remarks=("M2   Z9   050.0   01:00:00:00",)),
            "a reel that it does not play",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_event(event: Ev, reason: str) -> None:
    document = read(Cmx([event, Ev(gap=5)]))
    first, second = reasons(document)
    assert re.search(reason, first or "")
    assert second is None


def test_keys_split_edits_overlaps_and_frame_counts_are_refused() -> None:
    time = "01:00:00:00 01:00:02:00 01:00:{}:00 01:00:{}:00\n"
    text = HEAD + (
        "001  A1 V  K B     " + time.format("00", "02")
        + "001  A2 V  K   010 " + time.format("00", "02")
        + "002  A3 AA C       01:00:00:00 01:00:03:00 01:00:02:00 01:00:05:00\n"
        + "002  A3 V  C       " + time.format("03", "05")
        + "003  A4 V  C       " + time.format("06", "08") + "* FROM CLIP NAME: a\n"
        + "004  A5 V  C       " + time.format("07", "09") + "* FROM CLIP NAME: b\n"
        + "005  A6 V  C       1009 1059 01:00:10:00 01:00:12:00\n"
        + "006  A7 V  C       01:00:00:28 01:00:03:03 01:00:12:00 01:00:14:00\n"
    )  # fmt: skip
    found = {cut.side.event.number: cut.refuse or "" for cut in read(text).cuts.values()}
    assert [found[f"00{n}"].split(";")[0] for n in range(1, 7)] == [
        "It is part of a key",
        "Picture and sound of event 002 are one edit with different times",
        "It plays at the same time as event 004, and an EDL does not say which is on top",
        "It plays at the same time as event 003, and an EDL does not say which is on top",
        "Its source is counted in frames (1009), and no EDL says from where",
        "Its source timecode 01:00:00:28 does not exist at 25 fps",
    ]


def test_drop_frame_is_known_by_the_fcm_line() -> None:
    rate = Rate.of(29.97)
    document = read(Cmx([Ev(entry=0, count=3000)], rate=rate, drop=True, start=107892), None)
    assert (document.rate, document.drop) == (rate, True)
    assert document.timeline.global_start_time.value == 107892
    sixty = read(Cmx([Ev(count=59)], rate=Rate.of(59.94), drop=True, start=0), None)
    assert sixty.rate == Rate.of(59.94)


def test_the_frame_code_mode_may_change_for_a_source() -> None:
    text = (
        "FCM: NON-DROP FRAME\n001 A V C 01:00:00:00 01:00:02:00 01:00:00:00 01:00:02:00\n"
        "FCM: DROP FRAME\n002 B V C 01:00:00:00 01:00:02:00 01:00:02:00 01:00:04:00\n"
    )
    document = read(text, Rate.of(29.97))
    starts = [clip.source_range.start_time.value for clip in clips(document)]
    drops = [clip.media_reference.metadata["unisync"]["drop"] for clip in clips(document)]
    assert starts == [108000, 107892]
    assert drops == [False, True]
    assert document.drop is False


def test_the_rate_is_asked_for_when_it_cannot_be_known() -> None:
    with pytest.raises(EditError, match=r"does not state its frame rate.*cut\.edl.*Add --rate"):
        read(Cmx([Ev()]), None)
    # source crosses a second where the record does not: 24 frames a second, 23.976 or 24
    rate = Rate.of(24)
    events = [Ev(entry=entry, count=30) for entry in (86400, 86410, 86420, 86405, 86399)]
    with pytest.raises(EditError, match=r"count 24 frames.*Add --rate 23\.976 or --rate 24"):
        read(Cmx(events, rate=rate, start=86400), None)


def test_25_is_known_by_two_witnesses() -> None:
    events = [Ev(entry=HOUR + n, count=32) for n in (0, 10, 20, 5, 14)]
    assert read(Cmx(events, start=HOUR + 17), None).rate == PAL


def test_a_stated_rate_counts() -> None:
    assert read(Cmx([Ev()], header=("* FRAME RATE: 25",)), None).rate == PAL


@pytest.mark.parametrize(
    ("edit", "rate", "what"),
    [
        (Cmx([Ev(count=49)]), 24, "no frame 24 at 24 fps"),
        (Cmx([Ev()], drop=True, rate=Rate.of(29.97)), 25, "drop-frame timecode, which does not"),
        (
            Cmx([Ev(entry=HOUR + n, count=32) for n in (0, 10, 20, 5, 14)], start=HOUR + 17),
            30,
            "count 25 frames a second, not 30",
        ),
    ],
)
def test_a_rate_that_cannot_be_is_refused(edit: Cmx, rate: int, what: str) -> None:
    with pytest.raises(EditError, match=what):
        read(edit.data(), Rate.of(rate))


def test_locators_are_markers_on_the_record() -> None:
    remarks = ("* LOC: 01:00:01:00 YELLOW  unisync:skip", "* LOC: 09:00:00:00 RED  elsewhere")
    markers = read(Cmx([Ev(remarks=remarks)])).timeline.tracks.markers
    assert [(m.name, m.color, m.marked_range.start_time.value) for m in markers] == [
        ("unisync:skip", "YELLOW", 25)
    ]


def test_a_sequence_past_midnight() -> None:
    edit = Cmx([Ev(), Ev()], start=25 * 86400 - 60)
    document = read(edit)
    starts = [c.range_in_parent().start_time.value for c in clips(document)]
    assert starts == [0, 50]
    assert document.timeline.global_start_time.value == 25 * 86400 - 60


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_names_in_any_encoding(encoding: str) -> None:
    document = read(Cmx([Ev(name="Café")]).data(encoding))
    assert clips(document)[0].name == "Café"
    assert document.timeline.name == "REEL 1"


def test_padding_after_the_end_is_no_event() -> None:
    data = Cmx([Ev()]).data() + b"\x1a" * 100 + b"\0" * 20
    assert len(read(data).cuts) == 1


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (HEAD.encode(), "holds no event"),
        (Cmx([Ev()]).data("utf-16"), "UTF-16.*Save it as UTF-8"),
        (Cmx([Ev()]).data()[:100], "begins like an event and is none"),
        (
            (HEAD + "001 A V C 01:00:00:00 01:00:02:00 01:00:05:00 01:00:04:00\n").encode(),
            "Line 3: the record out lies before the record in",
        ),
        (
            (HEAD + "001 A V C 01:00:00:00 01:00:02:00 01:77:05:00 01:58:04:00\n").encode(),
            "Line 3: '01:77:05:00' is no timecode",
        ),
    ],
)
def test_a_damaged_list_is_named_with_its_line(data: bytes, what: str) -> None:
    assert ADAPTER.sniff(data, PATH)
    with pytest.raises(EditError, match=what) as caught:
        read(data)
    assert caught.value.file == str(PATH)


def test_long_lines_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    event = Cmx([Ev()]).data()
    spaces = b"* FROM CLIP NAME: " + b" " * 3_000_000 + b"x\r\n001 " + b"V " * 1_000_000
    assert len(read(event + spaces).cuts) == 1
    monkeypatch.setattr("unisync_adapters.edl.lines.MAX_LINES", 3)
    with pytest.raises(EditError, match="more than 3 lines"):
        read(event)


def test_opened_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "cut.txt"
    path.write_bytes(Cmx([Ev()]).data())
    document = open_edit(path, rate=PAL)
    assert (document.adapter.name, document.rate, document.by_timecode) == ("EDL", PAL, True)
    with pytest.raises(EditError, match="Add --rate"):
        open_edit(path)


def test_other_text_is_no_edl() -> None:
    for data in (b"TITLE: x\n", b"just text\n01:00:00:00", b"\0" * 50, b"<xmeml>\n</xmeml>"):
        assert not ADAPTER.sniff(data, PATH)


def test_a_rate_that_the_edit_contradicts_is_refused() -> None:
    data = dump(timeline(track(clip())))
    with pytest.raises(EditError, match="runs at 24 fps, not at 25"):
        read_edit(data, Path("cut.otio"), rate=PAL)


def test_otio_reads_through_our_adapter(tmp_path: Path) -> None:
    path = tmp_path / "cut.edl"
    path.write_bytes(Cmx([Ev()]).data())
    found = otio.adapters.from_name("unisync_edl")
    assert found.has_feature("read")
    assert not found.has_feature("write")
    made = otio.adapters.read_from_file(str(path), adapter_name="unisync_edl", rate=25)
    assert [c.name for c in made.find_clips()] == ["12A-1"]
