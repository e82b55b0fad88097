"""Small jobs for the review page: pictures that carry their own frame number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from unisync_adapters.timebase import FrameRange, Rate, Timecode
from unisync_post.job.result import FaceChoice, ShotResult
from unisync_post.plan.plan import ClipPlan, Decision, DubChoice, Plan
from unisync_post.plan.shots import DubClip, Shot

BITS = 8
WIDTH, HEIGHT = 256, 128
CELL = WIDTH // BITS
BEFORE, AFTER = (200, 40, 40), (40, 60, 200)
"""The colours of a set bit: red in plates, blue in new media."""

Picture = NDArray[np.uint8]


def coded(number: int, ink: Sequence[int], changed: bool = False) -> Picture:
    """A picture whose eight columns spell the number; the lower third shows a change or not."""
    picture = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    for bit in range(BITS):
        if number >> bit & 1:
            picture[: HEIGHT // 2, bit * CELL : (bit + 1) * CELL] = ink
    if changed:
        picture[HEIGHT * 5 // 8 : HEIGHT * 7 // 8, 96:160] = 220
    return picture


def decoded(picture: Picture) -> int:
    """The number a picture of any size spells."""
    height, width = picture.shape[:2]
    row = picture[height // 4]
    return sum(int(row[int((bit + 0.5) * width / BITS)].max() > 110) << bit for bit in range(BITS))


def write_movie(path: Path, pictures: Iterator[Picture], rate: Rate, timecode: str = "") -> Path:
    """A small H.264 QuickTime file, with a start timecode if one is given."""
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("libx264", rate=rate.fps, options={"crf": "4", "g": "5"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if timecode:
            stream.metadata["timecode"] = timecode
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def tone(seconds: int) -> NDArray[np.int16]:
    """440 Hz at 48 kHz."""
    phase = np.arange(48_000 * seconds) * (2 * np.pi * 440 / 48_000)
    return (np.sin(phase) * 8000).astype(np.int16)


def write_wav(path: Path, samples: NDArray[np.int16]) -> Path:
    """48 kHz mono."""
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        block = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        block.sample_rate = 48_000
        container.mux(stream.encode(block))
        container.mux(stream.encode())
    return path


class Job:
    """An OUT folder with rendered shots, as the review page is given it.

    The plates start at 00:59:58;00 in 29.97 drop-frame, and the record clock at 01:00:00;00.
    """

    rate = Rate.of("30000/1001")
    frames = 40
    head = 4
    first = 6

    def __init__(self, folder: Path) -> None:
        self.out = folder / "OUT"
        (self.out / "media").mkdir(parents=True)
        self.plate = write_movie(
            folder / "plate.mov",
            (coded(k, BEFORE) for k in range(self.frames + 20)),
            self.rate,
            "00:59:58;00",
        )
        self.dub = DubClip(
            write_wav(folder / "FR_DX.wav", tone(70)), Fraction(0), Fraction(0), Fraction(70)
        )
        self.clips: list[ClipPlan] = []
        self.results: dict[str, ShotResult] = {}
        self.start = Timecode.parse("01:00:00;00", self.rate).frame

    def add(self, name: str, *, media: str = "", record: int | None = None) -> Shot:
        """A rendered shot; each further one shares the first one's movie."""
        index = len(self.clips) + 1
        at = (index - 1) * 32 if record is None else record
        new = self.out / "media" / "new.mov"
        if not new.exists():
            changed = (coded(self.first + k, AFTER, k == 22) for k in range(self.frames))
            write_movie(new, changed, self.rate)
        source = FrameRange(self.first, self.frames, self.rate)
        shot = Shot(
            key=f"shot{index}",
            origin=f"V1/{index}",
            name=name,
            media=self.plate,
            source=source,
            record=FrameRange(at, 32, self.rate),
            head=self.head,
            tail=4,
            length=self.frames,
            rate=self.rate,
            start=Fraction(self.first),
            dub_start=self.rate.seconds(at - self.head),
            dub=(self.dub,),
            language="fr",
        )
        self.results[shot.key] = self.result(shot)
        self._plan(name, at, Decision.RENDER, "FR_DX.wav speaks under it.", shot, media)
        return shot

    def leave(self, name: str, decision: Decision, reason: str) -> None:
        self._plan(name, len(self.clips) * 32, decision, reason, None, "")

    def result(self, shot: Shot) -> ShotResult:
        return ShotResult(
            key=f"render-{shot.key}",
            status="rendered",
            media="media/new.mov",
            frames=self.frames,
            changed=30,
            states="." * 8 + "b" * 2 + "g" * 30,
            reasons={"turned away": 8},
            outside_composite=0.0,
            outside_delivered=2.0,
            offset_before=5,
            offset_after=0,
            fit_before=0.2,
            fit_after=0.6,
            engine={"name": "draft", "version": "1"},
            face=FaceChoice(1, "the largest", ({"id": 0}, {"id": 1, "width": 90.0})),
            remarks={"coverage": 0.9},
            seconds={"faces": 1.0},
            sha256="ab" * 32,
        )

    def change(self, shot: Shot, **fields: object) -> None:
        self.results[shot.key] = replace(self.results[shot.key], **fields)  # type: ignore[arg-type]

    def plan(self, **fields: object) -> Plan:
        plan = Plan(
            edit="/edits/EP101.xml",
            edit_sha256="0" * 64,
            name="EP101",
            new_name="EP101_UNISYNC_FR_v001",
            rate=self.rate,
            drop=True,
            start_frame=self.start,
            dub=DubChoice((self.dub,), "fr", "given with --dub"),
            clips=tuple(self.clips),
        )
        return replace(plan, **fields)  # type: ignore[arg-type]

    def _plan(
        self, name: str, at: int, decision: Decision, reason: str, shot: Shot | None, media: str
    ) -> None:
        index = len(self.clips) + 1
        record = FrameRange(at, 32, self.rate)
        timecode = str(Timecode(self.start + at, self.rate, True))
        media = media or f"file:///SAN/{name}.mov"
        origin, dub = f"V1/{index}", ("FR_DX.wav",)
        self.clips.append(
            ClipPlan(
                index, origin, name, "V1", record, timecode, media, dub, 1.0, decision, reason, shot
            )
        )


def stamps(folder: Path) -> Mapping[str, int]:
    """Modification time of every file under the folder."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
