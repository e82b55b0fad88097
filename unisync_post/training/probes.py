"""What is looked at while a run goes: clips held out, under another clip's voice.

The plate is a true clip and the voice is another's, as in a dub. *Follow* is how well the lips
that come out go with those that spoke the voice, *leak* how well with the plate's own
(reference: KeySync's LipLeak). Openings are read by the product's face mesh on decoded pictures; a
frame in which it sees no face in any of the three is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unisync_model.codec import STRIDE, LatentCodec
from unisync_model.settings import SamplingSettings
from unisync_model.training.generate import generated
from unisync_model.training.loop import Moment, Probe
from unisync_model.training.measure import sync
from unisync_model.training.prompts import Prompts
from unisync_model.training.samples import Sample, Samples

from ..faces.detect import FaceDetector
from ..faces.landmarks import FaceMesh, region_of_box, region_of_mesh
from ..faces.speaker import mouth_opening

Pictures = NDArray[np.uint8]
Curve = NDArray[np.float32]
Heard = Callable[[int, Mapping[str, float]], None]
"""Called with the step and what was measured."""

LATENTS = 10
"""Of a window: long enough for a few words, short enough for the 14B."""
_WINDOWS = 4
_COLUMNS = 6
_LEAST = 8
"""Frames in which all three mouths must be seen for a window to count."""


@dataclass(frozen=True)
class Dubbed:
    """A held-out clip and the one whose voice it is given."""

    plate: Sample
    voice: Sample

    @property
    def told(self) -> Sample:
        """What is generated from: the plate alone, under the other voice."""
        return replace(self.plate, audio=self.voice.audio, video=None, altered=None)


def dubs(held_out: Samples) -> list[Dubbed]:
    """Windows of a few held-out clips, each under the next one's voice; fewer than two clips make
    none."""
    clips: dict[tuple[int, int], list[Sample]] = {}
    seen: set[str] = set()
    for index in range(len(held_out)):
        sample = held_out.load(index)
        clip = sample.name.partition("@")[0]
        if clip not in seen:  # one rate of each clip
            seen.add(clip)
            clips.setdefault(sample.shape[1:], []).append(sample)
    # a list is as long as its fullest size
    alike = max(clips.values(), key=len, default=[])[:_WINDOWS]
    if len(alike) < 2:
        return []
    length = min(LATENTS, *(sample.shape[0] for sample in alike))
    cut = [sample.window(0, length) for sample in alike]
    return [Dubbed(a, b) for a, b in zip(cut, [*cut[1:], cut[0]], strict=True)]


def dub_probe(
    pairs: Sequence[Dubbed],
    prompts: Prompts,
    settings: SamplingSettings,
    codec: LatentCodec,
    heard: Heard,
) -> Probe:
    """Logs ``follow``, ``leak`` and the opening, and a sheet of each pair: plate, the voice's own
    picture, output."""
    plates = [decoded(codec, pair.plate) for pair in pairs]
    voices = [decoded(codec, pair.voice) for pair in pairs]
    known = [(read_opening(a), read_opening(b)) for a, b in zip(plates, voices, strict=True)]

    def probe(moment: Moment) -> None:
        curves = []
        for k, pair in enumerate(pairs):
            z = generated(moment.model, pair.told, prompts, settings)
            made = decoded(codec, replace(pair.plate, x0=z))
            rows = [_row(pictures) for pictures in (plates[k], voices[k], made)]
            moment.log.picture(f"sheet/{pair.plate.name}", np.concatenate(rows), moment.step)
            curves.append((read_opening(made), known[k][1], known[k][0]))
        values = follow_and_leak(curves)
        moment.log.scalars(values, moment.step)
        heard(moment.step, values)

    return probe


def follow_and_leak(curves: Sequence[tuple[Curve, Curve, Curve]]) -> dict[str, float]:
    """Of (output, voice, source) openings, NaN where no face was seen; how much was seen, too."""
    outputs, voices, sources = [], [], []
    total = sum(len(output) for output, _, _ in curves)
    for output, voice, source in curves:
        seen = np.isfinite(output) & np.isfinite(voice) & np.isfinite(source)
        if seen.sum() >= _LEAST:
            outputs.append(output[seen])
            voices.append(voice[seen])
            sources.append(source[seen])
    values = {"seen": sum(len(output) for output in outputs) / total if total else 0.0}
    if not outputs:
        return values
    found = sync(outputs, voices, sources)
    return values | {
        "follow": found.follow.value,
        "leak": found.leak.value,
        "leak_high": found.leak.high,
        "opening": found.opening,
    }


def decoded(codec: LatentCodec, sample: Sample) -> Pictures:
    """(F, H, W, 3) pictures of a sample's latents; the first stands for its own past."""
    z = sample.x0[None]
    return np.concatenate(list(codec.decode(z[:, :, :1], z, STRIDE * z.shape[2])))


def read_opening(pictures: Pictures) -> Curve:
    """(F,) opening of the mouth in face crops; NaN where the mesh sees no face."""
    found = np.full((len(pictures), 478, 3), np.nan, np.float32)
    with closing(FaceDetector()) as detector, closing(FaceMesh()) as mesh:
        for k, picture in enumerate(pictures):
            faces = detector.detect(picture)
            if not faces:
                continue
            region = region_of_box(faces[0].box, faces[0].eyes)
            for _ in range(2):
                seen = mesh.look(picture, region)
                if seen is None:
                    break
                region = region_of_mesh(seen.points)
            else:
                found[k] = seen.points if seen is not None else np.nan
    return mouth_opening(found)


def _row(pictures: Pictures) -> Pictures:
    """Pictures evenly out of (F, H, W, 3), beside each other."""
    chosen = np.linspace(0, len(pictures) - 1, _COLUMNS).round().astype(int)
    return np.concatenate(list(pictures[chosen]), axis=1)
