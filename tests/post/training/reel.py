"""Drawn people as real video files: a film of two shots, and whatever else a folder may hold."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
import soxr
from numpy.typing import NDArray

from unisync_model.characters.film import Scene, Seat, render
from unisync_model.characters.speech import mouth_curve
from unisync_post.demo.layout import ANNA, BRUNO
from unisync_post.demo.script import recording

RATE = Fraction(24000, 1001)
SOUND = 48_000
SHOT = 44
"""Frames of a shot."""
WIDTH, HEIGHT = 320, 240

Pictures = NDArray[np.uint8]
Sound = NDArray[np.float32]


@lru_cache(maxsize=4)
def talking(who: int) -> tuple[Pictures, Sound]:
    """(SHOT, H, W, 3) pictures of somebody who speaks, and what is said."""
    seats = (Seat((ANNA, BRUNO)[who], 0.5, 0.45, 0.26),)
    scene = Scene(seats, WIDTH, HEIGHT, seed=3 + 6 * who, rate=RATE)
    spoken = recording(("help", "memory")[who], "en")
    mouth = mouth_curve(spoken.phonemes, RATE, SHOT)
    count = round(SHOT / RATE * SOUND)
    sound = np.zeros(count, np.float32)
    said = soxr.resample(spoken.samples, spoken.sample_rate, SOUND)[:count]
    sound[: len(said)] = said
    return np.stack(list(render(scene, mouth))), sound


def write_video(path: Path, pictures: Pictures, sound: Sound | None) -> Path:
    """H.264 and PCM in QuickTime."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "14", "g": "12"})
        video.height, video.width = pictures.shape[1:3]
        video.pix_fmt = "yuv420p"
        audio = None if sound is None else container.add_stream("pcm_s16le", rate=SOUND)
        if audio is not None:
            audio.layout = "mono"
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            packed = np.clip(sound * 32767, -32768, 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(packed, "s16", "mono")
            frame.sample_rate, frame.pts = SOUND, 0
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def write_film(path: Path) -> Path:
    """Two people in two shots, each with the own voice."""
    shots = [talking(who) for who in (0, 1)]
    pictures, sounds = zip(*shots, strict=True)
    return write_video(path, np.concatenate(pictures), np.concatenate(sounds))


def write_bad(folder: Path) -> None:
    """One file for every reason to leave a source out, named after it."""
    pictures, sound = talking(0)
    _, other = talking(1)
    folder.mkdir()
    write_video(folder / "silent.mov", pictures, np.zeros_like(sound))
    write_video(folder / "mute.mov", pictures[:8], None)
    write_video(folder / "wrong_voice.mov", pictures, np.roll(other, SOUND // 2))
    write_video(folder / "short.mov", pictures[:12], sound)
    write_video(folder / "small.mov", _far(pictures), sound)
    grey = np.full_like(pictures, 90)
    write_video(folder / "no_face.mov", grey, sound)
    (folder / "empty.mov").write_bytes(b"")
    whole = (folder / "silent.mov").read_bytes()
    (folder / "broken.mov").write_bytes(whole[: len(whole) // 3])
    (folder / "notes.txt").write_text("no media")


def _far(pictures: Pictures) -> Pictures:
    """The same scene from far away."""
    out = np.full_like(pictures, 60)
    side = WIDTH // 4, HEIGHT // 4
    for k, picture in enumerate(pictures):
        out[k, 80 : 80 + side[1], 100 : 100 + side[0]] = cv2.resize(
            picture, side, interpolation=cv2.INTER_AREA
        )
    return out
