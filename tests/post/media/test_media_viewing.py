"""Viewing: curves as published, round trips, and only the change carried back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate
from unisync_post.errors import MediaError
from unisync_post.media import curves, gamuts
from unisync_post.media.info import ColourTags, MediaInfo
from unisync_post.media.viewing import (
    ENCODINGS,
    Encoding,
    carry_back,
    encoding_named,
    encoding_of,
    read_colour,
    to_view,
)

Floats = NDArray[np.float32]
EVERY = pytest.mark.parametrize("tags", ENCODINGS.values(), ids=list(ENCODINGS))
HIGH = [name for name in ENCODINGS if name not in ("bt709", "bt2020", "p3-d65", "p3-dci")]

GREY_CARD = {
    "slog3": 420 / 1023,
    "logc3": 400 / 1023,
    "logc4": 0.278396,
    "vlog": 433 / 1023,
    "log3g10": 1 / 3,
    "acescct": 0.413588,
    "hlg": 0.38,
    "acescg": 0.18,
}
"""The code of 18 % grey as the specifications print it."""


def code(tags: Encoding, light: float) -> float:
    return float(tags.curve.to_code(np.array([light], np.float32))[0])


def plate_of(tags: Encoding, seed: int = 0) -> Floats:
    """(48, 64, 3) smooth colours such as skin has, from deep shadow to a highlight, in code."""
    y, x = np.mgrid[0:48, 0:64].astype(np.float32)
    light = np.stack([0.9 * x / 63 + 0.02, 0.5 * y / 47 + 0.02, 0.3 * x / 63 + 0.01], -1)
    light[:4, :8] = 6.0 if not tags.curve.graded else 0.95
    noise = np.random.default_rng(seed).normal(0, 1e-3, light.shape).astype(np.float32)
    within = (light + noise) @ gamuts.from_bt709(tags.gamut).T.astype(np.float32)
    return tags.curve.to_code(within).astype(np.float32)


@pytest.mark.parametrize(("name", "expected"), GREY_CARD.items())
def test_a_grey_card_lies_where_its_specification_says(name: str, expected: float) -> None:
    assert code(ENCODINGS[name], 0.18) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("nits", "signal"),
    [(0.1, 0.0625), (26, 0.38), (100, 0.5081), (203, 0.5807), (1000, 0.7518), (10_000, 1.0)],
)
def test_pq_lies_where_st_2084_and_bt_2408_say(nits: float, signal: float) -> None:
    assert code(ENCODINGS["pq"], nits / 203) == pytest.approx(signal, abs=1e-3)


@EVERY
def test_curves_are_exactly_undone_also_beyond_black_and_white(tags: Encoding) -> None:
    codes = np.linspace(-0.06, 1.06, 100_001)
    light = tags.curve.to_light(codes)
    assert np.abs(tags.curve.to_code(light) - codes).max() < 1e-9
    assert (np.diff(light[codes > 1e-3]) > 0).all()


def test_gamuts_share_their_white_and_match_bt2087() -> None:
    for tags in ENCODINGS.values():
        assert gamuts.to_bt709(tags.gamut).sum(1) == pytest.approx(1, abs=1e-6)
    assert gamuts.to_bt709(gamuts.BT2020)[0] == pytest.approx([1.6605, -0.5876, -0.0728], abs=1e-4)
    assert gamuts.to_bt709(gamuts.AP1)[1] == pytest.approx([-0.1303, 1.1408, -0.0105], abs=1e-4)


@pytest.mark.parametrize("name", HIGH)
def test_grey_looks_the_same_from_every_camera(name: str) -> None:
    tags = ENCODINGS[name]
    for light, seen in ((0.0, 0), (0.18, 118), (0.5, 188), (1.0, 213), (16.0, 255)):
        if name == "hlg" and light > 3.7:
            continue
        plate = np.full((1, 1, 3), code(tags, light), np.float32)
        assert np.abs(to_view(plate, tags).astype(int) - seen).max() <= 1


def test_the_view_of_a_view_is_itself() -> None:
    view = np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    shown = (view / np.float32(255)).astype(np.float32)
    assert np.array_equal(to_view(shown, ENCODINGS["bt709"]), view)


@EVERY
def test_nothing_changed_is_the_identity_bit_for_bit(tags: Encoding) -> None:
    plate = plate_of(tags)
    plate[0, 0] = (np.nan, np.inf, -np.inf)
    plate[1, 1] = (-0.3, 7.0, 1.2)
    view, whole = to_view(plate, tags), np.ones((48, 64), np.float32)
    assert carry_back(plate, view, view, whole, tags).tobytes() == plate.tobytes()
    other = 255 - view
    assert carry_back(plate, view, other, 0 * whole, tags).tobytes() == plate.tobytes()


@EVERY
def test_a_change_is_seen_as_made_and_only_where_it_was_made(tags: Encoding) -> None:
    plate = plate_of(tags)
    view = to_view(plate, tags)
    new = view.copy()
    new[20:40, 10:50] = view[20:40, 10:50][:, ::-1]
    new[2:4, 2:6] = (90, 60, 50)
    matte = np.ones((48, 64), np.float32)
    matte[30:] = 0
    made = carry_back(plate, view, new, matte, tags)
    meant = np.where(matte[..., None] > 0, new, view)
    assert np.abs(to_view(made, tags).astype(int) - meant).max() <= 1
    same = (meant == view).all(-1)
    assert np.array_equal(made[same], plate[same])


@EVERY
def test_a_changed_mouth_stays_within_gamut_and_code_range(tags: Encoding) -> None:
    random = np.random.default_rng(3)
    plate = random.random((48, 64, 3)).astype(np.float32)
    view = to_view(plate, tags)
    new = random.integers(0, 256, view.shape).astype(np.uint8)
    made = carry_back(plate, view, new, np.ones((48, 64), np.float32), tags)
    assert np.isfinite(made).all()
    assert made.min() >= 0
    if tags.curve.coded:
        assert made.max() <= 1
    replaced = np.abs(new.astype(int) - view).max(-1) >= 16
    shown = to_view(np.ones((1, 1, 3), np.float32), tags).min() if tags.curve.coded else 255
    assert np.abs(to_view(made, tags) - np.minimum(new, shown).astype(int))[replaced].max() <= 1


@pytest.mark.parametrize("name", ["slog3", "pq", "acescg"])
def test_a_smooth_change_shows_no_bands(name: str) -> None:
    tags = ENCODINGS[name]
    ramp = np.linspace(0.05, 0.4, 2000, dtype=np.float32)
    plate = tags.curve.to_code(np.repeat(ramp[None, :, None], 3, axis=2)).astype(np.float32)
    view = to_view(plate, tags)
    darker = (view - 20).astype(np.uint8)
    made = carry_back(plate, view, darker, np.ones((1, 2000), np.float32), tags)[0, :, 1]
    assert len(np.unique(view[0, :, 1])) < 120
    assert len(np.unique(np.round(made * 1023))) >= len(np.unique(np.round(plate * 1023))) * 0.75
    assert (np.diff(made) > 0).all(), "as smooth as the plate: no step repeats, none turns back"


def test_highlights_survive_small_changes_and_leave_with_large_ones() -> None:
    tags = ENCODINGS["acescg"]
    plate = np.full((1, 3, 3), 40.0, np.float32)
    view = to_view(plate, tags)
    assert (view == 255).all()
    new = view.copy()
    new[0, 1], new[0, 2] = 254, 128
    made = carry_back(plate, view, new, np.ones((1, 3), np.float32), tags)
    assert made[0, 0, 0] == 40
    assert 25 < made[0, 1, 0] < 40
    assert made[0, 2, 0] < 0.3


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        (ColourTags(), None),
        (ColourTags(1, 1, 1), None),
        (ColourTags(5, 6, 5), None),
        (ColourTags(9, 14, 9), "bt2020"),
        (ColourTags(9, 16, 9), "pq"),
        (ColourTags(12, 16, 9), "pq-p3"),
        (ColourTags(2, 18, 9), "hlg"),
        (ColourTags(1, 8, 0), "linear"),
    ],
)
def test_what_tags_say(tags: ColourTags, name: str | None) -> None:
    assert encoding_of(tags) == (None if name is None else ENCODINGS[name])


def test_what_was_said_wins_and_the_record_says_who() -> None:
    def plate(tags: ColourTags, header: str | None = None) -> MediaInfo:
        kind = (Path("a.mov"), "prores", "HQ", "yuv422p10le", 64, 48, Rate.of(24), 1)
        return MediaInfo(*kind, colour=tags, encoding=header)

    hdr = ColourTags(9, 16, 9)
    said = read_colour(plate(ColourTags(1, 1, 1)), "slog3")
    assert (said.encoding, said.reason) == (ENCODINGS["slog3"], "slog3, as said when planned")
    assert read_colour(plate(hdr), None).reason == "pq, by its tags"
    assert read_colour(plate(hdr), "bt709").encoding is None
    assert read_colour(plate(hdr, "acescg"), None).reason == "acescg, by its header"
    assert "no transfer tag" in read_colour(plate(ColourTags()), None).reason
    with pytest.raises(MediaError, match=r"called cineon.*slog3"):
        encoding_named("cineon")


def test_curves_are_told_apart_by_what_they_are() -> None:
    assert {t.name for t in ENCODINGS.values() if t.curve.graded} == {*ENCODINGS} - {*HIGH}
    assert not curves.LINEAR.coded
