"""AAF: which effects let one see what lies below a picture."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import opentimelineio as otio
import pytest
from aaf_samples import Below, Blend, Filler, Layers, Media, Nest, Sample, Shot
from test_aaf_read import read

HD, UHD = (1920, 1080), (3840, 2160)


def through(item: Any) -> bool:
    return any(e.metadata.get("unisync", {}).get("see_through") for e in item.effects)


def upper(*pieces: Any, **more: Any) -> Any:
    """The first item of V2, over a picture on V1."""
    sample = Sample(tracks=[[Shot()], pieces], **more)
    return read(sample.data()).timeline.tracks[1][0]


def over(operation: str, *values: tuple[str, Any]) -> Blend:
    """As Avid writes what mixes with the track below."""
    return Blend((Below(), Shot()), operation, values)


def alone(operation: str, *values: tuple[str, Any]) -> Blend:
    return Blend((Shot(),), operation, values)


KEYS = ((0, 22), (1, 100))


CASES = [
    (Shot(), False),
    (over("SBlend_v2"), False),
    (over("SBlend_v2", ("DVE_SCALE_X_U", KEYS)), True),
    (over("SBlend_v2", ("DVE_SCALE_X_U", KEYS), ("DVE_SCALE_ENABLED_U", False)), False),
    (over("SBlend_v2", ("DVE_SCALE_X_U", 103)), False),
    (over("Picture-In-Picture_v2"), True),
    (over("Picture-In-Picture_v2", ("AFX_SCALE_X_U", 100)), False),
    (over("Picture-In-Picture_v2", ("AFX_SCALE_X_U", 50)), True),
    (over("Picture-In-Picture_v2", ("AFX_SCALE_X_U", 100), ("AFX_CROP_LEFT_U", 9)), True),
    (over("Superimpose_2", ("AFX_FG_KEY_OPACITY_U", ((0, 100), (1, 40)))), True),
    (over("Superimpose_2", ("AFX_FG_KEY_OPACITY_U", 100)), False),
    (over("Color Effect"), True),
    (over("Color Effect", ("AvidEffectID", "EFF2_SBLEND")), False),
    (over("Luminance Key"), True),
    (alone("PaintResize_v2", ("AFX_SCALE_X_U", 100), ("AFX_SCALE_Y_U", 100)), False),
    (alone("PaintResize_v2", ("AFX_SCALE_X_U", 100), ("AFX_SCALE_Y_U", 99)), True),
    (alone("MaskImage_2", ("AFX_SCALE_Y_U", 74)), False),
    (alone("Color Effect"), False),
    (alone("Video Opacity", ("Level of Opacity", ((0, 1), (1, 0)))), True),
    (alone("Video Opacity", ("Level of Opacity", 1)), False),
    (alone("Video Crop", ("Crop Left", -1), ("Crop Right", 1)), False),
    (alone("Video Crop", ("Crop Left", 0), ("Crop Right", 1)), True),
    (Layers(), False),
]


@lru_cache
def all_cases() -> list[Any]:
    """Every case, one after the other on V2."""
    pieces = [piece for piece, _ in CASES]
    return list(read(Sample(tracks=[[Shot()], pieces]).data()).timeline.tracks[1])


@pytest.mark.parametrize("number", range(len(CASES)))
def test_what_lets_through_in_an_aaf(number: int) -> None:
    assert through(all_cases()[number]) == CASES[number][1], CASES[number][0]


@pytest.mark.parametrize(
    ("raster", "scale", "expected"),
    [(UHD, (1, 2), False), (UHD, (1, 3), True), (HD, (1, 2), True), (HD, (1, 1), False)],
)
def test_uhd_scaled_to_fill_hd_is_opaque_in_an_aaf(
    raster: tuple[int, int], scale: tuple[int, int], expected: bool
) -> None:
    """By the Edit Protocol a scale is of the picture's own size; the frame is that of V1."""
    ratio = Fraction(*scale)
    small = Blend((Shot(1),), "Video Scale", (("Scale X", ratio), ("Scale Y", ratio)))
    item = upper(small, media=[Media(), Media("B", "file:///B.mov", raster=raster)])
    assert through(item) == expected


def test_avids_percentages_are_of_the_frame() -> None:
    small = Blend((Below(), Shot(1)), "Picture-In-Picture_v2", (("AFX_SCALE_X_U", 50),))
    assert through(upper(small, media=[Media(), Media("B", "file:///B.mov", raster=UHD)]))


def test_a_nest_and_a_whole_track_of_an_aaf_let_through() -> None:
    small = (("AFX_SCALE_X_U", 40),)
    assert through(upper(Blend((Nest(),), "PaintResize_v2", small), nests=[[Shot()]]))
    whole = Blend(((Shot(0, 0, 20), Shot(0, 90, 30)),), "PaintResize_v2", small)
    (item,) = read(Sample(tracks=[[Shot()], whole]).data()).timeline.tracks[1]
    assert through(item)
    assert len(list(item.find_clips())) == 2


def test_a_matte_is_no_picture() -> None:
    """Its clip has no origin, so it is never dubbed; what it cuts out is."""
    item = upper(Blend((Below(), Shot(0, 10), Shot(0, 200)), "MatteKey_2"))
    assert through(item)
    below, fill, matte = (list(track) for track in item)
    assert isinstance(below[0], otio.schema.Gap)
    assert "origin" in fill[0].metadata["unisync"]
    assert isinstance(matte[0].media_reference, otio.schema.GeneratorReference)


def test_a_matte_on_a_track_of_its_own_cuts_out_the_track_below() -> None:
    cut = Blend((Below(2, 20), Below(1, 20), Shot(0, 200, 20)), "MatteKey_2")
    fill = [Shot(0, 0, 10), Shot(0, 20, 10), Shot(0, 40, 30)]
    tracks = [[Shot()], fill, [Filler(10), cut]]
    timeline = read(Sample(tracks=tracks).data()).timeline
    assert [through(clip) for clip in timeline.tracks[1]] == [False, True, True]
    assert [through(clip) for clip in timeline.tracks[0]] == [False]
