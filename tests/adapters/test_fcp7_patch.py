"""FCP7 XML, patched in place: one test for every trap of the format, and the laws."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from xmeml import FINAL_CUT, PREMIERE, RESOLVE, STYLES, Edit, Item, Media, Style, cutting

from unisync_adapters.document import PathMap, Relink
from unisync_adapters.errors import EditError
from unisync_adapters.fcp7 import ADAPTER
from unisync_adapters.fcp7.read import Fcp7Document
from unisync_adapters.timebase import Rate, seconds_to_ticks

PATH = Path("cut.xml")
NAME = "Reel 1_FR_v001"
A, B = Media("a 1.mov"), Media("b.mov", start=0)


def read(edit: Edit | bytes, path_map: PathMap | None = None) -> Fcp7Document:
    data = edit.data() if isinstance(edit, Edit) else edit
    document = ADAPTER.read(data, PATH, path_map or PathMap())
    assert isinstance(document, Fcp7Document)
    return document


def relink(document: Fcp7Document, index: int = 0, handle: int = 12, **changes: Any) -> Relink:
    """The clip's visible frames and so many more at either end, as new media."""
    key = list(document.origins)[index]
    item = document.items[key]
    assert item.media is not None
    rate = item.media.rate or item.rate
    clip = item.element
    length = (clip.int_of("out") or 0) - (clip.int_of("in") or 0)
    frames = int(length * rate.fps / item.rate.fps)
    head = handle + int(item.head * rate.fps / item.rate.fps)
    values: dict[str, Any] = {
        "origin": key,
        "path": Path(f"/out/shot_{index:03d}_fr.mov"),
        "source_in": head,
        "duration": frames + 2 * handle,
        "rate": rate,
        "start_frame": 1000 + index,
        "drop": item.media.drop,
    }
    return Relink(**(values | changes))


def patched(document: Fcp7Document, *relinks: Relink, name: str | None = NAME) -> bytes:
    result = document.patch(relinks, name=name)
    document.verify(result, relinks, name=name)
    return result


def tree(data: bytes) -> Any:
    return etree.fromstring(data)


def clipitem(data: bytes, identity: str) -> Any:
    (found,) = tree(data).xpath("//clipitem[@id=$i]", i=identity)
    return found


def test_patching_nothing_gives_the_same_bytes() -> None:
    data = Edit([cutting(3)]).data()
    assert read(data).patch([]) is data


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.name)
def test_the_new_definition_repeats_the_old_one(style: Style) -> None:
    media = replace(A, drop=True)
    document = read(Edit([[Item(media, 0, 50, 7)]], style, rate=Rate.of(29.97), drop=True))
    result = patched(document, relink(document, reel="B 002"))
    file = clipitem(result, "clipitem-1").find("file")
    assert file.get("id") == "unisync-1"
    assert file.findtext("name") == "shot_000_fr.mov"
    assert file.findtext("duration") == "74"
    assert file.findtext("timecode/frame") == "1000"
    assert file.findtext("timecode/string") == "00:00:33;10"
    assert file.findtext("timecode/displayformat") == "DF"
    assert file.findtext("timecode/reel/name") == "B 002"
    assert file.findtext("media/video/samplecharacteristics/width") == "1920"
    assert file.findtext("media/audio/channelcount") == "2"
    # Final Cut would find the old file again by this
    assert b"media.uuid" not in etree.tostring(file)


def test_in_and_out_move_to_where_the_new_media_starts() -> None:
    document = read(Edit([[Item(A, 0, 50, 700)]], RESOLVE))
    clip = clipitem(patched(document, relink(document)), "clipitem-1")
    assert [clip.findtext(t) for t in ("in", "out", "duration")] == ["12", "62", "74"]
    assert [clip.findtext(t) for t in ("start", "end")] == ["0", "50"]


def test_ticks_move_with_in_and_out() -> None:
    document = read(Edit([[Item(A, 0, 50, 700)]], PREMIERE))
    clip = clipitem(patched(document, relink(document)), "clipitem-1")
    assert clip.findtext("pproTicksIn") == str(seconds_to_ticks(Fraction(12, 25)))
    assert clip.findtext("pproTicksOut") == str(seconds_to_ticks(Fraction(62, 25)))


def test_a_clip_whose_media_starts_alike_keeps_its_in_and_ticks() -> None:
    document = read(Edit([[Item(A, 0, 50, 12, ticks=seconds_to_ticks(Fraction(12, 25)))]]))
    clip = clipitem(patched(document, relink(document)), "clipitem-1")
    assert [clip.findtext(t) for t in ("in", "out")] == ["12", "62"]


def test_the_definition_held_by_the_relinked_clip_moves_to_its_next_user() -> None:
    data = Edit([[Item(A, 0, 50), Item(A, 50, 90)]], RESOLVE, sound=False).data()
    document = read(data)
    result = patched(document, relink(document, 0))
    old = etree.tostring(tree(data).find(".//file"), method="c14n")
    moved = clipitem(result, "clipitem-2").find("file")
    assert etree.tostring(moved, method="c14n").strip() == old.strip()
    assert result.count(b"a%201.mov") == 1


def test_a_definition_moves_on_to_sound_and_past_other_relinked_clips() -> None:
    document = read(Edit([[Item(A, 0, 50), Item(A, 50, 90)]], PREMIERE))
    result = patched(document, relink(document, 0), relink(document, 1))
    root = tree(result)
    (holder,) = root.xpath("//file[pathurl[contains(., 'a%201')]]/..")
    assert holder.get("id").startswith("soundclip")
    # sound stays on the old file
    for sound in root.xpath("//audio/track/clipitem"):
        assert sound.find("file").get("id") == "file-a 1.mov"


def test_a_definition_that_nobody_uses_any_more_is_gone() -> None:
    document = read(Edit([[Item(A, 0, 50)]], RESOLVE, sound=False))
    assert b"a%201.mov" not in patched(document, relink(document))


def test_a_clip_that_refers_to_a_definition_leaves_it_where_it_is() -> None:
    data = Edit([[Item(A, 0, 50), Item(A, 50, 90)]], RESOLVE, sound=False).data()
    document = read(data)
    result = patched(document, relink(document, 1), name=None)
    at = data.index(b'<clipitem id="clipitem-2"')
    assert result[:at] == data[:at]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("file://localhost/D%3a/media/", "file://localhost/D%3a/out/shot%20%231.mov"),
        ("file:///D:/media/", "file:///D:/out/shot%20%231.mov"),
        ("D:\\media\\", "D:\\out\\shot #1.mov"),
        ("//server/share/", "//server/out/shot #1.mov"),
        ("file://server/share/", "file://server/out/shot%20%231.mov"),
    ],
)
def test_the_url_is_written_in_its_authors_form(old: str, new: str) -> None:
    style = replace(RESOLVE, url=old)
    theirs = "//server/out" if "server" in old else "D:/out"
    document = read(Edit([[Item(B, 0, 50)]], style), PathMap(((theirs, "/mnt/out"),)))
    result = patched(document, relink(document, path=Path("/mnt/out/shot #1.mov")))
    assert clipitem(result, "clipitem-1").findtext("file/pathurl") == new


def test_markup_characters_in_paths_and_names_are_escaped() -> None:
    document = read(Edit([[Item(B, 0, 50)]], replace(RESOLVE, url="/media/")))
    result = patched(document, relink(document, path=Path("/out/R&D <1>.mov")), name="A & <B>")
    assert clipitem(result, "clipitem-1").findtext("file/pathurl") == "/out/R&D <1>.mov"
    assert tree(result).findtext("sequence/name") == "A & <B>"


def test_links_masterclips_labels_and_filters_are_verbatim() -> None:
    item = Item(A, 0, 50, 700, filters=3)
    data = Edit([[item, Item(A, 50, 90)]], PREMIERE).data()
    document = read(data)
    result = patched(document, relink(document))
    before, after = clipitem(data, "clipitem-1"), clipitem(result, "clipitem-1")
    for tag in ("link", "masterclipid", "labels", "logginginfo", "filter", "name", "alphatype"):
        same = [[etree.tostring(e) for e in clip.findall(tag)] for clip in (before, after)]
        assert same[0] == same[1]
        assert same[0]


def test_exploded_stereo_is_untouched() -> None:
    data = Edit([[Item(A, 0, 50)]], PREMIERE).data()
    document = read(data)
    result = patched(document, relink(document))
    for number in (2, 3):
        before, after = (clipitem(d, f"soundclip-{number}") for d in (data, result))
        for clip in (before, after):
            clip.remove(clip.find("file"))
        assert etree.tostring(before, method="c14n") == etree.tostring(after, method="c14n")


def test_a_clip_in_a_nest_used_twice_is_relinked_once() -> None:
    nest = {"nest": [[Item(B, 0, 80, 5)]]}
    track = [Item(None, 0, 50, nest="nest"), Item(None, 50, 90, nest="nest")]
    document = read(Edit([track], nests=nest, sound=False))
    result = patched(document, relink(document))
    assert result.count(b"unisync-1") == 1
    assert clipitem(result, "nestitem-2").findtext("in") == "12"


def test_effect_keyframes_and_clip_markers_stay_on_their_picture() -> None:
    marks = ((710, -1, "unisync:skip"), (690, 705, "before"))
    item = Item(A, 0, 50, 700, filters=1, keyframes=(695, 720), markers=marks)
    document = read(Edit([[item]], FINAL_CUT))
    clip = clipitem(patched(document, relink(document)), "clipitem-1")
    assert [w.text for w in clip.iterfind("filter//when")] == ["7", "32"] * 3
    assert [(m.findtext("in"), m.findtext("out")) for m in clip.findall("marker")] == [
        ("22", "-1"),
        ("2", "17"),
    ]


@pytest.mark.parametrize("style", [RESOLVE, PREMIERE], ids=lambda s: s.name)
def test_a_baked_retime_leaves_only_its_own_filter(style: Style) -> None:
    item = Item(A, 0, 50, 700, speed=Fraction(2), filters=2, keyframes=(710,))
    document = read(Edit([[item]], style))
    result = patched(document, relink(document, baked=True))
    clip = clipitem(result, "clipitem-1")
    assert [f.findtext("effect/effectid") for f in clip.findall("filter")] == ["basic"] * 2
    assert [clip.findtext(t) for t in ("in", "out")] == ["12", "62"]
    if style.ticks:
        assert clip.findtext("pproTicksIn") == str(seconds_to_ticks(Fraction(12, 25)))
        assert clip.findtext("pproTicksOut") == str(seconds_to_ticks(Fraction(62, 25)))
    # the filter takes its line with it
    assert not re.search(rb"\n[ \t]*\n", result)


@pytest.mark.parametrize("speed", [Fraction(2), Fraction(1, 2), Fraction(-2), Fraction(1, 3)])
def test_a_marker_on_a_baked_retime_keeps_its_length_in_the_record(speed: Fraction) -> None:
    document = read(Edit([[Item(A, 0, 50, 700, speed=speed, markers=((710, 725, "long"),))]]))
    marker = clipitem(patched(document, relink(document, baked=True)), "clipitem-1").find("marker")
    assert marker is not None
    ends = [int(marker.findtext(tag, "")) for tag in ("in", "out")]
    assert ends[1] - ends[0] == 15


def test_markers_of_a_clip_that_takes_its_new_medias_rate_stand_on_the_nearest_frame() -> None:
    """24 fps media in a 25 fps edit that counts them in its own rate."""
    marks = ((711, -1, "note"), (601, 616, "long"), (649, 662, "longer"))
    document = read(Edit([[Item(A, 0, 50, 700, markers=marks)]], FINAL_CUT))
    made = relink(document, rate=Rate.of(24), source_in=13, duration=74)
    clip = clipitem(patched(document, made), "clipitem-1")
    assert clip.findtext("rate/timebase") == "24"
    assert clip.findtext("in") == "13"
    places = [13 + round((place - 700) * Fraction(24, 25)) for place in (711, 601, 616, 649, 662)]
    ends = [int(m.findtext(tag)) for m in clip.findall("marker") for tag in ("in", "out")]
    assert [end for end in ends if end != -1] == places


@pytest.mark.parametrize(("end", "moved"), [(616, -72), (687, 0), (688, 0), (700, 12), (-1, -1)])
def test_a_marker_before_the_new_media_keeps_its_place_and_its_end(end: int, moved: int) -> None:
    """A note far before the part in use; new media has twelve frames before it."""
    document = read(Edit([[Item(A, 0, 50, 700, markers=((601, end, "note"),))]]))
    result = patched(document, relink(document))
    marker = clipitem(result, "clipitem-1").find("marker")
    assert [marker.findtext(tag) for tag in ("in", "out")] == ["-87", str(moved)]
    again = read(result)
    patched(again, relink(again, path=Path("/out/again.mov"), source_in=20), name="Another")


@given(
    markers=st.lists(
        st.tuples(st.integers(0, 4999), st.integers(0, 900) | st.none()), min_size=1, max_size=4
    ),
    entry=st.integers(0, 4000),
    speed=st.sampled_from([None, Fraction(2), Fraction(1, 2), Fraction(-2), Fraction(6, 5)]),
    rate=st.sampled_from([Rate.of(25), Rate.of(24), Rate.of(29.97)]),
    head=st.integers(0, 12),
)
def test_wherever_markers_lie_the_edit_is_written(
    markers: list[tuple[int, int | None]],
    entry: int,
    speed: Fraction | None,
    rate: Rate,
    head: int,
) -> None:
    marks = tuple(
        (start, -1 if length is None else start + length, "note") for start, length in markers
    )
    document = read(Edit([[Item(A, 0, 50, entry, speed=speed, markers=marks)]]))
    made = relink(document, rate=rate, source_in=head, duration=90, baked=speed is not None)
    after = read(patched(document, made))
    again = relink(after, rate=rate, source_in=head + 7, duration=97, path=Path("/out/b.mov"))
    patched(after, again, name="Another")


def test_a_retime_that_is_not_baked_is_refused() -> None:
    document = read(Edit([[Item(A, 0, 50, speed=Fraction(2))]]))
    with pytest.raises(EditError, match="retimed"):
        document.patch([relink(document)])


def test_a_refused_clip_is_not_patched() -> None:
    document = read(Edit([[Item(A, 0, 50, variable=True)]]))
    with pytest.raises(EditError, match="ramp"):
        document.patch([relink(document)])


def test_media_of_another_rate_keeps_the_clips_clock() -> None:
    media = Media("a.mov", rate=Rate.of(24), start=86_400)
    document = read(Edit([[Item(media, 0, 50, 25)]], RESOLVE))
    clip = clipitem(patched(document, relink(document, source_in=24, duration=96)), "clipitem-1")
    assert [clip.findtext(t) for t in ("in", "out", "rate/timebase")] == ["25", "75", "25"]
    assert clip.findtext("file/rate/timebase") == "24"


def test_a_first_frame_between_the_clips_ticks_takes_the_medias_clock() -> None:
    media = Media("a.mov", rate=Rate.of(24), start=86_400)
    document = read(Edit([[Item(media, 0, 50, 25)]], RESOLVE))
    clip = clipitem(patched(document, relink(document, source_in=11, duration=96)), "clipitem-1")
    assert [clip.findtext(t) for t in ("in", "out", "rate/timebase")] == ["11", "59", "24"]


def test_under_a_transition_in_is_where_the_clip_is_first_seen() -> None:
    track = [
        Item(A, 0, -1, 100, length=60),
        Item(None, 40, 60, over="center"),
        Item(B, -1, 120, 300, length=80),
    ]
    document = read(Edit([track], RESOLVE, sound=False))
    result = patched(document, relink(document, 0), relink(document, 1))
    clips = tree(result).findall(".//clipitem")
    assert [c.findtext("in") for c in clips] == ["12", "12"]
    assert [(c.findtext("start"), c.findtext("end")) for c in clips] == [("0", "-1"), ("-1", "120")]
    with pytest.raises(EditError, match="8 frames too few"):
        document.patch([relink(document, 1, source_in=2)])


@given(
    rate=st.sampled_from([Rate.of(fps) for fps in (15, 23.976, 24, 25, 29.97, 48, 50, 60)]),
    edit_rate=st.sampled_from([Rate.of(25), Rate.of(29.97)]),
    length=st.integers(2, 40),
    source_in=st.integers(60, 90),
)
def test_under_a_transition_media_of_any_rate_are_first_seen_on_their_frame(
    rate: Rate, edit_rate: Rate, length: int, source_in: int
) -> None:
    """The proof asks for the frame; where the clip's clock cannot say it, the media's does."""
    track = [
        Item(A, 0, -1, 100, length=60),
        Item(None, 60 - length, 60, over="center"),
        Item(B, -1, 120, 300, length=60 + length),
    ]
    document = read(Edit([track], RESOLVE, rate=edit_rate, sound=False))
    patched(document, relink(document, 1, rate=rate, source_in=source_in, duration=900))


@pytest.mark.parametrize(
    "write",
    [
        lambda t: b"\xef\xbb\xbf" + t.encode(),
        lambda t: t.replace("\n", "\r\n").encode(),
        lambda t: b"\xff\xfe" + t.replace("UTF-8", "UTF-16").encode("utf-16-le"),
        lambda t: b"\xfe\xff" + t.replace("UTF-8", "UTF-16").encode("utf-16-be"),
        lambda t: t.replace("UTF-8", "iso-8859-1").encode("latin-1"),
        lambda t: t.encode(),
    ],
    ids=["bom", "crlf", "utf-16-le", "utf-16-be", "latin-1", "utf-8"],
)
def test_encodings_marks_and_line_ends_stay(write: Callable[[str], bytes]) -> None:
    text = Edit([[Item(A, 0, 50, name="Ümläut")], [Item(B, 0, 50)]], PREMIERE).text()
    data = write(text)
    document = read(data)
    # a name the encoding may not have
    one = relink(document, 1, path=Path("/out/日本.mov"))
    result = patched(document, one, name="Übung 日本")
    assert result[:3] == data[:3]
    assert (b"\r\n" in result) == (b"\r\n" in data)
    again = read(result)
    assert again.timeline.name == "Übung 日本"
    assert again.source.encoding == document.source.encoding
    # without a new name everything up to the relinked clip is the same, byte for byte
    kept = patched(document, one, name=None)
    mark = "clipitem-2".encode(document.source.encoding)
    assert kept[: kept.index(mark)] == data[: data.index(mark)]
    assert kept[-400:] == data[-400:]


def test_a_greater_than_sign_in_an_attribute() -> None:
    text = Edit([[Item(A, 0, 50)], [Item(B, 0, 50)]], PREMIERE).text()
    text = text.replace('<file id="file-b.mov">', '<file note="1 > 0" id="file-b.mov">')
    document = read(text.encode())
    file = clipitem(patched(document, relink(document, 1)), "clipitem-2").find("file")
    assert (file.get("note"), file.get("id")) == ("1 > 0", "unisync-1")


def test_new_ids_are_new_in_an_edit_that_was_patched_before() -> None:
    document = read(Edit([cutting(2)]))
    once = patched(document, relink(document, 0))
    again = read(once)
    twice = patched(again, relink(again, 1), name="v2")
    assert {f.get("id") for f in tree(twice).xpath("//file[starts-with(@id, 'unisync')]")} == {
        "unisync-1",
        "unisync-2",
    }


def test_clips_that_share_new_media_share_its_definition() -> None:
    document = read(Edit([[Item(A, 0, 50), Item(A, 50, 100)]]))
    same = {"path": Path("/out/shot.mov"), "start_frame": 5}
    result = patched(document, relink(document, 0, **same), relink(document, 1, **same))
    assert result.count(b"shot.mov</pathurl>") == 1
    assert b'<file id="unisync-1"/>' in result


def test_a_definition_without_rate_and_timecode_gets_what_it_needs() -> None:
    text = Edit([[Item(B, 0, 50)]], RESOLVE, sound=False).text()
    at = text.index("</pathurl>") + 10
    end = text.index("<media>", at)
    document = read((text[:at] + text[end:]).encode())
    patched(document, relink(document, rate=Rate.of(25), reel="R1"))


def test_the_sequence_gets_a_new_name_and_uuid() -> None:
    for style in (PREMIERE, FINAL_CUT):
        document = read(Edit([cutting(1)], style))
        first, again = patched(document, name="FR"), patched(document, name="FR")
        assert first == again
        uuid = tree(first).findtext("sequence/uuid")
        assert uuid != style.uuid
        assert uuid.isupper() == (style is FINAL_CUT)
        assert uuid != tree(patched(document, name="DE")).findtext("sequence/uuid")
        assert tree(first).findtext("sequence/name") == "FR"


def test_a_sequence_without_a_name_gets_one() -> None:
    for tag in (b"", b"<name/>"):
        data = Edit([cutting(1)]).data().replace(b"<name>Reel 1</name>", tag)
        assert tree(patched(read(data), name="FR")).findtext("sequence/name") == "FR"


def test_only_the_chosen_sequence_is_renamed_and_others_keep_their_media() -> None:
    edit = Edit([[Item(A, 0, 50)]], siblings=[("s2", "Reel 2", [[Item(A, 0, 40)]])], sound=False)
    document = ADAPTER.read(edit.data(), PATH, PathMap(), "Reel 1")
    assert isinstance(document, Fcp7Document)
    root = tree(patched(document, relink(document)))
    assert [s.findtext("name") for s in root.iter("sequence")] == [NAME, "Reel 2"]
    # the definition stood in the relinked clip; the other sequence holds it now
    assert root.xpath("string(//sequence[@id='s2']//pathurl)").endswith("a%201.mov")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"<enabled>TRUE</enabled>", b"<enabled>FALSE</enabled>", "clip|enabled"),
        (b"<linkclipref>", b"<linkclip>", "link|damaged"),
        (b"<start>48</start>", b"<start>49</start>", "clip|item"),
        (b"<lognote></lognote>", b"<lognote>x</lognote>", "not relinked"),
        (b"shot_000_fr.mov</pathurl>", b"shot_001_fr.mov</pathurl>", "media name"),
        (b"<in>12</in>", b"<in>13</in>", "ticks"),
        (NAME.encode() + b"</name>", b"Other</name>", "name"),
    ],
)
def test_verify_sees_a_broken_patch(old: bytes, new: bytes, what: str) -> None:
    document = read(Edit([cutting(3)]))
    one = relink(document)
    good = patched(document, one)
    at = good.rindex(old)
    with pytest.raises(EditError, match=what):
        document.verify(good[:at] + new + good[at + len(old) :], [one], name=NAME)


def test_verify_sees_a_lost_link() -> None:
    document = read(Edit([cutting(3)]))
    one = relink(document)
    good = patched(document, one)
    at, end = good.index(b"<link>"), good.index(b"</link>") + 7
    with pytest.raises(EditError, match="link elements"):
        document.verify(good[:at] + good[end:], [one], name=NAME)


MEDIA = st.builds(
    Media,
    name=st.sampled_from(["a.mov", "b c.mov", "ü&<d>.mov"]),
    duration=st.just(5000),
    start=st.sampled_from([0, 90_000]),
    reel=st.just("R"),
)
SHOTS = st.lists(
    st.tuples(
        MEDIA,
        st.integers(1, 60),
        st.integers(0, 30),
        st.integers(0, 900),
        st.sampled_from([None, None, Fraction(2), Fraction(1, 2)]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=6,
)


def _track(shots: list[tuple[Any, ...]]) -> list[Item]:
    # one name is one file: the first media of that name stands for all
    known: dict[str, Media] = {}
    items, at = [], 0
    for media, length, gap, entry, speed, filters in shots:
        media = known.setdefault(media.name, media)
        at += gap
        items.append(
            Item(media, at, at + length, entry, speed=speed, filters=filters, keyframes=(entry,))
        )
        at += length
    return items


@settings(max_examples=60)
@given(
    shots=SHOTS,
    style=st.sampled_from(STYLES),
    rate=st.sampled_from([Rate.of(25), Rate.of(23.976), Rate.of(29.97)]),
    chosen=st.sets(st.integers(0, 5)),
)
def test_relink_only(
    shots: list[tuple[Any, ...]], style: Style, rate: Rate, chosen: set[int]
) -> None:
    """Whatever is relinked: the rest is the same text, and the resolved media says so."""
    data = Edit([_track(shots)], style, rate=rate).data()
    document = read(data)
    relinks = [relink(document, n, baked=True) for n in sorted(chosen) if n < len(document.origins)]
    result = patched(document, *relinks)
    wanted = {r.origin for r in relinks}
    after = read(result)
    assert list(after.origins) == list(document.origins)
    for key, item in document.items.items():
        new = after.items[key]
        assert item.media is not None
        assert new.media is not None
        assert (item.media.url != new.media.url) == (key in wanted)
        if key not in wanted:
            for tag in ("start", "in", "out", "pproTicksIn", "duration"):
                assert item.element.text_of(tag) == new.element.text_of(tag)
    assert result.count(b"<link>") == data.count(b"<link>")
    assert result.count(b"<clipitem ") == data.count(b"<clipitem ")


def test_media_whose_rate_the_format_can_only_round_is_still_relinked() -> None:
    """22.131 fps media stands in an edit as timebase 22; what we write says 22 again."""
    phone = Media("phone.mp4", 135, 0, Rate.of(22), "")
    document = read(Edit([[Item(phone, 0, 75, 20, length=66, clip_rate=phone.rate)]]))
    odd = relink(document, rate=Rate(Fraction(1350, 61)), duration=91, start_frame=8)
    patched = document.patch([odd], name=NAME)
    document.verify(patched, [odd], name=NAME)
    (clip,) = read(patched).items.values()
    assert clip.media is not None
    assert (clip.media.rate, clip.media.start) == (Rate.of(22), 8)
    with pytest.raises(EditError, match="no way to write"):
        document.patch([replace(odd, rate=Rate(Fraction(1000, 61)))], name=NAME)
