"""What holds for every edit: played frames, visible ranges, exact time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_kit import Desk, clip, gap, reference, track

from unisync_adapters.cutlist import Clip
from unisync_adapters.timebase import FrameRange, Rate
from unisync_post.errors import PlanError
from unisync_post.media.info import MediaInfo
from unisync_post.plan.cut import cut
from unisync_post.plan.intervals import Intervals, length, subtract
from unisync_post.plan.reference import Reference
from unisync_post.plan.relink import new_name, relink_of
from unisync_post.plan.shots import Shot
from unisync_post.plan.walk import Placement, placements

RATES = [Rate.of(r) for r in (23.976, 24, 25, 29.97, 30, 50, 59.94)]
SCALARS = [0.25, 0.5, 0.75, 1.0, 1.12, 1.5, 2.0, 3.0, 4.0, -0.5, -1.0, -2.0]


def plate(rate: Rate, frames: int = 5000, start: int = 0) -> MediaInfo:
    return MediaInfo(
        Path("A.mov"), "prores", "HQ", "yuv422p10le", 64, 64, rate, frames, start, start > 0
    )


def placed(start: int, count: int, position: int, rate: Rate, speed: float) -> Placement:
    media = reference("A.mov", 5000, float(rate.fps))
    made = Clip(
        "A", media, start, count, position, rate, speed=Fraction(speed).limit_denominator(1000)
    )
    window = (start, start + count)
    return Placement(made, "A", "V1", Reference.of(media), 1, start, count, window)


def shot_of(placement: Placement, info: MediaInfo, record: Rate, handles: int) -> Shot:
    made = cut(placement, info, record, handles)
    facts = made._asdict()
    del facts["warnings"]
    return Shot(key="", origin="A", name="A", media=info.path, **facts)


@given(
    speed=st.sampled_from(SCALARS),
    media=st.sampled_from(RATES),
    record=st.sampled_from(RATES),
    start=st.integers(0, 100_000),
    count=st.integers(1, 200),
    position=st.integers(0, 4999),
    handles=st.integers(0, 24),
)
def test_a_shot_plays_as_many_frames_as_it_is_long(
    speed: float, media: Rate, record: Rate, start: int, count: int, position: int, handles: int
) -> None:
    info = plate(media)
    try:
        shot = shot_of(placed(start, count, position, media, speed), info, record, handles)
    except PlanError as error:
        assert "outside its media" in str(error)  # noqa: PT017
        return
    played = shot.played()
    assert len(played) == shot.length
    assert set(played) <= set(range(info.frames))
    assert min(played) == shot.source.start
    assert max(played) == shot.source.end - 1
    assert shot.head <= handles
    assert shot.tail <= handles
    step = Fraction(speed).limit_denominator(1000) * media.fps / record.fps
    # a clip that plays backwards begins on the last picture of its range
    first = position if speed > 0 else position - step * (count - 1)
    if first < info.frames:
        assert played[shot.head] == first // 1
    if speed == 1:
        assert shot.rate == media
        assert played == list(range(shot.source.start, shot.source.end))
    else:
        assert shot.rate == record
        low = int((shot.start - first) / step)
        exact = [int((first + k * step) // 1) for k in range(low, count + shot.tail)]
        assert played == exact[: len(played)]
        if shot.tail:
            assert len(exact) == len(played)


@given(
    media=st.sampled_from(RATES),
    record=st.sampled_from(RATES),
    start=st.integers(0, 100_000),
    count=st.integers(1, 200),
    position=st.integers(0, 4000),
)
def test_new_media_lies_where_the_old_frames_lay(
    media: Rate, record: Rate, start: int, count: int, position: int
) -> None:
    """Frame k of the new media is due at ``dub_start + k / rate``: the edit's own clock."""
    info = plate(media, start=86_400)
    shot = shot_of(placed(start, count, position, media, 1), info, record, 12)
    first = record.seconds(start) - media.seconds(position)
    assert all(
        shot.dub_start + shot.rate.seconds(k) == first + media.seconds(frame)
        for k, frame in enumerate(shot.played())
    )
    relink = relink_of(shot, info, Path("/new.mov"))
    assert relink.source_in == shot.head
    assert relink.start_frame + relink.source_in == 86_400 + position
    assert not relink.baked


def test_a_baked_relink_has_the_source_timecode_at_its_in_point() -> None:
    info = plate(Rate.of(24), start=86_400)
    shot = shot_of(placed(0, 50, 240, Rate.of(24), 2), info, Rate.of(25), 12)
    relink = relink_of(shot, info, Path("/new.mov"))
    assert relink.baked
    assert relink.rate == Rate.of(25)
    assert relink.start_frame + relink.source_in == (3600 + 10) * 25


def test_a_clip_that_begins_before_its_media_says_so_in_its_relink() -> None:
    placement = placed(10, 50, 0, Rate.of(25), 1)
    placement.clip.media.available_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(4, 25), otio.opentime.RationalTime(5000, 25)
    )
    shot = shot_of(placement, plate(Rate.of(25)), Rate.of(25), 12)
    assert relink_of(shot, plate(Rate.of(25)), Path("/new.mov")).source_in == -4


_lengths = st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=12)


@given(st.lists(_lengths, min_size=1, max_size=4))
def test_visible_ranges_tile_the_record_range(layers: list[list[tuple[bool, int]]]) -> None:
    """Every picture of the edit that any clip covers is visible of exactly one clip: the top."""
    tracks, painted, name = [], {}, 0
    for number, layer in enumerate(layers):
        items, at = [], 0
        for is_clip, count in layer:
            items.append(clip(f"c{name}", 0, count) if is_clip else gap(count))
            if is_clip:
                painted.update(dict.fromkeys(range(at, at + count), f"c{name}"))
                name += 1
            at += count
        tracks.append(track(*items, name=f"V{number + 1}"))
    seen: dict[int, str] = {}
    for placement in placements(Desk(Path()).document(*tracks)):
        for start, end in placement.visible:
            for frame in range(int(start), int(end)):
                assert frame not in seen
                seen[frame] = placement.clip.name
    assert seen == painted


_spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=12)


@given(_spans, st.integers(0, 60), st.integers(1, 20))
def test_intervals_find_subtract_and_measure_like_sets(
    raw: list[tuple[int, int]], start: int, size: int
) -> None:
    spans = [(a, a + n) for a, n in raw]
    found = Intervals((a, b, (a, b)) for a, b in spans).over(start, start + size)
    here = set(range(start, start + size))
    assert sorted(s for *_, s in found) == sorted(s for s in spans if here & set(range(*s)))
    left = subtract((start, start + size), spans)
    covered = set().union(*(range(*s) for s in spans)) if spans else set()
    assert [f for s in left for f in range(int(s[0]), int(s[1]))] == sorted(here - covered)
    assert length(spans) == len(covered)


def test_a_point_lies_over_what_holds_it() -> None:
    points = Intervals([(5, 5, "p")])
    assert points.over(5, 6)
    assert points.over(0, 6)
    assert not points.over(0, 5)
    assert not points.over(6, 9)


def test_items_off_the_record_grid_are_seen_from_the_next_picture() -> None:
    """A 24 fps length in a 25 fps edit: the cut falls between two pictures."""
    tracks = track(clip("A", 0, 25, record_rate=24), clip("B", 0, 25))
    first, second = placements(Desk(Path()).document(tracks))
    assert first.window == (0, 27)
    assert second.window == (27, 52)
    assert second.start == Fraction(25 * 25, 24)


def test_names_are_versioned_and_never_taken() -> None:
    assert new_name("Cut", "fr") == "Cut_UNISYNC_FR_v001"
    assert new_name("Cut", "pt-BR", {"Cut_UNISYNC_PT-BR_v001"}) == "Cut_UNISYNC_PT-BR_v002"
    assert new_name("Cut_UNISYNC_FR_v001", "de") == "Cut_UNISYNC_DE_v001"


def _values(record: object) -> Iterator[tuple[str, object]]:
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        values = value if isinstance(value, tuple) else (value,)
        for item in values:
            if dataclasses.is_dataclass(item):
                yield from _values(item)
            else:
                yield field.name, item


def test_no_float_holds_a_time(desk: Desk) -> None:
    desk.plate("A.mov", rate=Rate.of(23.976))
    edit = track(clip("A", 10.5, 40, rate=23.976, speed=1.5))
    plan = desk.plan(edit, dub=desk.sound("d.wav", (0, 8)))
    assert plan.to_render
    # seconds of speech are a figure for people; nothing is computed from them
    assert {name for name, value in _values(plan) if isinstance(value, float)} == {"speech"}


@pytest.mark.parametrize("rate", RATES)
def test_ranges_keep_their_rate(rate: Rate) -> None:
    shot = shot_of(placed(0, 10, 100, rate, 1), plate(rate), rate, 0)
    assert shot.source == FrameRange(100, 10, rate)
