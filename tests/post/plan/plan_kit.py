"""Edits made in code, and media that exist only as facts: planning never looks at a pixel."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
from numpy.typing import NDArray

from unisync_adapters.document import Document, Origin, PathMap
from unisync_adapters.reading import ReadTimeline
from unisync_adapters.timebase import Rate
from unisync_post.media.info import MediaInfo
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.plan import ClipPlan, Plan

SOUND_RATE = 48_000


def at(value: float, rate: float = 25) -> otio.opentime.RationalTime:
    return otio.opentime.RationalTime(value, rate)


def span(
    start: float, duration: float, rate: float = 25, duration_rate: float | None = None
) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(at(start, rate), at(duration, duration_rate or rate))


def reference(
    name: str, frames: int = 1000, rate: float = 25, start: int = 0, **facts: object
) -> otio.schema.ExternalReference:
    ref = otio.schema.ExternalReference(name, span(start, frames, rate))
    ref.metadata["unisync"] = facts
    return ref


def clip(
    name: str,
    start: float = 0,
    duration: int = 50,
    *,
    media: otio.core.MediaReference | None = None,
    rate: float = 25,
    record_rate: float = 25,
    speed: float | None = None,
    markers: Sequence[str] = (),
    **facts: object,
) -> otio.schema.Clip:
    """A clip of ``duration`` record frames; its origin is its name unless said otherwise."""
    made = otio.schema.Clip(name, media or reference(f"{name}.mov", rate=rate))
    made.source_range = span(start, duration, rate, record_rate)
    made.metadata["unisync"] = {"origin": name, **facts}
    if speed is not None:
        made.effects.append(otio.schema.LinearTimeWarp(time_scalar=speed))
    made.markers.extend(otio.schema.Marker(name=text) for text in markers)
    return made


def gap(duration: int, rate: float = 25) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=span(0, duration, rate))


def track(*items: Any, name: str = "V1", kind: str = "Video", **facts: object) -> Any:
    made = otio.schema.Track(name=name, kind=kind)
    made.extend(items)
    made.metadata["unisync"] = facts
    return made


def audio(*items: Any, name: str = "A1", **facts: object) -> Any:
    return track(*items, name=name, kind="Audio", **facts)


def nest(name: str, *tracks: Any, start: float = 0, duration: int | None = None) -> Any:
    made = otio.schema.Stack(name)
    made.extend(tracks)
    if duration is not None:
        made.source_range = span(start, duration)
    return made


@dataclass
class Desk:
    """A folder with sound files in it, and media facts by file name."""

    folder: Path
    media: dict[str, MediaInfo] = field(default_factory=dict)
    probed: list[Path] = field(default_factory=list)

    def plate(self, name: str, *, under: str = "", **facts: Any) -> MediaInfo:
        """Put a media file there: 1000 frames at 25 fps unless said otherwise."""
        path = self.folder / under / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        base = MediaInfo(
            path, "prores", "HQ", "yuv422p10le", 1920, 1080, Rate.of(25), 1000, identity=name
        )
        self.media[str(path)] = replace(base, **facts)
        return self.media[str(path)]

    def probe(self, path: Path) -> MediaInfo:
        self.probed.append(path)
        return self.media[str(path)]

    def sound(
        self,
        name: str,
        *bursts: tuple[float, float],
        length: float = 8,
        channels: int = 1,
        seed: int = 0,
    ) -> Path:
        """A WAV that is loud in these seconds and digitally silent elsewhere."""
        samples = np.zeros((round(length * SOUND_RATE), channels), np.int16)
        noise = np.random.default_rng(seed).integers(-9000, 9000, samples.shape, np.int16)
        for start, end in bursts:
            window = slice(round(start * SOUND_RATE), round(end * SOUND_RATE))
            samples[window] = noise[window]
        return self.samples(name, samples)

    def samples(self, name: str, samples: NDArray[np.int16]) -> Path:
        path = self.folder / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(SOUND_RATE)
            file.writeframes(samples.astype("<i2").tobytes())
        return path

    def document(
        self,
        *tracks: Any,
        rate: str | float = 25,
        start: int | None = None,
        name: str = "Cut",
        drop: bool = False,
        path_map: PathMap = PathMap(),  # noqa: B008
    ) -> Document:
        timeline = otio.schema.Timeline(name)
        timeline.tracks.extend(tracks)
        record = Rate.of(rate)
        if start is not None:
            timeline.global_start_time = at(start, float(record.fps))
        origins = {}
        number = 0
        for item in timeline.find_clips():
            key = item.metadata.get("unisync", {}).get("origin")
            if key and key not in origins:
                parent = item.parent()
                number += 1
                origins[key] = Origin(key, item.name, parent.name if parent else "V1")
        return Document(
            self.folder / "cut.otio",
            b"bytes",
            None,
            ReadTimeline(timeline, record),
            origins,
            record,
            drop,
            path_map,  # type: ignore[arg-type]
        )

    def plan(self, *tracks: Any, dub: Path | str | None = None, **said: Any) -> Plan:
        """Plan these tracks with this dub file."""
        facts = {key: said.pop(key) for key in ("rate", "start", "drop") if key in said}
        files = [*said.pop("dub_files", ()), *([dub] if dub is not None else [])]
        said["dub"] = tuple(DubFile.parse(str(file)) for file in files)
        document = self.document(*tracks, path_map=said.get("path_map", PathMap()), **facts)
        return make_plan(document, PlanOptions(**said))


def loud_spans(chunks: Any) -> list[tuple[Fraction, Fraction]]:
    """Stands in for speech detection: whatever is not digital silence speaks, to 10 ms."""
    samples = np.concatenate([*chunks, np.zeros(160, np.float32)])
    parts = np.split(samples, range(160, len(samples), 160))
    loud = [bool(np.abs(part).max() > 0.1) for part in parts]
    edges = np.flatnonzero(np.diff([False, *loud, False]))
    return [
        (Fraction(int(a), 100), Fraction(int(b), 100))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def sound_in(path: Path) -> NDArray[np.int16]:
    """All samples of a WAV written here, (N, channels)."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return samples.reshape(-1, file.getnchannels())


def by_name(plan: Plan, name: str) -> ClipPlan:
    (found,) = [c for c in plan.clips if c.name == name]
    return found
