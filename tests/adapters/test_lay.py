"""The dub laid on a track of its own: a patch that adds, and changes nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from fcpxmls import Edit as Final
from fcpxmls import Item as FinalItem
from fcpxmls import Media as FinalMedia
from generated import FRENCH, WRITERS, Line, Shot, Story, Voice, stories
from hypothesis import given, settings
from hypothesis import strategies as st
from otio_samples import clip, dump, stack, timeline, track
from test_fcpxml_corpus import DTDS, is_valid
from xmeml import FINAL_CUT, PREMIERE, RESOLVE, Edit, cutting

from unisync_adapters.document import Document, Lay, PathMap, open_edit, read_edit
from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate

CORPUS = os.environ.get("UNISYNC_TIMELINES")
DUB = Lay(
    path=Path("/out/sound/REEL 1 FR & DX.wav"),
    track="DUB FR",
    language="fr",
    start=12,
    duration=100,
    source_in=5,
    media_duration=120,
    start_frame=90_000,
    channels=1,
    sample_rate=48_000,
)
LAYING = [name for name in WRITERS if name not in ("avid.aaf", "avid.edl")]

STORY = Story(
    (Shot(0, 4, 6, gap=2), Shot(1, 8, 5)),
    (Voice(*FRENCH, (Line(1, 9, 0),)),),
    FRENCH[1],
    Rate.of(25),
)


def opened(data: bytes, name: str) -> Document:
    return read_edit(data, Path("/cuts") / name)


def laid(document: Document, *lays: Lay, **more: Any) -> bytes:
    data = document.patch([], lays=lays, **more)
    document.verify(data, [], lays=lays, **more)
    return data


def sound(data: bytes, name: str) -> list[Any]:
    """The audio tracks of an edit."""
    tracks = opened(data, name).timeline.tracks
    return [track for track in tracks if track.kind == otio.schema.TrackKind.Audio]


@settings(max_examples=15)
@given(story=stories(rates=("23.976", "25", "29.97")), data=st.data())
def test_any_edit_takes_a_dub_and_nothing_else_changes(story, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(LAYING))
    document = opened(WRITERS[name](story), name)
    start, source_in = data.draw(st.integers(0, 80)), data.draw(st.integers(0, 20))
    lays = [
        replace(DUB, start=start, source_in=source_in, channels=data.draw(st.sampled_from((1, 2)))),
        *([replace(DUB, track="DUB FR Zoé", start=0)] if data.draw(st.booleans()) else []),
    ]
    result = laid(document, *lays, name="returned")
    before, after = sound(document.data, name), sound(result, name)
    fcp7 = name.endswith(".xml")
    assert len(after) - len(before) == sum(lay.channels if fcp7 else 1 for lay in lays)


@pytest.mark.parametrize("name", ["avid.aaf", "avid.edl"])
def test_a_format_without_a_place_for_it_says_so_by_name(name: str) -> None:
    rate = Rate.of(25) if name == "avid.edl" else None
    document = read_edit(WRITERS[name](STORY), Path("/cuts") / name, rate=rate)
    said = rf"cannot be laid in this format \({document.adapter.name}\)"
    with pytest.raises(EditError, match=said) as caught:
        document.patch([], lays=[DUB])
    assert "--lay-dub" in (caught.value.remedy or "")


@pytest.mark.parametrize("style", [PREMIERE, RESOLVE, FINAL_CUT], ids=lambda s: s.name)
@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_xmeml_has_a_linked_track_for_each_channel(style, channels: int) -> None:
    document = opened(Edit([cutting(3)], style=style).data(), "cut.xml")
    result = laid(document, replace(DUB, channels=channels))
    tracks = sound(result, "cut.xml")[-channels:]
    assert [t.name for t in tracks] == ["DUB FR"] * channels
    played = [t[1].metadata["unisync"]["source_track"] for t in tracks]
    assert played == list(range(1, channels + 1))
    text = result.decode()
    assert text.count('<file id="unisync-1"') == channels
    assert text.count("<linkclipref>unisync-dub-") == (channels**2 if channels > 1 else 0)
    stereo = 'totalExplodedTrackCount="2" premiereTrackType="Stereo"'
    if style is PREMIERE:
        assert text.count(stereo) - document.data.decode().count(stereo) == 2 * (channels == 2)
    assert "REEL%201%20FR%20&amp;%20DX.wav" in text or "REEL%201%20FR%20%26%20DX.wav" in text


@pytest.mark.parametrize(
    "sound_before", ["", "<audio/>", "<audio ></audio>", "<audio><format/></audio>"]
)
def test_xmeml_without_sound_gets_some(sound_before: str) -> None:
    text = Edit([cutting(2)], sound=False).text()
    begin, end = text.index("<audio>\n\t\t\t</audio>"), text.index("<timecode>\n\t\t\t<rate>")
    assert "</media>" in text[begin:end]
    text = text.replace("<audio>\n\t\t\t</audio>", sound_before)
    assert len(sound(laid(opened(text.encode(), "cut.xml"), DUB), "cut.xml")) == 1


def test_a_second_dub_is_laid_beside_the_first() -> None:
    for name in LAYING:
        document = opened(WRITERS[name](STORY), name)
        once = laid(document, DUB)
        again = laid(opened(once, name), replace(DUB, track="DUB DE", language="de"))
        assert len(sound(again, name)) == len(sound(document.data, name)) + 2


def test_otio_on_one_line_stays_on_one_line() -> None:
    compact = dump(timeline(track(clip()))).replace(b"\n", b"")
    assert b"\n" not in laid(opened(compact, "cut.otio"), DUB)
    empty = dump(timeline())
    assert b'"children": []' in empty
    with pytest.raises(EditError, match="length or a frame rate"):
        opened(empty.replace(b"global_start_time", b"g"), "cut.otio")
    assert sound(laid(opened(empty, "cut.otio"), DUB), "cut.otio")[0].name == "DUB FR"


def test_an_old_otio_gets_an_old_clip() -> None:
    old = dump(timeline(track(clip()))).replace(b"Clip.2", b"Clip.1")
    result = laid(opened(old, "cut.otio"), DUB)
    assert b"Clip.2" not in result
    assert result.count(b'"Clip.1"') == 2


def test_a_lone_clip_has_no_place_for_a_track() -> None:
    with pytest.raises(EditError, match="no timeline") as caught:
        opened(dump(clip()), "cut.otio").patch([], lays=[DUB])
    assert caught.value.remedy == "Export the timeline itself"
    assert laid(opened(dump(timeline(stack(track(clip())))), "cut.otio"), DUB)


@pytest.mark.parametrize("version", ["1.8", "1.11"])
def test_final_cut_hangs_it_on_what_plays_there_in_a_role_of_its_own(version: str) -> None:
    first = FinalItem(
        frames=10, speed=2, extra='<marker start="{start}" duration="1/25s" value="m"/>'
    )
    gap = FinalItem("gap", frames=20)
    taken = FinalItem(media=FinalMedia("x.wav", video=False), role="dialogue.fr", frames=5)
    edit = Final([first, replace(gap, connected=((-3, 2, taken),)), FinalItem()], version=version)
    document = opened(edit.data(), "cut.fcpxml")
    for start, holder in ((0, "asset-clip"), (9, "asset-clip"), (10, "gap"), (900, "asset-clip")):
        result = laid(document, replace(DUB, start=start))
        tree_text = result.decode()
        at = tree_text.index('<asset-clip ref="unisync-1"')
        assert 'lane="-4"' in tree_text[at : at + 200]
        assert 'audioRole="dialogue.fr-2"' in tree_text[at : at + 300]
        assert tree_text.rindex(f"<{holder} ", 0, at) > 0
        assert tree_text.count("<media-rep") == document.data.count(b"<media-rep") + (
            version != "1.8"
        )


def test_final_cut_opens_an_empty_tag_for_two_dubs() -> None:
    text = Final([FinalItem("gap", frames=20), FinalItem()]).data().decode()
    begin = text.index("<gap ")
    end = text.index("></gap>", begin)
    text = f"{text[:end]}/>{text[end + 7 :]}"
    result = laid(opened(text.encode(), "cut.fcpxml"), DUB, replace(DUB, track="DUB FR Zoé"))
    assert result.count(b"</gap>") == 1


@pytest.mark.parametrize(("version", "reps"), [("1.8", 0), ("1.9", 1), ("1.13", 1)])
def test_final_cut_without_media_is_told_of_the_file_as_its_version_asks(
    version: str, reps: int
) -> None:
    document = opened(Final([FinalItem("gap")], version=version).data(), "cut.fcpxml")
    text = laid(document, DUB).decode()
    assert text.count("<media-rep") == reps
    assert text.count(" src=") == 1


def test_final_cut_lays_it_in_a_compound_that_is_the_edit() -> None:
    text = Final([FinalItem("ref-clip")]).data().decode()
    start, end = text.index("<library"), text.index("</library>") + len("</library>")
    media = text.split('<media id="')[1].split('"')[0]
    loose = f'<ref-clip ref="{media}" name="nest" duration="2s"/>'
    document = opened((text[:start] + loose + text[end:]).encode(), "cut.fcpxml")
    assert len(sound(laid(document, DUB, name="nest FR"), "cut.fcpxml")) == 2


def test_verify_sees_what_is_not_the_dub() -> None:
    for name in LAYING:
        document = opened(WRITERS[name](STORY), name)
        data = document.patch([], lays=[DUB])
        for wrong in (
            replace(DUB, start=13),
            replace(DUB, duration=99),
            replace(DUB, source_in=4),
            replace(DUB, path=Path("/out/sound/other.wav")),
            replace(DUB, start_frame=90_001),
        ):
            with pytest.raises(EditError):
                document.verify(data, [], lays=[wrong])
        for data_wrong in (document.data, data.replace(b"anna", b"Anna", 1), data + b" "):
            with pytest.raises(EditError):
                document.verify(data_wrong, [], lays=[DUB])


def test_the_path_map_is_undone() -> None:
    mapped = PathMap((("D:/media", "/mnt/media"),))
    edit = Edit([cutting(2)]).data()
    document = read_edit(edit, Path("/cuts/cut.xml"), path_map=mapped)
    lay = replace(DUB, path=Path("/mnt/media/fr.wav"))
    data = document.patch([], lays=[lay])
    document.verify(data, [], lays=[lay])
    assert b"<pathurl>file://localhost/D%3a/media/fr.wav</pathurl>" in data


@pytest.mark.slow
@pytest.mark.skipif(CORPUS is None, reason="UNISYNC_TIMELINES is not set")
def test_every_real_edit_takes_a_dub_or_says_why() -> None:
    lays = (replace(DUB, channels=2), replace(DUB, track="DUB FR Zoé", start=0))
    taken, remedies = 0, []
    for path in sorted(Path(str(CORPUS)).rglob("*.*")):
        if path.suffix not in (".xml", ".fcpxml", ".otio"):
            continue
        try:
            document = open_edit(path)
        except EditError:
            continue
        try:
            data = document.patch([], lays=lays)
        except EditError as error:
            remedies.append(error.remedy)
            continue
        document.verify(data, [], lays=lays)
        if DTDS is not None and path.suffix == ".fcpxml" and is_valid(document.data, DTDS):
            assert is_valid(data, DTDS), path
        taken += 1
    assert taken > 0
    assert all(remedies)
