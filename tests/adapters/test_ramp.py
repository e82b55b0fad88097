"""Speed ramps whose curve a document states: the map itself, and each format that has one."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import fcpxmls
import opentimelineio as otio
import pytest
import test_fcp7_patch as fcp7
import test_fcpxml_patch as fcpxml
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fcp7_read import clips, facts
from xmeml import FINAL_CUT, PREMIERE, RESOLVE, Edit, Item, Media, Style

from unisync_adapters.document import Document, read_edit
from unisync_adapters.errors import EditError, TimeError
from unisync_adapters.otiotime import exact_seconds
from unisync_adapters.ramp import Ramp, ramp_of
from unisync_adapters.timebase import Rate

NUMBERS = st.fractions(-500, 500, max_denominator=60)
STEPS = st.fractions(Fraction(1, 60), 100, max_denominator=60)
RATES = st.sampled_from([Rate.of(r) for r in (23.976, 24, 25, 29.97, 50)])


def ramp(*knots: tuple[object, object]) -> Ramp:
    return Ramp(tuple((Fraction(str(when)), Fraction(str(shown))) for when, shown in knots))


@st.composite
def rising(draw: st.DrawFn) -> Ramp:
    steps = draw(st.lists(st.tuples(STEPS, st.fractions(0, 100, max_denominator=60)), min_size=1))
    knots = [(draw(NUMBERS), draw(NUMBERS))]
    for when, shown in steps:
        knots.append((knots[-1][0] + when, knots[-1][1] + shown))
    return Ramp(tuple(knots))


@settings(max_examples=50)
@given(rising(), st.lists(NUMBERS, min_size=2))
def test_a_rising_map_never_goes_back_and_meets_its_points(made: Ramp, moments: list) -> None:
    shown = [made.frame(when) for when in sorted(moments)]
    assert shown == sorted(shown)
    assert [made.at(when) for when, _ in made.knots] == [what for _, what in made.knots]
    assert not made.falls


@settings(max_examples=50)
@given(NUMBERS, NUMBERS, st.lists(STEPS, min_size=1), NUMBERS, st.integers(-300, 300))
def test_a_ramp_of_one_speed_is_that_speed(
    begin: Fraction, first: Fraction, steps: list, speed: Fraction, k: int
) -> None:
    times = [begin]
    for step in steps:
        times.append(times[-1] + step)
    line = Ramp(tuple((when, first + (when - begin) * speed) for when in times))
    shown = first + (k - begin) * speed
    assert line.at(k) == shown
    if speed < 0:  # backwards, the picture that ends there: just before it
        shown -= Fraction(1, 10 * shown.denominator)
    assert line.frame(k) == shown // 1


@settings(max_examples=50)
@given(rising(), RATES, st.integers(-100, 100))
def test_anchoring_and_text_lose_nothing(made: Ramp, rate: Rate, k: int) -> None:
    first, stated = made.anchored(rate)
    again = Ramp.parse(str(stated)).mapped(lambda when: when, lambda s: first + s * rate.fps)
    assert again == made
    assert again.frame(k) == made.frame(k)
    assert first == made.frame(0)


@pytest.mark.parametrize("text", ["", "0=0", "0=0 0=1", "1=0 0=1", "0=0 1", "0=0 1=x", "0=0 1=1/0"])
def test_what_is_no_map_is_named(text: str) -> None:
    with pytest.raises(TimeError):
        Ramp.parse(text)


# FCP7 XML

B = Media("b.mov", start=0)
KEYS = ((0, 10, "start"), (10, 20, "in"), (30, 40, ""), (60, 130, ""), (400, 470, "end"))
SHOWN = [20 + k for k in range(20)] + [40 + 3 * k for k in range(30)]


def graph(keys: object = KEYS, extra: str = "", curve: str = "FCPCurve") -> str:
    """A ``graphdict``: keyframes with a place are virtual, as Premiere and Final Cut write them."""
    written = "".join(
        f"<keyframe><when>{when}</when><value>{value}</value>"
        + (f"<speedvirtualkf>TRUE</speedvirtualkf><speedkf{at}>TRUE</speedkf{at}>" if at else extra)
        + "</keyframe>"
        for when, value, at in keys  # type: ignore[attr-defined]
    )
    return (
        f"<parameter><parameterid>graphdict</parameterid><value>0</value>{written}"
        f"<interpolation><name>{curve}</name></interpolation></parameter>"
    )


RAMPED = Item(B, 0, 50, 10, variable=True)


def remapped(text: str, item: Item = RAMPED, style: Style = PREMIERE) -> bytes:
    data = Edit([[item, Item(B, 50, 80, 300)]], style).text()
    at = data.index("</effect>", data.index("timeremap"))
    return (data[:at] + text + data[at:]).encode()


def played(document: Document) -> list[int]:
    """Media frames that the first clip shows, at 25 frames a second."""
    clip = next(iter(document.timeline.find_clips()))
    stated = ramp_of(clip.effects)
    assert stated is not None
    shown = stated.mapped(
        lambda w: w, lambda s: Fraction(clip.source_range.start_time.value) + s * 25
    )
    return [shown.frame(k) for k in range(int(clip.source_range.duration.value))]


@pytest.mark.parametrize("style", [PREMIERE, FINAL_CUT])
def test_corners_of_an_xmeml_ramp_are_exact(style: Style) -> None:
    document = fcp7.read(remapped(graph(), style=style))
    assert played(document) == SHOWN
    assert "refuse" not in facts(clips(document)[0])


def test_an_xmeml_ramp_counts_in_the_clips_clock() -> None:
    """At 50 in a 25 edit: two of the clip's frames pass in each of the record's."""
    media = Media("b.mov", rate=Rate.of(50), start=0)
    item = Item(media, 0, 25, 10, length=50, variable=True, clip_rate=Rate.of(50))
    document = fcp7.read(remapped(graph(), item))
    clip = clips(document)[0]
    stated = ramp_of(clip.effects)
    assert clip.source_range.start_time.value == 20
    assert [20 + stated.at(k) * 50 for k in (0, 10, 25)] == [20, 40, 130]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not say how"),
        (graph(extra="<inbez><horiz>-3</horiz><vert>0</vert></inbez>"), "smooth"),
        (graph(extra="<pproRampStart>TRUE</pproRampStart>"), "smooth"),
        (graph(curve="hold"), "smooth"),
        (graph([(0, 0, ""), (30, 60, ""), (80, 10, "")]), "backwards"),
        (graph([(0, 0, ""), (80, 160, ""), (10, 60, "in")]), "straight"),
        (graph([(0, 0, ""), (30, 60, "")]), "a part of it"),
        (graph([(0, 0, ""), ("1e999999999", 60, "")]), "no number"),
        (graph([(0, 0, ""), (30, 60, ""), (30, 61, "")]), "order of time"),
    ],
)
def test_an_xmeml_ramp_that_is_not_exact_is_refused(text: str, why: str) -> None:
    document = fcp7.read(remapped(text))
    reason = facts(clips(document)[0])["refuse"]
    assert "ramp" in reason
    assert why in reason
    with pytest.raises(EditError, match="ramp"):
        document.patch([fcp7.relink(document, baked=True)])


def test_a_virtual_keyframe_with_a_negative_frame_is_premieres_rubbish() -> None:
    keys = (*KEYS[:4], (200, -1815255671, "out"), KEYS[4])
    assert played(fcp7.read(remapped(graph(keys)))) == SHOWN


@pytest.mark.parametrize("style", [PREMIERE, FINAL_CUT, RESOLVE])
def test_a_baked_ramp_leaves_the_xmeml_and_nothing_else_does(style: Style) -> None:
    item = Item(B, 0, 50, 10, variable=True, markers=((20, -1, "eyes"),))
    document = fcp7.read(remapped(graph(), item, style))
    assert document.patch([]) == document.data
    relink = fcp7.relink(document, baked=True, handle=3, start_frame=17)
    clip = fcp7.clipitem(fcp7.patched(document, relink), "clipitem-1")
    assert clip.find("filter/effect[effectid='timeremap']") is None
    assert [clip.findtext(tag) for tag in ("in", "out", "start", "end")] == ["3", "53", "0", "50"]
    assert clip.findtext("marker/in") == "13"
    with pytest.raises(EditError, match="baked"):
        document.patch([replace(relink, baked=False)])


# FCPXML

SILENT = fcpxmls.Media("a.mov", audio=False)


def time_map(*points: tuple[str, str], attributes: str = "", interp: str = "linear") -> str:
    written = "".join(f'<timept time="{t}s" value="{v}s" interp="{interp}"/>' for t, v in points)
    return f"<timeMap{attributes}>{written}</timeMap>"


SLOW_FAST = time_map(("0", "4"), ("1", "9/2"), ("2", "13/2"))


def edited(adjust: str, **said: object) -> Document:
    item = fcpxmls.Item(media=SILENT, source=0, frames=50, adjust=adjust, **said)  # type: ignore[arg-type]
    return fcpxml.read(fcpxmls.Edit([item, fcpxmls.Item()]))


def test_linear_points_of_a_time_map_are_exact() -> None:
    expected = [100 + k // 2 for k in range(25)] + [(225 + 4 * k) // 2 for k in range(25)]
    assert played(edited(SLOW_FAST)) == expected


def test_a_time_map_may_turn_round() -> None:
    turning = edited(time_map(("0", "4"), ("1", "5"), ("2", "4")))
    assert played(turning) == [*range(100, 125), *range(124, 99, -1)]


@pytest.mark.parametrize(
    ("adjust", "why"),
    [
        (time_map(("0", "4"), ("1", "5"), ("2", "8"), interp="smooth2"), "smooth2"),
        (SLOW_FAST.replace(' interp="linear"', "", 1), "smooth2"),
        (
            time_map(
                ("0", "4"), ("1", "5"), ("2", "8"), attributes=' frameSampling="optical-flow"'
            ),
            "flow",
        ),
        (time_map(("0", "4"), ("1", "5"), ("3/2", "8")), "a part of it"),
        (time_map(("0", "4"), ("1", "5"), ("1", "6"), ("2", "7")), "order of time"),
    ],
)
def test_a_time_map_that_is_not_exact_is_refused(adjust: str, why: str) -> None:
    document = edited(adjust)
    reason = facts(fcpxml.clip(document))["refuse"]
    assert "ramp" in reason
    assert why in reason


def test_a_ramp_of_picture_and_sound_in_one_keeps_its_sound() -> None:
    item = fcpxmls.Item(media=fcpxmls.Media("a.mov"), source=0, frames=50, adjust=SLOW_FAST)
    document = fcpxml.read(fcpxmls.Edit([item, fcpxmls.Item()]))
    relink = fcpxml.relink(document, baked=True, rate=document.rate, start_frame=88)
    text = fcpxml.patched(document, relink).decode()
    assert text.count(SLOW_FAST) == 1  # goes on in the detached sound
    assert 'srcEnable="video"' in text


def test_a_baked_ramp_leaves_the_fcpxml() -> None:
    title = fcpxmls.Item("title", frames=10)
    document = edited(
        SLOW_FAST,
        connected=((1, 30, title),),
        extra='<marker start="1s" duration="1/25s" value="eyes"/>',
    )
    assert document.patch([]) == document.data
    relink = fcpxml.relink(document, baked=True, rate=document.rate, start_frame=88)
    assert b"timeMap" not in fcpxml.patched(document, relink)
    with pytest.raises(EditError, match="baked"):
        document.patch([replace(relink, baked=False)])


def test_a_ramp_of_conformed_media_runs_at_both_paces() -> None:
    """24 pictures a second played as 25: the clip's clock is fast, and what it leads to is slow."""
    media = fcpxmls.Media("a.mov", rate=Fraction(24), audio=False)
    points = time_map(("0", "4"), ("25/24", "109/24"), ("25/12", "159/24"))
    item = fcpxmls.Item(
        media=media,
        source=0,
        frames=50,
        conform="24",
        adjust=points,
        extra='<marker start="25/24s" duration="1/25s" value="eyes"/>',
    )
    document = fcpxml.read(fcpxmls.Edit([item, fcpxmls.Item()]))
    clip = fcpxml.clip(document)
    stated = ramp_of(clip.effects)
    assert stated is not None
    first = clip.source_range.start_time.value
    assert [first + stated.at(k) * 24 for k in (0, 25, 50)] == [96, 109, 159]
    assert exact_seconds(clip.markers[0].marked_range.start_time) == 4 + 1
    relink = fcpxml.relink(document, baked=True, rate=document.rate, start_frame=88)
    assert b'<marker start="5s"' in fcpxml.patched(document, relink)


def test_a_ramp_as_otio_has_no_curve_we_know() -> None:
    folder = Path("cut.otio")
    clip = otio.schema.Clip("A", otio.schema.ExternalReference("a.mov"))
    clip.source_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(0, 25), otio.opentime.RationalTime(50, 25)
    )
    clip.effects.append(ramp((0, 0), (10, 1)).effect())
    timeline = otio.schema.Timeline("Cut")
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind="Video"))
    document = read_edit(timeline.to_json_string().encode(), folder)
    (read,) = document.timeline.find_clips()
    assert "ramp" in facts(read)["refuse"]
