"""What making new media costs beside its bare decoding and encoding, and whether memory stays flat.

    python bench/media.py [--seconds 10] [--long 600] [--raster 1080 2160] [--changed 1.0 0.5]

Generated ProRes 422 HQ clips with sound, 24 fps. "Path" is everything between a generated crop and
the finished file: decode the plate, warp and blend the crop under its matte, prove that nothing
else changed, encode, put the new slices among the plate's, copy the other pictures and the sound,
write, read back. "Bare" is only decoding and encoding the changed pictures, by the same libraries,
threads and settings. The network, and looking for faces, are not in either. Goals: path / bare
<= 1.15, and a peak of memory for --long <= 1.1 times that for --seconds.

Each figure is the best of --runs in a process of its own; peaks are those of whole processes.
Beside the clock's seconds stand the processors': where a machine has other work, read those.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from unisync_post.composite import ColourMatch, composite, outside_difference
from unisync_post.media.delivery import delivery_for, to_delivery
from unisync_post.media.frames import read_played
from unisync_post.media.info import MediaInfo
from unisync_post.media.mux import Picture, new_encoder
from unisync_post.media.open import create_media
from unisync_post.media.pixels import planes_of
from unisync_post.media.probe import probe
from unisync_post.media.write import write_media

RATE = Fraction(24)
LOOP = 24
CROP = 512
FACE = 0.35
"""Height of the crop's window as a share of the picture's: a close shot."""
TIME_GOAL, MEMORY_GOAL = 1.15, 1.1


def make_plate(path: Path, height: int, seconds: int) -> Path:
    """Moving gradients with grain: one second encoded, its packets repeated."""
    width = height * 16 // 9
    with create_media(path, "mov") as container:
        stream = container.add_stream("prores_aw", rate=RATE, options={"profile": "3"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv422p10le"
        sound = container.add_stream("pcm_s24le", rate=48000, layout="stereo")
        packets = [packet for frame in pictures(width, height) for packet in stream.encode(frame)]
        coded = [bytes(packet) for packet in [*packets, *stream.encode(None)]]
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.int32), "s32", "stereo")
        silence.sample_rate = 48000
        for number in range(seconds * LOOP):
            packet = av.Packet(coded[number % LOOP])
            packet.stream, packet.time_base = stream, 1 / RATE
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, True
            container.mux(packet)
            silence.pts = number * 2000
            container.mux(sound.encode(silence))
    return path


def pictures(width: int, height: int) -> Iterator[VideoFrame]:
    random = np.random.default_rng(0)
    ramp = np.linspace(200, 700, width + LOOP * 8)[None, :] + np.linspace(0, 150, height)[:, None]
    for number in range(LOOP):
        frame = VideoFrame(width, height, "yuv422p10le")
        luma, *chroma = planes_of(frame)
        luma[...] = ramp[:, number * 8 :][:, :width] + random.normal(0, 4, (height, width))
        for plane in chroma:
            plane[...] = 512 + random.normal(0, 2, plane.shape)
        frame.pts, frame.time_base = number, 1 / RATE
        yield frame


def changed_frames(count: int, share: float) -> list[bool]:
    """Runs of two seconds, of which ``share`` is changed, as speech and pauses take turns."""
    return [number % (2 * LOOP) < share * 2 * LOOP for number in range(count)]


def bare(info: MediaInfo, changed: list[bool]) -> None:
    """Decode and encode the changed pictures, and nothing else."""
    delivery = delivery_for(info)
    encoder = new_encoder(info, delivery, info.rate)
    wanted = [number for number, new in enumerate(changed) if new]
    for number, frame in enumerate(read_played(info, wanted)):
        frame.pts, frame.time_base = number, 1 / RATE
        encoder.encode(to_delivery(frame, delivery.pixel_format))
    encoder.encode(None)


def path(info: MediaInfo, changed: list[bool], out: Path) -> None:
    """The crops of the changed pictures into a new file, as a shot does it."""
    write_media(
        info, composited(info, changed), out, count=len(changed), rate=info.rate, start_frame=0
    )
    out.unlink()


def composited(info: MediaInfo, changed: list[bool]) -> Iterator[Picture]:
    zoom = CROP / (FACE * info.height)
    matrix = np.array(
        [
            [zoom, 0, CROP / 2 - zoom * info.width / 2],
            [0, zoom, CROP / 2 - zoom * info.height / 2],
        ]
    )
    soft, generated = mouth(), np.full((CROP, CROP, 3), 120, np.uint8)
    plates = read_played(info, [number for number, new in enumerate(changed) if new])
    for number, new in enumerate(changed):
        if not new:
            yield number, None, False
            continue
        plate = next(plates)
        generated[::2] = number % 200
        picture, region = composite(plate, generated, matrix, soft, ColourMatch.identity())
        assert outside_difference(plate, picture, region) == 0
        yield number, picture, region.box


def mouth() -> NDArray[np.float32]:
    """(S, S) float32: a soft ellipse where the lower face is."""
    hard = np.zeros((CROP, CROP), np.float32)
    cv2.ellipse(hard, (256, 350), (110, 90), 0, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(hard, (0, 0), 12).clip(0, 1), np.float32)


def one(work: str, plate: Path, share: float) -> dict[str, float]:
    """One measurement, in this process."""
    info = probe(plate)
    changed = changed_frames(info.frames, share)
    begin, busy = time.perf_counter(), time.process_time()
    if work == "bare":
        bare(info, changed)
    else:
        path(info, changed, plate.with_name("new.mov"))
    seconds, busy = time.perf_counter() - begin, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "cpu": busy, "peak": peak, "changed": sum(changed)}


def apart(work: str, plate: Path, share: float, runs: int) -> dict[str, float]:
    """The fastest of several measurements, each in a process of its own."""
    argv = [sys.executable, __file__, "--one", work, str(plate), str(share)]
    found = []
    for _ in range(runs):
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
    return min(found, key=lambda one: one["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--long", type=int, default=600, help="seconds; 0 leaves memory out")
    parser.add_argument("--raster", type=int, nargs="+", default=[1080, 2160])
    parser.add_argument("--changed", type=float, nargs="+", default=[1.0, 0.5])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        work, plate, share = wanted.one
        print(json.dumps(one(work, Path(plate), float(share))))
        return
    print(f"{date.today()}, {wanted.seconds} s and {wanted.long} s of ProRes 422 HQ, 24 fps")
    print(
        "| raster | changed | bare s | path s | path / bare | bare CPU s | path CPU s | "
        "path / bare | peak MiB | long, MiB | ratio |"
    )
    print("|---" * 11 + "|")
    missed = [row for height in wanted.raster for row in rows(height, wanted)]
    print("goals: " + ("MISSED in " + ", ".join(missed) if missed else "kept"))
    sys.exit(bool(missed))


def rows(height: int, wanted: argparse.Namespace) -> Iterator[str]:
    """Print a row for each share of changed pictures; yield what misses its goal."""
    with TemporaryDirectory() as name:
        plate = make_plate(Path(name) / "plate.mov", height, wanted.seconds)
        for share in wanted.changed:
            least, whole = (apart(work, plate, share, wanted.runs) for work in ("bare", "path"))
            ratio, text, growth = whole["seconds"] / least["seconds"], "| - | -", 0.0
            if wanted.long and share == wanted.changed[0]:
                lasting = make_plate(Path(name) / "long.mov", height, wanted.long)
                peak = apart("path", lasting, share, 1)["peak"]
                growth = peak / whole["peak"]
                text = f"| {peak:.0f} | {growth:.3f}"
                lasting.unlink()
            print(
                f"| {height * 16 // 9}x{height} | {whole['changed']:.0f} of "
                f"{wanted.seconds * LOOP} | {least['seconds']:.2f} | {whole['seconds']:.2f} "
                f"| {ratio:.3f} | {least['cpu']:.2f} | {whole['cpu']:.2f} "
                f"| {whole['cpu'] / least['cpu']:.3f} | {whole['peak']:.0f} {text} |",
                flush=True,
            )
            if ratio > TIME_GOAL:
                yield f"time at {height}, {share:.0%}"
            if growth > MEMORY_GOAL:
                yield f"memory at {height}"


if __name__ == "__main__":
    main()
