"""An edit, its media and its job: what the laws are checked on."""

from __future__ import annotations

import hashlib
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from generated import FOLDERS, SOUND_FRAMES, WRITERS, Story
from job_kit import Painter

from unisync_adapters.document import Document, PathMap, open_edit
from unisync_adapters.timebase import Rate
from unisync_post.demo.script import recording
from unisync_post.job.assemble import Assembled, assemble
from unisync_post.job.dub import plan_job
from unisync_post.job.folder import JobFolder
from unisync_post.job.run import render_job
from unisync_post.plan.options import DubFile, PlanOptions

RATE = Rate.of(24)


def write_sound(path: Path, language: str) -> None:
    """A line, said again and again for as long as the edits need; without a language, a hum."""
    spoken = recording("met", language if language in ("en", "fr", "de") else "en")
    count = SOUND_FRAMES * spoken.sample_rate // 24
    if language in ("en", "fr", "de"):
        sound = np.resize(spoken.samples, count)
    else:
        sound = 0.2 * np.sin(np.arange(count) / 9)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spoken.sample_rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())


@dataclass(frozen=True)
class Case:
    """An edit in one manner, over this footage, with a folder of its own."""

    name: str
    footage: Path
    folder: Path

    def write(self, story: Story) -> Path:
        edit = self.folder / "in" / self.name
        edit.parent.mkdir(parents=True)
        edit.write_bytes(WRITERS[self.name](story))
        return edit

    def options(self, **said: object) -> PlanOptions:
        """As a person would say them: an EDL has no sound and no paths."""
        if self.name == "avid.edl":
            said.setdefault("dub", (DubFile(self.footage / "dub_fr.wav", "fr"),))
            said |= {"rate": RATE, "media": (self.footage,)}
        paths = PathMap(tuple((folder, str(self.footage)) for folder in FOLDERS))
        return PlanOptions(path_map=paths, handles=2, **said)  # type: ignore[arg-type]

    def planned(self, edit: Path, options: PlanOptions) -> JobFolder:
        return plan_job(edit, self.folder / "out", options, Painter())

    def opened(self, edit: Path, options: PlanOptions) -> Document:
        return open_edit(edit, path_map=options.path_map, rate=options.rate)


def finished(job: JobFolder) -> Assembled:
    """The job rendered by an engine that paints mouths, and the edit that comes back."""
    render_job(job, engine=Painter())
    return assemble(job)


def digests(*folders: Path) -> dict[Path, str]:
    """Every file in these folders."""
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def packets(path: Path) -> list[bytes]:
    """The coded pictures of a file, in order."""
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]


def corner(path: Path, size: int = 48) -> list[np.ndarray]:
    """The luma of the top left corner of every picture, where no mouth is."""
    with av.open(str(path)) as container:
        return [
            frame.reformat(format="gray16le").to_ndarray()[:size, :size].astype(int)
            for frame in container.decode(video=0)
        ]
