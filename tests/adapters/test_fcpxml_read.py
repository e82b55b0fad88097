"""FCPXML read into OpenTimelineIO: where everything lies, and what is refused by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from fcpxmls import Edit, Item, Media

from unisync_adapters.document import PathMap, open_edit
from unisync_adapters.errors import EditError
from unisync_adapters.fcpxml import ADAPTER
from unisync_adapters.fcpxml.read import FcpxmlDocument
from unisync_adapters.otiotime import exact_frames, exact_seconds, first_shown
from unisync_adapters.timebase import Rate

PATH = Path("cut.fcpxml")
NTSC = Fraction(24000, 1001)
HOUR = Media("b.mov", start=90000)
SILENT = Media("silent.mov", audio=False)


def read(edit: Edit | bytes, sequence: str | None = None) -> FcpxmlDocument:
    data = edit.data() if isinstance(edit, Edit) else edit
    document = ADAPTER.read(data, PATH, PathMap(), sequence)
    assert isinstance(document, FcpxmlDocument)
    return document


def track(document: FcpxmlDocument, name: str) -> otio.schema.Track:
    (found,) = [t for t in document.timeline.tracks if t.name == name]
    return found


def laid(document: FcpxmlDocument, name: str) -> list[tuple[str, int, int]]:
    """Name, first record frame and length of every item of a track that is no gap."""
    found = []
    for item in track(document, name):
        if isinstance(item, otio.schema.Transition | otio.schema.Gap):
            continue
        place = item.range_in_parent()
        edges = (place.start_time, place.duration)
        found.append((item.name, *(int(exact_frames(t, document.rate)) for t in edges)))
    return found


def clip(document: FcpxmlDocument, index: int = 0) -> otio.schema.Clip:
    key = list(document.origins)[index]
    clips = document.timeline.tracks.find_clips()
    return next(c for c in clips if c.metadata.get("unisync", {}).get("origin") == key)


def facts(thing: Any) -> dict[str, Any]:
    return dict(thing.metadata.get("unisync", {}))


def first_frame(document: FcpxmlDocument, index: int = 0) -> Fraction:
    """0-based frame of the file on which a clip begins."""
    found = clip(document, index)
    available = found.media_reference.available_range
    rate = Rate.of(facts(found.media_reference)["rate"])
    speed = document.items[list(document.origins)[index]].retime.speed
    # pictures per record frame: what first_shown counts in
    start = first_shown(found.source_range, speed, document.rate) / document.rate.fps
    return (start - exact_seconds(available.start_time)) * rate.fps


def test_the_storyline_is_v1_and_lane_n_is_v_n_plus_1() -> None:
    title = Item("title", name="lower third", frames=10)
    above = Item(name="above", frames=20, connected=((1, 5, title),))
    document = read(
        Edit([Item(frames=30), Item("gap", frames=12, connected=((2, 3, above),)), Item()])
    )
    assert [t.name for t in document.timeline.tracks if t.kind == "Video"] == ["V1", "V3", "V4"]
    assert laid(document, "V1") == [("shot", 0, 30), ("shot", 42, 50)]
    assert laid(document, "V3") == [("above", 33, 20)]
    assert laid(document, "V4") == [("lower third", 38, 10)]


def test_what_lies_below_the_storyline_and_what_overlaps_in_a_lane() -> None:
    low = Item(name="low", frames=20)
    held = ((-1, 0, low), (1, 0, low), (1, 10, low))
    document = read(Edit([Item("gap", frames=60, connected=held)]))
    pictures = [t.name for t in document.timeline.tracks if t.kind == "Video"]
    assert pictures == ["V-1", "V1", "V2", "V2.2"]


@pytest.mark.parametrize("kind", ["asset-clip", "clip", "video", "audition"])
@pytest.mark.parametrize("media", [Media("a b.mov"), HOUR, Media("n.mov", rate=NTSC, start=86400)])
def test_source_and_media_are_exact(kind: str, media: Media) -> None:
    document = read(Edit([Item(kind, media, source=123)], rate=media.rate))
    reference = clip(document).media_reference
    assert reference.target_url == "file:///Volumes/A%20Disk/" + media.name.replace(" ", "%20")
    assert exact_frames(reference.available_range.start_time, Rate(media.rate)) == media.start
    assert exact_frames(reference.available_range.duration, Rate(media.rate)) == media.frames
    assert first_frame(document) == 123
    assert facts(reference)["reel"] == "A001"
    assert list(facts(reference)["raster"]) == [1920, 1080]


def test_timecode_of_edit_and_media() -> None:
    ntsc = Fraction(30000, 1001)
    media = Media("a.mov", rate=ntsc, start=107892)
    document = read(Edit([Item(media=media, drop=True)], rate=ntsc, tc_start=107892, drop=True))
    assert document.drop
    assert facts(document.timeline)["drop"]
    assert facts(clip(document).media_reference)["drop"]
    assert exact_frames(document.timeline.global_start_time, document.rate) == 107892


@pytest.mark.parametrize(
    "speed", [2, Fraction(1, 2), Fraction(-1), -2, Fraction(-1, 2), Fraction(3, 4)]
)
@pytest.mark.parametrize("kind", ["asset-clip", "clip"])
def test_constant_speed(kind: str, speed: Fraction) -> None:
    media = Media("a.mov", audio=False)
    document = read(Edit([Item(kind, media, source=200, frames=40, speed=Fraction(speed))]))
    warp = clip(document).effects[0]
    assert isinstance(warp, otio.schema.LinearTimeWarp)
    assert warp.time_scalar == float(speed)
    first = first_frame(document)
    # backwards, a map's value is the edge at which a picture ends
    assert (first // 1) == (200 if speed > 0 else 199)


def test_a_conform_that_scales_plays_frame_by_frame() -> None:
    media = Media("a.mov", rate=Fraction(25), audio=False)
    scaled = Item(media=media, conform="25", source=684, frames=54)
    unscaled = replace(scaled, scale=False)
    document = read(Edit([scaled, unscaled], rate=Fraction(24), tc_start=86400))
    assert clip(document).effects[0].time_scalar == pytest.approx(24 / 25)
    assert not clip(document, 1).effects
    assert [first_frame(document, i) for i in (0, 1)] == [684, 684]


@pytest.mark.parametrize(
    ("source", "edit", "speed"),
    [
        ("23.98", Fraction(25), Fraction(25) / NTSC),
        ("23.98", Fraction(24), Fraction(1001, 1000)),
        ("23.98", Fraction(60), Fraction(1001, 1000)),
        ("23.98", Fraction(60000, 1001), Fraction(1)),
        ("29.97", Fraction(60), Fraction(1001, 1000)),
        ("25", Fraction(50), Fraction(1)),
        ("24", Fraction(50), None),
        ("25", Fraction(30), None),
    ],
)
def test_conform_scales_neighbours_and_repeats_frames_of_the_rest(
    source: str, edit: Fraction, speed: Fraction | None
) -> None:
    """24 fps media at 60 fps is not two and a half times as fast."""
    item = Item(media=SILENT, conform=source)
    document = read(Edit([item], rate=edit, tc_start=0))
    (known,) = document.items.values()
    assert known.retime.speed == (speed or 1)
    assert (known.refuse is None) == (speed is not None)


def test_connected_clips_follow_the_scaled_clock() -> None:
    """They are placed in the source's seconds, of which 24 frames of edit hold 24/25."""
    media = Media("a.mov", rate=Fraction(25), audio=False)
    marks = '<marker start="{start}" duration="1/25s" value="here"/>'
    held = Item("title", frames=5)
    item = Item(media=media, conform="25", source=0, connected=((1, 24, held),), extra=marks)
    document = read(Edit([item], rate=Fraction(24), tc_start=0))
    assert laid(document, "V2") == [("shot", 25, 5)]
    assert [m.name for m in clip(document).markers] == ["here"]


def test_a_ramp_is_refused_by_clip() -> None:
    ramp = "".join(
        f'<timept time="{t}s" value="{v}s" interp="smooth2"/>'
        for t, v in ((0, 0), (5, 10), (20, 40), (30, 41))
    )
    document = read(Edit([Item(adjust=f"<timeMap>{ramp}</timeMap>"), Item()]))
    refused = [facts(clip(document, i)).get("refuse") for i in (0, 1)]
    assert "ramp" in refused[0]
    assert refused[1] is None


def test_a_hold_is_a_freeze_frame() -> None:
    hold = '<timeMap><timept time="0s" value="4s"/><timept time="10s" value="4s"/></timeMap>'
    media = Media("a.mov", audio=False)
    document = read(Edit([Item(media=media, source=0, adjust=hold)]))
    assert isinstance(clip(document).effects[0], otio.schema.FreezeFrame)
    assert first_frame(document) == 100


def test_transitions_lie_on_the_cut() -> None:
    document = read(Edit([Item(), Item(dissolve=True), Item("gap", frames=5), Item()]))
    kinds = [item.schema_name() for item in track(document, "V1")]
    assert kinds == ["Clip", "Transition", "Clip", "Gap", "Clip"]
    crossing = track(document, "V1")[1]
    assert (crossing.in_offset.value, crossing.out_offset.value) == (4, 4)
    assert crossing.transition_type == "SMPTE_Dissolve"


def test_a_compound_is_a_stack_and_counts_its_uses() -> None:
    nest = Item("ref-clip", source=30)
    document = read(Edit([nest, Item("ref-clip", source=70)]))
    assert [origin.uses for origin in document.origins.values()] == [2]
    stacks = [item for item in track(document, "V1") if isinstance(item, otio.schema.Stack)]
    assert [s.source_range.start_time.value for s in stacks] == [30, 70]


def test_a_multicam_is_the_clip_under_its_active_angle() -> None:
    document = read(Edit([Item("mc-clip", source=40), Item("mc-clip", source=900)]))
    assert [first_frame(document, i) for i in (0, 1)] == [40, 900]
    angle = document.items[next(iter(document.items))].angle
    assert angle is not None
    assert angle.tag is not None
    assert angle.tag.get("name") == "B"


def test_a_synchronised_clip_is_a_stack() -> None:
    document = read(Edit([Item("sync-clip", HOUR, source=40)]))
    (stack,) = track(document, "V1")
    assert isinstance(stack, otio.schema.Stack)
    (inside,) = stack.find_clips()
    assert inside.name == "inside"


def test_of_an_audition_the_first_plays() -> None:
    document = read(Edit([Item("audition")]))
    assert laid(document, "V1") == [("shot", 0, 50)]


def test_sound_lies_on_tracks_of_roles() -> None:
    channels = (
        '<audio-channel-source srcCh="1" role="dialogue.french"/>'
        '<audio-channel-source srcCh="2" role="music.music-1"/>'
        '<audio-channel-source srcCh="3" role="effects" active="0"/>'
    )
    document = read(Edit([Item(extra=channels), Item("clip")]))
    sounds = [t for t in document.timeline.tracks if t.kind == "Audio"]
    assert [t.name for t in sounds] == ["dialogue.french", "music.music-1"]
    assert facts(sounds[0])["language"] == "french"
    first, second = sounds[0].find_clips()
    assert facts(first)["source_track"] == 1
    assert facts(first)["sound_of"] == next(iter(document.origins))
    assert "sound_of" not in facts(second)


def test_sound_of_nests_lies_in_record_time() -> None:
    document = read(
        Edit([Item(frames=10), Item("ref-clip", frames=20, source=33), Item("mc-clip", frames=5)])
    )
    (track_,) = [t for t in document.timeline.tracks if t.kind == "Audio"]
    assert laid(document, track_.name)[1] == ("inside", 10, 20)
    inside = list(track_.find_clips())[1]
    assert inside.source_range.start_time.value == 33


def test_split_edits_sound_longer_than_they_show() -> None:
    document = read(Edit([Item(frames=60), Item(split=(10, 5))]))
    tracks = [t for t in document.timeline.tracks if t.name == "dialogue"]
    assert ("shot", 50, 65) in [row for found in tracks for row in laid_track(found)]


def laid_track(found: otio.schema.Track) -> list[tuple[str, int, int]]:
    rows = []
    for item in found.find_clips():
        place = item.range_in_parent()
        rows.append((item.name, int(place.start_time.value), int(place.duration.value)))
    return rows


@pytest.mark.parametrize(
    ("adjust", "through"),
    [
        ('<adjust-transform scale="0.5 0.5"/>', True),
        ('<adjust-transform position="10 0" scale="1 1"/>', True),
        ('<adjust-transform scale="1.2 1.2"/>', False),
        ('<adjust-blend amount="0.4"/>', True),
        ('<adjust-blend amount="1"/>', False),
        ('<adjust-transform enabled="0" scale="0.5 0.5"/>', None),
    ],
)
def test_what_may_be_seen_through_is_said(adjust: str, through: bool | None) -> None:
    document = read(Edit([Item(adjust=adjust)]))
    said = [facts(effect)["see_through"] for effect in clip(document).effects]
    assert said == ([] if through is None else [through])


def test_switched_off_clips_stills_and_spheres() -> None:
    still = Media("a.png", frames=0, audio=False)
    sphere = Media("s.mov", format=' width="4096" height="2048" projection="equirectangular"')
    document = read(Edit([Item(enabled=False), Item("video", still), Item(media=sphere)]))
    assert not clip(document).enabled
    assert facts(clip(document, 1).media_reference)["still"]
    assert "360" in facts(clip(document, 2))["refuse"]


def test_notes_of_an_editor_are_markers() -> None:
    mark = '<marker start="{start}" duration="1/25s" value="unisync:skip" note="why"/>'
    document = read(Edit([Item(extra=mark, source=10)]))
    (found,) = clip(document).markers
    assert (found.name, found.comment, found.marked_range.start_time.value) == (
        "unisync:skip",
        "why",
        10,
    )


def two_projects() -> bytes:
    text = Edit([Item()]).data().decode()
    start, end = text.index("<project"), text.index("</project>") + len("</project>")
    other = text[start:end].replace("Reel 1", "Reel 2").replace("F828", "F829")
    return (text[:end] + other + text[end:]).encode()


def test_several_projects_are_picked_by_name_or_uid() -> None:
    with pytest.raises(EditError, match=r"Several projects.*Reel 1.*Reel 2"):
        read(two_projects())
    assert read(two_projects(), "Reel 2").timeline.name == "Reel 2"
    assert read(two_projects(), "F829BEE6-FBBE-4566-992F-B01BB44C0010").timeline.name == "Reel 2"
    with pytest.raises(EditError, match="no one project 'Reel 3'"):
        read(two_projects(), "Reel 3")


def test_a_compound_handed_over_alone_is_the_edit() -> None:
    text = Edit([Item("ref-clip")]).data().decode()
    start, end = text.index("<library"), text.index("</library>") + len("</library>")
    loose = '<ref-clip ref="r4" name="nest" duration="2s"/>'
    loose = loose.replace("r4", text.split('<media id="')[1].split('"')[0])
    document = read((text[:start] + loose + text[end:]).encode())
    assert document.timeline.name == "nest"
    assert laid(document, "V1") == [("inside", 0, 2000)]


def test_an_fcpxmld_is_opened_by_its_folder_or_its_file(tmp_path: Path) -> None:
    bundle = tmp_path / "Reel 1.fcpxmld"
    bundle.mkdir()
    (bundle / "Info.fcpxml").write_bytes(Edit([Item()]).data())
    for path in (bundle, bundle / "Info.fcpxml"):
        document = open_edit(path)
        assert document.path == bundle
        assert len(document.origins) == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('duration="2s"', 'duration="-2s"', r"'-2s' is negative .*line"),
        ('frameDuration="1/25s"', 'frameDuration="0/25s"', r"'0/25s' is no frame rate .*line"),
        ('frameDuration="1/25s"', 'frameDuration="NaN"', r"'NaN' is no time .*line"),
        ('start="4s"', 'start="4/0s"', r"start '4/0s' is no time .*line"),
        ('start="4s"', f'start="{"9" * 400}s"', r"start '9+…' is no time .*line"),
        ('lane="1"', 'lane="x"', r"lane 'x' is no number .*line"),
        ('ref="r2"', 'ref="r77"', r"refers to 'r77', and there is no such asset .*line"),
        ('id="r2"', 'id="r1"', r"id 'r1' is given twice .*line"),
        ("</spine>", "", "damaged in line"),
        ('encoding="UTF-8"', 'encoding="UTF-99"', "says it is utf-99"),
        ("<!DOCTYPE fcpxml>", '<!DOCTYPE fcpxml [<!ENTITY a "b">]>', "declares XML entities"),
        ("<project", "<snapshot", "damaged"),
    ],
)
def test_damage_is_named_with_its_place(old: str, new: str, says: str) -> None:
    text = Edit([Item(connected=((1, 0, Item()),))]).data().decode()
    assert old in text
    with pytest.raises(EditError, match=says) as caught:
        read(text.replace(old, new, 1).encode())
    assert caught.value.file == str(PATH)


def test_no_project_at_all_says_what_to_export() -> None:
    text = Edit([Item()]).data().decode().replace("project", "smart")
    with pytest.raises(EditError, match="holds no project"):
        read(text.encode())


def test_a_compound_that_holds_itself() -> None:
    text = Edit([Item("ref-clip")]).data().decode()
    nest = text.split('<media id="')[1].split('"')[0]
    held = f'<ref-clip ref="{nest}" name="again" duration="1s"/>'
    with pytest.raises(EditError, match="holds itself"):
        read(text.replace("</spine></sequence>", held + "</spine></sequence>").encode())
