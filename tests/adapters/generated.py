"""Whole edits as hypothesis draws them, written as six programs would write them. Synthetic.

A :class:`Story` is what an editor did: shots cut from plates, some at another speed or in a nest,
and languages on tracks of their own, whose lines begin before their pictures (J) or run on (L).
:data:`WRITERS` says it in the manner of Premiere, Resolve and Avid: none of these documents was
written by the application it imitates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import aaf_samples
import cmx
import fcpxmls
import otio_samples
import xmeml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from unisync_adapters.timebase import Rate

FOLDER = "/Volumes/Media"
"""Where the edits say that their media are; :data:`FOLDERS` lists how they write that."""
FOLDERS = (FOLDER, "D:/media", "/Volumes/A Disk")
PLATES = ("anna.mov", "ben.mov")
PLATE_FRAMES = 40
SOUND_FRAMES = 200
SPEEDS = (Fraction(1), Fraction(1), Fraction(1), Fraction(1, 2), Fraction(2), Fraction(-1))


@dataclass(frozen=True)
class Shot:
    """``length`` record frames of a plate, from its frame ``entry`` on (from below, in reverse).

    Attributes:
        gap: record frames of nothing before it.
        nested: it stands alone in a nested sequence.
        off: it is switched off, where the format has a switch.
    """

    plate: int
    entry: int
    length: int
    speed: Fraction = Fraction(1)
    nested: bool = False
    gap: int = 0
    off: bool = False


@dataclass(frozen=True)
class Line:
    """Record frames ``start`` to ``end`` play a sound file from its frame ``entry`` on."""

    start: int
    end: int
    entry: int


@dataclass(frozen=True)
class Voice:
    """A sound track: its name, its one file, and what is cut from it."""

    name: str
    file: str
    role: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Story:
    """An edit.

    Attributes:
        rate: of the sequence and of all media; ``start`` is its first frame's timecode.
        dub: the file that is the dub by the names of the tracks; None where several could be.
    """

    shots: tuple[Shot, ...]
    voices: tuple[Voice, ...]
    dub: str | None
    rate: Rate
    drop: bool = False

    @property
    def start(self) -> int:
        """Frame number of the sequence's and of every plate's timecode, 01:00:00:00 or so."""
        return self.rate.nominal * 3600

    def placed(self) -> Iterator[tuple[int, Shot]]:
        """Every shot with its record frame."""
        at = 0
        for shot in self.shots:
            at += shot.gap
            yield at, shot
            at += shot.length


ENGLISH = ("A1 EN ORIG", "orig_en.wav", "dialogue.english")
FRENCH = ("A2 FR DX", "dub_fr.wav", "dialogue.french")
GERMAN = ("A3 DE DX", "dub_de.wav", "dialogue.german")
MUSIC = ("A4 MX", "music.wav", "music")
LAYOUTS = (
    ((ENGLISH, FRENCH), FRENCH),
    ((FRENCH,), FRENCH),
    ((MUSIC, GERMAN), GERMAN),
    ((ENGLISH, FRENCH, GERMAN), None),
    ((("VO", "orig_en.wav", "dialogue.english"), ("VF", "dub_fr.wav", "dialogue.french")), FRENCH),
)
"""Tracks side by side, and which of them is the dub."""


@st.composite
def stories(draw: Any, rates: Sequence[str] = ("24",), most: int = 4) -> Story:
    """Edits of up to ``most`` shots."""
    shots = tuple(draw(st.lists(_shots(), min_size=1, max_size=most)))
    # an edit begins with a frame of nothing, to which Final Cut's sound is connected
    shots = (replace(shots[0], gap=shots[0].gap + 2), *shots[1:])
    tracks, dub = draw(st.sampled_from(LAYOUTS))
    rate = Rate.of(draw(st.sampled_from(rates)))
    story = Story(shots, (), dub and dub[1], rate, rate.can_drop and draw(st.booleans()))
    voices = tuple(Voice(*track, draw(_lines(story))) for track in tracks)
    return replace(story, voices=voices)


@st.composite
def _shots(draw: Any) -> Shot:
    speed = draw(st.sampled_from(SPEEDS))
    length = draw(st.integers(4, 8))
    entry = draw(st.integers(1, PLATE_FRAMES - 2 - int(abs(speed) * length)))
    # a retimed clip in a nest is the same twice over
    nested = speed == 1 and draw(st.sampled_from((False, False, True)))
    return Shot(
        draw(st.integers(0, len(PLATES) - 1)),
        entry + entry % 2,
        length,
        speed,
        nested,
        draw(st.sampled_from((0, 0, 3))),
        speed == 1 and not nested and draw(st.sampled_from((False, False, False, True))),
    )


@st.composite
def _lines(draw: Any, story: Story) -> tuple[Line, ...]:
    """A line under every shot, early or late by some frames, and never over another."""
    lines: list[Line] = []
    free = 0
    for at, shot in story.placed():
        start = max(free, at - draw(st.integers(0, 3)))
        end = max(start + 1, at + shot.length + draw(st.integers(-2, 3)))
        lines.append(Line(start, end, draw(st.integers(20, SOUND_FRAMES - 60))))
        free = end
    return tuple(lines)


# as Premiere and Resolve write FCP7 XML --------------------------------------------------------


def premiere(story: Story) -> bytes:
    return _xmeml(story, xmeml.PREMIERE)


def resolve_xml(story: Story) -> bytes:
    return _xmeml(story, xmeml.RESOLVE)


def _xmeml(story: Story, style: xmeml.Style) -> bytes:
    media = [xmeml.Media(name, PLATE_FRAMES, story.start, raster=(320, 240)) for name in PLATES]
    nests: dict[str, Sequence[Sequence[xmeml.Item]]] = {}
    items = []
    for number, (at, shot) in enumerate(story.placed()):
        end, plate = at + shot.length, media[shot.plate]
        if shot.nested:
            name = f"nest-{number}"
            nests[name] = [[xmeml.Item(plate, 0, shot.length, shot.entry)]]
            items.append(xmeml.Item(None, at, end, nest=name))
            continue
        speed = None if shot.speed == 1 else shot.speed
        entry = int(shot.entry / abs(shot.speed))
        reverse = shot.speed < 0
        items.append(
            xmeml.Item(plate, at, end, entry, enabled=not shot.off, speed=speed, reverse=reverse)
        )
    dubs = [
        xmeml.Dub(
            xmeml.Media(voice.file, SOUND_FRAMES, 0),
            *(first.start, first.end, first.entry),
            track_name=voice.name,
            more=tuple((line.start, line.end, line.entry) for line in more),
        )
        for voice in story.voices
        for first, *more in [voice.lines]
    ]
    edit = xmeml.Edit(
        [items],
        style=style,
        rate=story.rate,
        drop=story.drop,
        start=story.start,
        sound=False,
        dubs=dubs,
        nests=nests,
    )
    return edit.data()


# as Resolve writes OTIO and FCPXML -------------------------------------------------------------


def resolve_otio(story: Story) -> bytes:
    rate = float(story.rate.fps)
    tracks = [_otio_track(_otio_shots(story, rate), "Video", "V1")]
    for voice in story.voices:
        items, at = [], 0
        for line in voice.lines:
            items.append(otio_samples.gap(line.start - at))
            span = otio_samples.span(line.entry, line.end - line.start, rate)
            media = _otio_media(voice.file, 0, SOUND_FRAMES, rate)
            items.append(otio_samples.clip(voice.file, span, media_references=media))
            at = line.end
        tracks.append(_otio_track(_paced(items, rate), "Audio", voice.name))
    start = otio_samples.time(story.start, rate)
    edit = otio_samples.timeline(*tracks, global_start_time=start)
    return json.dumps(edit, indent=4).encode()


def _otio_track(items: Sequence[Any], kind: str, name: str) -> Any:
    facts = {"Locked": False} | ({"Audio Type": "Mono", "SoloOn": False} if kind == "Audio" else {})
    return otio_samples.track(*items, kind=kind, name=name, metadata={"Resolve_OTIO": facts})


def _otio_shots(story: Story, rate: float) -> list[Any]:
    items = []
    for _, shot in story.placed():
        items.append(otio_samples.gap(shot.gap))
        span = otio_samples.span(story.start + shot.entry, shot.length, rate)
        media = _otio_media(PLATES[shot.plate], story.start, PLATE_FRAMES, rate)
        effects = [] if shot.speed == 1 else [otio_samples.warp(float(shot.speed))]
        clip = otio_samples.clip(
            PLATES[shot.plate],
            span,
            media_references=media,
            effects=effects,
            enabled=not shot.off,
        )
        items.append(otio_samples.stack(otio_samples.track(clip)) if shot.nested else clip)
    return _paced(items, rate)


def _otio_media(name: str, start: int, frames: int, rate: float) -> Any:
    span = otio_samples.span(start, frames, rate)
    return {"DEFAULT_MEDIA": otio_samples.external(f"{FOLDER}/{name}", span, name=name)}


def _paced(items: list[Any], rate: float) -> list[Any]:
    """Gaps that last, in the edit's rate."""
    kept = []
    for item in items:
        if item["OTIO_SCHEMA"] == "Gap.1":
            length = item["source_range"]["duration"]["value"]
            if not length:
                continue
            item = {**item, "source_range": otio_samples.span(0.0, length, rate)}
        kept.append(item)
    return kept


def resolve_fcpxml(story: Story) -> bytes:
    rate = story.rate.fps
    plates = [fcpxmls.Media(name, rate, story.start, PLATE_FRAMES, audio=False) for name in PLATES]
    voices = tuple(
        (-lane, line.start, _fcpxml_line(voice, line, rate))
        for lane, voice in enumerate(story.voices, 1)
        for line in voice.lines
    )
    items: list[fcpxmls.Item] = []
    for _, shot in story.placed():
        if shot.gap:
            held = () if items else voices
            items.append(fcpxmls.Item("gap", frames=shot.gap, connected=held))
        kind = "ref-clip" if shot.nested else "asset-clip"
        plate = plates[shot.plate]
        items.append(
            fcpxmls.Item(
                kind,
                plate,
                shot.entry,
                shot.length,
                plate.name,
                speed=shot.speed,
                enabled=not shot.off,
            )
        )
    edit = fcpxmls.Edit(items, rate, "1.10", story.start, story.drop)
    return edit.data()


def _fcpxml_line(voice: Voice, line: Line, rate: Fraction) -> fcpxmls.Item:
    media = fcpxmls.Media(voice.file, rate, 0, SOUND_FRAMES, video=False)
    length = line.end - line.start
    return fcpxmls.Item("asset-clip", media, line.entry, length, voice.file, role=voice.role)


# as Avid writes AAF and EDL --------------------------------------------------------------------


def avid_aaf(story: Story) -> bytes:
    names = [*PLATES, *(voice.file for voice in story.voices)]
    media = [
        aaf_samples.Media(
            name,
            f"file://{FOLDER}/{name}",
            rate=story.rate.fps,
            length=PLATE_FRAMES if name in PLATES else SOUND_FRAMES,
            start=story.start if name in PLATES else 0,
            drop=story.drop,
            reel=None,
            sound_track=1,
            raster=(320, 240),
        )
        for name in names
    ]
    nests: list[list[Any]] = []
    picture: list[Any] = []
    for _, shot in story.placed():
        if shot.gap:
            picture.append(aaf_samples.Filler(shot.gap))
        played = aaf_samples.Shot(
            shot.plate, shot.entry, max(1, int(abs(shot.speed) * shot.length))
        )
        if shot.nested:
            nests.append([played])
            picture.append(aaf_samples.Nest(len(nests) - 1, 0, shot.length))
        elif shot.speed != 1:
            picture.append(aaf_samples.Fast(played, shot.length, shot.speed))
        else:
            picture.append(aaf_samples.Muted(played) if shot.off else played)
    sound = []
    for number, voice in enumerate(story.voices, len(PLATES)):
        pieces: list[Any] = []
        at = 0
        for line in voice.lines:
            if line.start > at:
                pieces.append(aaf_samples.Filler(line.start - at))
            pieces.append(aaf_samples.Shot(number, line.entry, line.end - line.start))
            at = line.end
        sound.append(pieces)
    sample = aaf_samples.Sample(
        [picture],
        media,
        sound,
        nests,
        rate=story.rate.fps,
        start=story.start,
        drop=story.drop,
    )
    return sample.data()


def avid_edl(story: Story) -> bytes:
    """Pictures alone; a frame rate is not said."""
    events = []
    for _, shot in story.placed():
        speed = None if shot.speed == 1 else f"{float(story.rate.fps * shot.speed):06.1f}"
        played = int(abs(shot.speed) * shot.length)
        entry = story.start + shot.entry + (played - 1 if shot.speed < 0 else 0)
        name = PLATES[shot.plate]
        events.append(
            cmx.Ev("AX", entry, shot.length, name, speed=speed, played=played, gap=shot.gap)
        )
    edit = cmx.Cmx(events, rate=story.rate, drop=story.drop, start=story.start)
    return edit.data()


WRITERS: dict[str, Callable[[Story], bytes]] = {
    "premiere.xml": premiere,
    "resolve.xml": resolve_xml,
    "resolve.otio": resolve_otio,
    "resolve.fcpxml": resolve_fcpxml,
    "avid.aaf": avid_aaf,
    "avid.edl": avid_edl,
}
"""By the name of a file that could be theirs."""


def some_documents(count: int, number: int) -> list[tuple[str, bytes]]:
    """``count`` edits in every manner, the same ones for the same ``number``."""
    made: list[tuple[str, bytes]] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(stories(rates=("23.976", "24", "25", "29.97", "59.94"), most=6))
    def collect(story: Story) -> None:
        for name, write in WRITERS.items():
            path = Path(name)
            made.append((f"{path.stem}_{len(made):04d}{path.suffix}", write(story)))

    collect()
    return made
