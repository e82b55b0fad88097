"""Old takes kept beside the new ones: a patch that adds, and changes nothing."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from fcpxmls import Edit, Item, Media
from generated import WRITERS, stories
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from otio_samples import clip as otio_clip
from otio_samples import dump, timeline, track
from test_fcpxml_corpus import DTDS, is_valid
from test_fcpxml_patch import relink
from test_fcpxml_read import HOUR, read
from test_lay import DUB, STORY

from unisync_adapters.document import Document, Relink, open_edit, read_edit
from unisync_adapters.errors import EditError
from unisync_adapters.otiotime import exact_frames
from unisync_adapters.timebase import Rate

CORPUS = os.environ.get("UNISYNC_TIMELINES")
KEEPING = [name for name in WRITERS if name.endswith((".otio", ".fcpxml"))]


def kept(document: Document, *relinks: Relink, **more: Any) -> bytes:
    data = document.patch(relinks, keep_takes=True, **more)
    document.verify(data, relinks, keep_takes=True, **more)
    return data


def spine(data: bytes) -> list[Any]:
    return list(etree.fromstring(data).find(".//project//spine"))


def anything(document: Document, handle: int = 0) -> list[Relink]:
    """Every clip that is not refused, at media of its own that keeps its clock."""
    relinks = []
    for number, clip in enumerate(document.timeline.find_clips()):
        facts = clip.metadata.get("unisync", {})
        media = clip.media_reference
        external = isinstance(media, otio.schema.ExternalReference)
        if "origin" not in facts or "refuse" in facts or not external:
            continue
        if facts["origin"] in {r.origin for r in relinks}:
            continue
        available = media.available_range or clip.trimmed_range()
        rate = Rate.of(available.duration.rate)
        baked = bool(clip.effects) and isinstance(clip.effects[0], otio.schema.LinearTimeWarp)
        rate = document.rate if baked else rate
        first = int(exact_frames(clip.trimmed_range().start_time, rate) // 1)
        count = -int(-exact_frames(clip.trimmed_range().duration, rate) // 1) + 1
        relinks.append(
            Relink(
                origin=facts["origin"],
                path=Path(f"/out/take_{number}.mov"),
                source_in=handle,
                duration=count + 2 * handle,
                rate=rate,
                start_frame=max(0, first - handle),
                baked=baked,
                language="fr",
            )
        )
    return relinks


def test_the_result_is_the_pick_of_an_audition_and_the_old_clip_its_alternate() -> None:
    edit = Edit([Item(media=HOUR), Item(media=HOUR, source=500)])
    document = read(edit)
    before = spine(document.data)
    audition, other = spine(kept(document, relink(document)))
    assert etree.tostring(other) == etree.tostring(before[1])
    pick, alternate = audition
    assert (audition.tag, audition.get("offset")) == ("audition", before[0].get("offset"))
    assert pick.get("offset") is alternate.get("offset") is None
    assert pick.get("ref").startswith("unisync-")
    assert alternate.get("ref") == before[0].get("ref")
    assert (alternate.get("start"), alternate.get("duration")) == (
        before[0].get("start"),
        before[0].get("duration"),
    )


def test_a_connected_clip_keeps_its_lane_and_what_is_connected_is_not_doubled() -> None:
    low = Item(media=HOUR, connected=((1, 4, Item(media=Media("b.mov"), frames=20)),))
    document = read(Edit([low]))
    relinks = [relink(document, n) for n in range(2)]
    (audition,) = spine(kept(document, *relinks))
    pick, alternate = audition
    (inner,) = pick.iterchildren("audition")
    assert inner.get("lane") == "1"
    assert [child.get("lane") for child in inner] == [None, None]
    assert not [child for child in alternate if child.tag in ("audition", "asset-clip")]


def test_the_old_pick_of_an_audition_becomes_its_next_choice() -> None:
    document = read(Edit([Item(kind="audition", media=HOUR)]))
    before = spine(document.data)[0]
    (audition,) = spine(kept(document, relink(document)))
    assert len(audition) == len(before) + 1
    assert audition[1].get("ref") == before[0].get("ref")
    assert audition.attrib == before.attrib


def test_a_kept_take_has_its_own_speed() -> None:
    fast = Item(media=HOUR, speed=Fraction(2), kind="video")
    document = read(Edit([fast]))
    (audition,) = spine(kept(document, relink(document)))
    pick, alternate = audition
    assert pick.find("timeMap") is None
    assert alternate.find("timeMap") is not None


def test_a_dub_is_laid_beside_kept_takes() -> None:
    document = read(Edit([Item(media=HOUR)]))
    (audition,) = spine(kept(document, relink(document), lays=[DUB]))
    assert [child.get("name") for child in audition[0] if child.get("lane")] == ["DUB FR"]


@pytest.mark.parametrize("version", ["1.8", "1.11", "1.14"])
def test_an_edit_with_kept_takes_is_valid(version: str) -> None:
    document = read(Edit([Item(media=HOUR), Item(kind="clip", media=HOUR)], version=version))
    data = kept(document, *(relink(document, n) for n in range(2)))
    if DTDS is None:
        pytest.skip("UNISYNC_FCPXML_DTDS names no folder")
    assert is_valid(data, DTDS)


def otio_document(data: bytes) -> Document:
    return read_edit(data, Path("/cuts/cut.otio"))


def test_otio_keeps_the_old_reference_under_its_own_key() -> None:
    document = otio_document(dump(timeline(track(otio_clip()))))
    relinks = anything(document)
    data = kept(document, *relinks)
    (old,), (new,) = (otio_document(d).timeline.find_clips() for d in (document.data, data))
    assert new.active_media_reference_key == "unisync_fr"
    assert new.media_reference.target_url.endswith("take_0.mov")
    was, still = old.media_reference, new.media_references()["DEFAULT_MEDIA"]
    assert (still.target_url, still.available_range) == (was.target_url, was.available_range)
    again = otio_document(data)
    twice = kept(again, *anything(again))
    (clip,) = otio_document(twice).timeline.find_clips()
    assert clip.active_media_reference_key == "unisync_fr_2"
    assert len(clip.media_references()) == 3


def test_a_baked_speed_keeps_no_take_in_otio() -> None:
    warp = {"OTIO_SCHEMA": "LinearTimeWarp.1", "effect_name": "", "metadata": {}, "name": "",
            "time_scalar": 2.0}  # fmt: skip
    document = otio_document(dump(timeline(track(otio_clip(effects=[warp])))))
    relinks = anything(document)
    assert relinks[0].baked
    assert kept(document, *relinks) == document.patch(relinks)
    assert not document.keeps_baked_takes


def test_an_old_otio_has_no_place_for_a_take() -> None:
    text = dump(timeline(track(otio_clip()))).decode()
    old = re.sub(r'"media_references": \{\s*"DEFAULT_MEDIA": (\{.*?\})\s*\}',
                 r'"media_reference": \1', text, flags=re.DOTALL)  # fmt: skip
    document = otio_document(old.replace("Clip.2", "Clip.1").encode())
    with pytest.raises(EditError, match="one place for media"):
        document.patch([], keep_takes=True)


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in KEEPING])
def test_a_format_with_one_take_a_clip_says_so(name: str) -> None:
    rate = Rate.of(25) if name == "avid.edl" else None
    document = read_edit(WRITERS[name](STORY), Path("/cuts") / name, rate=rate)
    with pytest.raises(EditError, match="one take in this format") as caught:
        document.patch([], keep_takes=True)
    assert "--keep-takes" in (caught.value.remedy or "")


def test_verify_sees_a_take_that_is_not_the_old_one() -> None:
    for document in (
        read(Edit([Item(media=HOUR)])),
        otio_document(dump(timeline(track(otio_clip())))),
    ):
        relinks = anything(document)
        good = kept(document, *relinks)
        old = document.timeline.find_clips()[0].media_reference.target_url
        for bad in (
            good.replace(b"</audition>", b"<gap duration='1s'/></audition>"),
            good.replace(old.encode(), old.encode()[::-1], 1),
            good.replace(b'unisync_fr": {', b'other": {'),
            document.patch(relinks),
        ):
            if bad != good:
                with pytest.raises(EditError):
                    document.verify(bad, relinks, keep_takes=True)


@settings(max_examples=15)
@given(story=stories(rates=("23.976", "25", "29.97")), data=st.data())
def test_any_edit_keeps_its_takes_and_nothing_else_changes(story: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(KEEPING))
    document = read_edit(WRITERS[name](story), Path("/cuts") / name)
    relinks = [r for r in anything(document, 2) if data.draw(st.booleans())]
    kept(document, *relinks, name="returned", lays=[DUB] if data.draw(st.booleans()) else [])


FILES = [p for p in Path(CORPUS or "-").rglob("*") if p.suffix in (".fcpxml", ".otio")]


@pytest.mark.skipif(not FILES, reason="UNISYNC_TIMELINES names no folder")
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_takes_are_kept_in_real_edits(path: Path) -> None:
    try:
        document = open_edit(path)
        relinks = anything(document)
        document.verify(document.patch(relinks), relinks)
    except EditError as error:
        pytest.skip(str(error))
    if b'"Clip.1"' in document.data:
        pytest.skip("its clips have one place for media")
    data = kept(document, *relinks)
    if DTDS is not None and path.suffix == ".fcpxml" and is_valid(document.data, DTDS):
        assert is_valid(data, DTDS)
