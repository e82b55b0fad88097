"""Image sequences in edits: read in every form, and returned in the form that they had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cmx
import fcpxmls
import opentimelineio as otio
import pytest
from otio_samples import clip, dump, external, opened, span, timeline, track
from xmeml import FINAL_CUT, PREMIERE, RESOLVE, Edit, Item, Media, Style

from unisync_adapters.document import Document, PathMap, Relink
from unisync_adapters.errors import EditError
from unisync_adapters.fcp7 import ADAPTER as FCP7
from unisync_adapters.fcpxml import ADAPTER as FCPXML
from unisync_adapters.image_sequence import SequenceName, spelled_like
from unisync_adapters.timebase import Rate
from unisync_adapters.urls import MediaUrl

NEW = Path("/new/media/unisync_fr_0/unisync_fr_0.[1004-1053].exr")


def relink(document: Document, rate: str = "24", **more: Any) -> Relink:
    """The first clip plays 50 new frames, the fourth of the old ones first."""
    (origin, *_) = document.origins
    facts = {"source_in": 2, "duration": 50, "rate": Rate.of(rate), "start_frame": 1004, **more}
    return Relink(origin=origin, path=NEW, **facts)


def picture(document: Document) -> otio.schema.Clip:
    """The edit's first picture clip."""
    clip, *_ = document.timeline.video_tracks()[0].find_clips()
    return clip


@pytest.mark.parametrize(
    ("text", "frame", "form"),
    [
        ("plate.%04d.exr", "plate.0007.exr", "printf"),
        ("plate_%d.dpx", "plate_7.dpx", "printf"),
        ("plate.####.exr", "plate.0007.exr", "hashes"),
        ("plate.[0997-1055].exr", "plate.0007.exr", "range"),
        ("a [x] 2.[8-12].tif", "a [x] 2.7.tif", "range"),
    ],
)
def test_names_are_read_and_written(text: str, frame: str, form: str) -> None:
    name = SequenceName.parse(text)
    assert name is not None
    assert (str(name), name.of(7), name.form) == (text, frame, form)


@pytest.mark.parametrize("text", ["plate.mov", "plate.0001.exr", "a.[9-3].exr", "a#.exr", "%04d"])
def test_one_file_is_no_sequence(text: str) -> None:
    assert SequenceName.parse(text) is None


def test_a_first_frame_names_its_sequence() -> None:
    name = SequenceName.read("take2_plate_0997.exr")
    assert name == SequenceName("take2_plate_", ".exr", 4, 997, form="frame")
    assert SequenceName.read("plate.exr") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("p.%07d.exr", "unisync_fr_0.%04d.exr"),
        ("p.#######.exr", "unisync_fr_0.####.exr"),
        ("p.[0001001-0001100].exr", "unisync_fr_0.[1004-1053].exr"),
        ("p_1001.exr", "unisync_fr_0.1004.exr"),
        ("movie.mov", "unisync_fr_0.[1004-1053].exr"),
    ],
)
def test_new_media_is_spelled_as_the_old(old: str, new: str) -> None:
    assert spelled_like(NEW, old) == NEW.with_name(new)
    assert spelled_like(Path("/x/a.mov"), old) == Path("/x/a.mov")


def test_a_raw_printf_number_in_a_url_is_no_escape() -> None:
    raw = MediaUrl.parse("file:///Volumes/old cut/p.%04d.exr")
    assert raw.path == "/Volumes/old cut/p.%04d.exr"
    assert raw.replace("/new/q.%04d.exr") == "file:///new/q.%04d.exr"
    encoded = MediaUrl.parse("file://localhost/Volumes/p.%2504d.exr")
    assert encoded.path == "/Volumes/p.%04d.exr"
    assert encoded.replace("/new/q.%04d.exr") == "file://localhost/new/q.%2504d.exr"


def sequence(**more: Any) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "ImageSequenceReference.1",
        "metadata": {},
        "name": "plate.[1001-1100].exr",
        "available_range": span(1001.0, 100.0),
        "target_url_base": "/plates/sh010/",
        "name_prefix": "plate.",
        "name_suffix": ".exr",
        "start_frame": 1001,
        "frame_step": 1,
        "rate": 24.0,
        "frame_zero_padding": 4,
        "missing_frame_policy": "error",
        **more,
    }


def otio_edit(reference: dict[str, Any], start: float = 1006.0) -> Document:
    media = {"DEFAULT_MEDIA": reference}
    return opened(timeline(track(clip(source=span(start, 20.0), media_references=media))))


@pytest.mark.parametrize(
    ("base", "pairs", "folder"),
    [
        ("/plates/sh010/", (), "/new/media/unisync_fr_0/"),
        ("/plates/sh010", (), "/new/media/unisync_fr_0"),
        ("file:///plates/sh010/", (), "file:///new/media/unisync_fr_0/"),
        ("X:\\show\\sh010\\", (("X:\\out", "/new/media"),), "X:\\out\\unisync_fr_0\\"),
    ],
)
def test_an_image_sequence_reference_is_relinked(
    base: str, pairs: tuple[tuple[str, str], ...], folder: str
) -> None:
    document = replace(otio_edit(sequence(target_url_base=base)), path_map=PathMap(pairs))
    assert "refuse" not in picture(document).metadata["unisync"]
    change = relink(document)
    patched = document.patch([change])
    document.verify(patched, [change])
    made = picture(opened(patched))
    media = made.media_reference
    assert isinstance(media, otio.schema.ImageSequenceReference)
    assert (media.target_url_base, media.name_prefix) == (folder, "unisync_fr_0.")
    assert (media.start_frame, media.frame_zero_padding, media.end_frame()) == (1004, 4, 1053)
    assert media.name == "unisync_fr_0.[1004-1053].exr"
    # the clip's own frames stay where they were
    assert made.source_range == picture(document).source_range
    before, after = document.data.splitlines(), patched.splitlines()
    assert len(before) == len(after)


def test_verify_sees_another_sequence() -> None:
    document = otio_edit(sequence())
    change = relink(document)
    patched = document.patch([change])
    for old, wrong in ((b'"start_frame": 1004', b'"start_frame": 1005'),
                       (b'"unisync_fr_0."', b'"unisync_fr_1."'),
                       (b'"frame_zero_padding": 4', b'"frame_zero_padding": 5')):  # fmt: skip
        assert old in patched
        with pytest.raises(EditError, match="media name"):
            document.verify(patched.replace(old, wrong), [change])


def test_a_movie_cannot_stand_in_an_image_sequence_reference() -> None:
    document = otio_edit(sequence())
    movie = replace(relink(document), path=Path("/new/a.mov"))
    with pytest.raises(EditError, match="its new media is none"):
        document.patch([movie])


@pytest.mark.parametrize(
    ("url", "new"),
    [
        ("/p/a.%04d.exr", "/new/media/unisync_fr_0/unisync_fr_0.%04d.exr"),
        ("/p/a.[1001-1100].exr", "/new/media/unisync_fr_0/unisync_fr_0.[1004-1053].exr"),
        ("file:///p/a.%5B1001-1100%5D.exr",
         "file:///new/media/unisync_fr_0/unisync_fr_0.%5B1004-1053%5D.exr"),
    ],
)  # fmt: skip
def test_an_external_reference_keeps_its_form(url: str, new: str) -> None:
    document = otio_edit(external(url, span(1001.0, 100.0)))
    facts = picture(document).media_reference.metadata["unisync"]
    assert "still" not in facts
    change = relink(document)
    patched = document.patch([change])
    document.verify(patched, [change])
    made = picture(opened(patched))
    assert made.media_reference.target_url == new


def fcp7(style: Style, name: str) -> Document:
    edit = Edit([[Item(Media(name, 100, 1001), 0, 20, 5)]], style)
    return FCP7.read(edit.text().encode(), Path("cut.xml"), PathMap())


@pytest.mark.parametrize("style", [PREMIERE, RESOLVE, FINAL_CUT], ids=lambda style: style.name)
@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("plate.1001.exr", "unisync_fr_0.1004.exr"),
        ("plate.[1001-1100].exr", "unisync_fr_0.[1004-1053].exr"),
        ("plate.####.dpx", "unisync_fr_0.####.exr"),
    ],
)
def test_fcp7_names_the_new_sequence_as_the_old(style: Style, name: str, new: str) -> None:
    document = fcp7(style, name)
    old = picture(document)
    assert "refuse" not in old.metadata["unisync"]
    assert old.media_reference.metadata["unisync"]["sequence"] is True
    change = relink(document, "25")
    patched = document.patch([change])
    document.verify(patched, [change])
    made = picture(FCP7.read(patched, Path("cut.xml"), PathMap()))
    assert MediaUrl.parse(made.media_reference.target_url).name == new
    assert made.media_reference.name == new


def test_a_lone_picture_is_still_a_still() -> None:
    edit = Edit([[Item(Media("logo.png", 100), 0, 20, 5)]], RESOLVE)
    made = picture(FCP7.read(edit.text().encode(), Path("cut.xml"), PathMap()))
    facts = made.media_reference.metadata["unisync"]
    assert facts["still"] is True
    assert "sequence" not in facts


def test_dumped_as_it_was_read() -> None:
    """The identity law, with sequences in the edit."""
    data = dump(timeline(track(clip(media_references={"DEFAULT_MEDIA": sequence()}))))
    assert opened(data).patch([]) == data


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("plate.[1001-1100].exr", "unisync_fr_0.[1004-1053].exr"),
        ("plate.1001.dpx", "unisync_fr_0.1004.exr"),
    ],
)
@pytest.mark.parametrize("version", ["1.8", "1.11"])
def test_fcpxml_names_the_new_sequence_as_the_old(version: str, name: str, new: str) -> None:
    plate = fcpxmls.Media(name)
    edit = fcpxmls.Edit([fcpxmls.Item(media=plate, source=5, frames=20)], version=version)
    document = FCPXML.read(edit.data(), Path("cut.fcpxml"), PathMap())
    old = picture(document)
    assert "refuse" not in old.metadata["unisync"]
    assert old.media_reference.metadata["unisync"]["sequence"] is True
    change = relink(document, "25")
    patched = document.patch([change])
    document.verify(patched, [change])
    made = picture(FCPXML.read(patched, Path("cut.fcpxml"), PathMap()))
    assert MediaUrl.parse(made.media_reference.target_url).name == new


def test_an_edl_names_the_new_sequence_as_resolve_does() -> None:
    event = cmx.Ev(entry=1006, count=20, name="plate.[1001-1100].exr")
    document = cmx.read(cmx.Cmx([event, replace(event, name="b")]))
    assert "refuse" not in picture(document).metadata["unisync"]
    change = cmx.relink(document, 0, 2, path=NEW)
    patched = cmx.patched(document, change, name=None)
    (line,) = cmx.changed(document.data, patched)
    assert line[1].strip() == "* FROM CLIP NAME:  unisync_fr_0.[1004-1053].exr"
