"""What a data set says of itself: the manifest, the clips held out, and all that was left out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from unisync_model.folder import ModelFolder
from unisync_model.pipeline_folder import parts_of
from unisync_model.prompt import PromptEmbeds
from unisync_model.training.prompts import Prompts
from unisync_model.training.samples import Row, read_manifest, write_manifest

from ..records import dump, load, write_atomic
from .kinds import Clip, Counted, Looked, Made, Rejected, Report, Source
from .settings import Labels, Settings

MANIFEST, HELD_OUT, REJECTED = "manifest.jsonl", "held_out.jsonl", "rejected.jsonl"
PROMPTS = "prompts.safetensors"
_ONE_IN, _MOST_HELD = 20, 8

Record = TypeVar("Record")


def write_lists(
    out: Path, settings: Settings, keys: Mapping[Path, str], hold_out: int | None
) -> Report:
    """Write the lists of all that was ever made in ``out`` with these settings.

    Args:
        keys: the sources of this call and their fingerprints; what an earlier call found in
            another file of the same name is left out.
        hold_out: clips kept from training; None: one in twenty, at most 8.
    """
    home = out / "sets" / settings.digest

    def current(source: Path, identity: str) -> bool:
        return keys.get(source, identity) == identity

    sources = [s for s in _all(home / "sources", Source) if current(s.path, s.identity)]
    looked = [s for s in _all(home / "faces", Looked) if current(s.source, s.identity)]
    there = {clip.key for one in looked for clip in one.clips}
    made = [one for one in _all(home / "clips", Made) if one.clip.key in there and one.rows]
    rejected = [r for source in sources for r in source.rejected]
    rejected += [r for one in looked for r in one.rejected]
    rejected += [
        r for one in _all(home / "clips", Made) if one.clip.key in there for r in one.rejected
    ]
    held = _held(out / HELD_OUT, made, hold_out)
    labels = {one.clip.identity: _labels(out, one.clip) for one in made}
    rows = {one.clip.key: _rows(one, labels[one.clip.identity], settings) for one in made}
    train = [row for key, some in rows.items() if key not in held for row in some]
    aside = [row for key, some in rows.items() if key in held for row in some]
    words = parts_of(ModelFolder.open(settings.model)).prompt_embeds
    Prompts.of(PromptEmbeds.load(words)).save(out / PROMPTS)
    _write_rejected(out / REJECTED, rejected)
    write_atomic(out / "settings.json", dump(settings))
    write_manifest(out / HELD_OUT, aside)
    write_manifest(out / MANIFEST, train)
    everywhere = len(list((out / "sets").glob("*/clips/*.safetensors")))
    return Report(
        manifest=out / MANIFEST,
        rows=len(train),
        held_out=len(aside),
        clips=len(made),
        seconds=float(sum(one.clip.seconds for one in made)),
        reasons=_counted(rejected),
        unlicensed=sum(not row.info["licence"] for row in (*train, *aside)),
        elsewhere=everywhere - len(list((home / "clips").glob("*.safetensors"))),
        domains=dict(Counter(row.domain or "not stated" for row in train)),
    )


def _all(folder: Path, kind: type[Record]) -> list[Record]:
    return [load(kind, path.read_bytes(), file=path) for path in sorted(folder.glob("*.json"))]


def _labels(out: Path, clip: Clip) -> Labels:
    path = out / "labels" / f"{clip.identity}.json"
    return load(Labels, path.read_bytes(), file=path)


def _rows(made: Made, labels: Labels, settings: Settings) -> list[Row]:
    """The rows of a clip with all that is known of it."""
    clip = made.clip
    known = {
        "source": clip.source.name,
        "identity": clip.identity,
        "frames": [clip.first, clip.first + clip.frames],
        "native_rate": str(clip.rate),
        "face": clip.face,
        "measures": clip.measures,
        **{name: value for name, value in asdict(labels).items() if name != "domain"},
    }
    if settings.relip:
        known |= {"engine": settings.relip, "engine_fingerprint": settings.relip_fingerprint}
    shard = f"sets/{settings.digest}/clips/{clip.key}.safetensors"
    return [
        Row(
            **{
                **row,
                "shape": tuple(row["shape"]),
                "shard": shard,
                "domain": labels.domain,
                "info": known | dict(row["info"]),
            }
        )
        for row in made.rows
    ]


def _held(path: Path, made: Sequence[Made], wanted: int | None) -> set[str]:
    """Keys of the clips held out: once held out, never trained on."""
    if wanted is None:
        wanted = min(_MOST_HELD, len(made) // _ONE_IN)
    before = {Path(row.shard).stem for row in read_manifest(path)} if path.is_file() else set()
    keys = sorted(one.clip.key for one in made)
    held = [key for key in keys if key in before]
    fresh = [key for key in keys if key not in before]
    return {*held, *fresh[: max(0, wanted - len(held))]}


def _write_rejected(path: Path, rejected: Iterable[Rejected]) -> None:
    lines = []
    for one in rejected:
        values = asdict(one) | {"rate": str(one.rate) if one.rate else None}
        lines.append(json.dumps({name: v for name, v in values.items() if v not in (None, "")}))
    part = path.with_name(f"{path.name}.partial")
    part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.replace(part, path)


def _counted(rejected: Sequence[Rejected]) -> tuple[Counted, ...]:
    counts = Counter(one.reason for one in rejected)
    seconds = {
        reason: sum(one.seconds for one in rejected if one.reason == reason) for reason in counts
    }
    table = [Counted(reason, counts[reason], round(seconds[reason], 2)) for reason in counts]
    return tuple(sorted(table, key=lambda one: (-one.seconds, one.reason)))
