"""The sound of a timeline: FCPXML has no audio tracks, it has roles.

Every role becomes a track (several, where it sounds twice at once), named as the role: the clips of
``dialogue.french`` lie on ``dialogue.french``. Nests are opened, so that sound lies where it is
heard, in record time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import opentimelineio as otio

from ..otiotime import otio_time
from ..timebase import Rate
from .convert import warp
from .resources import Asset
from .retime import retime_of
from .roles import roles
from .tags import Tag, contents
from .tracks import Entry, Line, fill, lanes_of

if TYPE_CHECKING:
    from .read import Reader


@dataclass(frozen=True, slots=True)
class _At:
    """Where sound is being looked for.

    Attributes:
        record: record second of the clock's time ``clock``; ``pace``: its seconds a record second.
        rate: of the timeline around.
        window: record seconds outside which nothing is heard; None without end.
        muted: roles that are switched off.
        off: something around it is switched off.
    """

    record: Fraction
    clock: Fraction
    pace: Fraction
    rate: Rate
    window: tuple[Fraction, Fraction] | None = None
    muted: frozenset[str] = frozenset()
    off: bool = False

    def when(self, clock: Fraction | None) -> Fraction:
        return self.record if clock is None else self.record + (clock - self.clock) / self.pace

    def clipped(self, start: Fraction, end: Fraction) -> tuple[Fraction, Fraction]:
        if self.window is None:
            return start, end
        return max(start, self.window[0]), min(end, self.window[1])


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of one file's sound from ``start`` to ``end``, in record seconds.

    ``media`` is the file's time there, ``speed`` media seconds a record second, ``channel`` the
    one channel (from 1) that is heard, or None for all; ``key`` the origin of the picture clip that
    the sound is one element with.
    """

    start: Fraction
    end: Fraction
    media: Fraction
    speed: Fraction
    asset: Asset
    name: str
    role: str
    channel: int | None
    off: bool
    key: str | None


class Sounds:
    """Collects the sound under the spines of one sequence."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.found: list[Sound] = []

    def sequence(self, sequence: Tag, rate: Rate) -> None:
        """Everything that is heard in the edit."""
        zero = sequence.time("tcStart") or Fraction(0)
        at = _At(Fraction(0), zero, Fraction(1), rate)
        for spine in sequence.all("spine"):
            self._spine(spine, at)

    def _spine(self, spine: Tag, at: _At) -> None:
        cursor = at.record
        for child in spine.story():
            offset = child.time("offset")
            begin = cursor if offset is None else at.when(offset)
            picked = next(iter(child.story()), None) if child.name == "audition" else child
            if picked is not None:
                length = self._item(picked, replace(at, record=begin))
                cursor = begin + length / at.pace

    def _item(self, tag: Tag, at: _At) -> Fraction:
        """An element at ``at.record``; its length in the timeline around it."""
        self.reader.count()
        start, length = self.reader.extent(tag)
        retime = retime_of(tag, at.rate)
        own = replace(at, clock=start, pace=at.pace * retime.pace)
        here = replace(own, off=at.off or tag.is_off("enabled"))
        self._heard(tag, here, length)
        inside = contents(tag) if tag.name in ("clip", "sync-clip") else []
        for child in tag.story():
            if child not in inside:
                begin = own.when(child.time("offset"))
                self._place(child, replace(at, record=begin))
        return length

    def _place(self, tag: Tag, at: _At) -> None:
        """Something that begins at ``at.record`` and is no part of a storyline."""
        if tag.name == "spine":
            self._spine(tag, replace(at, clock=Fraction(0)))
        elif tag.name == "audition":
            for first in tag.story()[:1]:
                self._item(first, at)
        else:
            self._item(tag, at)

    def _heard(self, tag: Tag, at: _At, length: Fraction) -> None:
        """The element's own sound and that of what it holds."""
        if tag.get("srcEnable") == "video":
            return
        begin, sounds = tag.time("audioStart"), tag.length("audioDuration")
        begin = at.clock if begin is None else begin
        retime = retime_of(tag, at.rate)
        first = at.when(begin)
        # lengths are the timeline's own seconds, not the element's
        around = at.pace / retime.pace
        end = first + (length if sounds is None else sounds) / around
        window = at.clipped(first, end)
        if window[0] >= window[1] or retime.refuse or retime.ramp is not None:
            return
        if tag.name in ("asset-clip", "audio"):
            self._leaf(tag, at, window, retime.media(at.clock), at.pace * retime.slope)
            return
        inner_pace = at.pace * retime.slope
        if inner_pace <= 0:
            return
        inner = replace(
            at,
            clock=retime.media(at.clock),
            pace=inner_pace,
            window=window,
            muted=at.muted | _muted(tag),
        )
        self._inside(tag, inner)

    def _inside(self, tag: Tag, inner: _At) -> None:
        if tag.name in ("clip", "sync-clip"):
            for child in contents(tag):
                self._place(child, replace(inner, record=inner.when(child.time("offset"))))
        elif tag.name == "ref-clip":
            media = self.reader.resources.of(tag, "media")
            sequence = media.first("sequence")
            for spine in sequence.all("spine") if sequence is not None else []:
                self._spine(spine, inner)
        elif tag.name == "mc-clip":
            for angle in _heard_angles(self.reader.resources.of(tag, "media"), tag):
                self._spine(angle, inner)

    def _leaf(
        self,
        tag: Tag,
        at: _At,
        window: tuple[Fraction, Fraction],
        media: Fraction,
        speed: Fraction,
    ) -> None:
        asset = self.reader.resources.asset(self.reader.resources.of(tag, "asset"))
        if not asset.has_audio:
            return
        for role, channels in roles(tag):
            if role in at.muted:
                continue
            self.found.append(
                Sound(
                    start=window[0],
                    end=window[1],
                    media=media + (window[0] - at.record) * speed,
                    speed=speed,
                    asset=asset,
                    name=tag.get("name") or asset.name,
                    role=role,
                    channel=channels[0] if len(channels) == 1 else None,
                    off=at.off,
                    key=self.reader.keys.get(tag.row) if tag.name == "asset-clip" else None,
                )
            )

    def tracks(self, rate: Rate) -> list[otio.schema.Track]:
        """The sound by role, in the order in which roles are first met."""
        roles: dict[str, list[Sound]] = {}
        for sound in self.found:
            roles.setdefault(sound.role, []).append(sound)
        return [track for role, sounds in roles.items() for track in self._role(role, sounds, rate)]

    def _role(self, role: str, sounds: list[Sound], rate: Rate) -> Iterator[otio.schema.Track]:
        lines = []
        for sound in sounds:
            start = max(sound.start, Fraction(0))
            if start < sound.end:
                media = sound.media + (start - sound.start) * sound.speed
                sound = replace(sound, start=start, media=media)
                entry = Entry(start, sound.end, self._clip(sound, rate))
                lines.append(Line(0, [entry]))
        for lane in lanes_of(lines):
            track = otio.schema.Track(name=role, kind=otio.schema.TrackKind.Audio)
            _, dot, subrole = role.partition(".")
            if dot:
                track.metadata["unisync"] = {"language": subrole}
            cursor = Fraction(0)
            for line in sorted(lane.lines, key=lambda line: line.start):
                fill(track, cursor, line.start, rate)
                track.append(line.entries[0].item)
                cursor = line.end
            yield track

    def _clip(self, sound: Sound, rate: Rate) -> otio.schema.Clip:
        plate = sound.asset.rate or rate
        start = sound.media * plate.fps
        if sound.speed < 0:
            start += (sound.end - sound.start) * sound.speed * plate.fps
        clip = otio.schema.Clip(
            sound.name,
            self.reader.reference(sound.asset, False, None, plate),
            otio.opentime.TimeRange(
                otio_time(start, plate), otio_time((sound.end - sound.start) * rate.fps, rate)
            ),
        )
        if sound.speed != 1:
            clip.effects.append(warp(sound.speed))
        clip.enabled = not sound.off
        facts: dict[str, object] = {}
        if sound.channel is not None:
            facts["source_track"] = sound.channel
        if sound.key is not None:
            facts["sound_of"] = sound.key
        if facts:
            clip.metadata["unisync"] = facts
        return clip


def _muted(tag: Tag) -> frozenset[str]:
    """Roles that a nest does not play."""
    named = [s for s in tag.own() if s.name == "audio-role-source"]
    return frozenset(
        s.get("role") or "" for s in named if s.is_off("active") or s.is_off("enabled")
    )


def _heard_angles(media: Tag, tag: Tag) -> list[Tag]:
    """Angles of a multicam whose sound a clip plays."""
    multicam = media.first("multicam")
    if multicam is None:
        return []
    angles = multicam.all("mc-angle")
    sources = tag.all("mc-source")
    if not sources:
        return angles[:1]
    heard = {s.get("angleID") for s in sources if (s.get("srcEnable") or "all") != "video"}
    return [angle for angle in angles if angle.get("angleID") in heard]
