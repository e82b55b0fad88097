"""FCPXML, patched in place: one test for every trap of the format, and the laws."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fcpxmls import Edit, Item, Media
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from test_fcpxml_read import HOUR, NTSC, SILENT, clip, read

from unisync_adapters.document import PathMap, Relink
from unisync_adapters.errors import EditError
from unisync_adapters.fcpxml import ADAPTER
from unisync_adapters.fcpxml.read import FcpxmlDocument
from unisync_adapters.otiotime import exact_seconds
from unisync_adapters.timebase import parse_seconds

NAME = "Reel 1_FR_v001"


def relink(document: FcpxmlDocument, index: int = 0, handle: int = 12, **changes: Any) -> Relink:
    """The clip's visible frames and so many more at either end, timecode kept, as new media."""
    key = list(document.origins)[index]
    item = document.items[key]
    baked = item.retime.speed != 1
    rate = item.record if baked else item.rate
    length = exact_seconds(clip(document, index).trimmed_range().duration)
    values: dict[str, Any] = {
        "origin": key,
        "path": Path(f"/out/shot_{index:03d}_fr.mov"),
        "source_in": handle,
        "duration": -int(-length * rate.fps // 1) + 2 * handle,
        "rate": rate,
        "start_frame": max(0, rate.frame_at(item.media_time(item.start)) - handle),
        "baked": baked,
        "language": "fr",
    }
    return Relink(**(values | changes))


def patched(document: FcpxmlDocument, *relinks: Relink, name: str | None = NAME) -> bytes:
    result = document.patch(relinks, name=name)
    document.verify(result, relinks, name=name)
    return result


def one(edit: Edit, **changes: Any) -> Any:
    """The document element after the first clip was relinked."""
    document = read(edit)
    return etree.fromstring(patched(document, relink(document, **changes)))


def new_assets(root: Any) -> list[Any]:
    return [asset for asset in root.iter("asset") if asset.get("id").startswith("unisync-")]


def story(root: Any, tag: str) -> list[Any]:
    return list(root.find(".//project").iter(tag))


def test_patching_nothing_gives_the_same_bytes() -> None:
    data = Edit([Item()]).data()
    document = read(data)
    assert document.patch([]) is document.data
    assert document.data is data


@pytest.mark.parametrize("version", ["1.8", "1.9", "1.11", "1.14"])
def test_the_new_asset_repeats_the_old_one(version: str) -> None:
    root = one(Edit([Item()], version=version))
    assert root.get("version") == version
    (old,), (new,) = [a for a in root.iter("asset") if a not in new_assets(root)], new_assets(root)
    assert (new.get("start"), new.get("duration")) == ("88/25s", "74/25s")
    assert new.get("name") == "shot_000_fr"
    for kept in ("hasVideo", "hasAudio", "audioSources", "audioChannels", "audioRate", "format"):
        assert new.get(kept) == old.get(kept)
    assert new.find("metadata/md").get("value") == "A001"
    assert new.getprevious() is old


@pytest.mark.parametrize(("version", "inside"), [("1.8", False), ("1.9", True), ("1.14", True)])
def test_where_the_file_is_stands_where_the_version_has_it(version: str, inside: bool) -> None:
    (new,) = new_assets(one(Edit([Item()], version=version)))
    holder = new.find("media-rep") if inside else new
    assert holder.get("src") == "file:///out/shot_000_fr.mov"
    assert (new.find("media-rep") is not None) == inside


def test_nothing_leads_back_to_the_old_file() -> None:
    (new,) = new_assets(one(Edit([Item()])))
    assert new.get("uid") is None
    assert new.find("media-rep").get("sig") is None
    assert not list(new.iter("bookmark"))


def test_a_clip_whose_timecode_is_kept_changes_one_attribute() -> None:
    before = etree.fromstring(Edit([Item(media=HOUR)]).data())
    (old,), (new,) = story(before, "asset-clip"), story(one(Edit([Item(media=HOUR)])), "asset-clip")
    differ = {k for k in set(old.keys()) | set(new.keys()) if old.get(k) != new.get(k)}
    assert differ == {"ref"}


def test_a_start_between_two_frames_is_kept() -> None:
    """A clip of 23.976 media in a 25 fps edit is cut where the edit's frames are."""
    media = Media("n.mov", rate=NTSC)
    item = Item(media=media, conform="23.98", scale=False)
    text = Edit([item]).data().decode()
    start = re.search(r'<asset-clip [^>]*start="([^"]+)"', text)
    assert start is not None
    document = read(text.replace(f'start="{start[1]}"', 'start="107/25s"').encode())
    root = etree.fromstring(patched(document, relink(document)))
    assert story(root, "asset-clip")[0].get("start") == "107/25s"


@pytest.mark.parametrize(("old", "new"), [(' duration="2s"', ""), (' name="shot"', "")])
def test_what_a_clip_took_from_its_asset_it_says_itself(old: str, new: str) -> None:
    text = Edit([Item(frames=50)]).data().decode()
    head, begin, rest = text.partition("<asset-clip")
    assert old in rest
    document = read((head + begin + rest.replace(old, new, 1)).encode())
    root = etree.fromstring(patched(document, relink(document)))
    (found,) = story(root, "asset-clip")
    assert (found.get("name"), found.get("duration")) in [("shot", "80s"), ("a.mov", "2s")]


MARKS = (
    '<marker start="{start}" duration="1/25s" value="a"/>'
    '<keyword start="{start}" duration="1s" value="k"/>'
)
VOLUME = (
    '<adjust-volume><param name="amount"><keyframeAnimation>'
    '<keyframe time="5s" value="0dB"/></keyframeAnimation></param></adjust-volume>'
)


def test_what_counts_in_the_clips_clock_moves_with_it() -> None:
    held = ((1, 10, Item("title", frames=5)),)
    edit = Edit([Item(extra=MARKS, adjust=VOLUME, connected=held)])
    root = one(edit, start_frame=90000)
    (found,) = story(root, "asset-clip")
    start = parse_seconds(found.get("start"))
    assert start == Fraction(90012, 25)
    for tag in ("marker", "keyword"):
        assert parse_seconds(found.find(tag).get("start")) == start
    assert parse_seconds(found.find("title").get("offset")) == start + Fraction(10, 25)
    moved = parse_seconds(next(found.iter("keyframe")).get("time"))
    assert moved - start == Fraction(5) - Fraction(4)


def test_times_that_cannot_follow_are_refused() -> None:
    tracked = '<object-tracker><tracking-shape id="t1" offset="3s"/></object-tracker>'
    document = read(Edit([Item(adjust=tracked)]))
    patched(document, relink(document))  # nothing moves, so nothing needs to follow
    with pytest.raises(EditError, match="tracking-shape"):
        document.patch([relink(document, start_frame=500)])


def test_the_video_in_a_clip_is_relinked_and_its_sound_stays() -> None:
    root = one(Edit([Item("clip", HOUR, source=100)]))
    (video,) = story(root, "video")
    assert video.get("ref").startswith("unisync-")
    assert (video.get("offset"), video.get("start")) == ("90088/25s", "90088/25s")
    assert video.get("duration") == "74/25s"
    (audio,) = story(root, "audio")
    assert not audio.get("ref").startswith("unisync-")


@pytest.mark.parametrize("kind", ["asset-clip", "clip"])
@pytest.mark.parametrize("speed", [2, Fraction(1, 2), -1, Fraction(-3, 4)])
def test_a_baked_retime_leaves_the_document(kind: str, speed: Fraction) -> None:
    edit = Edit([Item(kind, SILENT, source=300, speed=Fraction(speed), extra=MARKS)])
    root = one(edit)
    assert not list(root.iter("timeMap"))
    document = read(edit)
    with pytest.raises(EditError, match="does not have the retime baked"):
        document.patch([relink(document, baked=False)])


def test_a_baked_conform_leaves_and_the_format_is_the_edits() -> None:
    media = Media("p.mov", rate=Fraction(25), audio=False)
    held = ((1, 24, Item("title", frames=5)),)
    item = Item(media=media, conform="25", source=0, connected=held, extra=MARKS)
    root = one(Edit([item], rate=Fraction(24), tc_start=0))
    (new,) = new_assets(root)
    assert not list(root.iter("conform-rate"))
    assert new.get("format") == root.find(".//sequence").get("format")


def test_a_format_that_is_not_there_is_made() -> None:
    look = ' name="FFVideoFormat720p25" width="1280" height="720"'
    media = Media("p.mov", audio=False, format=look)
    root = one(Edit([Item(media=media, conform="25")], rate=Fraction(24)))
    (new,) = new_assets(root)
    (made,) = [f for f in root.iter("format") if f.get("id") == new.get("format")]
    assert made.attrib == {
        "id": made.get("id"),
        "frameDuration": "1/24s",
        "width": "1280",
        "height": "720",
    }


def test_baked_media_has_no_sound_so_the_old_sound_is_detached() -> None:
    channels = '<audio-channel-source srcCh="1, 2" role="dialogue.dialogue-1"/>'
    item = Item(speed=Fraction(2), extra=MARKS + channels, adjust="<adjust-volume amount='-3dB'/>")
    root = one(Edit([item]))
    picture, sound = story(root, "asset-clip")
    assert (picture.get("srcEnable"), sound.get("srcEnable")) == ("video", "audio")
    assert [child.tag for child in picture] == ["asset-clip", "marker", "keyword"]
    assert [child.tag for child in sound] == ["timeMap", "adjust-volume", "audio-channel-source"]
    assert sound.get("lane") == "-1"
    (new,) = new_assets(root)
    assert new.get("hasAudio") is None
    assert new.get("audioChannels") is None


@pytest.mark.parametrize("extra", ["", MARKS])
def test_a_split_edit_keeps_all_of_its_sound(extra: str) -> None:
    held = ((-1, 0, Item(name="music", frames=5)),)
    root = one(Edit([Item(), Item(split=(20, 30), extra=extra, connected=held)]), index=1)
    picture, sound, music = story(root, "asset-clip")[1:]
    assert picture.get("audioStart") is None
    assert (sound.get("start"), sound.get("duration")) == ("16/5s", "4s")
    assert (sound.get("lane"), music.get("lane")) == ("-2", "-1")


def test_sound_under_a_crossfade_is_not_taken_apart() -> None:
    text = Edit([Item(), Item(split=(20, 0), dissolve=True)]).data().decode()
    fade = text.replace("</transition>", '<filter-audio ref="r4" name="x"/></transition>')
    document = read(fade.encode())
    refuse = [document.items[key].refuse for key in document.origins]
    assert refuse[0] is None
    assert refuse[1] is not None
    assert "Detach Audio" in refuse[1]


def test_a_compound_is_patched_inside_and_gets_a_new_uid() -> None:
    edit = Edit([Item("ref-clip", source=30), Item("ref-clip", source=70)])
    root = one(edit)
    (media,) = root.iter("media")
    assert media.find(".//asset-clip").get("ref").startswith("unisync-")
    assert media.get("uid") not in (None, "JQCJMjHxQRKdo3UOjQKiNQ")
    again = one(edit)
    assert next(again.iter("media")).get("uid") == media.get("uid")


def test_a_multicam_looks_at_an_angle_of_its_own() -> None:
    root = one(Edit([Item("mc-clip", source=40), Item("mc-clip", source=900)]))
    first, second = story(root, "mc-clip")
    picture, sound = first.findall("mc-source")
    assert (picture.get("srcEnable"), sound.get("srcEnable")) == ("video", "audio")
    assert sound.get("angleID") == "B1"
    assert [s.get("angleID") for s in second.findall("mc-source")] == ["B1"]
    *old, new = root.iter("mc-angle")
    assert new.get("angleID") == picture.get("angleID")
    assert new.get("name") == "B FR"
    assert [a.get("name") for a in old] == ["A", "B"]
    assert new.find("asset-clip").get("ref").startswith("unisync-")


@pytest.mark.parametrize("source", [0, 5, 12, 13])
def test_handles_may_reach_back_beyond_the_multicam(source: int) -> None:
    root = one(Edit([Item("mc-clip", HOUR, source=source)]), start_frame=90000 + source - 12)
    *_, new = root.iter("mc-angle")
    early = max(12 - source, 0)
    shown = new.find("asset-clip")
    assert parse_seconds(shown.get("offset")) == 3600 + Fraction(max(source - 12, 0), 25)
    assert parse_seconds(shown.get("start")) == 3600 + Fraction(source - 12 + early, 25)
    assert (new.find("gap") is None) == (source <= 12)


def test_one_new_file_in_two_clips_is_one_asset() -> None:
    document = read(Edit([Item(), Item()]))
    both = [relink(document, i, path=Path("/out/same.mov")) for i in (0, 1)]
    assert len(new_assets(etree.fromstring(patched(document, *both)))) == 1


def test_the_project_is_renamed_and_gets_a_new_uid() -> None:
    document = read(Edit([Item()]))
    root = etree.fromstring(patched(document, name='A & "B"'))
    project = root.find(".//project")
    assert project.get("name") == 'A & "B"'
    assert project.get("uid") != "F828BEE6-FBBE-4566-992F-B01BB44C0010"
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", project.get("uid"))


def test_ids_of_an_earlier_round_are_not_given_again() -> None:
    document = read(Edit([Item(), Item()]))
    once = patched(document, relink(document))
    again = read(once)
    twice = patched(again, relink(again, 1), name="other")
    ids = [asset.get("id") for asset in new_assets(etree.fromstring(twice))]
    assert sorted(ids) == ["unisync-1", "unisync-2"]


def test_a_changed_reel_is_written() -> None:
    (new,) = new_assets(one(Edit([Item()]), reel="B & C"))
    assert new.find("metadata/md").get("value") == "B & C"


def test_paths_are_written_as_the_author_writes_them() -> None:
    document = ADAPTER.read(
        Edit([Item()]).data(), Path("a.fcpxml"), PathMap((("/Volumes/A Disk", "/mnt/disk"),))
    )
    assert isinstance(document, FcpxmlDocument)
    new = relink(document, path=Path("/mnt/disk/FR/shot 1&é.mov"))
    (asset,) = new_assets(etree.fromstring(patched(document, new)))
    url = "file:///Volumes/A%20Disk/FR/shot%201%26%C3%A9.mov"
    assert asset.find("media-rep").get("src") == url


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("encoding", "bom"), [("UTF-8", True), ("UTF-8", False), ("UTF-16", False)]
)
def test_line_ends_encoding_and_byte_order_mark_are_kept(
    newline: str, encoding: str, bom: bool
) -> None:
    edit = Edit([Item(name="né")], newline=newline, encoding=encoding, bom=bom, drop=False)
    document = read(edit)
    result = patched(document, relink(document))
    codec = "utf-16" if encoding == "UTF-16" else "utf-8-sig"
    old, new = edit.data().decode(codec), result.decode(codec)
    assert result[:2] == edit.data()[:2]
    assert new.split("<fcpxml")[0] == old.split("<fcpxml")[0]
    assert new.count("\r\n") - old.count("\r\n") == (1 if newline == "\r\n" else 0)


def test_comments_cdata_and_odd_quoting_survive() -> None:
    comment = "<!-- <asset-clip ref='r1'> --><note><![CDATA[a < b]]></note>"
    text = Edit([Item(adjust=comment)]).data().decode().replace('name="shot"', "name='a > b'")
    document = read(text.encode())
    result = patched(document, relink(document)).decode()
    assert comment in result
    assert "name='a > b'" in result


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('value="a"', 'value="b"'),
        ('name="Event"', 'name="Other"'),
        ('lane="1"', 'lane="2"'),
        ("<note>n</note>", "<note>m</note>"),
        ('audioRole="dialogue"', 'audioRole="music"'),
        ('<keyword start="4s" duration="1s" value="k"/>', ""),
        ('uid="E1"', 'uid="E2"'),
        ("/out/shot_000_fr", "/out/shot_001_fr"),
        ("file:///out/", "file:///elsewhere/"),
        ('start="88/25s"', 'start="87/25s"'),
        ('<asset-clip ref="r2"', '<asset-clip ref="unisync-1"'),
    ],
)
def test_verifying_finds_what_a_patch_must_not_do(old: str, new: str) -> None:
    held = ((1, 10, Item(frames=5, name="held")),)
    document = read(Edit([Item(extra=MARKS, connected=held, adjust="<note>n</note>"), Item()]))
    relinks = [relink(document)]
    result = document.patch(relinks, name=NAME).decode()
    assert old in result
    with pytest.raises(EditError):
        document.verify(result.replace(old, new, 1).encode(), relinks, name=NAME)


def test_a_refused_clip_is_not_patched() -> None:
    sphere = Media("s.mov", format=' width="4096" height="2048" projection="equirectangular"')
    document = read(Edit([Item(media=sphere)]))
    with pytest.raises(EditError, match="360"):
        document.patch([relink(document)])


ANCHORED = "asset-clip clip video audio title ref-clip mc-clip sync-clip audition spine caption"
MARKERS = "marker chapter-marker rating keyword analysis-marker"
CLIP = f"note conform-rate timeMap | {{}} | {ANCHORED} | {MARKERS} | audio-channel-source"
ORDER = {
    tag: [set(group.split()) for group in rule.split("|")]
    for tag, rule in {
        "asset": "media-rep | metadata",
        "multicam": "mc-angle | metadata",
        "mc-angle": f"gap {ANCHORED}",
        "asset-clip": CLIP.format("adjust-volume adjust-transform"),
        "clip": CLIP.format("adjust-volume"),
        "mc-clip": f"note timeMap | mc-source | {ANCHORED} | {MARKERS}",
    }.items()
}
"""In what order the children of what we write may stand, in the words of Apple's definition."""


def assert_in_order(root: Any) -> None:
    for element in root.iter(*ORDER):
        places = [
            next(i for i, group in enumerate(ORDER[element.tag]) if child.tag in group)
            for child in element
        ]
        assert places == sorted(places), etree.tostring(element)


MEDIA = st.builds(
    Media,
    name=st.sampled_from(["a.mov", "b é.mov", "c#1.mov"]),
    rate=st.sampled_from([Fraction(25), NTSC, Fraction(24)]),
    start=st.sampled_from([0, 90000, 86399]),
    audio=st.booleans(),
)
LEAF = st.builds(
    Item,
    kind=st.sampled_from(["asset-clip", "clip", "video", "gap", "title"]),
    media=MEDIA,
    source=st.integers(20, 900),
    frames=st.integers(1, 80),
    speed=st.sampled_from([Fraction(1)] * 4 + [Fraction(2), Fraction(-1), Fraction(1, 3)]),
    enabled=st.booleans(),
    extra=st.sampled_from(["", MARKS]),
)
ITEM = st.builds(
    lambda item, kind, held, split, dissolve: replace(
        item,
        kind=kind or item.kind,
        speed=item.speed if kind is None and item.kind in ("asset-clip", "clip") else Fraction(1),
        connected=tuple(held),
        split=split if (kind or item.kind) == "asset-clip" and item.media.audio else (0, 0),
        dissolve=dissolve,
    ),
    LEAF,
    st.sampled_from([None, None, None, "ref-clip", "mc-clip", "sync-clip", "audition"]),
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.integers(0, 30),
            LEAF.filter(lambda item: item.kind != "gap").map(
                lambda item: replace(item, speed=Fraction(1))
            ),
        ),
        max_size=2,
    ),
    st.sampled_from([(0, 0), (0, 0), (5, 9)]),
    st.booleans(),
)
EDIT = st.builds(
    Edit,
    st.lists(ITEM, min_size=1, max_size=6),
    rate=st.sampled_from([Fraction(25), NTSC]),
    version=st.sampled_from(["1.8", "1.10", "1.13"]),
    tc_start=st.sampled_from([0, 90000]),
    newline=st.sampled_from(["\n", "\r\n"]),
)


@settings(max_examples=80)
@given(EDIT, st.randoms(use_true_random=False), st.sampled_from([None, 7000]))
def test_the_laws_hold_for_any_edit(edit: Edit, chance: Any, start: int | None) -> None:
    """Identity; any choice of clips relinks, timecode kept or not, and is proven."""
    document = read(edit)
    assert document.patch([]) is document.data
    document.verify(document.data, [])
    able = [i for i, item in enumerate(document.items.values()) if item.refuse is None]
    chosen = [i for i in able if chance.random() < 0.6]
    changes = {} if start is None else {"start_frame": start}
    relinks = [relink(document, i, **changes) for i in chosen]
    result = patched(document, *relinks)
    root = etree.fromstring(result)
    assert_in_order(root)
    played = [a.find("media-rep") if len(a.findall("media-rep")) else a for a in new_assets(root)]
    names = {Path(found.get("src")).name for found in played}
    assert names == {r.path.name for r in relinks}


@pytest.mark.parametrize("kind", ["asset-clip", "clip", "mc-clip", "ref-clip"])
def test_markers_stay_on_their_pictures_backwards_too(kind: str) -> None:
    speed = Fraction(-1) if kind in ("asset-clip", "clip") else Fraction(1)
    item = Item(kind, SILENT, source=400, speed=speed, extra=MARKS)
    document = read(Edit([item]))
    patched(document, relink(document, start_frame=5))
