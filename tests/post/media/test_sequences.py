"""Image sequences as one plate: found, probed, read, written."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from sequence_kit import ACES, word, write_dpx, write_exr, write_raster

from unisync_adapters.timebase import Rate, Timecode
from unisync_post.errors import MediaError
from unisync_post.media.frames import read_frames, read_played, rgb8
from unisync_post.media.info import MediaInfo
from unisync_post.media.mux import Picture
from unisync_post.media.pixels import Box, blend_region, planes_of
from unisync_post.media.probe import check_usable, probe
from unisync_post.media.roots import confined
from unisync_post.media.sequences import (
    ImageSequence,
    delivered_name,
    find_sequence,
    missing_frames,
    remove,
    whole,
)
from unisync_post.media.sequences_frame import timecode_of, word_of
from unisync_post.media.write import write_media

FILM = Rate.of(24)
BOX = Box(4, 4, 20, 12)


def shot_exr(folder: Path, numbers: range, *, first: int = 86_400, size: int = 24) -> Path:
    """EXR frames, each of its own grey and with its own timecode; the sequence's path."""
    for number in numbers:
        grey = np.full((16, size, 3), number / 4096, np.float32)
        code = word(first + number - numbers[0])
        write_exr(folder / f"plate.{number:04d}.exr", grey, code=code)
    return folder / f"plate.[{numbers[0]:04d}-{numbers[-1]:04d}].exr"


def shot_dpx(folder: Path, numbers: range) -> Path:
    for number in numbers:
        codes = np.full((16, 24, 3), number % 1024, np.uint16)
        write_dpx(folder / f"scan_{number}.dpx", codes, 10, code=word(90_000 + number))
    return folder / f"scan_[{numbers[0]}-{numbers[-1]}].dpx"


def mouth(frame: VideoFrame) -> VideoFrame:
    shape = (BOX.y1 - BOX.y0, BOX.x1 - BOX.x0)
    return blend_region(frame, BOX, np.ones((*shape, 3), np.float32), np.ones(shape, np.float32))


def test_facts_of_a_sequence(tmp_path: Path) -> None:
    info = probe(shot_exr(tmp_path, range(997, 1004)), Rate.of("23.976"))
    assert (info.codec, info.profile, info.frames) == ("exr", "ZIP half", 7)
    assert (info.width, info.height, info.bits) == (24, 16, 16)
    assert (info.rate, info.start_frame, info.has_timecode) == (Rate.of("23.976"), 86_400, True)
    assert (info.reel, info.audio, info.pixel_aspect) == ("A001C003", (), Fraction(1))
    assert check_usable(info) is None
    assert info.encoding == "aces2065-1"
    assert ACES[0] == 0.7347
    # without an edit's rate, its own
    assert probe(info.path).rate == FILM


def test_numbers_stand_for_a_timecode_that_is_not_there(tmp_path: Path) -> None:
    for number in (1001, 1002):
        write_raster(tmp_path / f"a.{number}.tif", np.zeros((8, 8, 3), np.uint16))
        write_exr(tmp_path / f"a.{number}.exr", np.zeros((8, 8, 3), np.float32), code=word(0))
    for suffix in ("tif", "exr"):  # the EXR's time address stands still: it counts nothing
        info = probe(tmp_path / f"a.[1001-1002].{suffix}", FILM)
        assert (info.start_frame, info.has_timecode) == (1001, False)
    with pytest.raises(MediaError, match="does not say its frame rate"):
        probe(tmp_path / "a.[1001-1002].tif")


def test_frames_are_read_by_number_in_any_order(tmp_path: Path) -> None:
    info = probe(shot_dpx(tmp_path, range(98, 103)), FILM)
    assert info.start_frame == 90_098
    read = [(n, int(planes_of(frame)[0][0, 0])) for n, frame in read_frames(info, 1, 3)]
    assert read == [(1, 99), (2, 100), (3, 101)]
    played = read_played(info, [4, 3, 3, 0])
    assert [int(planes_of(frame)[2][5, 5]) for frame in played] == [102, 101, 101, 98]
    with pytest.raises(MediaError, match="asked of a file of 5"):
        next(read_frames(info, 3, 3))


def test_what_is_shown_of_integer_pictures(tmp_path: Path) -> None:
    codes = np.zeros((8, 8, 3), np.uint16)
    codes[..., 0], codes[..., 1] = 1023, 512
    path = write_dpx(tmp_path / "a.0001.dpx", codes, 10)
    info = probe(path.with_name("a.[0001-0001].dpx"), FILM)
    assert rgb8(next(iter(read_played(info, [0]))))[0, 0].tolist() == [255, 128, 0]


@pytest.mark.parametrize(
    ("name", "frame", "found"),
    [
        ("plate.%04d.exr", False, "plate.[0998-1003].exr"),
        ("plate.####.exr", False, "plate.[0998-1003].exr"),
        ("plate.[0999-1001].exr", False, "plate.[0999-1001].exr"),
        ("plate.1000.exr", True, "plate.[1000-1003].exr"),
        ("plate.1000.exr", False, None),
        ("plate.%06d.exr", False, None),
        ("other.%04d.exr", False, None),
        ("plate.%04d.jpg", False, None),
    ],
)
def test_a_sequence_is_found_by_every_form_of_its_name(
    tmp_path: Path, name: str, frame: bool, found: str | None
) -> None:
    for number in (998, 999, 1000, 1001, 1003):
        (tmp_path / f"plate.{number:04d}.exr").touch()
    here = find_sequence(tmp_path / name, frame=frame)
    assert here == (None if found is None else tmp_path / found)


def test_an_edit_that_says_how_many_frames_there_are_is_believed(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        (tmp_path / f"a.{number}.dpx").touch()
    assert find_sequence(tmp_path / "a.1.dpx", frame=True, count=4) == tmp_path / "a.[1-4].dpx"
    assert find_sequence(tmp_path / "a.%d.dpx") == tmp_path / "a.[1-10].dpx"
    # a lone numbered picture that an edit holds for a while is a still
    assert find_sequence(tmp_path / "a.10.dpx", frame=True, count=50) is None


def test_two_paddings_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("a.1.exr", "a.2.exr", "a.0002.exr"):
        (tmp_path / name).touch()
    with pytest.raises(MediaError, match="Two paddings"):
        find_sequence(tmp_path / "a.%d.exr")
    assert find_sequence(tmp_path / "a.%04d.exr") == tmp_path / "a.[0002-0002].exr"


def test_missing_frames_are_named(tmp_path: Path) -> None:
    path = shot_dpx(tmp_path, range(1001, 1021))
    for number in (1003, 1007, 1008, 1009, 1015):
        (tmp_path / f"scan_{number}.dpx").unlink()
    info = probe(path, FILM)
    assert info.frames == 20
    said = "Frames are missing from the image sequence: 1003, 1007-1009"
    assert missing_frames(path, 0, 12) == said
    assert missing_frames(path, 10, 4) is None
    with pytest.raises(MediaError, match=r"does not exist.*scan_1003\.dpx|scan_1003\.dpx"):
        list(read_frames(info, 0, 5))


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (np.zeros((18, 24, 3), np.float32), "24x18, frame 1001 is 24x16"),
        ("float", "of channels B:float .* is of channels B:half"),
        ("alpha", "of channels A:half .* is of channels B:half"),
        ("dpx", "DPX, frame 1001 is EXR"),
    ],
)
def test_frames_that_are_not_alike_are_named(
    tmp_path: Path, odd: str | np.ndarray, said: str
) -> None:
    path = shot_exr(tmp_path, range(1001, 1006))
    third = tmp_path / "plate.1003.exr"
    black = np.zeros((16, 24, 3), np.float32)
    if isinstance(odd, np.ndarray):
        write_exr(third, odd)
    elif odd == "float":
        write_exr(third, black, half=False)
    elif odd == "alpha":
        write_exr(third, black, extra={"A": black[..., 0]})
    else:
        write_dpx(third, black.astype(np.uint16), 10)
    with pytest.raises(MediaError, match=f"Frame 1003 of this image sequence is {said}") as caught:
        probe(path, FILM)
    assert caught.value.file == str(third)


def test_identity_follows_the_content_not_the_place(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        shot_dpx(folder, range(1, 6))
    one, other = (probe(f / "scan_[1-5].dpx", FILM).identity for f in (here, there))
    assert one == other
    write_dpx(there / "scan_4.dpx", np.full((16, 24, 3), 5, np.uint16), 10)
    assert probe(there / "scan_[1-5].dpx", FILM).identity != one


def written(info: MediaInfo, out: Path, pictures: Iterator[Picture], count: int, **more: object):  # type: ignore[no-untyped-def]
    facts = {"rate": info.rate, "start_frame": info.start_frame, **more}
    return write_media(info, pictures, out, count=count, marks={"comment": "AI"}, **facts)


def test_new_frames_lie_beside_copies_numbered_as_the_plates(tmp_path: Path) -> None:
    info = probe(shot_exr(tmp_path, range(998, 1006)), FILM)
    out = tmp_path / "out" / delivered_name(info.path, "unisync_fr_0", ".exr", 1, 5)
    assert out.name == "unisync_fr_0.[0999-1003].exr"

    def pictures() -> Iterator[Picture]:
        for number, frame in read_frames(info, 1, 5):
            yield (number, mouth(frame), BOX) if number in (2, 3) else (number, None, False)

    made = written(info, out, pictures(), 5, start_frame=info.start_frame + 1)
    assert (made.frames, made.copied, made.encoded, made.codec) == (5, 3, 2, "EXR ZIP half")
    new = ImageSequence.of(out)
    assert new is not None
    same = [
        new.file(k).read_bytes() == (tmp_path / f"plate.{999 + k:04d}.exr").read_bytes()
        for k in range(5)
    ]
    assert same == [True, False, False, True, True]
    result = probe(out, FILM)
    assert (result.start_frame, result.reel) == (86_401, "A001C003")
    names = sorted(path.name for path in out.parent.iterdir())
    frames = [f"unisync_fr_0.{n:04d}.exr" for n in range(999, 1004)]
    assert names == ["provenance.json", *frames]
    assert json.loads((out.parent / "provenance.json").read_text()) == {"comment": "AI"}
    assert not any(path.is_symlink() or path.stat().st_nlink > 1 for path in out.parent.iterdir())
    remove(out)
    assert not whole(out).exists()


def test_a_baked_retime_counts_its_own_timecode(tmp_path: Path) -> None:
    """Each new frame is another plate frame; its time address goes on from the first."""
    info = probe(shot_dpx(tmp_path, range(0, 8)), FILM)
    out = tmp_path / "out" / "x" / "x.[2-5].dpx"
    played = [6, 4, 2, 0]
    frames = ((n, mouth(f), BOX) for n, f in zip(played, read_played(info, played), strict=True))
    written(info, out, frames, 4, start_frame=90_100)
    result = probe(out, FILM)
    assert (result.start_frame, result.has_timecode) == (90_100, True)
    greys = [int(planes_of(frame)[0][15, 0]) for _, frame in read_frames(result, 0, 4)]
    assert greys == played


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    info = probe(shot_dpx(tmp_path, range(5)), FILM)
    out = tmp_path / "out" / "x" / "x.[0-2].dpx"
    with pytest.raises(MediaError, match="2 frames came for a sequence of 3"):
        written(info, out, iter([(0, None, False), (1, None, False)]), 3)
    assert not list((tmp_path / "out").iterdir())


def test_a_killed_writers_frames_are_cleared_away(tmp_path: Path) -> None:
    info = probe(shot_dpx(tmp_path, range(5)), FILM)
    out = tmp_path / "out" / "x" / "x.[0-1].dpx"
    killed = tmp_path / "out" / ".x.123.part"
    killed.mkdir(parents=True)
    written(info, out, iter([(0, None, False), (1, None, False)]), 2)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x"]


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        path = shot_exr(folder, range(1, count + 1), size=400)
        info = probe(path, FILM)
        out = folder / "out" / "x" / f"x.[0001-{count:04d}].exr"
        tracemalloc.start()
        written(info, out, ((n, mouth(f), BOX) for n, f in read_frames(info, 0, count)), count)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(32) < 1.2 * peak(4)


def test_a_sequence_outside_the_roots_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = shot_dpx(tmp_path, range(3))
    with confined([inside]):
        with pytest.raises(MediaError, match="outside the media roots"):
            find_sequence(path.with_name("scan_%d.dpx"))
        with pytest.raises(MediaError, match="outside the media roots"):
            probe(path, FILM)
    (inside / "scan_0.dpx").symlink_to(tmp_path / "scan_0.dpx")
    with confined([inside]), pytest.raises(MediaError, match="outside the media roots"):
        probe(inside / "scan_[0-0].dpx", FILM)


@pytest.mark.parametrize("rate", ["24", "25", "29.97", "30"])
@pytest.mark.parametrize("frame", [0, 1, 17_982, 107_892, 1_234_567])
def test_time_addresses_come_back(rate: str, frame: int) -> None:
    for drop in {False, Rate.of(rate).can_drop}:
        code = Timecode(frame, Rate.of(rate), drop)
        flags = 0x80_80_00_80  # colour frame and binary groups are nobody's to change
        packed = word_of(code, flags)
        assert packed & flags == flags
        assert timecode_of(packed, Rate.of(rate)) == code


def test_a_time_address_that_does_not_exist_is_none() -> None:
    for wrong in (0xFFFFFFFF, 0x01006000, 0x0000002A):
        assert timecode_of(wrong, FILM) is None
    assert timecode_of(word(86_400), Rate.of(48)) is None
