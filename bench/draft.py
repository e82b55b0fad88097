"""How good and how fast the draft engine is: ``python bench/draft.py``.

Needs ``UNISYNC_FOOTAGE``. Three figures, on faces that no network here has learned from:

* true against wrong dub. An engine whose networks learned from one half of the talking clips dubs
  several faces with several dubs; the lips are measured again in its pictures; a *judge* that
  learned from the other half (no synthetic lines either, so the two share nothing) says how well
  they fit the dub they were made for and every other one. Only frames with speech count: in
  silence no such judge is defined.
* how much of the original lips is left: the correlation of their opening with the opening measured
  in the output, on frames with speech, beside the correlation that the dub's own curve happens to
  have with them there (its chance level). Promised is a mean of at most 0.10 over ``FACES``, the
  faces left out of all training, and ``DUBS``. With ``--leak`` the same is measured, with the
  shipped weights and three dubs, on every face of the footage and nothing else is done: what is
  left of the original is the renderer's affair, so that faces it learned from may count, but the
  promise is not judged by them.
* pictures a second of ``generate`` at a 512 crop.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unisync_post.engines.base import Driver, Take
from unisync_post.engines.draft.control import voiced
from unisync_post.engines.draft.corpus import load_clips
from unisync_post.engines.draft.engine import DraftEngine
from unisync_post.engines.draft.fit import FitConfig
from unisync_post.engines.draft.lines import synthetic_lessons
from unisync_post.engines.draft.speech import SpeechModel, model_from, mouth_curves, shipped_model
from unisync_post.engines.draft.train import aligned_offsets, auc, fit_ensemble, generic_response
from unisync_post.faces.crop import crop_frame, crop_window, to_crop
from unisync_post.faces.matte import mouth_matte
from unisync_post.faces.speaker import mouth_opening, mouth_width
from unisync_post.faces.track import track_faces
from unisync_post.media.audio import read_mono
from unisync_post.media.frames import read_frames, rgb8
from unisync_post.media.probe import probe

FACES = ("faces/sun.mp4", "stylised/a.mp4", "faces/portrait_d12.mp4", "faces/portrait_d11.mp4")
DUBS = (
    ("german.wav", 0),
    ("russian.wav", 0),
    ("eng.wav", 10),
    ("eng.wav", 30),
    ("RD_Radio31_000.wav", 0),
    ("demo1_audio.wav", 0),
    ("walden.wav", 0),
    ("RD_Radio34_002.wav", 0),
    ("eng.wav", 20),
    ("demo2_audio.wav", 8),
)
"""File in the footage's ``audio`` folder, and the second to begin at."""
LEAK_DUBS = (("german.wav", 0), ("RD_Radio31_000.wav", 0), ("eng.wav", 30))
LEAK_PROMISED = 0.10
ENGINE_PEOPLE = frozenset("abchj")
FRAMES = 140
SIZE = 512


@dataclass(frozen=True)
class Scores:
    """How each output fits each dub, and what is left of the original."""

    true: list[float]
    wrong: list[float]
    leak: list[float]
    chance: list[float]
    speed: list[float]


def halves(footage: Path, cache: Path, steps: int) -> tuple[DraftEngine, SpeechModel, SpeechModel]:
    """The engine of one half of the people, its networks, and the judge of the other half."""
    clips = load_clips(footage, cache)
    mine = [clip for clip in clips if clip.person in ENGINE_PEOPLE]
    theirs = [clip for clip in clips if clip.person not in ENGINE_PEOPLE]
    lines, _ = synthetic_lessons()
    states = []
    for half, helped in ((mine, lines), (theirs, [])):
        lessons = [clip.lesson() for clip in half]
        offsets = aligned_offsets(lessons, helped, rounds=1)
        states.append(fit_ensemble(half, lessons, helped, offsets, FitConfig(steps=steps), (0, 1)))
    model = model_from(states[0])
    return DraftEngine(model=model, table=generic_response(mine)), model, model_from(states[1])


def read_face(path: Path, size: int = SIZE) -> Take:
    """The largest face of a clip as a take, without a dub."""
    info = probe(path)
    count = min(FRAMES, info.frames)
    pictures = [rgb8(frame) for _, frame in read_frames(info, 0, count)]
    track = max(track_faces(pictures, info.rate), key=lambda face: face.width)
    window = crop_window(track, size)
    landmarks = to_crop(track.landmarks, window).astype(np.float32)
    empty = np.zeros((size, size, 3), np.uint8)
    crops = np.stack(
        [
            crop_frame(picture, matrix, size) if np.isfinite(matrix).all() else empty
            for picture, matrix in zip(pictures, window.matrices, strict=True)
        ]
    )
    mouths = np.stack([mouth_matte(points, size).dilated for points in landmarks])
    silence = Driver(np.zeros(16000, np.float32), 16000, Fraction(0))
    return Take(
        crops, landmarks, np.ones(count, bool), mouths, crops, track.yaw, silence, info.rate
    )


def dubbed(take: Take, path: Path, start: int) -> Take:
    """The take with a dub."""
    seconds = Fraction(take.count) / take.rate.fps + 1
    samples = read_mono(path, Fraction(start), seconds)
    driver = Driver(samples, 16000, Fraction(0))
    return Take(
        take.frames,
        take.landmarks,
        take.generate,
        take.mouth,
        take.pose,
        take.yaw,
        driver,
        take.rate,
    )


def measured(frames: NDArray[np.uint8], take: Take) -> NDArray[np.float64]:
    """(2, F) opening and width of the lips in a take's pictures, NaN where no face is found."""
    tracks = track_faces(list(frames), take.rate)
    if not tracks:
        return np.full((2, len(frames)), np.nan)
    marks = max(tracks, key=lambda face: face.width).landmarks
    return np.stack([mouth_opening(marks), mouth_width(marks)]).astype(np.float64)


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson's, over the entries both have."""
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[both], b[both])[0, 1]) if both.sum() > 10 else 0.0


def fit_to(lips: NDArray[np.float64], take: Take, judge: SpeechModel) -> float:
    """How well measured lips fit a take's dub: mean of opening's and width's correlation."""
    curves = mouth_curves(take.driver, take.rate, take.count, judge)
    speech = spoken(take)
    scores = [correlation(np.where(speech, lips[row], np.nan), curves[:, row]) for row in (0, 1)]
    return float(np.mean(scores))


def spoken(take: Take) -> NDArray[np.bool_]:
    """(F,) frames with speech."""
    speech: NDArray[np.bool_] = voiced(take.driver, take.rate, take.count) > 0.5
    return speech


def left_over(
    lips: NDArray[np.float64],
    original: NDArray[np.float64],
    take: Take,
    model: SpeechModel,
) -> tuple[float, float]:
    """What the output's lips share with the original's, and what the dub itself shares with them.

    Args:
        lips, original: (2, F) of :func:`measured`.
        take: with its dub.
        model: the engine's networks.
    """
    before = np.where(spoken(take), original[0], np.nan)
    asked = mouth_curves(take.driver, take.rate, take.count, model)[:, 0]
    return correlation(lips[0], before), correlation(asked, before)


def judge_all(engine: DraftEngine, model: SpeechModel, judge: SpeechModel, footage: Path) -> Scores:
    """Dub every face with every dub and judge it against all of them.

    Args:
        engine: under test; ``model`` are its networks.
        judge: networks that share nothing with them.
        footage: the folder.
    """
    scores = Scores([], [], [], [], [])
    for name in FACES:
        plain = read_face(footage / name)
        takes = [dubbed(plain, footage / "audio" / file, start) for file, start in DUBS]
        original = measured(plain.frames, plain)
        for index, take in enumerate(takes):
            begin = time.perf_counter()
            made = engine.generate(take)
            scores.speed.append(take.count / (time.perf_counter() - begin))
            lips = measured(made.frames, take)
            fits = [fit_to(lips, other, judge) for other in takes]
            scores.true.append(fits[index])
            scores.wrong.extend(fits[:index] + fits[index + 1 :])
            leak, chance = left_over(lips, original, take, model)
            scores.leak.append(leak)
            scores.chance.append(chance)
            print(
                f"{name} + {DUBS[index][0]}@{DUBS[index][1]}: true {fits[index]:.2f}, "
                f"rank {1 + sum(f > fits[index] for f in fits)} of {len(fits)}, original lips "
                f"{leak:.2f} (chance {chance:.2f}), "
                f"{scores.speed[-1]:.0f} frames/s",
                flush=True,
            )
    return scores


def leak_table(footage: Path) -> None:
    """Print, for every face of the footage, what the shipped engine leaves of its lips."""
    engine, model = DraftEngine(), shipped_model()
    print(f"{'clip':32}  left  chance  (opening on frames with speech, {len(LEAK_DUBS)} dubs)")
    rows = []
    for path in sorted([*footage.glob("faces/*.m*"), *footage.glob("stylised/*.m*")]):
        plain = read_face(path)
        original = measured(plain.frames, plain)
        row = []
        for file, start in LEAK_DUBS:
            take = dubbed(plain, footage / "audio" / file, start)
            lips = measured(engine.generate(take).frames, take)
            row.append(left_over(lips, original, take, model))
        rows.append(np.mean(row, axis=0))
        name = path.relative_to(footage).as_posix()
        held = "*" if name in FACES else " "
        print(f"{name:31}{held}  {rows[-1][0]:+.2f}   {rows[-1][1]:+.2f}", flush=True)
    left, chance = np.mean(rows, axis=0)
    print(
        f"{'mean of ' + str(len(rows)):32}  {left:+.2f}   {chance:+.2f}   (* left out of training)"
    )


def main() -> None:
    """Run the bench and print its figures."""
    parser = argparse.ArgumentParser(description="Bench of the draft engine")
    parser.add_argument("--footage", type=Path, default=os.environ.get("UNISYNC_FOOTAGE"))
    parser.add_argument("--cache", type=Path, default=Path("build/draft"))
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--leak", action="store_true", help="only the original lips, every face")
    options = parser.parse_args()
    if options.footage is None:
        parser.error("set UNISYNC_FOOTAGE or pass --footage")
    if options.leak:
        leak_table(Path(options.footage))
        return
    torch.set_num_threads(1)
    engine, model, judge = halves(Path(options.footage), options.cache, options.steps)
    torch.set_num_threads(2)
    scores = judge_all(engine, model, judge, Path(options.footage))
    print(f"true {np.mean(scores.true):.3f}  wrong {np.mean(scores.wrong):.3f}")
    print(
        f"AUC true against wrong dub: {auc(np.array(scores.true), np.array(scores.wrong)):.3f} "
        "(target 0.95)"
    )
    leak = float(np.mean(scores.leak))
    print(
        f"correlation with the original lips, {len(FACES)} faces x {len(DUBS)} dubs, frames with "
        f"speech: {leak:.3f}, by chance {np.mean(scores.chance):.3f} (promised "
        f"{LEAK_PROMISED:.2f}: {'met' if leak <= LEAK_PROMISED else 'NOT met'})"
    )
    print(
        f"frames/s: median {np.median(scores.speed):.1f}, worst {min(scores.speed):.1f} (target 10)"
    )


if __name__ == "__main__":
    main()
