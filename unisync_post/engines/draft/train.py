"""Make the draft engine's weights: ``python -m unisync_post.engines.draft.train``.

Needs the footage folder (``UNISYNC_FOOTAGE``) and eSpeak NG. Seeds are fixed: the same machine
makes the same bytes, another one the same weights up to floating-point noise. About five minutes
on two cores after the clips have been measured once.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from unisync_model.characters.speech import SpeechError

from ...errors import MediaError, UniSyncError
from ...faces.speaker import speech_fit
from .corpus import Clip, folds, load_clips
from .engine import TABLE
from .fit import FitConfig, fit
from .lessons import Lesson
from .lines import synthetic_lessons
from .net import SpeechNet
from .shapes import pose_free, response
from .speech import WEIGHTS, SpeechModel, model_from

SEEDS = (0, 1)
FINAL = FitConfig(steps=1000)
QUICK = FitConfig(steps=350)
_QUANTILES = np.linspace(0, 1, 33)
_MAX_OFFSET = 11
"""Network outputs (20 ms each) of audio-video offset looked for in a training clip."""


def train(footage: Path, cache: Path, weights: Path = WEIGHTS, table: Path = TABLE) -> None:
    """Measure the footage, align it, fit the networks and the table, write both files."""
    clips = load_clips(footage, cache)
    lessons = [clip.lesson() for clip in clips]
    lines, held = synthetic_lessons()
    offsets = aligned_offsets(lessons, lines)
    print("offsets (ms):", {name: 20 * value for name, value in offsets.items()}, flush=True)
    state = fit_ensemble(clips, lessons, lines, offsets, FINAL, SEEDS)
    print(f"bilabials on held-out lines: AUC {closure_auc(model_from(state), held):.3f}")
    weights.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, weights, metadata={"format": "pt", "licence": "Apache-2.0"})
    save_file({"response": torch.from_numpy(generic_response(clips)).float()}, table)


def fit_ensemble(
    clips: list[Clip],
    lessons: list[Lesson],
    lines: list[Lesson],
    offsets: dict[str, int],
    config: FitConfig,
    seeds: tuple[int, ...],
) -> dict[str, torch.Tensor]:
    """Networks and the statistics of their output, as the tensors of one weights file."""
    aligned = [lesson.shifted(offsets[lesson.name]) for lesson in lessons]
    nets = [fit(aligned, lines, config, seed) for seed in seeds]
    state = {
        f"net{index}.{name}": tensor.contiguous()
        for index, net in enumerate(nets)
        for name, tensor in net.state_dict().items()
    }
    outputs = np.concatenate([predicted(nets, lesson) for lesson in aligned])
    state["heard"] = torch.from_numpy(np.quantile(outputs[:, 0], _QUANTILES)).float()
    state["spoken"] = torch.from_numpy(_talking_quantiles(clips)).float()
    state["width"] = torch.tensor(float(outputs[:, 1].std()))
    return state


def predicted(nets: list[SpeechNet], lesson: Lesson) -> NDArray[np.float32]:
    """(T, 3) mean output of some networks over a whole lesson."""
    with torch.inference_mode():
        mel = torch.from_numpy(lesson.mel)[None]
        mean: NDArray[np.float32] = torch.stack([net(mel)[0] for net in nets]).mean(0).numpy()
    return mean


def aligned_offsets(lessons: list[Lesson], lines: list[Lesson], rounds: int = 2) -> dict[str, int]:
    """How many outputs later each clip's lips belong, so that lips and sound agree.

    Published clips are often a few frames out of sync, and a network that learns from them
    unaligned learns a blur. Networks that never saw a person say where that person's lips fit
    best; then the networks are fitted again on the aligned clips. A best fit at the edge of the
    search is not believed.
    """
    offsets = {lesson.name: 0 for lesson in lessons}
    for _ in range(rounds):
        found: dict[str, int] = {}
        for people in folds(lessons, 4):
            shown = [x.shifted(offsets[x.name]) for x in lessons if x.person not in people]
            net = fit(shown, lines, QUICK, 0)
            for lesson in lessons:
                if lesson.person in people:
                    found[lesson.name] = _offset(predicted([net], lesson), lesson)
        offsets = found
    return offsets


def _offset(outputs: NDArray[np.float32], lesson: Lesson) -> int:
    seen = np.where(lesson.seen > 0, 1.0, np.nan)
    scores = []
    for shift in range(-_MAX_OFFSET, _MAX_OFFSET + 1):
        scores.append(
            sum(
                speech_fit(np.roll(lesson.lips[row] * seen, shift), outputs[:, row], 0)[0]
                for row in (0, 1)
            )
        )
    best = int(np.argmax(scores)) - _MAX_OFFSET
    return best if abs(best) < _MAX_OFFSET else 0


def _talking_quantiles(clips: list[Clip]) -> NDArray[np.float64]:
    """Quantiles of talking mouths' opening between closed (0) and the 92nd percentile (1)."""
    rows = []
    for clip in clips:
        opening = pose_free(clip.landmarks).controls[:, 0]
        opening = opening[np.isfinite(opening)]
        low, high = opening.min(), np.percentile(opening, 92)
        rows.append(np.clip((np.quantile(opening, _QUANTILES) - low) / (high - low), 0, 1))
    mean: NDArray[np.float64] = np.mean(rows, axis=0)
    return mean


def generic_response(clips: list[Clip]) -> NDArray[np.float64]:
    """(2, 478, 3) median over the clips of how each face follows opening and width."""
    tables = [response(pose_free(clip.landmarks), None) for clip in clips]
    middle: NDArray[np.float64] = np.median(tables, axis=0)
    return middle


def closure_auc(model: SpeechModel, lines: list[Lesson]) -> float:
    """How often a bilabial instant scores above another one on synthetic lines."""
    scores = np.concatenate([predicted(list(model.nets), x)[:, 2] for x in lines])
    shut = np.concatenate([x.closed for x in lines]) > 0
    return auc(scores[shut], scores[~shut])


def auc(positives: NDArray[np.floating], negatives: NDArray[np.floating]) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative."""
    order = np.sort(np.asarray(negatives, np.float64))
    positives = np.asarray(positives, np.float64)
    below = np.searchsorted(order, positives, "left") + np.searchsorted(order, positives, "right")
    return float(below.mean() / (2 * len(order)))


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when the weights were written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--footage", type=Path, default=os.environ.get("UNISYNC_FOOTAGE"))
    parser.add_argument("--cache", type=Path, default=Path("build/draft"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        if options.footage is None:
            raise MediaError(
                "no training footage is named", remedy="Set UNISYNC_FOOTAGE or pass --footage."
            )
        train(Path(options.footage), options.cache)
    except (UniSyncError, SpeechError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
