"""What is learned from: cached tensors in safetensors shards, listed by a JSONL manifest.

A row names tensors, it does not hold them: a scene rendered with K voices is K latents, and its
K (K - 1) pairs are rows that share them. Pose, mask and portrait are the scene's.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..masks import FRAMES
from ..shot_conditions import LEAD
from .errors import DataError

log = logging.getLogger(__name__)

Shape = tuple[int, int, int]
"""Latents, height, width."""
Altered = Literal["characters", "relip"]

MOTION_LATENTS = 19
OPEN_SHARDS = 32


@dataclass(frozen=True)
class Sample:
    """One clip as the network sees it; C channels, f latents of h x w cells.

    Attributes:
        name: what messages call it.
        x0: (C, f, h, w) the target, normalised latents.
        pose: (C, f, h, w) latents of the pose video.
        mask: (1, f, h, w) of 0 and 1, the mouth, grown (:func:`..masks.latent_mask`).
        audio: (layers, dim, LEAD + 4f) speech states of the *target's* voice at exact frame times,
            from ``LEAD`` frames before the clip.
        reference: (C, R, h, w) portraits, one of which is shown; from outside the clip, or with
            another mouth, lest it gives the mouth away.
        video: (C, f, h, w) the same picture with other lips, or None.
        altered: how those lips came about.
        motion: (C, 19, h, w) the latents before the clip, or None.
        prompt: which of the prompts describes it.
        rate: pictures a second, exact.
        domain: "film", "tv", "2d", "3d", ..
    """

    name: str
    x0: Tensor
    pose: Tensor
    mask: Tensor
    audio: Tensor
    reference: Tensor
    video: Tensor | None = None
    altered: Altered | None = None
    motion: Tensor | None = None
    prompt: int = 0
    rate: Fraction = Fraction(25)
    domain: str = ""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def shape(self) -> Shape:
        f, h, w = self.x0.shape[1:]
        return f, h, w

    def window(self, start: int, stop: int) -> Sample:
        """Latents ``start .. stop - 1``; its past is the clip's own where that is long enough."""
        if (start, stop) == (0, self.shape[0]):
            return self
        motion = self.motion if start == 0 else None
        if start >= MOTION_LATENTS:
            motion = self.x0[:, start - MOTION_LATENTS : start]
        cut = slice(start, stop)
        return replace(
            self,
            x0=self.x0[:, cut],
            pose=self.pose[:, cut],
            mask=self.mask[:, cut],
            audio=self.audio[..., FRAMES * start : LEAD + FRAMES * stop],
            video=None if self.video is None else self.video[:, cut],
            motion=motion,
        )


class Samples(Protocol):
    """Anything that training can draw from, in an order that does not change."""

    def __len__(self) -> int: ...

    def shape(self, index: int) -> Shape:
        """Of sample ``index``, without loading it."""

    def load(self, index: int) -> Sample: ...

    @property
    def fingerprint(self) -> str:
        """Changes with what there is to draw or its order; a resumed run compares it."""


@dataclass(frozen=True)
class Row:
    """One line of a manifest: where the tensors of a `Sample` are, and what is known of it.

    Tensors are named by their key in the shard. ``info`` is the preparation's (source, licence,
    consent, measurements); training does not read it.
    """

    name: str
    shard: str
    shape: Shape
    x0: str
    pose: str
    mask: str
    audio: str
    reference: str
    video: str | None = None
    altered: Altered | None = None
    motion: str | None = None
    prompt: int = 0
    rate: str = "25"
    domain: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keys(self) -> dict[str, str]:
        """The tensors that are there, by the sample's own names."""
        names = ("x0", "pose", "mask", "audio", "reference", "video", "motion")
        return {name: key for name in names if (key := getattr(self, name)) is not None}


class Manifest:
    """``Samples`` out of a manifest; shards are memory-mapped and opened when first needed.

    Attributes:
        rows: those that can be used, in the file's order.
        skipped: names of the rows left out because their shard is gone.
    """

    def __init__(self, rows: Sequence[Row], folder: Path, skipped: Sequence[str] = ()) -> None:
        self.rows, self.folder, self.skipped = tuple(rows), folder, tuple(skipped)
        self._open: OrderedDict[str, Any] = OrderedDict()

    @classmethod
    def open(cls, path: str | Path, missing: Literal["error", "skip"] = "error") -> Manifest:
        """Reads the list and looks whether every shard is there.

        Args:
            missing: "skip" leaves rows without a shard out, counts and logs them.

        Raises:
            DataError: an unreadable line, a row whose shard is gone, no row at all.
        """
        path = Path(path)
        rows = read_manifest(path)
        there = {shard: (path.parent / shard).is_file() for shard in {row.shard for row in rows}}
        gone = [row for row in rows if not there[row.shard]]
        if gone and missing == "error":
            raise DataError(
                f"the row {gone[0].name} needs {gone[0].shard}, which is gone "
                f"({len(gone)} of {len(rows)} rows)",
                file=path,
                remedy='Prepare it again, or set data.missing = "skip"',
            )
        if gone:
            log.warning("%d of %d rows are left out: their shards are gone", len(gone), len(rows))
        kept = [row for row in rows if there[row.shard]]
        if not kept:
            raise DataError("there is nothing to train on", file=path)
        return cls(kept, path.parent, [row.name for row in gone])

    def __len__(self) -> int:
        return len(self.rows)

    def __getstate__(self) -> dict[str, Any]:
        # another process opens its own shards
        return {**self.__dict__, "_open": OrderedDict()}

    def shape(self, index: int) -> Shape:
        return self.rows[index].shape

    @property
    def fingerprint(self) -> str:
        lines = "\n".join(f"{row.name} {row.shard} {row.shape}" for row in self.rows)
        return hashlib.sha256(lines.encode()).hexdigest()[:16]

    def load(self, index: int) -> Sample:
        """The sample of row ``index``, float32.

        Raises:
            DataError: a tensor that is gone or of another shape, naming row and shard.
        """
        row = self.rows[index]
        path = self.folder / row.shard
        try:
            shard = self._shard(path)
            tensors = {name: shard.get_tensor(key).float() for name, key in row.keys.items()}
            sample = Sample(
                name=row.name,
                altered=row.altered,
                prompt=row.prompt,
                rate=Fraction(row.rate),
                domain=row.domain,
                **tensors,
            )
        except (OSError, SafetensorError, DataError) as error:
            raise DataError(
                f"the row {row.name} cannot be loaded: {error}", file=path,
                remedy="Prepare it again, or take the row out of the manifest",
            ) from error  # fmt: skip
        if sample.shape != tuple(row.shape):
            raise DataError(
                f"the row {row.name} says {tuple(row.shape)} and the latents are {sample.shape}",
                file=path,
            )
        return sample

    def _shard(self, path: Path) -> Any:
        key = str(path)
        if key not in self._open:
            self._open[key] = safe_open(key, "pt")
            if len(self._open) > OPEN_SHARDS:
                self._open.popitem(last=False)
        self._open.move_to_end(key)
        return self._open[key]


def read_manifest(path: Path) -> tuple[Row, ...]:
    """Every line of a manifest.

    Raises:
        DataError: no file, or a line that is no row; its number is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"no manifest: {error.strerror}", file=path) from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            rows.append(Row(**{**values, "shape": tuple(values["shape"])}))
            Fraction(rows[-1].rate)
        except (ValueError, TypeError, KeyError) as error:
            known = ", ".join(f.name for f in fields(Row))
            raise DataError(
                f"line {number} is no row: {error}", file=path, remedy=f"A row has {known}"
            ) from error
    return tuple(rows)


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """The list, whole or not at all."""
    part = path.with_name(f"{path.name}.partial")
    text = "".join(json.dumps(asdict(row), sort_keys=True) + "\n" for row in rows)
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def write_shard(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """A shard, whole or not at all; a name is written only once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.partial")
    save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, part)
    os.replace(part, path)


def _check(sample: Sample) -> None:
    x0 = sample.x0
    if x0.ndim != 4 or not x0.numel():
        raise DataError(f"{sample.name}: the latents are {tuple(x0.shape)}, not (C, f, h, w)")
    channels, f, h, w = x0.shape
    wanted: dict[str, tuple[int | None, ...]] = {
        "pose": (None, f, h, w),
        "mask": (1, f, h, w),
        "audio": (None, None, LEAD + FRAMES * f),
        "reference": (channels, None, h, w),
        "video": (channels, f, h, w),
        "motion": (channels, MOTION_LATENTS, h, w),
    }
    for name, want in wanted.items():
        tensor = getattr(sample, name)
        if tensor is None:
            continue
        fit = tensor.ndim == len(want) and all(
            w in (None, g) for g, w in zip(tensor.shape, want, strict=True)
        )
        if not fit:
            shown = tuple("any" if n is None else n for n in want)
            raise DataError(f"{sample.name}: {name} is {tuple(tensor.shape)}, not {shown}")
    if (sample.video is None) != (sample.altered is None):
        raise DataError(f"{sample.name}: other lips and how they came about go together")
    for name in ("x0", "pose", "audio", "reference", "video", "motion"):
        tensor = getattr(sample, name)
        if tensor is not None and not torch.isfinite(tensor).all():
            raise DataError(f"{sample.name}: {name} holds NaN or infinity")
