"""Which clips are dialogue shots: one test for each way editors have of putting a picture."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from plan_kit import (
    SOUND_RATE,
    Desk,
    at,
    audio,
    by_name,
    clip,
    gap,
    nest,
    reference,
    sound_in,
    span,
    track,
)

from unisync_adapters.document import PathMap
from unisync_adapters.timebase import FrameRange, Rate
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.plan import Decision, Plan

ALL = (0.0, 8.0)


@pytest.fixture
def dub(desk: Desk) -> Path:
    """Eight seconds of French speech without a pause."""
    return desk.sound("dub_FR.wav", ALL)


def decisions(plan: Plan) -> list[str]:
    return [c.decision.value for c in plan.clips]


def test_a_plain_cut_is_rendered_with_handles(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", start_frame=90_000, has_timecode=True)
    plan = desk.plan(track(gap(25), clip("A", 100, 50)), dub=dub, start=90_000)
    (made,) = plan.clips
    shot = made.shot
    assert shot is not None
    assert made.timecode == "01:00:01:00"
    assert made.record == FrameRange(25, 50, Rate.of(25))
    assert (shot.head, shot.length, shot.tail) == (12, 74, 12)
    assert shot.played() == list(range(88, 162))
    assert shot.dub_start == Fraction(25 - 12, 25)
    assert shot.identity == "A.mov"
    assert plan.new_name == "Cut_UNISYNC_FR_v001"
    assert made.speech == 2.0


def test_01_no_speech_under_it_is_left(desk: Desk) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    dub = desk.sound("dub.wav", (0, 1.5), (7, 8))
    plan = desk.plan(track(clip("A"), clip("B")), dub=dub)
    assert decisions(plan) == ["render", "leave"]
    assert plan.clips[1].reason == "No dub speech under it."


def test_a_neighbours_tail_is_too_little_speech(desk: Desk) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    plan = desk.plan(track(clip("A"), clip("B")), dub=desk.sound("dub.wav", (1, 2.1)))
    assert decisions(plan) == ["render", "leave"]
    plan = desk.plan(track(clip("A"), clip("B")), dub=desk.sound("dub.wav", (1, 2.13)))
    assert decisions(plan) == ["render", "render"]


def test_09_split_edits_take_the_picture_range(desk: Desk) -> None:
    """Sound that begins before the picture and ends after it drives just the picture's range."""
    desk.plate("A.mov")
    desk.plate("B.mov")
    plan = desk.plan(track(clip("A"), clip("B")), dub=desk.sound("dub.wav", (1, 3)))
    assert [c.speech for c in plan.clips] == [1.0, 1.0]
    shot = plan.clips[1].shot
    assert shot is not None
    assert shot.dub_start == Fraction(50, 25)  # its media has no frame before the cut


def test_10_transitions_widen_both_neighbours(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    cross = otio.schema.Transition("x", "SMPTE_Dissolve", in_offset=at(6), out_offset=at(10))
    plan = desk.plan(track(clip("A", 100), cross, clip("B", 200)), dub=dub, handles=2)
    first, second = plan.clips[0].shot, plan.clips[1].shot
    assert first is not None
    assert second is not None
    assert (first.head, first.tail) == (2, 12)
    assert (second.head, second.tail) == (8, 2)
    assert (first.played()[0], first.played()[-1]) == (98, 161)
    assert (second.played()[0], second.played()[-1]) == (192, 251)


def test_11_handles_are_clamped_to_the_media(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", frames=60)
    shot = desk.plan(track(clip("A", 5, 50)), dub=dub).clips[0].shot
    assert shot is not None
    assert (shot.head, shot.tail, shot.length) == (5, 5, 60)
    assert shot.dub_start == Fraction(-5, 25)


def test_12_a_clip_longer_than_its_media_is_clamped_with_a_warning(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", frames=40)
    (made,) = desk.plan(track(clip("A", 10, 50)), dub=dub).clips
    assert made.shot is not None
    assert (made.shot.head, made.shot.length, made.shot.tail) == (10, 40, 0)
    assert made.shot.record.count == 50
    assert any("20 frames short at the tail" in w for w in made.warnings)


def test_12_a_clip_that_begins_before_its_media_is_clamped_with_a_warning(
    desk: Desk, dub: Path
) -> None:
    desk.plate("A.mov")
    ref = reference("A.mov", start=100)
    (made,) = desk.plan(track(clip("A", 94, 50, media=ref)), dub=dub).clips
    assert made.shot is not None
    assert made.shot.played()[0] == 0
    assert made.shot.dub_start == Fraction(6, 25)
    assert any("6 frames short at the head" in w for w in made.warnings)


def test_12_a_clip_wholly_outside_its_media_is_refused(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", frames=40)
    (made,) = desk.plan(track(clip("A", 60, 50)), dub=dub).clips
    assert made.decision is Decision.REFUSE
    assert "outside its media" in made.reason


def test_13_constant_retimes_are_baked_at_the_record_rate(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", rate=Rate.of(24))
    (made,) = desk.plan(track(clip("A", 100, 50, rate=24, speed=2)), dub=dub, handles=1).clips
    shot = made.shot
    assert shot is not None
    assert shot.rate == Rate.of(25)
    assert shot.length == 52
    step = Fraction(2 * 24, 25)
    assert shot.played() == [int((100 + k * step) // 1) for k in range(-1, 51)]
    assert "200 %" in made.reason


def test_14_reverse_runs_down_from_the_last_frame_of_its_range(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", frames=200)
    (made,) = desk.plan(track(clip("A", 150, 50, speed=-1)), dub=dub).clips
    shot = made.shot
    assert shot is not None
    assert (shot.head, shot.tail) == (0, 12)  # nothing lies after the media's last frame
    assert shot.played() == list(range(199, 137, -1))
    assert shot.source == FrameRange(138, 62, Rate.of(25))


def test_14_reverse_shows_the_frames_of_the_forward_clip(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", frames=200)
    for speed in (0.7, 2.0):
        forward, back = (
            desk.plan(track(clip("A", 60, 50, speed=s)), dub=dub, handles=0).clips[0].shot
            for s in (speed, -speed)
        )
        assert forward is not None
        assert back is not None
        assert back.played() == forward.played()[::-1]


def test_15_freeze_frames_are_left_unless_asked_for(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    frozen = clip("A", 7, 50, speed=0)
    plan = desk.plan(track(frozen), dub=dub)
    assert decisions(plan) == ["leave"]
    assert "--process-freeze" in plan.clips[0].reason
    shot = desk.plan(track(clip("A", 7, 50, speed=0)), dub=dub, process_freeze=True).clips[0].shot
    assert shot is not None
    assert set(shot.played()) == {7}
    assert len(shot.played()) == shot.length == 74


@pytest.mark.parametrize("sentence", ["It has a speed ramp.", "It is a multicam clip"])
def test_16_18_31_what_the_reader_cannot_place_is_refused(
    desk: Desk, dub: Path, sentence: str
) -> None:
    desk.plate("A.mov")
    (made,) = desk.plan(track(clip("A", refuse=sentence)), dub=dub).clips
    assert made.decision is Decision.REFUSE
    assert made.reason == sentence.rstrip(".") + "."


def test_17_nests_are_descended_with_exact_times(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    inner = nest("Scene", track(clip("A", 0, 50), clip("B", 0, 50)), start=30, duration=40)
    plan = desk.plan(track(gap(10), inner), dub=dub)
    a, b = by_name(plan, "A"), by_name(plan, "B")
    assert (a.record.start, a.record.count) == (10, 20)
    assert (b.record.start, b.record.count) == (30, 20)
    assert b.track == "Scene > V1"
    assert a.shot is not None
    assert a.shot.record == FrameRange(-20, 50, Rate.of(25))  # rendered whole
    assert b.shot is not None
    assert b.shot.record == FrameRange(30, 50, Rate.of(25))


def test_17_a_nest_used_twice_with_one_dub_gets_one_result(desk: Desk) -> None:
    desk.plate("A.mov")
    sound = desk.sound("x.wav", (0, 8))
    # the same two seconds of sound, again and again
    dub = desk.samples("dub.wav", np.tile(sound_in(sound)[: 48_000 * 2], (6, 1)))
    uses = [nest("Scene", track(clip("A", 100, 50))) for _ in range(2)]
    plan = desk.plan(track(gap(50), uses[0], gap(50), uses[1], gap(50)), dub=dub)
    first, second_use = plan.clips
    assert first.shot is not None
    assert first.shot is second_use.shot
    assert decisions(plan) == ["render", "render"]


def test_17_a_nest_used_twice_with_different_dubs_is_refused(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    uses = [nest("Scene", track(clip("A", 100, 50))) for _ in range(2)]
    plan = desk.plan(track(*uses), dub=dub)
    assert decisions(plan) == ["refuse", "refuse"]
    assert "used 2 times with different dub" in plan.clips[0].reason


def test_17_a_nest_whose_other_use_is_silent_is_refused(desk: Desk) -> None:
    desk.plate("A.mov")
    uses = [nest("Scene", track(clip("A", 100, 50))) for _ in range(2)]
    plan = desk.plan(track(*uses), dub=desk.sound("dub.wav", (0, 1.5), (7, 8)))
    assert decisions(plan) == ["refuse", "refuse"]


def test_17_a_nest_cut_in_two_is_one_clip(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    halves = [
        nest("Scene", track(clip("A", 100, 50)), start=start, duration=25) for start in (0, 25)
    ]
    plan = desk.plan(track(*halves), dub=dub)
    assert plan.clips[0].shot is not None
    assert plan.clips[0].shot is plan.clips[1].shot


def test_17_a_retimed_nest_is_refused(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    inner = nest("Scene", track(clip("A")), duration=50)
    inner.effects.append(otio.schema.LinearTimeWarp(time_scalar=2))
    (made,) = desk.plan(track(inner), dub=dub).clips
    assert made.decision is Decision.REFUSE
    assert "“Scene”" in made.reason


def test_20_disabled_clips_and_tracks_are_left(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    off = clip("A")
    off.enabled = False
    hidden = track(clip("B"), name="V2")
    hidden.enabled = False
    plan = desk.plan(track(off), hidden, dub=dub)
    assert decisions(plan) == ["leave", "leave"]
    assert by_name(plan, "A").reason == "It is not shown: it is disabled."
    assert "“V2” is disabled" in by_name(plan, "B").reason


def test_21_the_topmost_opaque_clip_wins(desk: Desk, dub: Path) -> None:
    for name in "ABC":
        desk.plate(f"{name}.mov")
    below = track(clip("A"), clip("B"))
    above = track(clip("C", 0, 60), name="V2")
    plan = desk.plan(below, above, dub=dub)
    assert by_name(plan, "A").reason == "Hidden under V2 “C”."
    part = by_name(plan, "B")
    assert part.decision is Decision.RENDER
    assert part.speech == 1.6  # its last 40 frames
    assert any("Partly hidden under V2 “C”" in w for w in part.warnings)
    assert part.shot is not None
    assert part.shot.record.count == 50


def test_21_a_disabled_clip_hides_nothing(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    top = clip("B")
    top.enabled = False
    plan = desk.plan(track(clip("A")), track(top, name="V2"), dub=dub)
    assert by_name(plan, "A").decision is Decision.RENDER


def test_21_a_picture_in_picture_lets_through(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    small = clip("B")
    zoom = {"Parameter ID": "transformationZoomX", "Parameter Value": 0.4}
    small.effects.append(
        otio.schema.Effect(metadata={"Resolve_OTIO": {"Enabled": True, "Parameters": [zoom]}})
    )
    plan = desk.plan(track(clip("A")), track(small, name="V2"), dub=dub)
    assert decisions(plan) == ["render", "render"]
    assert any("lets it through" in w for w in by_name(plan, "A").warnings)
    assert any("Scaled or faded" in w for w in by_name(plan, "B").warnings)


def test_21_a_nest_in_a_corner_lets_through(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    for small in (False, True):
        inner = nest("Phone", track(clip("B")))
        metadata = {"unisync": {"see_through": small}}
        inner.effects.append(otio.schema.Effect(effect_name="motion", metadata=metadata))
        plan = desk.plan(track(clip("A")), track(inner, name="V2"), dub=dub)
        assert (by_name(plan, "A").decision is Decision.RENDER) == small
        assert by_name(plan, "B").decision is Decision.RENDER


def test_22_generators_titles_and_stills_are_never_media(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    title = clip("T", media=otio.schema.GeneratorReference("Title", "Text"))
    missing = clip("M", media=otio.schema.MissingReference())
    still = clip("S", media=reference("S.png", still=True))
    plan = desk.plan(
        track(clip("A")),
        track(title, name="V2"),
        track(missing, name="V3"),
        track(still, name="V4"),
        dub=dub,
    )
    assert {c.name: c.decision.value for c in plan.clips} == {
        "A": "render",
        "T": "leave",
        "M": "leave",
        "S": "leave",
    }


def test_24_25_record_timecode_is_drop_frame_where_the_edit_is(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", rate=Rate.of(29.97))
    start = 107_892  # 01:00:00;00
    edit = track(gap(1800, 30000 / 1001), clip("A", 0, 50, rate=29.97, record_rate=30000 / 1001))
    desk.sound("long.wav", (0, 62), length=63)
    plan = desk.plan(edit, dub=desk.folder / "long.wav", rate="30000/1001", start=start, drop=True)
    assert plan.clips[0].timecode == "01:01:00;02"


def test_26_media_keeps_its_own_rate(desk: Desk, dub: Path) -> None:
    """24 fps media with a start timecode in a 25 fps edit, in-point written in the edit's rate."""
    desk.plate("A.mov", rate=Rate.of(24), start_frame=86_400, has_timecode=True, frames=2000)
    ref = reference("A.mov", 2000, 24, 86_400)
    made = otio.schema.Clip("A", ref, span(91_046.625, 50, 25))
    made.metadata["unisync"] = {"origin": "A"}
    shot = desk.plan(track(made), dub=dub, handles=0).clips[0].shot
    assert shot is not None
    exact = (Fraction("91046.625") / 25 - 3600) * 24
    assert shot.rate == Rate.of(24)
    assert shot.played()[0] == int(exact // 1) == 1004
    assert shot.length == 49  # two record seconds less the part of a frame it begins with
    assert shot.dub_start == (1004 - exact) / 24


def test_27_ntsc_film_is_not_film(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", rate=Rate.of(23.976))
    edit = track(clip("A", 10, 48, rate=23.976, record_rate=23.976))
    shot = desk.plan(edit, dub=dub, rate=23.976).clips[0].shot
    assert shot is not None
    assert shot.rate.fps == Fraction(24000, 1001)
    assert shot.played()[shot.head] == 10
    desk.plate("B.mov", rate=Rate.of(23.976))
    (made,) = desk.plan(track(clip("B", 10, 50, rate=24)), dub=dub).clips
    assert made.decision is Decision.REFUSE
    assert "runs at 24 fps, the file runs at 23.976" in made.reason


def test_28_29_unusable_media_is_refused_with_the_remedy(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", variable=True)
    desk.plate("B.mov", interlaced=True)
    plan = desk.plan(track(clip("A"), clip("B")), dub=dub)
    assert decisions(plan) == ["refuse", "refuse"]
    assert "ffmpeg" in plan.clips[0].reason
    assert "interlaced" in plan.clips[1].reason


def test_33_all_offline_media_is_listed_at_once(desk: Desk, dub: Path) -> None:
    plan = desk.plan(track(clip("A"), clip("B"), clip("A", 60)), dub=dub)
    assert decisions(plan) == ["refuse"] * 3
    (warning,) = plan.warnings
    assert warning.startswith("2 media offline: A.mov, B.mov.")
    assert "--path-map" in plan.clips[0].reason


def test_33_offline_media_without_speech_is_nobodys_problem(desk: Desk) -> None:
    plan = desk.plan(track(clip("A"), clip("B")), dub=desk.sound("dub.wav", (3, 4)))
    assert decisions(plan) == ["leave", "refuse"]
    assert plan.warnings[0].startswith("1 media offline: B.mov.")


def test_33_a_path_map_finds_it(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", under="here")
    made = clip("A", media=reference("file://localhost/Volumes/RAID/A.mov"))
    pairs = PathMap((("/Volumes/RAID", str(desk.folder / "here")),))
    plan = desk.plan(track(made), dub=dub, path_map=pairs)
    assert decisions(plan) == ["render"]


def test_33_it_is_searched_by_reel_and_timecode(desk: Desk, dub: Path) -> None:
    desk.plate("x1.mov", under="roots", reel="A001", start_frame=90_000, has_timecode=True)
    desk.plate("x2.mov", under="roots", reel="A001", start_frame=95_000, has_timecode=True)
    made = clip("A", 95_100, 50, media=reference("/gone/A.mov", 1000, 25, 95_000, reel="a001"))
    plan = desk.plan(track(made), dub=dub, media=(desk.folder / "roots",))
    assert plan.clips[0].shot is not None
    assert plan.clips[0].shot.media.name == "x2.mov"
    assert plan.clips[0].shot.source.start == 88


def test_33_it_is_searched_by_name_and_length(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", under="roots/one", frames=1000, identity="one")
    desk.plate("A.mov", under="roots/two", frames=900, identity="two")
    made = clip("A", media=reference("/gone/A.mov"))
    plan = desk.plan(track(made), dub=dub, media=(desk.folder / "roots",))
    assert plan.clips[0].shot is not None
    assert plan.clips[0].shot.media == desk.folder / "roots/one/A.mov"


def test_33_between_two_that_fit_it_never_guesses(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov", under="roots/one", identity="one")
    desk.plate("A.mov", under="roots/two", identity="two")
    made = clip("A", media=reference("/gone/A.mov"))
    plan = desk.plan(track(made), dub=dub, media=(desk.folder / "roots",))
    assert decisions(plan) == ["refuse"]
    assert "one/A.mov" in plan.clips[0].reason
    assert "two/A.mov" in plan.clips[0].reason
    desk.plate("A.mov", under="roots/two", identity="one")  # now a copy: no guess
    plan = desk.plan(track(made.clone()), dub=dub, media=(desk.folder / "roots",))
    assert decisions(plan) == ["render"]


def test_35_repeated_sources_are_probed_once(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    items = [clip("A", n, 5, media=reference("A.mov")) for n in range(30)]
    for number, item in enumerate(items):
        item.metadata["unisync"] = {"origin": str(number)}
    plan = desk.plan(track(*items), dub=dub)
    assert len(plan.to_render) == 30
    assert len(desk.probed) == 1


def test_35_the_same_frames_with_the_same_sound_are_one_shot(desk: Desk) -> None:
    """A flashback: rendered once, and each use is relinked to it; another line is another shot."""
    desk.plate("A.mov")
    line = sound_in(desk.sound("line.wav", (0, 2), length=2))
    other = sound_in(desk.sound("other.wav", (0, 2), length=2, seed=3))
    rest = np.zeros((SOUND_RATE * 2, 1), np.int16)
    dub = desk.samples("dub_FR.wav", np.concatenate([rest, line, rest, line, rest, other, rest]))
    uses = [clip("A", 100, 50, origin=f"use {number}") for number in range(3)]
    spaced = [item for use in uses for item in (gap(50), use)]
    plan = desk.plan(track(*spaced), dub=dub)
    first, again, another = (made.shot for made in plan.clips)
    assert first is not None
    assert again is not None
    assert another is not None
    assert first.key == again.key != another.key
    assert (first.origin, again.origin) == ("use 0", "use 1")


def test_33_a_proxy_of_another_size_is_said(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    uhd = reference("A.mov", raster=[3840, 2160])
    same = reference("A.mov", raster=[1920, 1080])
    plan = desk.plan(track(clip("A", media=uhd), clip("B", media=same)), dub=dub)
    assert decisions(plan) == ["render", "render"]
    assert "3840×2160, the file is 1920×1080: a proxy?" in plan.clips[0].warnings[0]
    assert not plan.clips[1].warnings


def test_38_markers_skip_and_choose_a_face(desk: Desk, dub: Path) -> None:
    for name in "ABCD":
        desk.plate(f"{name}.mov")
    plan = desk.plan(
        track(
            clip("A", markers=["no: unisync:skip please"]),
            clip("B", markers=["unisync:face=left"]),
            clip("C", markers=["unisync:mood=sad"]),
            clip("D", markers=["unisync:face=left", "unisync:face=2"]),
        ),
        dub=dub,
        face="largest",
    )
    assert decisions(plan) == ["leave", "render", "refuse", "refuse"]
    assert plan.clips[1].shot is not None
    assert plan.clips[1].shot.face == "left"
    assert "unisync:mood=sad" in plan.clips[2].reason
    assert "unisync:face=left|right|largest|N" in plan.clips[2].reason
    assert "contradict" in plan.clips[3].reason


def test_38_sequence_and_track_markers_count_for_the_clips_they_lie_over(
    desk: Desk, dub: Path
) -> None:
    for name in "ABC":
        desk.plate(f"{name}.mov")
    lane = track(clip("A"), clip("B"), clip("C"))
    lane.markers.append(otio.schema.Marker("", span(50, 0), comment="unisync:skip"))
    document = desk.document(lane, start=90_000)
    # a marker in the sequence's own timecode
    document.timeline.tracks.markers.append(
        otio.schema.Marker("unisync:face=right", span(90_100, 10))
    )
    plan = make_plan(document, PlanOptions(dub=(DubFile(dub),)))
    assert decisions(plan) == ["render", "leave", "render"]
    assert plan.clips[0].shot is not None
    assert plan.clips[0].shot.face is None
    assert plan.clips[2].shot is not None
    assert plan.clips[2].shot.face == "right"


def test_40_the_key_is_what_is_shown_and_heard(desk: Desk, dub: Path) -> None:
    """A changed cut, renamed media and a moved dub keep the key; other work does not."""
    desk.plate("A.mov", identity="same")
    desk.plate("Z.mov", identity="same")
    (before,) = desk.plan(track(clip("A", 100, 50)), dub=dub).clips
    silence = np.zeros((96_000, 1), np.int16)
    late = desk.samples("later_FR.wav", np.concatenate([silence, sound_in(dub)]))
    moved = clip("B", 100, 50, media=reference("Z.mov"))
    (after,) = desk.plan(track(gap(50), moved), dub=late).clips
    assert before.shot is not None
    assert after.shot is not None
    assert before.shot.key == after.shot.key
    assert before.shot != after.shot

    others = [
        desk.plan(track(clip("A", 101, 50)), dub=dub),
        desk.plan(track(clip("A", 100, 51)), dub=dub),
        desk.plan(track(clip("A", 100, 50)), dub=dub, handles=8),
        desk.plan(track(clip("A", 100, 50)), dub=dub, face="left"),
        desk.plan(track(clip("A", 100, 50)), dub=desk.sound("other_FR.wav", ALL, seed=7)),
    ]
    keys = {before.shot.key} | {p.clips[0].shot.key for p in others if p.clips[0].shot}
    assert len(keys) == len(others) + 1


def test_a_silent_dub_where_the_original_speaks_rests_the_mouth(desk: Desk) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    original = desk.sound("orig.wav", (0.5, 1.5))
    spoken = audio(clip("o", 0, 150, media=reference(str(original))), name="A1 EN DX")
    edit = track(clip("A"), clip("B"))
    dub = desk.sound("dub_FR.wav", (5, 6))
    plan = desk.plan(edit, spoken, dub=dub)
    assert decisions(plan) == ["render", "leave"]
    assert "comes to rest" in plan.clips[0].reason
    assert plan.clips[0].shot is not None
    assert plan.clips[0].shot.original[0].path == original


def test_where_the_dub_does_not_reach_nothing_rests(desk: Desk) -> None:
    desk.plate("A.mov")
    original = desk.sound("orig.wav", (4.5, 5.5))
    spoken = audio(clip("o", 0, 150, media=reference(str(original))), name="A1 EN DX")
    dub = desk.sound("dub_FR.wav", (0, 1), length=2)
    plan = desk.plan(track(gap(100), clip("A")), spoken, dub=dub)
    assert plan.clips[0].reason == "The dub does not reach here."


def test_a_clip_no_format_can_relink_is_refused(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    made = clip("A")
    made.metadata["unisync"] = {}
    (planned,) = desk.plan(track(made), dub=dub).clips
    assert planned.decision is Decision.REFUSE


def test_the_same_inputs_make_the_same_plan(desk: Desk, dub: Path) -> None:
    desk.plate("A.mov")
    one, two = (desk.plan(track(clip("A")), dub=dub) for _ in range(2))
    assert one == two
    assert replace(one, name="x") != two
