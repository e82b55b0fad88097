"""Case 16, speed ramps: refused unless asked for, then planned frame by frame as they play."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_kit import Desk, audio, clip, gap, reference, track
from test_plan_laws import RATES, placed, plate, shot_of

from unisync_adapters.ramp import Ramp
from unisync_adapters.timebase import Rate
from unisync_post.errors import PlanError
from unisync_post.plan.plan import Decision
from unisync_post.plan.relink import relink_of
from unisync_post.plan.shots import Shot
from unisync_post.records import dump, load


@pytest.fixture
def dub(desk: Desk) -> Path:
    """Eight seconds of French speech without a pause."""
    return desk.sound("dub_FR.wav", (0, 8))


def ramped(
    *knots: tuple[int, Fraction | int], start: int = 100, **said: object
) -> otio.schema.Clip:
    """Two seconds of A from this frame: record frames and seconds of media."""
    made = clip("A", start, 50, **{"origin": "A", **said})  # type: ignore[arg-type]
    made.effects.append(Ramp(tuple((Fraction(k), Fraction(s)) for k, s in knots)).effect())
    return made


def slow_fast(**said: object) -> otio.schema.Clip:
    """Half speed for a second, then three times; stated a second further on either side."""
    return ramped((-25, Fraction(-1, 2)), (25, Fraction(1, 2)), (75, Fraction(13, 2)), **said)


PLAYED = [100 + k // 2 for k in range(25)] + [(225 + 6 * k) // 2 for k in range(25)]


def test_16_a_ramp_is_refused_until_it_is_asked_for(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    (made,) = desk.plan(track(slow_fast()), dub=dub).clips
    assert made.decision is Decision.REFUSE
    assert "--ramps" in made.reason
    assert "unisync:ramp" in made.reason


@pytest.mark.parametrize("asked", ["flag", "marker"])
def test_16_a_ramp_that_is_asked_for_is_baked(desk: Desk, dub: Path, asked: str) -> None:
    desk.plate("A.mov")
    marked = slow_fast(markers=["unisync:ramp"] if asked == "marker" else [])
    (made,) = desk.plan(track(marked), dub=dub, handles=2, ramps=asked == "flag").clips
    assert made.decision is Decision.RENDER
    assert "ramp is baked" in made.reason
    shot = made.shot
    assert shot is not None
    assert (shot.head, shot.tail, shot.length, shot.rate) == (2, 2, 54, Rate.of(25))
    assert shot.played() == [99, 99, *PLAYED, 187, 190]
    assert shot.source.start == 99
    assert shot.source.end == 191
    relink = relink_of(shot, desk.media[str(shot.media)], Path("/out/new.mov"))
    assert (relink.baked, relink.source_in, relink.start_frame) == (True, 2, 98)
    assert load(Shot, dump(shot)) == shot


def test_16_a_marker_asks_for_its_own_clip_alone(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    other = slow_fast(origin="other")
    plan = desk.plan(track(slow_fast(markers=["unisync:ramp"]), other), dub=dub)
    assert [c.decision.value for c in plan.clips] == ["render", "refuse"]


def test_16_a_ramp_without_dub_is_left_without_a_word(desk: Desk) -> None:
    desk.plate("A.mov")
    (made,) = desk.plan(track(slow_fast()), dub=desk.sound("dub_FR.wav", (4, 8))).clips
    assert made.decision is Decision.LEAVE


def test_16_a_ramp_that_the_reader_refuses_stays_refused(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    smooth = slow_fast(refuse="Its speed ramp is smooth", markers=["unisync:ramp"])
    (made,) = desk.plan(track(smooth), dub=dub, ramps=True).clips
    assert made.decision is Decision.REFUSE
    assert "smooth" in made.reason


def test_16_handles_end_where_the_curve_or_the_media_does(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", frames=192)
    short = ramped((0, 0), (25, Fraction(1, 2)), (75, Fraction(13, 2)))
    (made,) = desk.plan(track(gap(12), short), dub=dub, ramps=True).clips
    assert made.shot is not None
    assert (made.shot.head, made.shot.tail) == (0, 2)
    assert made.shot.played() == [*PLAYED, 187, 190]


def test_16_a_ramp_beyond_its_media_is_refused(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", frames=180)
    (made,) = desk.plan(track(slow_fast()), dub=dub, ramps=True).clips
    assert made.decision is Decision.REFUSE
    assert "outside its media" in made.reason


def test_16_another_curve_is_another_shot(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    curves = ((25, Fraction(1, 2)), (25, Fraction(3, 4)))
    keys = {
        desk.plan(track(ramped((0, 0), knot, (75, 6))), dub=dub, ramps=True).clips[0].shot.key  # type: ignore[union-attr]
        for knot in curves
    }
    assert len(keys) == 2


def test_16_a_ramped_dub_is_no_dub_that_we_can_read(desk: Desk) -> None:
    desk.plate("B.mov")
    desk.sound("line.wav", (0, 8))
    sound = clip("line", 0, 50, media=reference("line.wav"))
    sound.effects.append(otio.schema.TimeEffect())
    with pytest.raises(PlanError, match="its speed is changed"):
        desk.plan(track(clip("B")), audio(sound, name="FR DX"), dub_track="A1")


@settings(max_examples=60)
@given(
    speed=st.sampled_from([Fraction(1, 4), Fraction(3, 5), Fraction(1), Fraction(2)]),
    media=st.sampled_from(RATES),
    record=st.sampled_from(RATES),
    count=st.integers(1, 100),
    position=st.integers(0, 4999),
    handles=st.integers(0, 24),
)
def test_16_a_ramp_of_one_speed_is_that_retime(
    speed: Fraction, media: Rate, record: Rate, count: int, position: int, handles: int
) -> None:
    info = plate(media)
    times = (Fraction(-100), Fraction(7), Fraction(400))
    line = Ramp(tuple((k, k * speed / record.fps) for k in times))
    ramp = placed(1000, count, position, media, 1)
    ramp = ramp._replace(clip=ramp.clip._replace(ramp=line))
    baked = shot_of(placed(1000, count, position, media, float(speed)), info, record, handles)
    step = speed * media.fps / record.fps
    if position + (count - 1) * step >= info.frames:
        with pytest.raises(PlanError, match="outside its media"):
            shot_of(ramp, info, record, handles)
        return
    made = shot_of(ramp, info, record, handles)
    if speed == 1:  # a constant 1 is no retime and keeps the media's rate
        assert made.rate == record
        assert made.played()[made.head] == position
        return
    assert made.played() == baked.played()
    assert (made.head, made.tail, made.dub_start) == (baked.head, baked.tail, baked.dub_start)
