"""Nothing but plain media files reaches FFmpeg (fault table, rows 15 to 17)."""

from __future__ import annotations

import ast
import os
import struct
import sys
import wave
import zlib
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from traps import Web, disguised, in_limits, patched, urls

from unisync_post.errors import MediaError, UniSyncError
from unisync_post.media import open as door
from unisync_post.media.audio import audio_info, read_mono
from unisync_post.media.frames import read_frames
from unisync_post.media.probe import probe

ROOT = Path(__file__).parents[3]
READERS = {
    "av": {"open"},
    "cv2": {"imread", "VideoCapture"},
    "Image": {"open"},
    "OpenImageIO": {"ImageInput", "ImageBuf", "ImageCache"},
}
NEVER_IMPORTED = {"soundfile", "wavinfo", "torchaudio", "torchvision", "imageio", "ffmpeg"}


def calls(tree: ast.AST) -> Iterator[str]:
    """``av.open`` and its like, wherever a module calls or imports them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in READERS.get(node.value.id, ()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {alias.name for alias in node.names}
            yield from (f"{node.module}.{n}" for n in names & READERS.get(node.module, set()))
            if node.level == 0 and node.module.split(".")[0] in NEVER_IMPORTED:
                yield node.module
        elif isinstance(node, ast.Import):
            roots = {alias.name.split(".")[0] for alias in node.names}
            yield from roots & NEVER_IMPORTED


def test_row_15_media_has_one_door() -> None:
    folders = ("adapters", "model", "unisync_post", "templates", "bench")
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    found = {path: set(calls(ast.parse(path.read_text("utf-8")))) for path in modules}
    assert found.pop(Path(door.__file__)) == {"av.open", "OpenImageIO.ImageInput"}
    assert not {str(path): names for path, names in found.items() if names}


def test_row_15_the_traps_are_real(tmp_path: Path, movie: Path, web: Web) -> None:
    """What an unguarded reader does; else the tests below would prove nothing."""
    with pytest.raises(av.error.FFmpegError):
        av.open(urls(web, movie)["http"])
    assert "/a.mov" in web.visits
    av.open(urls(web, movie)["concat"]).close()
    alias = disguised(tmp_path, web, movie)["alias.mov"]
    with av.open(str(alias), options={"enable_drefs": "1"}) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


def test_row_15_urls_never_reach_ffmpeg(
    tmp_path: Path, movie: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in urls(web, movie).values():
        for reader in (probe, audio_info):
            with pytest.raises(MediaError):
                reader(Path(text))
    assert web.visits == []


@pytest.mark.parametrize(
    "name",
    [
        "hls.mp4", "hls.ts", "playlist.m3u8", "concat.mov", "concat_web.mp4", "dash.mov",
        "sdp.mov", "asx.mov", "reference.mov", "subtitle.mov", "secret.mov", "alias.mov",
        "linked.mov",
    ],
)  # fmt: skip
def test_row_15_playlists_and_reference_movies_are_refused(
    tmp_path: Path, movie: Path, web: Web, name: str
) -> None:
    path = disguised(tmp_path, web, movie)[name]
    for reader in (probe, audio_info):
        with pytest.raises(MediaError) as caught:
            reader(path)
        assert caught.value.file == str(path)
        assert caught.value.remedy
    with pytest.raises(MediaError):
        read_mono(path, Fraction(0), Fraction(1))
    assert web.visits == []


@pytest.mark.parametrize(
    "name", ["concat.mov", "concat_web.mp4", "sdp.mov", "reference.mov", "subtitle.mov"]
)
def test_row_15_containers_that_are_not_accepted_are_not_even_begun(
    tmp_path: Path, movie: Path, web: Web, name: str
) -> None:
    with pytest.raises(MediaError, match="in a container that is not accepted"):
        probe(disguised(tmp_path, web, movie)[name])


def test_row_15_a_reference_movie_is_named_with_what_it_refers_to(
    tmp_path: Path, movie: Path, web: Web
) -> None:
    made = disguised(tmp_path, web, movie)
    with pytest.raises(MediaError, match=r"reference movie.*good\.mov"):
        probe(made["alias.mov"])
    with pytest.raises(MediaError, match=r"reference movie.*http://127\.0\.0\.1"):
        probe(made["linked.mov"])


@pytest.mark.parametrize(
    "name",
    [
        "-i.mov", "--help", "shot_%04d.mov", "*.mov", "a?[1-9]{a,b}.mov", "file:x.mov",
        "http:x.mov", "concat:a|b.mov", "subfile,,start,0,end,9,,:x.mov", "pipe:",
        "a'\"\\;$(x).mov",
        "e\u0301 \u00e9.mov", "\U0001f3ac.mov", "new\nline.mov", "no_suffix", "movie.png",
        "x" * 251 + ".mov",
    ],
)  # fmt: skip
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_row_16_odd_names_are_opened_as_they_are(
    movie: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(movie.parent)
    path = movie.rename(movie.parent / name)
    for spelling in (path, Path(name)):
        info = probe(spelling)
        assert (info.frames, info.width) == (5, 128)
        assert [number for number, _ in read_frames(info, 0, 5)] == [0, 1, 2, 3, 4]


@pytest.mark.skipif(sys.platform == "win32", reason="devices and FIFOs are POSIX's")
def test_row_15_devices_and_fifos_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mov")
    for path in (tmp_path / "pipe.mov", Path("/dev/zero"), tmp_path):
        with pytest.raises(MediaError, match=r"no regular file|cannot be opened"):
            probe(path)


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


BOMBS = [(60_000, 60_000), (40_000, 40_000), (16_000, 12_000), (65_000, 2)]


@pytest.mark.parametrize(("width", "height"), BOMBS)
def test_row_17_a_png_of_billions_of_pixels(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(width, height))
    with pytest.raises(MediaError, match=r"bomb\.png"):
        in_limits(partial(probe, path))


@pytest.mark.parametrize(("width", "height"), BOMBS)
def test_row_17_prores_of_billions_of_pixels(movie: Path, width: int, height: int) -> None:
    raster = struct.pack(">HH", width, height)
    data = patched(movie.read_bytes(), b"apch", 28, raster)
    movie.write_bytes(patched(data, b"icpf", 12, raster))
    with pytest.raises(MediaError, match=rf"said to be {width}x{height}|larger than 128 mega"):
        in_limits(partial(probe, movie))


@pytest.mark.parametrize("count", [300, 10_000])
def test_row_17_ten_thousand_streams(movie: Path, count: int) -> None:
    data = movie.read_bytes()
    start = data.index(b"moov") - 4
    track = data.index(b"trak") - 4
    size = int.from_bytes(data[track : track + 4], "big")
    body = data[start + 8 : track] + data[track : track + size] * count
    movie.write_bytes(data[:start] + struct.pack(">I4s", len(body) + 8, b"moov") + body)
    with pytest.raises(MediaError, match="streams"):
        in_limits(partial(probe, movie))


def test_row_17_a_sample_table_of_a_hundred_million_pictures(movie: Path) -> None:
    """FFmpeg builds such a table before anybody can ask for its length: the limit must hold."""
    count = struct.pack(">I", 100_000_000)
    data = patched(movie.read_bytes(), b"stsz", 8, struct.pack(">I", 1) + count)
    data = patched(data, b"stsc", 16, count)
    movie.write_bytes(patched(data, b"stts", 12, count))
    with pytest.raises(UniSyncError):
        in_limits(partial(probe, movie))


def test_row_17_sound_of_two_weeks(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), "s16", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    samples = bytes([data[21] | 15]) + b"\xff" * 4  # STREAMINFO: 2**36 - 1 samples
    path.write_bytes(data[:21] + samples + data[26:])
    with pytest.raises(MediaError, match="said to last 398 hours"):
        audio_info(path)


def test_row_17_a_wav_of_empty_chunks_and_a_hostile_ixml(tmp_path: Path) -> None:
    path = tmp_path / "dub.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(9600))
    plain = path.read_bytes()
    bomb = b'<!DOCTYPE a [<!ENTITY b "cc">]><BWFXML><TRACK><NAME>&b;</NAME></TRACK></BWFXML> '
    for chunks, said in (
        ((b"junk" + bytes(4)) * 100_000, None),
        (b"iXML" + b"\xff\xff\xff\x7f", "it claims"),
        (b"iXML" + struct.pack("<I", len(bomb)) + bomb, "EntitiesForbidden"),
        (b"iXML" + struct.pack("<I", 8) + b"<BWFXML>", "ParseError"),
    ):
        path.write_bytes(plain + chunks)
        if said is None:
            assert audio_info(path).tracks == ()
            continue
        with pytest.raises(MediaError, match=said):
            audio_info(path)
