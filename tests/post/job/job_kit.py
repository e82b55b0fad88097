"""A tiny edit with a drawn speaker, and an engine that paints: the whole job in seconds."""

from __future__ import annotations

import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from unisync_model.characters.film import Scene, Seat, render
from unisync_model.characters.speech import mouth_curve
from unisync_post.demo.layout import ANNA, BRUNO
from unisync_post.demo.script import recording
from unisync_post.engines.base import EngineInfo, Generated, Take
from unisync_post.job.dub import Described, plan_job
from unisync_post.job.folder import JobFolder
from unisync_post.plan.options import DubFile, PlanOptions

RATE = Fraction(24)
FRAMES = 40
CAST = {3: ANNA, 5: BRUNO}
"""Who is seen in the scene of this seed."""

_CLIP = """<clipitem id="clip-{n}"><name>{name}</name><enabled>TRUE</enabled>
<duration>{frames}</duration><rate><timebase>24</timebase><ntsc>FALSE</ntsc></rate>
<start>{start}</start><end>{end}</end><in>{entry}</in><out>{exit}</out>
<file id="file-{n}"><name>{name}</name><pathurl>{url}</pathurl>
<rate><timebase>24</timebase><ntsc>FALSE</ntsc></rate><duration>{frames}</duration>
<timecode><rate><timebase>24</timebase><ntsc>FALSE</ntsc></rate><string>01:00:00:00</string>
<frame>86400</frame><displayformat>NDF</displayformat></timecode>
<media><video><samplecharacteristics><width>{width}</width><height>{height}</height>
</samplecharacteristics></video></media></file></clipitem>"""

_EDIT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xmeml>
<xmeml version="5"><sequence id="seq"><name>Reel</name><duration>200</duration>
<rate><timebase>24</timebase><ntsc>FALSE</ntsc></rate><media><video><track>{clips}</track></video>
</media></sequence></xmeml>
"""


@dataclass(frozen=True)
class Cut:
    """One clip: media, first frame, length."""

    media: Path
    entry: int = 5
    length: int = 8


def write_plate(path: Path, seed: int | None) -> Path:
    """A ProRes plate with one drawn person of :data:`CAST`, or (seed None) with nobody."""
    seats = () if seed is None else (Seat(CAST[seed], size=0.27),)
    scene = Scene(seats, 320, 240, seed=seed or 0, rate=RATE, outdoors=seed is None)
    mouth = mouth_curve(recording("met", "en").phonemes, RATE, FRAMES)
    with av.open(str(path), "w") as container:
        container.metadata["timecode"] = "01:00:00:00"
        stream = container.add_stream("prores_ks", rate=RATE, options={"profile": "standard"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv422p10le"
        for index, rgb in enumerate(render(scene, mouth)):
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv422p10le")
            frame.pts, frame.time_base = index, 1 / RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_dub(path: Path, line: str = "met", language: str = "fr") -> Path:
    """The dub as a plain WAV, from the sequence start."""
    spoken = recording(line, language)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spoken.sample_rate)
        sound = np.tile(spoken.samples, 2)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


def write_edit(path: Path, cuts: list[Cut], raster: tuple[int, int] = (320, 240)) -> Path:
    """An FCP7 XML with these clips end to end."""
    items, at = [], 0
    for n, cut in enumerate(cuts):
        items.append(
            _CLIP.format(
                n=n,
                name=cut.media.name,
                url=cut.media.as_uri(),
                frames=FRAMES,
                start=at,
                end=at + cut.length,
                entry=cut.entry,
                exit=cut.entry + cut.length,
                width=raster[0],
                height=raster[1],
            )
        )
        at += cut.length
    path.parent.mkdir(exist_ok=True)
    path.write_text(_EDIT.format(clips="".join(items)))
    return path


@dataclass
class Painter:
    """Paints the mouth; ``before`` is called with the number of each take."""

    before: Callable[[int], None] = lambda number: None
    window: int = 240
    takes: int = 0
    tint: tuple[int, int, int] = (40, 160, 40)
    seen: list[int] = field(default_factory=list)

    @property
    def info(self) -> EngineInfo:
        who = ("painter", "1", f"painter-{self.tint}", True, 256)
        return EngineInfo(*who, window=self.window, overlap=4)

    def generate(self, take: Take) -> Generated:
        self.takes += 1
        self.before(self.takes)
        frames: NDArray[np.uint8] = take.frames.copy()
        for k in np.flatnonzero(take.generate):  # a mouth that stood still would be refused
            frames[k][take.mouth[k] > 0] = np.array(self.tint, np.uint8) + 8 * (k % 2)
        return Generated(frames, take.generate.copy(), remarks={"takes": self.takes})


def plan_for(
    edit: Path, dub: Path, out: Path, engine: Described, language: str = "fr"
) -> JobFolder:
    """The planned job, without handles so that it stays small."""
    options = PlanOptions(dub=(DubFile(dub, language),), handles=2)
    return plan_job(edit, out, options, engine)
