"""AAF, read: what every kind of object becomes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from aaf_samples import (
    Cut,
    Fast,
    Filler,
    Layers,
    Media,
    Muted,
    Nest,
    Ramp,
    Sample,
    Shot,
    Wrapped,
)

from unisync_adapters.aaf import ADAPTER
from unisync_adapters.aaf.read import AafDocument
from unisync_adapters.document import PathMap, open_edit, read_edit
from unisync_adapters.errors import EditError
from unisync_adapters.otiotime import first_shown
from unisync_adapters.timebase import Rate

PATH = Path("/edits/cut.aaf")
NTSC = Fraction(30000, 1001)


def read(data: bytes, sequence: str | None = None) -> AafDocument:
    document = ADAPTER.read(data, PATH, PathMap(), sequence)
    assert isinstance(document, AafDocument)
    return document


def track(*pieces: Any, **more: Any) -> otio.schema.Track:
    """The one picture track of an edit of these pieces."""
    return read(Sample(tracks=[pieces], **more).data()).timeline.tracks[0]


def only(*pieces: Any, **more: Any) -> otio.schema.Clip:
    (clip,) = track(*pieces, **more).find_clips()
    return clip


def span(item: Any) -> tuple[float, float]:
    played = item.source_range
    return played.start_time.value, played.duration.value


def refusal(clip: otio.schema.Clip) -> str:
    return str(clip.metadata["unisync"].get("refuse", ""))


def test_a_clip_its_file_and_its_tape() -> None:
    clip = only(Shot(start=10, length=40))
    media = clip.media_reference
    assert clip.name == "A001C003"
    assert span(clip) == (90_010, 40)
    assert media.target_url == "file:///Volumes/media/A001C003.mov"
    assert media.available_range.start_time == otio.opentime.RationalTime(90_000, 25)
    assert media.available_range.duration.value == 500
    assert dict(media.metadata["unisync"])["reel"] == "A001"
    assert list(media.metadata["unisync"]["raster"]) == [1920, 1080]
    assert media.metadata["unisync"]["rate"] == "25"


def test_the_edit_has_its_own_clock() -> None:
    document = read(Sample(rate=NTSC, start=107_892, drop=True, name="Café").data())
    assert document.rate == Rate(NTSC)
    assert document.drop
    assert document.timeline.name == "Café"
    assert document.timeline.global_start_time.value == 107_892


def test_an_imported_file_has_no_reel() -> None:
    media = only(Shot(), media=[Media(reel=None)]).media_reference
    assert "reel" not in media.metadata["unisync"]
    assert media.available_range.start_time.value == 90_000


def test_media_of_another_rate_counts_its_own_frames() -> None:
    film = Media(rate=Fraction(24000, 1001), start=86_400, length=240)
    clip = only(Shot(start=25, length=50), media=[film])
    assert clip.media_reference.metadata["unisync"]["rate"] == "24000/1001"
    offset = clip.source_range.start_time.value - 86_400
    assert offset == pytest.approx(float(Fraction(24000, 1001)))
    assert clip.source_range.duration == otio.opentime.RationalTime(50, 25)


def test_a_transition_overlaps_both_its_neighbours() -> None:
    before, dissolve, after = track(Shot(start=0, length=50), Cut(8, 3), Shot(start=100, length=60))
    assert span(before) == (90_000, 45)
    assert (dissolve.in_offset.value, dissolve.out_offset.value) == (3, 5)
    assert dissolve.transition_type == "SMPTE_Dissolve"
    assert span(after) == (90_103, 57)


def test_a_fade_from_black_begins_with_its_transition() -> None:
    fade, clip = track(Filler(12), Cut(12, 0), Shot(length=50))
    assert isinstance(fade, otio.schema.Transition)
    assert span(clip) == (90_000, 50)


@pytest.mark.parametrize("avid", [True, False])
@pytest.mark.parametrize("speed", [Fraction(2), Fraction(1, 3), Fraction(9, 10)])
def test_a_constant_speed(speed: Fraction, *, avid: bool) -> None:
    clip = only(Fast(Shot(start=20, length=90), 30, speed, avid))
    assert span(clip) == (90_020, 30)
    assert Fraction(clip.effects[0].time_scalar).limit_denominator(100) == speed
    assert refusal(clip) == ""


@pytest.mark.parametrize("avid", [True, False])
def test_backwards_begins_with_its_last_frame(*, avid: bool) -> None:
    clip = only(Fast(Shot(start=200, length=50), 50, Fraction(-1), avid))
    assert clip.effects[0].time_scalar == -1
    assert first_shown(clip.source_range, Fraction(-1), Rate.of(25)) == 90_249


def test_a_freeze_frame() -> None:
    clip = only(Fast(Shot(start=200, length=1), 50, Fraction(0)))
    assert isinstance(clip.effects[0], otio.schema.FreezeFrame)
    assert span(clip) == (90_200, 50)


def test_a_ramp_is_refused_and_keeps_its_place() -> None:
    clip = only(Ramp(Shot(length=50), 25))
    assert "speed changes" in refusal(clip)
    assert clip.source_range.duration.value == 25


def test_a_time_warp_that_is_not_known_is_refused() -> None:
    assert "Strange Warp" in refusal(only(Wrapped(Shot(), "Strange Warp")))


def test_a_muted_clip_is_disabled() -> None:
    clip = only(Muted(Shot(start=5)))
    assert not clip.enabled
    assert span(clip) == (90_005, 50)


def test_tracks_of_one_scope() -> None:
    document = read(Sample(tracks=[[Shot()], [Filler(10), Shot(length=5)]]).data())
    names = [(item.name, item.kind) for item in document.timeline.tracks]
    assert names == [("V1", "Video"), ("V2", "Video")]
    assert [origin.track for origin in document.origins.values()] == ["V1", "V2"]


def test_tracks_of_a_slot_each() -> None:
    sample = Sample(tracks=[[Shot()], [Filler(10), Shot(length=5)]], slots=True)
    document = read(sample.data())
    assert [len(item) for item in document.timeline.tracks] == [1, 2]
    assert [origin.track for origin in document.origins.values()] == ["V1", "V2"]


def test_a_nest_is_a_stack_and_its_clips_are_patched_once() -> None:
    inside = [Shot(start=0, length=30), Shot(start=100, length=30)]
    document = read(Sample(tracks=[[Nest(0, 5, 20), Nest(0, 0, 10)]], nests=[inside]).data())
    first, second = document.timeline.tracks[0]
    assert isinstance(first, otio.schema.Stack)
    assert span(first) == (5, 20)
    assert span(second) == (0, 10)
    assert [origin.uses for origin in document.origins.values()] == [2, 2]


def test_a_subclip_is_its_clip() -> None:
    clip = only(Nest(0, 5, 20), nests=[[Shot(start=100, length=40)]])
    assert span(clip) == (90_105, 20)


def test_an_effect_over_one_clip_is_on_the_clip() -> None:
    clip = only(Wrapped(Shot(start=3)))
    assert [effect.effect_name for effect in clip.effects] == ["Mask"]
    assert span(clip) == (90_003, 50)


def test_an_effect_over_layers_is_a_stack_of_tracks() -> None:
    (stack,) = track(Layers(((Shot(length=20),), (Filler(5), Shot(start=50, length=15)))))
    assert isinstance(stack, otio.schema.Stack)
    assert [len(layer) for layer in stack] == [1, 2]


@pytest.mark.parametrize(
    ("media", "why"),
    [
        (Media(url=None, embedded=True), "inside the AAF"),
        (Media(url=None), "no file"),
        (Media(url="http://media/a.mov"), "http"),
    ],
)
def test_media_that_cannot_be_replaced_is_refused(media: Media, why: str) -> None:
    assert why in refusal(only(Shot(), media=[media]))


def test_a_title_is_generated_and_no_clip_to_dub() -> None:
    document = read(Sample(media=[Media(usage="Usage_LowerLevel")]).data())
    (title,) = document.timeline.find_clips()
    assert isinstance(title.media_reference, otio.schema.GeneratorReference)
    assert not document.origins


def test_a_rendered_effect_is_refused() -> None:
    assert "clear the renders" in refusal(only(Wrapped(Shot(), rendered=True)))


def test_sound_says_its_channel() -> None:
    document = read(Sample(sound=[[Shot()], [Filler(5), Shot()]]).data())
    sounds = [t for t in document.timeline.tracks if t.kind == "Audio"]
    assert [t.name for t in sounds] == ["A1", "A2"]
    (clip,) = sounds[0].find_clips()
    assert clip.metadata["unisync"] == {"source_track": 3}


def test_markers_lie_on_the_track_they_describe() -> None:
    document = read(Sample(markers=[(7, "unisync:skip"), (30, "fix")]).data())
    marks = document.timeline.tracks[0].markers
    assert [(m.marked_range.start_time.value, m.comment) for m in marks] == [
        (7, "unisync:skip"),
        (30, "fix"),
    ]


def test_of_several_sequences_one_is_named() -> None:
    data = Sample(others=["cut_v2"]).data()
    with pytest.raises(EditError, match="--sequence"):
        read(data)
    assert read(data, "cut_v2").timeline.name == "cut_v2"
    with pytest.raises(EditError, match="no one sequence 'cut_v3'"):
        read(data, "cut_v3")


def test_clips_alone_are_no_edit() -> None:
    with pytest.raises(EditError, match="no sequence"):
        read(Sample(tracks=[]).data())


def test_it_is_known_by_its_bytes(tmp_path: Path) -> None:
    for sector in (512, 4096):
        path = tmp_path / f"cut{sector}.any"
        path.write_bytes(Sample(sector=sector).data())
        assert open_edit(path).adapter is ADAPTER


@pytest.mark.parametrize("keep", [600, 5_000, 100_000])
def test_a_cut_off_file_is_named(keep: int) -> None:
    with pytest.raises(EditError) as caught:
        read_edit(Sample().data()[:keep], PATH)
    assert caught.value.file == str(PATH)
    assert caught.value.remedy


def test_a_composition_that_plays_itself() -> None:
    sample = Sample(tracks=[[Nest(0)]], nests=[[Shot(), Nest(0)]])
    with pytest.raises(EditError, match="holds itself"):
        read(sample.data())


def test_otio_reads_through_our_adapter(tmp_path: Path) -> None:
    path = tmp_path / "cut.aaf"
    path.write_bytes(Sample().data())
    found = otio.adapters.read_from_file(str(path), adapter_name="unisync_aaf")
    assert [clip.name for clip in found.find_clips()] == ["A001C003"]
    assert not otio.adapters.from_name("unisync_aaf").has_feature("write")
