"""How fast characters are drawn, and how well faces and lips are found: ``bench/characters.py``.

* Milliseconds of one core for a frame, per crop size, with one and with five speeches to a scene,
  and to paint a scene's layers first; for a film frame of the demo's size with one and with two
  people; seconds of speech made in a second.
* Of ``--scenes`` random scenes of each look, drawn as 384-pixel crops framed like the product's
  window and by a full second of head motion: in how many frames the product's face models see the
  speaker, and how their lip opening follows the true curve (correlation over a scene's frames,
  median over scenes; only frames that were found, things in front of the face included).

``--sheet PICTURE.png`` draws the contact sheet of docs/ instead: forty characters, a sentence, and
scenes with two speeches, their mask and their pose drawing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unisync_model.characters.crops import PRODUCT, FaceCrop, face_crop, render_truth
from unisync_model.characters.figures.palette import LOOKS, Look
from unisync_model.characters.film import render
from unisync_model.characters.speech import articulation
from unisync_model.characters.splits import character_seeds
from unisync_model.characters.spoken import random_speech
from unisync_model.characters.stage import Stage, random_scene
from unisync_post.demo.layout import CAMERAS, HEIGHT, WIDTH
from unisync_post.faces.detect import FaceDetector
from unisync_post.faces.landmarks import FaceMesh, region_of_box, region_of_mesh
from unisync_post.faces.speaker import mouth_opening

_FRAMES = 24
_PRESENCE = 0.5


def _curves(stage: Stage, count: int) -> NDArray[np.float32]:
    """(K, F, 6) of as many speeches."""
    spoken = [random_speech(1000 * k + stage.seed, _FRAMES / 25 + 0.3) for k in range(count)]
    return np.stack([articulation(one.phonemes, stage.rate, _FRAMES) for one in spoken])


def _cpu_seconds(crop: FaceCrop, curves: NDArray[np.float32]) -> float:
    start = time.process_time()
    crop.render_all(curves)
    return time.process_time() - start


def print_speed(scenes: int) -> None:
    """Milliseconds a frame."""
    cv2.setNumThreads(1)
    stages = [random_scene(seed) for seed in range(scenes)]
    curves = [_curves(stage, 5) for stage in stages]
    print("size   paint a scene   one speech   five speeches     (ms; the latter a frame)")
    for size in (96, 128, 192, 512):
        total = np.zeros(3)
        few = stages if size < 512 else stages[:3]
        for stage, curve in zip(few, curves, strict=False):
            crop = face_crop(stage, size)
            total[0] += _cpu_seconds(crop, curve[:1, :1])
            total[1] += _cpu_seconds(crop, curve[:1]) / _FRAMES
            total[2] += _cpu_seconds(crop, curve) / curve[..., 0].size
        paint, one, five = 1000 * total / len(few)
        print(f"{size:4d} {paint:13.0f} {one:14.2f} {five:14.2f}")
    for camera in (CAMERAS[0], CAMERAS[2]):
        pictures = render(camera.scene, curves[0][:2])
        next(pictures)
        start = time.process_time()
        count = len(list(pictures))
        cost = 1000 * (time.process_time() - start) / count
        print(f"film frame, {WIDTH}x{HEIGHT}, people: {len(camera.scene.seats)}   {cost:.1f}")
    start = time.perf_counter()
    made = sum(len(random_speech(seed, 8).samples) for seed in range(10)) / 22050
    print(f"speech: {made / (time.perf_counter() - start):.0f} s a second")


def _found(
    pictures: NDArray[np.uint8], detector: FaceDetector, mesh: FaceMesh
) -> NDArray[np.float32]:
    """(F,) lip opening as the mesh sees it; NaN where no face is seen."""
    openings = np.full(len(pictures), np.nan, np.float32)
    for index, picture in enumerate(pictures):
        faces = detector.detect(picture)
        middle = np.array(picture.shape[1::-1]) / 2
        faces.sort(key=lambda f: float(np.hypot(*(np.reshape(f.box, (2, 2)).mean(0) - middle))))
        if not faces:
            continue
        seen = mesh.look(picture, region_of_box(faces[0].box, faces[0].eyes))
        if seen is not None and seen.score >= _PRESENCE:
            seen = mesh.look(picture, region_of_mesh(seen.points))
        if seen is not None and seen.score >= _PRESENCE:
            openings[index] = mouth_opening(seen.points[None].astype(np.float32))[0]
    return openings


def print_found(scenes: int, size: int, looks: tuple[Look, ...] = LOOKS) -> None:
    """How many faces are found, and how the lips are read."""
    print(
        f"look     frames found   scenes found   lip correlation (median, worst tenth)  {size} px"
    )
    with closing(FaceDetector()) as detector, closing(FaceMesh()) as mesh:
        for look in looks:
            seeds = character_seeds("test")
            shares, agreed = [], []
            for _ in range(scenes):
                stage = random_scene(next(seeds), look)
                curve = _curves(stage, 1)[0]
                numbers = list(range(0, _FRAMES, 3))
                pictures = face_crop(stage, size, PRODUCT).render(curve, numbers)
                openings = _found(pictures, detector, mesh)
                seen = np.isfinite(openings)
                shares.append(seen.mean())
                true = curve[numbers, 0]
                if seen.sum() > 5 and true[seen].std() > 0.05:
                    agreed.append(np.corrcoef(openings[seen], true[seen])[0, 1])
            low, middle = np.percentile(agreed, (10, 50)) if agreed else (np.nan, np.nan)
            whole = np.mean(np.array(shares) > 0.9)
            print(f"{look:8s} {np.mean(shares):10.0%} {whole:14.0%} {middle:18.2f} {low:10.2f}")


def _row(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.hstack(pictures)


def draw_sheet(path: Path, side: int = 104, columns: int = 8) -> None:
    """The contact sheet."""
    rng, tiles = np.random.default_rng(2), []
    for seed in range(40):
        stage = replace(random_scene(300 + seed), grain=0.0)
        number = int(rng.integers(_FRAMES))
        tiles.append(face_crop(stage, side, PRODUCT).render(_curves(stage, 1)[0], [number])[0])
    rows = [_row(tiles[k : k + columns]) for k in range(0, 40, columns)]
    for seed in (8, 21):
        stage = replace(random_scene(seed), grain=0.0, thing=None)
        numbers = list(range(6, 6 + 2 * columns, 2))
        rows.append(_row(list(face_crop(stage, side).render(_curves(stage, 1)[0], numbers))))
    pairs = []
    for seed in (3, 30):
        stage = replace(random_scene(seed), grain=0.0)
        first, second = (render_truth(stage, c, [12], side) for c in _curves(stage, 2))
        masked = first.frames[0].copy()
        masked[first.masks[0]] = masked[first.masks[0]] // 2 + np.array([0, 110, 0], np.uint8)
        pairs += [first.frames[0], second.frames[0], masked, first.poses[0]]
    rows.append(_row(pairs))
    # six bits a channel: half the file, and no eye sees it
    sheet = np.vstack(rows) // 4 * 4 + 2
    cv2.imwrite(str(path), sheet[..., ::-1], (cv2.IMWRITE_PNG_COMPRESSION, 9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100, help="scenes of each look")
    parser.add_argument("--size", type=int, default=384, help="crop looked at, pixels")
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--sheet", type=Path, help="draw the contact sheet, measure nothing")
    options = parser.parse_args()
    if options.sheet is not None:
        draw_sheet(options.sheet)
        return
    print_speed(12)
    if not options.speed_only:
        print_found(options.scenes, options.size)


if __name__ == "__main__":
    main()
