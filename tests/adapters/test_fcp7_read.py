"""FCP7 XML, read: what each trap of the format must come out as."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from xmeml import FINAL_CUT, PREMIERE, RESOLVE, STYLES, Dub, Edit, Item, Media, Style, cutting

from unisync_adapters.document import PathMap
from unisync_adapters.errors import EditError
from unisync_adapters.fcp7 import ADAPTER
from unisync_adapters.fcp7.read import Fcp7Document
from unisync_adapters.otiotime import exact_seconds, first_shown
from unisync_adapters.timebase import Rate, seconds_to_ticks

PATH = Path("cut.xml")
A, B = Media("a 1.mov"), Media("b.mov", start=0)


def read(edit: Edit | bytes, sequence: str | None = None) -> Fcp7Document:
    data = edit.data() if isinstance(edit, Edit) else edit
    document = ADAPTER.read(data, PATH, PathMap(), sequence)
    assert isinstance(document, Fcp7Document)
    return document


def clips(document: Fcp7Document, track: int = 0) -> list[Any]:
    return list(document.timeline.tracks[track].find_clips())


def facts(item: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(otio.core.serialize_json_to_string(item.metadata))
    return dict(found.get("unisync", {}))


def record(clip: Any) -> tuple[float, float]:
    place = clip.range_in_parent()
    return place.start_time.value, place.end_time_exclusive().value


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.name)
def test_a_clip_lies_where_the_document_says(style: Style) -> None:
    document = read(Edit([[Item(A, 10, 60, 7), Item(B, 100, 150)]], style))
    first, second = clips(document)
    assert (record(first), record(second)) == ((10, 60), (100, 150))
    assert first.source_range.start_time.value == 90_000 + 7
    assert first.media_reference.available_range.start_time.value == 90_000
    assert first.media_reference.target_url.endswith("a%201.mov")
    assert facts(first.media_reference) == {
        "rate": "25",
        "drop": False,
        "reel": "A001",
        "raster": [1920, 1080],
    }
    assert document.timeline.global_start_time.value == 90_000
    assert facts(document.timeline) == {"rate": "25", "drop": False}


def test_origins_are_the_picture_clips() -> None:
    document = read(Edit([[Item(A, 0, 50)], [Item(B, 0, 50)]]))
    assert list(document.origins) == ["sequence-1/V1/clipitem-1", "sequence-1/V2/clipitem-2"]
    assert document.origins["sequence-1/V2/clipitem-2"].track == "V2"


def test_clipitems_without_unlike_ids_have_unlike_keys() -> None:
    data = Edit([[Item(A, 0, 50), Item(A, 50, 90)]]).data()
    data = data.replace(b'id="clipitem-2"', b'id="clipitem-1"')
    assert list(read(data).origins) == ["sequence-1/V1/clipitem-1", "sequence-1/V1/clipitem-1~2"]


def test_drop_frame_and_1001_rates() -> None:
    rate = Rate.of(29.97)
    media = Media("a.mov", start=107_892, drop=True)
    document = read(Edit([[Item(media, 0, 50)]], rate=rate, drop=True, start=107_892))
    assert (document.rate, document.drop) == (rate, True)
    assert facts(clips(document)[0].media_reference)["drop"] is True
    assert exact_seconds(document.timeline.global_start_time) == Fraction(107_892 * 1001, 30_000)


def test_a_start_code_without_a_frame_number_is_read_from_its_text() -> None:
    data = Edit([[Item(A, 0, 50)]]).data().replace(b"<frame>90000</frame>", b"")
    document = read(data)
    assert document.timeline.global_start_time.value == 90_000
    assert clips(document)[0].media_reference.available_range.start_time.value == 90_000


def test_a_rate_is_inherited_from_the_file_then_the_sequence() -> None:
    data = Edit([[Item(Media("a.mov", rate=Rate.of(24), start=0), 0, 50, 24)]]).data()
    start = data.index(b"<rate>", data.index(b"<clipitem"))
    end = data.index(b"</rate>", start) + 7
    document = read(data[:start] + data[end:].replace(b"pproTicks", b"other"))
    assert clips(document)[0].source_range.start_time.value == 24
    assert document.items["sequence-1/V1/clipitem-1"].rate == Rate.of(24)


def test_24_fps_media_in_a_25_fps_edit() -> None:
    media = Media("a.mov", rate=Rate.of(24), start=86_400)
    document = read(Edit([[Item(media, 0, 50, 25)]], RESOLVE))
    (clip,) = clips(document)
    assert clip.source_range.start_time == otio.opentime.RationalTime(86_424, 24)
    assert record(clip) == (0, 50)


def test_clips_of_one_file_keep_their_own_clocks() -> None:
    clocks = [None, None, Rate.of(24), Rate.of(24), None]
    items = [Item(B, n * 48, n * 48 + 48, 48, clip_rate=rate) for n, rate in enumerate(clocks)]
    document = read(Edit([items], RESOLVE, sound=False))
    starts = [clip.source_range.start_time.value for clip in clips(document)]
    assert starts == [48, 48, 50, 50, 48]
    assert [item.rate for item in document.items.values()] == [c or Rate.of(25) for c in clocks]


def test_ticks_are_the_true_source_position() -> None:
    ticks = seconds_to_ticks(Fraction(18, 25))
    document = read(Edit([[Item(B, 0, 50, 6, ticks=ticks)]]))
    assert clips(document)[0].source_range.start_time.value == 18


@pytest.mark.parametrize(
    ("alignment", "cut"), [("center", 50), ("start", 40), ("end", 60), ("end-black", 60)]
)
def test_an_edge_of_minus_one_is_the_cut_in_the_transition(alignment: str, cut: int) -> None:
    track = [
        Item(B, 0, -1, 100, length=60),
        Item(None, 40, 60, over=alignment),
        Item(B, -1, 120, 300, length=80),
    ]
    document = read(Edit([track], RESOLVE))
    first, transition, second = document.timeline.tracks[0]
    assert (record(first), record(second)) == ((0, cut), (cut, 120))
    assert (transition.in_offset.value, transition.out_offset.value) == (cut - 40, 60 - cut)
    assert transition.transition_type == "SMPTE_Dissolve"
    # in counts from where the clip is first seen: the transition's start
    assert second.source_range.start_time.value == 300 + cut - 40
    assert second.visible_range().start_time.value == 300


def test_a_cut_point_in_ticks_decides() -> None:
    over = Item(None, 40, 60, over="center")
    track = [Item(B, 0, -1, length=60), over, Item(B, -1, 90, length=50)]
    data = (
        Edit([track])
        .data()
        .replace(
            b"<alignment>center</alignment>",
            b"<alignment>center</alignment><cutPointTicks>%d</cutPointTicks>"
            % seconds_to_ticks(Fraction(4, 25)),
        )
    )
    document = read(data)
    assert record(clips(document)[1]) == (44, 90)


def test_a_fade_in_at_the_head_of_a_track() -> None:
    track = [Item(None, 0, 30, over="start"), Item(B, -1, 100, 0, length=100)]
    document = read(Edit([track], FINAL_CUT))
    assert record(clips(document)[0]) == (0, 100)


def test_constant_speed() -> None:
    item = Item(B, 0, 50, 1957, speed=Fraction(2))
    for style in (RESOLVE, PREMIERE):
        (clip,) = clips(read(Edit([[item]], style)))
        assert clip.source_range.start_time.value == 3914
        (warp,) = clip.effects
        assert (warp.time_scalar, facts(warp)) == (2.0, {"speed": "2"})
        assert "refuse" not in facts(clip)


def test_a_speed_is_kept_exactly() -> None:
    (clip,) = clips(read(Edit([[Item(B, 0, 50, speed=Fraction(333, 1000))]], RESOLVE)))
    assert facts(clip.effects[0]) == {"speed": "333/1000"}


def test_a_backward_clip_plays_down_from_its_in_point() -> None:
    """The range names the earliest frame played, as OTIO has it, so it begins on its last one."""
    item = Item(replace(B, duration=200), 0, 50, 10, speed=Fraction(1), reverse=True)
    (clip,) = clips(read(Edit([[item]], RESOLVE)))
    assert clip.effects[0].time_scalar == -1.0
    assert first_shown(clip.source_range, Fraction(-1), Rate.of(25)) == 200 - 1 - 10
    assert clip.source_range.start_time.value == 200 - 1 - 10 - 49


def test_final_cuts_own_map_decides_over_arithmetic() -> None:
    keys = "".join(
        f"<keyframe><when>{when}</when><value>{value}</value></keyframe>"
        for when, value in ((0, 30), (100, 230))
    )
    graph = f"<parameter><parameterid>graphdict</parameterid>{keys}</parameter>"
    data = Edit([[Item(B, 0, 50, 10, speed=Fraction(2))]], RESOLVE).text()
    at = data.index("</effect>", data.index("timeremap"))
    (clip,) = clips(read((data[:at] + graph + data[at:]).encode()))
    assert clip.source_range.start_time.value == 30 + 2 * 10


def test_a_freeze_frame() -> None:
    still = "<stillframe>TRUE</stillframe><stillframeoffset>77</stillframeoffset>"
    item = Item(B, 0, 50, extra=still)
    (clip,) = clips(read(Edit([[item]], FINAL_CUT)))
    assert isinstance(clip.effects[0], otio.schema.FreezeFrame)
    assert clip.source_range.start_time.value == 77


@pytest.mark.parametrize(
    ("item", "word"),
    [
        (Item(B, 0, 50, variable=True), "ramp"),
        (Item(B, 0, 50, extra="<multiclip id='m'><angle/></multiclip>"), "multicam"),
        (Item(B, 0, 50, length=70), "differ"),
    ],
)
def test_what_cannot_be_processed_says_why(item: Item, word: str) -> None:
    document = read(Edit([[item]], RESOLVE))
    assert word in facts(clips(document)[0])["refuse"]


def test_a_still_is_marked() -> None:
    (clip,) = clips(read(Edit([[Item(Media("logo.png", 1), 0, 50)]])))
    assert facts(clip.media_reference)["still"] is True


def test_offline_media_and_generators() -> None:
    data = Edit([[Item(B, 0, 50)]], sound=False).text()
    url = data[data.index("<pathurl>") : data.index("</pathurl>") + 10]
    (clip,) = clips(read(data.replace(url, "").encode()))
    assert facts(clip.media_reference)["offline"] is True
    (clip,) = clips(read(data.replace(url, "<mediaSource>Slug</mediaSource>").encode()))
    assert isinstance(clip.media_reference, otio.schema.GeneratorReference)


def test_disabled_clips_and_tracks() -> None:
    text = Edit([[Item(B, 0, 50, enabled=False)]], sound=False).text()
    document = read(text.encode())
    assert not clips(document)[0].enabled
    assert document.timeline.tracks[0].enabled
    at = text.rindex("<enabled>TRUE")
    document = read((text[:at] + "<enabled>False" + text[at + 13 :]).encode())
    assert not document.timeline.tracks[0].enabled


def test_exploded_stereo_stays_two_tracks() -> None:
    document = read(Edit([[Item(A, 0, 50)]], PREMIERE))
    sound = [t for t in document.timeline.tracks if t.kind == "Audio"]
    assert [(t.name, facts(t)["channels"]) for t in sound] == [("A1", 1), ("A2", 1)]
    assert [facts(c)["source_track"] for t in sound for c in t.find_clips()] == [1, 2]


def test_the_dub_track_and_its_language() -> None:
    dub = Dub(Media("fr.wav"), 0, 50, track_name="DX FR", language="fr-FR")
    track = read(Edit([[Item(A, 0, 50)]], dubs=[dub])).timeline.tracks[-1]
    assert (track.name, facts(track)["language"]) == ("DX FR", "fr-FR")


def test_markers_of_the_clip_and_of_the_sequence() -> None:
    item = Item(A, 0, 50, 10, markers=((20, -1, "unisync:skip"), (30, 34, "note")))
    document = read(Edit([[item]], markers=[(5, 9, "reel")]))
    point, span = clips(document)[0].markers
    assert (point.comment, point.marked_range.start_time.value) == ("unisync:skip", 90_020)
    assert (point.marked_range.duration.value, span.marked_range.duration.value) == (0, 4)
    (marker,) = document.timeline.tracks.markers
    assert (marker.marked_range.start_time.value, marker.comment) == (5, "reel")


def test_a_nest_used_twice_is_one_origin() -> None:
    nest = {"nest": [[Item(B, 0, 80)]]}
    track = [Item(None, 0, 50, 5, nest="nest"), Item(None, 50, 90, nest="nest")]
    document = read(Edit([track], nests=nest, sound=False))
    (origin,) = document.origins.values()
    assert (origin.key, origin.uses) == ("nest/V1/nestitem-2", 2)
    first, second = document.timeline.tracks[0]
    assert isinstance(first, otio.schema.Stack)
    assert (record(first), record(second)) == ((0, 50), (50, 90))
    assert first.source_range.start_time.value == 5


def test_a_nest_that_holds_itself_is_refused() -> None:
    nest = {"nest": [[Item(None, 0, 80, nest="nest")]]}
    with pytest.raises(EditError, match="holds itself"):
        read(Edit([[Item(None, 0, 50, nest="nest")]], nests=nest, sound=False))


def test_a_nest_that_the_export_left_out_is_a_clip_without_media() -> None:
    data = Edit([[Item(A, 0, 50)]], sound=False).text()
    start, end = data.index("<file"), data.index("</file>") + 7
    document = read((data[:start] + '<sequence id="gone"/>' + data[end:]).encode())
    (clip,) = clips(document)
    assert (record(clip), facts(clip)["refuse"]) == ((0, 50), "It has no media file")


def test_a_clip_in_a_retimed_nest_is_refused() -> None:
    nest = {"nest": [[Item(B, 0, 80)]]}
    track = [Item(None, 0, 50, nest="nest", speed=Fraction(1, 2))]
    document = read(Edit([track], nests=nest, sound=False))
    (clip,) = document.timeline.find_clips()
    assert "nest" in facts(clip)["refuse"]


def test_several_sequences_are_named() -> None:
    edit = Edit([[Item(A, 0, 50)]], siblings=[("s2", "Reel 2", [[Item(B, 0, 40)]])])
    with pytest.raises(EditError, match=r"'Reel 1'.*'Reel 2'"):
        read(edit)
    assert read(edit, "Reel 2").timeline.name == "Reel 2"
    assert read(edit, "s2").timeline.name == "Reel 2"
    with pytest.raises(EditError, match="Reel 3"):
        read(edit, "Reel 3")


def test_of_several_the_one_that_is_no_nest_is_the_edit() -> None:
    edit = Edit(
        [[Item(None, 0, 40, nest="s2")]],
        nests={"s2": [[Item(B, 0, 40)]]},
        siblings=[("s2", "Nest", [[Item(B, 0, 40)]])],
        sound=False,
    )
    data = edit.text()
    start = data.index('<sequence id="s2"')
    end = data.index("</sequence>", start) + 11
    data = data[:start] + '<sequence id="s2"/>' + data[end:]
    assert read(data.encode()).timeline.name == "Reel 1"


def test_overlapping_clips_are_laid_out_and_refused() -> None:
    document = read(Edit([[Item(A, 0, 50), Item(B, 40, 90)]]))
    first, second = clips(document)
    assert (record(first), record(second)) == ((0, 40), (40, 90))
    assert "overlaps" in facts(first)["refuse"]


def test_comments_cdata_and_processing_instructions_are_no_elements() -> None:
    text = Edit([[Item(A, 0, 50)]], sound=False).text()
    text = text.replace("<media>", "<!-- <clipitem id='x'> </media> --><?nle <media> ?><media>", 1)
    text = text.replace("<name>Reel 1</name>", "<name><![CDATA[R&D <1>]]></name>")
    document = read(text.encode())
    assert (document.timeline.name, len(clips(document))) == ("R&D <1>", 1)


def test_references_and_greater_than_signs() -> None:
    text = Edit([[Item(A, 0, 50)]], sound=False).text()
    text = text.replace("<name>Reel 1</name>", "<name>A &amp; B &#233;&#x21;</name>")
    text = text.replace('frameBlend="FALSE"', "frameBlend='a > b' note=\"/clipitem>\"")
    document = read(text.encode())
    assert (document.timeline.name, len(clips(document))) == ("A & B é!", 1)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE xmeml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE xmeml [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE xmeml [<!ENTITY % a SYSTEM "http://example.com/a.dtd">]>',
    ],
)
def test_entity_declarations_are_refused(head: str) -> None:
    text = Edit([[Item(A, 0, 50)]]).text().replace("<!DOCTYPE xmeml>", head)
    with pytest.raises(EditError, match="entities"):
        read(text.encode())


def test_a_document_type_with_a_subset_is_read() -> None:
    head = '<!DOCTYPE xmeml SYSTEM "no-such.dtd" [<!ELEMENT xmeml (#PCDATA)> <!-- "> -->]>'
    text = Edit([[Item(A, 0, 50)]]).text().replace("<!DOCTYPE xmeml>", head)
    assert len(clips(read(text.encode()))) == 1


@pytest.mark.parametrize("damage", ["</track>", "<x></y>", "&nbsp;", "\x01"])
def test_damaged_xml_says_where(damage: str) -> None:
    text = Edit([[Item(A, 0, 50)]]).text().replace("<media>", "<media>" + damage, 1)
    with pytest.raises(EditError, match="line 12"):
        read(text.encode())


def test_xml_nested_beyond_reason_is_refused() -> None:
    depth = 20_000
    with pytest.raises(EditError, match="nested"):
        read(b"<xmeml>" + b"<bin>" * depth + b"</bin>" * depth + b"</xmeml>")


def test_no_sequence_and_no_rate() -> None:
    with pytest.raises(EditError, match="no sequence"):
        read(b"<xmeml version='4'/>")
    with pytest.raises(EditError, match="states no rate"):
        read(b"<xmeml><sequence><name>x</name></sequence></xmeml>")


def test_an_unknown_encoding_is_refused() -> None:
    text = Edit([[Item(A, 0, 50)]]).text()
    for name in ("utf-7", "euc_jis_2004", "big5hkscs", "klingon"):
        with pytest.raises(EditError, match=name):
            read(text.replace("UTF-8", name).encode())


def test_a_cutting_of_many_is_contiguous() -> None:
    document = read(Edit([cutting(50)]))
    assert [record(c) for c in clips(document)] == [(48 * n, 48 * n + 48) for n in range(50)]
