"""Patching OTIO JSON: exactly the leaves a relink implies, every other byte as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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

from unisync_adapters.document import Document, PathMap, Relink, read_edit
from unisync_adapters.errors import EditError
from unisync_adapters.otio_json.patch import patch_document
from unisync_adapters.otio_json.scan import scan
from unisync_adapters.otio_json.verify import differing_leaves
from unisync_adapters.timebase import Rate

CLIP = "#/tracks/children/0/children/0"
REFERENCE = f"{CLIP}/media_references/DEFAULT_MEDIA"
NEW = Path("/out/sh010_FR.mov")
RELINK = Relink(CLIP, NEW, source_in=12, duration=72, rate=Rate.of(24), start_frame=86488)
"""The sample clip plays 48 frames from 86500; twelve frames of handles at either end."""


def edit(*items: dict[str, Any], **more: Any) -> Document:
    return opened(timeline(track(*(items or (clip(),))), **more))


def changed(document: Document, patched: bytes) -> list[str]:
    before, after = scan(document.data), scan(patched)
    return list(differing_leaves(document.data, before, patched, after))


def relinked(document: Document, *relinks: Relink, name: str | None = None) -> tuple[bytes, Any]:
    """Patched, proved by verify, and parsed by :mod:`json`."""
    patched = document.patch(relinks, name=name)
    document.verify(patched, relinks, name=name)
    return patched, json.loads(patched)


def first_clip(parsed: Any) -> Any:
    return parsed["tracks"]["children"][0]["children"][0]


def test_no_patch_gives_the_same_bytes() -> None:
    document = edit()
    assert document.patch([]) is document.data


def test_a_relink_that_keeps_the_clock_leaves_the_clip_alone() -> None:
    document = edit()
    patched, parsed = relinked(document, RELINK)
    assert set(changed(document, patched)) == {
        f"{REFERENCE}/metadata/unisync",
        f"{REFERENCE}/available_range/duration/value",
        f"{REFERENCE}/available_range/start_time/value",
        f"{REFERENCE}/target_url",
    }
    reference = first_clip(parsed)["media_references"]["DEFAULT_MEDIA"]
    assert reference["target_url"] == str(NEW)
    assert reference["metadata"] == {"unisync": {"original_url": "/Users/me/plate.mov"}}
    assert reference["available_range"] == span(86488.0, 72.0)


def test_the_new_name_is_one_value() -> None:
    document = edit()
    patched, parsed = relinked(document, name="cut_UNISYNC_fr_v001")
    assert changed(document, patched) == ["#/name"]
    assert parsed["name"] == "cut_UNISYNC_fr_v001"


def test_a_timeline_without_a_name_gets_one() -> None:
    nameless = timeline(track(clip()))
    del nameless["name"]
    _, parsed = relinked(opened(nameless), RELINK, name="new")
    assert parsed["name"] == "new"


def test_a_lone_clip_has_no_timeline_to_rename() -> None:
    document = opened(clip())
    _, parsed = relinked(document, replace(RELINK, origin="#"), name="new")
    assert parsed["name"] == "sh010"
    assert parsed["media_references"]["DEFAULT_MEDIA"]["target_url"] == str(NEW)


def test_a_reference_named_after_its_file_is_renamed() -> None:
    for old, new in (("plate.mov", NEW.name), ("plate", NEW.stem), ("Interview", "Interview")):
        document = edit(clip(media_references={"DEFAULT_MEDIA": external(name=old)}))
        _, parsed = relinked(document, RELINK)
        assert first_clip(parsed)["media_references"]["DEFAULT_MEDIA"]["name"] == new


def test_numbers_keep_their_style() -> None:
    reference = external(available={"start_time": time(86400, 24), "duration": time(2400, 24.0)})
    patched, _ = relinked(edit(clip(media_references={"DEFAULT_MEDIA": reference})), RELINK)
    assert b'"value": 86488\n' in patched
    assert b'"value": 72\n' in patched


def test_a_rate_that_means_the_same_stays_as_written() -> None:
    rate = 23.976024627685547
    document = edit(
        clip(source=span(100.0, 48.0, rate),
             media_references={"DEFAULT_MEDIA": external(available=span(0.0, 500.0, rate))}),
    )  # fmt: skip
    patched, _ = relinked(document, replace(RELINK, rate=Rate.of(23.976), start_frame=88))
    assert patched.count(b"23.976024627685547") == document.data.count(b"23.976024627685547")


def test_media_that_start_elsewhere_move_the_source_and_its_markers() -> None:
    document = edit(clip(markers=[marker("m", 86510.0)]), clip("next"))
    relink = replace(RELINK, start_frame=0)
    _, parsed = relinked(document, relink)
    read = first_clip(parsed)
    assert read["source_range"] == span(12.0, 48.0)
    assert read["markers"][0]["marked_range"]["start_time"]["value"] == 22.0


def test_a_fractional_source_in_the_timeline_rate_is_kept() -> None:
    """Resolve: 24 fps media in a 25 fps timeline; the in-point lies between two media frames."""
    document = edit(clip(source=span(91046.625, 40.0, 25.0)), global_start_time=time(90000.0, 25.0))
    relink = replace(RELINK, start_frame=87404 - 12)
    patched, _ = relinked(document, relink)
    assert not any("source_range" in pointer for pointer in changed(document, patched))
    _, moved = relinked(document, replace(relink, start_frame=0))
    assert first_clip(moved)["source_range"]["start_time"] == time(12.5, 25.0)


def test_without_an_available_range_one_is_written() -> None:
    for reference in (external(), external()):
        reference["available_range"] = None
        _, parsed = relinked(edit(clip(media_references={"DEFAULT_MEDIA": reference})), RELINK)
        new = first_clip(parsed)["media_references"]["DEFAULT_MEDIA"]
        assert new["available_range"] == span(86488.0, 72.0)
    del reference["available_range"]
    relinked(edit(clip(media_references={"DEFAULT_MEDIA": reference})), RELINK)


def test_without_a_source_range_one_is_written() -> None:
    whole = clip()
    whole["source_range"] = None
    relink = Relink(CLIP, NEW, 0, 2400, Rate.of(24), 86400)
    _, parsed = relinked(edit(whole), relink)
    assert first_clip(parsed)["source_range"] == span(86400.0, 2400.0)
    del whole["source_range"]
    relinked(edit(whole), replace(relink, source_in=12, start_frame=0, duration=2424))


def test_new_media_of_another_rate_does_not_change_the_rate_of_an_edit_that_states_none() -> None:
    """What OTIO calls 24 frames a second runs at 25; the media alone tell the record rate."""
    whole = clip()
    whole["source_range"] = None
    document = edit(whole)
    relink = Relink(CLIP, NEW, 25, 2550, Rate.of(25), 0)
    patched, parsed = relinked(document, relink)
    assert first_clip(parsed)["source_range"] == span(24.0, 2400.0)
    assert read_edit(patched, document.path).rate == document.rate


def effect(name: str) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "Effect.1", "name": name}


@pytest.mark.parametrize(
    ("effects", "kept"),
    [
        ([warp(2.0)], []),
        ([warp(2.0), effect("a")], ["a"]),
        ([effect("a"), warp(2.0)], ["a"]),
        ([effect("a"), warp(0.5), effect("b")], ["a", "b"]),
        ([warp(0.0, "FreezeFrame.1")], []),
    ],
)  # fmt: skip
def test_a_baked_retime_leaves_the_document(effects: list[Any], kept: list[str]) -> None:
    document = edit(clip(effects=effects, markers=[marker("m", 86520.0)]))
    relink = replace(RELINK, baked=True, start_frame=1000)
    _, parsed = relinked(document, relink)
    read = first_clip(parsed)
    assert [e["name"] for e in read["effects"]] == kept
    assert read["source_range"] == span(1012.0, 48.0)
    speed = effects[0].get("time_scalar") or next(
        (e["time_scalar"] for e in effects if e.get("time_scalar")), None
    )
    place = read["markers"][0]["marked_range"]["start_time"]["value"]
    assert place == (1012 + 20 / speed if speed else 1012)


def test_markers_of_a_reversed_clip_keep_their_record_frames() -> None:
    """The range 100 … 149 played backwards begins on 149: a marker on 139 is ten frames in."""
    old = clip(source=span(100.0, 50.0), effects=[warp(-1.0)], markers=[marker("m", 139.0)])
    _, parsed = relinked(edit(old), replace(RELINK, baked=True, start_frame=1000))
    (mark,) = first_clip(parsed)["markers"]
    assert mark["marked_range"]["start_time"]["value"] == 1000 + RELINK.source_in + 10


def test_clip_1_is_relinked_in_its_one_reference() -> None:
    old = clip(OTIO_SCHEMA="Clip.1", media_reference=external("file:///a%20b.mov"))
    del old["media_references"], old["active_media_reference_key"]
    _, parsed = relinked(edit(old), RELINK)
    assert first_clip(parsed)["media_reference"]["target_url"] == "file:///out/sh010_FR.mov"


def test_only_the_active_reference_changes() -> None:
    both = {"DEFAULT_MEDIA": external("/a.mov"), "a/b": external("/b.mov")}
    document = edit(clip(media_references=both, active_media_reference_key="a/b"))
    _, parsed = relinked(document, RELINK)
    read = first_clip(parsed)["media_references"]
    assert read["DEFAULT_MEDIA"] == both["DEFAULT_MEDIA"]
    assert read["a/b"]["target_url"] == str(NEW)


def test_a_clip_inside_a_nest_is_relinked_there() -> None:
    nest = stack(track(gap(3.0), clip("inside")), source_range=span(0.0, 20.0))
    key = "#/tracks/children/0/children/1/children/0/children/1"
    document = edit(clip(), nest)
    patched, _ = relinked(document, replace(RELINK, origin=key))
    assert all(pointer.startswith(key) for pointer in changed(document, patched))


def test_a_second_dub_remembers_the_first_original() -> None:
    patched, _ = relinked(edit(), replace(RELINK, language="fr"))
    _, parsed = relinked(opened(patched), replace(RELINK, path=Path("/out/v2.mov")))
    note = first_clip(parsed)["media_references"]["DEFAULT_MEDIA"]["metadata"]["unisync"]
    assert note == {"original_url": "/Users/me/plate.mov"}


@pytest.mark.parametrize("metadata", [None, {}, {"a": 1}, {"unisync": 5}])
def test_the_note_joins_whatever_metadata_there_is(metadata: Any) -> None:
    reference = external(metadata=metadata)
    _, parsed = relinked(edit(clip(media_references={"DEFAULT_MEDIA": reference})), RELINK)
    written = first_clip(parsed)["media_references"]["DEFAULT_MEDIA"]["metadata"]
    assert written["unisync"] == {"original_url": "/Users/me/plate.mov"}
    assert written == {**(metadata or {}), "unisync": written["unisync"]}


def test_urls_keep_their_form_and_path_map() -> None:
    url = "file://localhost/D%3a/Media/plate%20a.mov"
    document = opened(
        timeline(track(clip(media_references={"DEFAULT_MEDIA": external(url)}))),
        PathMap((("D:\\Media", "/mnt/m"),)),
    )
    _, parsed = relinked(document, replace(RELINK, path=Path("/mnt/m/dub 1.mov")))
    written = first_clip(parsed)["media_references"]["DEFAULT_MEDIA"]["target_url"]
    assert written == "file://localhost/D%3a/Media/dub%201.mov"


def test_windows_line_ends_byte_order_mark_and_unicode_survive() -> None:
    plain = dump(timeline(track(clip("ключ"), clip("b"))))
    data = b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")
    document = opened(data)
    patched = document.patch([RELINK])
    document.verify(patched, [RELINK])
    assert patched.startswith(b"\xef\xbb\xbf")
    assert patched.count(b"\n") == patched.count(b"\r\n")


@pytest.mark.parametrize("escaped", [True, False])
def test_non_ascii_is_escaped_as_the_document_does(escaped: bool) -> None:
    data = json.dumps(timeline(track(clip("ключ"))), ensure_ascii=escaped).encode()
    patched, _ = relinked(opened(data), replace(RELINK, path=Path("/out/é.mov")))
    assert (rb"/out/\u00e9.mov" in patched) == escaped
    assert ("/out/é.mov".encode() in patched) != escaped


@pytest.mark.parametrize(
    ("references", "what"),
    [
        ({"DEFAULT_MEDIA": {"OTIO_SCHEMA": "MissingReference.1"}}, "no media file"),
        ({}, "no media file"),
        ({"DEFAULT_MEDIA": external("http://x/a.mov")}, "http://"),
    ],
)
def test_what_cannot_be_relinked_says_so(references: Any, what: str) -> None:
    with pytest.raises(EditError, match=rf"{what}.*sh010"):
        edit(clip(media_references=references)).patch([RELINK])


def test_unknown_and_double_relinks_are_refused() -> None:
    with pytest.raises(EditError, match="No clip"):
        edit().patch([replace(RELINK, origin="#/nowhere")])
    with pytest.raises(EditError, match="twice"):
        edit().patch([RELINK, RELINK])


BROKEN = [
    (b'"name": "sh020"', b'"name": "sh021"'),
    (b'"enabled": true', b'"enabled": false'),
    (b'"/Users/me/other.mov"', b'"/Users/me/another.mov"'),
    (b'"kind": "Video"', b'"kind": "Audio"'),
    (b'"note"', b'"nota"'),
    (b'"value": 7.0', b'"value": 8.0'),
    (b'"value": 30.0', b'"value": 30'),
    (b'"value": 86488.0', b'"value": 86489.0'),
    (b'"value": 72.0', b'"value": 71.0'),
    (b"sh010_FR.mov", b"sh010_DE.mov"),
    (b'"whatever": 1', b'"whatever": 2'),
    (b'"name": "new"', b'"name": "newer"'),
    (b'"value": 86500.0', b'"value": 86501.0'),
    (b'"Glow"', b'"Blur"'),
]


@pytest.mark.parametrize(("good", "bad"), BROKEN)
def test_verify_detects_a_broken_patch(good: bytes, bad: bytes) -> None:
    other = clip("sh020", span(86400.0, 30.0),
                 media_references={"DEFAULT_MEDIA": external("/Users/me/other.mov")},
                 effects=[{"OTIO_SCHEMA": "Effect.1", "effect_name": "Glow"}])  # fmt: skip
    wipe = {"OTIO_SCHEMA": "Transition.1", "in_offset": time(7.0), "out_offset": time(3.0)}
    document = edit(clip(), wipe, other, whatever=1, markers=[])
    document = opened(
        document.data.replace(b'"children": [', b'"markers": [%s], "children": [' % dump(
            marker("note", 5.0)), 1)
    )  # fmt: skip
    patched = document.patch([RELINK], name="new")
    document.verify(patched, [RELINK], name="new")
    assert good in patched
    with pytest.raises(EditError):
        document.verify(patched.replace(good, bad, 1), [RELINK], name="new")


def test_verify_detects_a_clip_that_was_not_relinked() -> None:
    document = edit()
    with pytest.raises(EditError):
        document.verify(document.data, [RELINK])


def test_verify_detects_a_retime_left_behind() -> None:
    document = edit(clip(effects=[warp(2.0)]))
    relink = replace(RELINK, baked=True)
    left = patch_document(document, [replace(relink, baked=False)], None)
    with pytest.raises(EditError, match="effects"):
        document.verify(left, [relink])


@settings(max_examples=40)
@given(st.data())
def test_any_relinks_of_any_edit_are_proved(data: st.DataObject) -> None:
    """Random edits: the patch changes only what lies under the relinked clips."""
    rates = st.sampled_from([24.0, 25.0, 23.976, 29.97, 59.94])
    speeds = st.sampled_from([0.5, 1.5, 2.0, -1.0, -0.7])
    record = data.draw(rates)
    items = []
    for index in range(data.draw(st.integers(1, 4))):
        media = data.draw(rates)
        first = data.draw(st.integers(0, 100000))
        source = data.draw(st.integers(0, 200))
        items.append(clip(
            f"c{index}", span((first + source) / media * record, 40.0, record),
            media_references={"DEFAULT_MEDIA": external(available=span(first, 999.0, media))},
            effects=[warp(data.draw(speeds))] if index % 2 else [],
            markers=[marker("m", first + source + 3.0)],
        ))  # fmt: skip
    document = edit(*items, global_start_time=time(0.0, record))
    relinks = []
    for read in document.timeline.find_clips():
        if data.draw(st.booleans()):
            baked = bool(read.effects)
            media_range = read.media_reference.available_range
            rate = Rate.of(record if baked else media_range.start_time.rate)
            start = data.draw(st.integers(0, 90000))
            origin = read.metadata["unisync"]["origin"]
            relinks.append(Relink(origin, NEW, 12, 72, rate, start, baked=baked))
    patched = document.patch(relinks)
    document.verify(patched, relinks)
    under = tuple(relink.origin for relink in relinks)
    assert all(pointer.startswith(under) for pointer in changed(document, patched))
    lengths = [c.duration() for c in opened(patched).timeline.find_clips()]
    assert lengths == [otio.opentime.RationalTime(40, float(Rate.of(record).fps))] * len(items)
