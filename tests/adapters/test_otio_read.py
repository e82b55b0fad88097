"""Reading OTIO JSON: every shape programs give it, and nothing unknown makes it unreadable."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pytest
from otio_samples import (
    clip,
    dump,
    external,
    gap,
    marker,
    opened,
    span,
    stack,
    time,
    timeline,
    track,
    warp,
)

from unisync_adapters.document import Document
from unisync_adapters.errors import EditError
from unisync_adapters.otio_json import ADAPTER
from unisync_adapters.timebase import Rate


def clips(document: Document) -> list[otio.schema.Clip]:
    return list(document.timeline.find_clips())


def refusal(document: Document) -> str | None:
    reason: str | None = clips(document)[0].metadata["unisync"].get("refuse")
    return reason


def test_a_plain_timeline() -> None:
    document = opened(timeline(track(gap(24.0), clip())))
    assert document.timeline.name == "cut"
    assert document.rate == Rate.of(24)
    assert document.timeline.global_start_time == otio.opentime.RationalTime(86400, 24)
    key = "#/tracks/children/0/children/1"
    assert clips(document)[0].metadata["unisync"]["origin"] == key
    origin = document.origins[key]
    assert (origin.name, origin.track, origin.uses) == ("sh010", "V1", 1)
    assert clips(document)[0].range_in_parent().start_time.value == 24
    assert clips(document)[0].media_reference.metadata["unisync"] == {"rate": "24"}


def test_one_reference_without_a_key_is_clip_1() -> None:
    old = clip(OTIO_SCHEMA="Clip.1", media_reference=external("file:///a.mov"))
    del old["media_references"], old["active_media_reference_key"]
    assert clips(opened(timeline(track(old))))[0].media_reference.target_url == "file:///a.mov"


def test_the_active_reference_plays() -> None:
    two = clip(
        media_references={"DEFAULT_MEDIA": external("/a.mov"), "dub/FR": external("/b.mov")},
        active_media_reference_key="dub/FR",
    )
    read = clips(opened(timeline(track(two))))[0]
    assert read.media_reference.target_url == "/b.mov"
    assert sorted(read.media_references()) == ["DEFAULT_MEDIA", "dub/FR"]


def test_a_missing_active_reference_is_refused() -> None:
    document = opened(timeline(track(clip(active_media_reference_key="gone"))))
    assert "active media reference" in (refusal(document) or "")


@pytest.mark.parametrize("version", [3, 9])
def test_newer_versions_are_read_as_the_known_ones(version: int) -> None:
    newer = clip(OTIO_SCHEMA=f"Clip.{version}", color={"OTIO_SCHEMA": "Color.7"}, novelty=[1])
    red = {"OTIO_SCHEMA": "Color.1", "name": "Red"}
    newer["markers"] = [marker("note", 86510.0, OTIO_SCHEMA="Marker.3", color=red)]
    document = opened(timeline(track(newer, OTIO_SCHEMA=f"Track.{version}")))
    read = clips(document)[0]
    assert read.media_reference.target_url == "/Users/me/plate.mov"
    assert [(m.name, m.color, m.marked_range.start_time.value) for m in read.markers] == [
        ("note", "RED", 86510.0)
    ]


def test_unknown_kinds_become_neutral_things() -> None:
    odd = clip(effects=[{"OTIO_SCHEMA": "Glow.4", "name": "g", "metadata": {"a": 2**80}}])
    odd["media_references"]["DEFAULT_MEDIA"]["OTIO_SCHEMA"] = "CloudReference.1"
    title = {"OTIO_SCHEMA": "Title.2", "name": "t", "source_range": span(0.0, 12.0)}
    wipe = {"OTIO_SCHEMA": "Wipe.1", "in_offset": time(4.0), "out_offset": time(0.0)}
    document = opened(timeline(track(title, wipe, odd)))
    items = list(document.timeline.tracks[0])
    assert [i.schema_name() for i in items] == ["Item", "Transition", "Clip"]
    assert items[2].range_in_parent().start_time.value == 12
    assert items[2].effects[0].metadata["a"] == str(2**80)
    assert refusal(document) is None


def test_an_unknown_thing_without_a_length_is_an_error() -> None:
    with pytest.raises(EditError, match=r"'Sting'.*cut\.otio"):
        opened(timeline(track({"OTIO_SCHEMA": "Sting.1", "name": ""})))


def test_missing_members_are_forgiven() -> None:
    bare: dict[str, Any] = {"OTIO_SCHEMA": "Timeline.1", "tracks": {"children": [
        {"OTIO_SCHEMA": "Track.1", "children": [
            {"OTIO_SCHEMA": "Clip.2", "source_range": span(0.0, 5.0), "media_references": {
                "DEFAULT_MEDIA": {"OTIO_SCHEMA": "ExternalReference.1", "target_url": "a.mov"}}}
        ]}]}}  # fmt: skip
    read = clips(opened(bare))[0]
    assert (read.name, read.enabled, read.media_reference.available_range) == ("", True, None)


def test_odd_metadata_does_no_harm() -> None:
    data = dump(timeline(track(clip(metadata={"x": "?"})))).replace(
        b'"?"', b'[Inf, NaN, {"OTIO_SCHEMA": "Foo.99"}, "\\ud800", 1e999]'
    )
    read = clips(opened(data))[0]
    assert list(read.metadata["x"])[3:] == ["?", float("inf")]


def test_a_file_cannot_speak_for_the_reader() -> None:
    stale = {"unisync": {"origin": "elsewhere", "refuse": "no", "kept": 1}}
    read = clips(opened(timeline(track(clip(metadata=stale)))))[0]
    assert dict(read.metadata["unisync"]) == {"origin": "#/tracks/children/0/children/0", "kept": 1}


@pytest.mark.parametrize("wrapped", [clip(), track(clip()), stack(track(clip()))])
def test_lone_clips_and_tracks_are_wrapped(wrapped: dict[str, Any]) -> None:
    document = opened(wrapped)
    assert len(clips(document)) == len(document.origins) == 1
    assert document.rate == Rate.of(24)


def collection(*children: dict[str, Any]) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "SerializableCollection.1", "name": "bin", "children": list(children)}


def test_a_collection_of_one_timeline() -> None:
    document = opened(collection(clip(), collection(timeline(track(clip())))))
    assert list(document.origins) == ["#/children/1/children/0/tracks/children/0/children/0"]


def test_one_of_several_timelines_must_be_named() -> None:
    first, second = (timeline(track(clip(n)), name=f"reel {n}") for n in "ab")
    both = collection(first, second)
    with pytest.raises(EditError, match="'reel a', 'reel b'"):
        opened(both)
    with pytest.raises(EditError, match="no sequence 'reel c'"):
        opened(both, sequence="reel c")
    assert clips(opened(both, sequence="reel b"))[0].name == "b"
    with pytest.raises(EditError, match="several"):
        opened(collection(*[timeline(track(clip()), name="r")] * 2), sequence="r")


@pytest.mark.parametrize("empty", [collection(), timeline(), {"OTIO_SCHEMA": "Marker.2"}])
def test_what_holds_no_edit_is_refused(empty: dict[str, Any]) -> None:
    with pytest.raises(EditError, match=r"cut\.otio"):
        opened(empty | {"global_start_time": None})


def test_rates_are_snapped() -> None:
    source = span(1000.0, 48.0, 23.976024627685547)
    document = opened(timeline(track(clip(source=source)), global_start_time=time(0.0, 23.98)))
    assert document.rate == Rate(Fraction(24000, 1001))
    assert clips(document)[0].source_range.start_time.rate == 24000 / 1001


def test_a_clock_of_seconds_is_no_record_rate() -> None:
    source = span(0.0, 60.0, 25.0)
    document = opened(timeline(track(clip(source=source)), global_start_time=time(0.0, 1.0)))
    assert document.rate == Rate.of(25)


def test_resolves_shape() -> None:
    title = clip("Title", media_references={"DEFAULT_MEDIA": {"OTIO_SCHEMA": "MissingReference.1"}})
    plate = clip(
        source=span(91046.625, 40.0, 25.0),
        media_references={"DEFAULT_MEDIA": external("C:\\media\\a.mov")},
    )
    dub = track(
        clip("fr"), kind="Audio", name="FR DX",
        metadata={"Resolve_OTIO": {"Audio Type": "Stereo", "Locked": True, "SoloOn": False}},
    )  # fmt: skip
    document = opened(timeline(track(plate, title), dub, global_start_time=time(90000.0, 25.0)))
    first, second, third = clips(document)
    assert (first.source_range.start_time.value, document.rate) == (91046.625, Rate.of(25))
    assert second.media_reference.metadata["unisync"]["offline"] is True
    assert document.origins[third.metadata["unisync"]["origin"]].track == "A1 FR DX"
    facts = document.timeline.tracks[1].metadata["unisync"]
    assert (facts["locked"], facts["channels"]) == (True, 2)


def test_premieres_shape() -> None:
    generator = {"OTIO_SCHEMA": "GeneratorReference.1", "generator_kind": "Text", "parameters": {}}
    speed = clip(effects=[warp(2.0)], markers=[marker("unisync:skip", 86500.0)])
    text = clip("Text", media_references={"DEFAULT_MEDIA": generator})
    audio = track(
        kind="Audio", metadata={"PremierePro_OTIO": {"AudioChannels": {"NumberOfChannels": 6}}}
    )
    document = opened(timeline(track(speed, text, markers=[marker("t", 0.0)]), audio))
    first, second = clips(document)
    assert first.effects[0].time_scalar == 2.0
    assert first.markers[0].name == "unisync:skip"
    assert document.timeline.tracks[0].markers[0].name == "t"
    assert isinstance(second.media_reference, otio.schema.GeneratorReference)
    assert document.timeline.tracks[1].metadata["unisync"]["channels"] == 6
    assert refusal(document) is None


def test_a_nest_stays_a_stack_and_its_clips_are_reachable() -> None:
    nest = stack(track(gap(3.0), clip("inside")), source_range=span(0.0, 20.0))
    document = opened(timeline(track(clip(), nest)))
    assert isinstance(document.timeline.tracks[0][1], otio.schema.Stack)
    assert "#/tracks/children/0/children/1/children/0/children/1" in document.origins


def test_disabled_things_are_disabled() -> None:
    document = opened(timeline(track(clip(enabled=False), clip()), track(clip(), enabled=False)))
    assert [c.enabled for c in clips(document)] == [False, True, True]
    assert [t.enabled for t in document.timeline.tracks] == [True, False]


def test_a_still_and_a_reel_are_noted() -> None:
    still = clip(media_references={"DEFAULT_MEDIA": external(
        "/a/logo.PNG", metadata={"cmx_3600": {"reel": "A001"}})})  # fmt: skip
    read = clips(opened(timeline(track(still))))[0]
    facts = dict(read.media_reference.metadata["unisync"])
    assert facts == {"rate": "24", "still": True, "reel": "A001"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"effects": [warp(1.0, "TimeEffect.1")]}, "speed ramp"),
        ({"effects": [warp(2.0), warp(0.5)]}, "several speed effects"),
        ({"effects": [warp(-1.0)], "metadata": {"PremierePro_OTIO": {}}}, "from which frame"),
        ({"media_references": {"DEFAULT_MEDIA": external("http://x/a.mov")}}, "http://"),
        ({"media_references": {"DEFAULT_MEDIA": {"OTIO_SCHEMA": "ImageSequenceReference.1",
          "name_prefix": "a.", "frame_step": 2, "available_range": span(0.0, 9.0)}}},
         "leaves out frames"),
        ({"source_range": None, "media_references": {"DEFAULT_MEDIA": external(
          available=span(0.0, 5.0, 0.0))}}, "which part"),
    ],
)  # fmt: skip
def test_what_is_not_handled_is_refused_by_clip(change: dict[str, Any], reason: str) -> None:
    assert reason in (refusal(opened(timeline(track(clip(**change))))) or "")


def test_a_freeze_is_for_the_planner_to_judge() -> None:
    document = opened(timeline(track(clip(effects=[warp(0.0, "FreezeFrame.1")]))))
    assert isinstance(clips(document)[0].effects[0], otio.schema.FreezeFrame)
    assert refusal(document) is None


@pytest.mark.parametrize("start", [float("nan"), float("inf"), None])
def test_a_range_that_is_no_time_is_an_error(start: float | None) -> None:
    with pytest.raises(EditError, match="sh010"):
        opened(timeline(track(clip(source={"start_time": time(start), "duration": time(2.0)}))))  # type: ignore[arg-type]


def test_bundles_are_refused_with_the_remedy() -> None:
    with pytest.raises(EditError, match=r"otioz.*Unpack"):
        opened(b"PK\x03\x04....content.otio....")


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b"\r\n  "])
def test_byte_order_mark_and_windows_line_ends(prefix: bytes) -> None:
    data = prefix + dump(timeline(track(clip("é")))).replace(b"\n", b"\r\n")
    assert ADAPTER.sniff(data, opened(data).path)
    assert clips(opened(data))[0].name == "é"
