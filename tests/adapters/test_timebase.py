"""Exact time: the checks of frame arithmetic that editors notice when they fail."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unisync_adapters.errors import TimeError
from unisync_adapters.timebase import (
    PREMIERE_TICKS_PER_SECOND,
    FrameRange,
    Rate,
    Timecode,
    format_seconds,
    parse_seconds,
    seconds_to_ticks,
    ticks_to_seconds,
)

FILM = Rate(Fraction(24000, 1001))
DROP_RATES = [Rate.of(29.97), Rate.of(59.94), Rate.of(119.88)]
ALL_RATES = [FILM, *DROP_RATES, *(Rate.of(n) for n in (24, 25, 30, 48, 50, 60, 100, 120))]
rates = st.sampled_from(ALL_RATES)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (23.97, "24000/1001"),
        (23.976, "24000/1001"),
        (23.98, "24000/1001"),
        (23.976024627685547, "24000/1001"),
        ("23.98", "24000/1001"),
        ("24000/1001", "24000/1001"),
        (Fraction(2997, 100), "30000/1001"),
        (29.97, "30000/1001"),
        (59.94, "60000/1001"),
        (119.88, "120000/1001"),
        (47.952, "48000/1001"),
        (14.985, "15000/1001"),
        (24, "24"),
        (25.0, "25"),
        (24.0004, "24"),
        (22.131147, "1350/61"),
        (22.131147540983605, "1350/61"),
        ("22.131147", "1350/61"),
        ("1350/61", "1350/61"),
        (Fraction(221311, 10000), "221311/10000"),
        (12.5, "25/2"),
        (44100.0, "44100"),
    ],
)
def test_a_rate_is_what_its_writer_meant(written: float | str | Fraction, meant: str) -> None:
    assert str(Rate.of(written)) == meant


@pytest.mark.parametrize("rubbish", [0, -24, float("nan"), float("inf"), "", "fast", "1/0", None])
def test_rubbish_is_no_rate(rubbish: float) -> None:
    with pytest.raises(TimeError):
        Rate.of(rubbish)


@given(rates)
def test_a_rate_survives_every_usual_rounding(rate: Rate) -> None:
    exact = float(rate.fps)
    assert {Rate.of(exact), Rate.of(round(exact, 3)), Rate.of(str(rate))} == {rate}
    assert Rate.of(round(exact, 2)) == rate


@pytest.mark.parametrize("rate", DROP_RATES, ids=lambda r: r.label)
def test_drop_frame_round_trip_over_a_day(rate: Rate) -> None:
    """Every 997th frame of 24 h, and every frame around each minute."""
    day = Timecode.parse("23:59:59;00", rate).frame + rate.nominal
    minute = rate.nominal * 60
    edges = {m * minute + d for m in range(24 * 60) for d in (-1800, -9, -1, 0, 1, 7, 8, 9)}
    samples = set(range(0, day, 997)) | {f for f in edges if 0 <= f < day}
    for frame in samples:
        timecode = Timecode(frame, rate, drop=True)
        assert Timecode.parse(str(timecode), rate) == timecode


@pytest.mark.parametrize("rate", DROP_RATES, ids=lambda r: r.label)
def test_drop_frame_follows_the_clock_over_a_day(rate: Rate) -> None:
    """24 h of drop-frame numbers are 24 h of real time to within three frames (ST 12-1)."""
    last = Timecode.parse("23:59:59;00", rate)
    drift = (24 * 3600 - 1) - last.seconds
    assert abs(drift) < 3 * 30 / rate.fps


@given(rates, st.integers(0, 24 * 3600 * 24 - 1))
def test_non_drop_round_trip(rate: Rate, frame: int) -> None:
    timecode = Timecode(frame, rate)
    assert Timecode.parse(str(timecode), rate, drop=False) == timecode


def test_120_frames_count_in_three_digits_and_are_read_in_two() -> None:
    rate = Rate.of(120)
    assert str(Timecode(119, rate)) == "00:00:00:119"
    assert Timecode.parse("00:00:01:00", rate).frame == 120
    assert Timecode.parse("10:00:00:119", rate).frame == 36000 * 120 + 119


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("00:01:00;00", 29.97),
        ("00:01:00;01", 29.97),
        ("00:59:00;03", 59.94),
        ("00:11:00;07", 119.88),
        ("00:00:00:24", 24),
        ("00:60:00:00", 25),
        ("00:00:60:00", 25),
        ("01:00:00", 25),
        ("1:2:3:4", 25),
    ],
)
def test_numbers_that_do_not_exist_are_refused(text: str, rate: float) -> None:
    with pytest.raises(TimeError):
        Timecode.parse(text, Rate.of(rate))


def test_there_is_no_drop_frame_film() -> None:
    with pytest.raises(TimeError, match=r"23\.976"):
        Timecode(0, FILM, drop=True)
    assert not Timecode.parse("01:00:00;00", FILM).drop


def test_the_known_drop_frame_landmarks() -> None:
    ntsc = Rate.of(29.97)
    assert str(Timecode(1799, ntsc, drop=True)) == "00:00:59;29"
    assert str(Timecode(1800, ntsc, drop=True)) == "00:01:00;02"
    assert str(Timecode(17982, ntsc, drop=True)) == "00:10:00;00"
    assert Timecode.parse("01:00:00;00", ntsc).frame == 107892
    assert Timecode.parse("01:00:00:00", ntsc).frame == 108000


def test_ten_hours_of_film_frames_add_up_without_drift() -> None:
    frames = 10 * 3600 * 24
    total = sum((FILM.seconds(24) for _ in range(10 * 3600)), Fraction(0))
    assert total == FILM.seconds(frames) == Fraction(frames * 1001, 24000)
    assert FILM.frames_exact(total) == frames


@given(rates, st.integers(0, 10**7))
def test_a_frame_begins_where_it_begins(rate: Rate, frame: int) -> None:
    begin = rate.seconds(frame)
    assert rate.frame_at(begin) == frame
    assert rate.frame_at(begin - Fraction(1, 10**9)) == frame - 1
    with pytest.raises(TimeError, match="frame grid"):
        rate.frames_exact(begin + Fraction(1, 10**9))


@given(rates, st.integers(0, 10**7))
def test_premiere_ticks_hold_every_frame_exactly(rate: Rate, frame: int) -> None:
    seconds = rate.seconds(frame)
    assert (seconds * PREMIERE_TICKS_PER_SECOND).denominator == 1
    assert ticks_to_seconds(seconds_to_ticks(seconds)) == seconds


@given(st.fractions())
def test_rational_seconds_round_trip(seconds: Fraction) -> None:
    assert parse_seconds(format_seconds(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "1", "1/0s", "1.5s", "s", "1/2"])
def test_rational_seconds_refuse_rubbish(text: str) -> None:
    with pytest.raises(TimeError):
        parse_seconds(text)


def test_24_in_25_takes_the_frame_on_show() -> None:
    """A source position of 91046.625 at 25 fps over 24 fps media that starts at 1 h."""
    seconds = Fraction(91046.625) / 25
    assert Rate.of(24).frame_at(seconds) - 24 * 3600 == 1004


ranges = st.builds(
    FrameRange, st.integers(-500, 500), st.integers(0, 200), st.just(Rate(Fraction(25)))
)


@given(ranges, ranges)
def test_clamping_is_intersection(a: FrameRange, b: FrameRange) -> None:
    clamped = a.clamped(b)
    assert b.contains(clamped)
    inside = set(range(a.start, a.end)) & set(range(b.start, b.end))
    assert set(range(clamped.start, clamped.end)) == inside


@given(ranges, ranges)
def test_overlap_is_a_common_frame(a: FrameRange, b: FrameRange) -> None:
    if a.count and b.count:
        inside = set(range(a.start, a.end)) & set(range(b.start, b.end))
        assert a.overlaps(b) == bool(inside)


def test_ranges_of_two_rates_are_not_compared() -> None:
    with pytest.raises(TimeError, match="24000/1001"):
        FrameRange(0, 5, FILM).overlaps(FrameRange(0, 5, Rate.of(24)))
    with pytest.raises(TimeError, match="-1 frames"):
        FrameRange(0, -1, FILM)
