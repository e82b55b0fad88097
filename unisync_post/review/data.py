"""What the review page shows, as plain JSON values: one row for every picture clip."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..job.result import FaceChoice, ShotResult
from ..plan.plan import ClipPlan, Decision, Plan
from ..plan.shots import Shot
from .clock import record_clock, source_clock
from .figures import figures
from .shots import ShotMedia, media_folder

Json = Mapping[str, object]

Command = Callable[[ClipPlan, "int | None"], str]
"""The command that renders this clip again, with this face track if one is given."""

STATES = {
    "rendered": "Rendered",
    "kept": "Kept",
    "failed": "Failed",
    "refused": "Refused",
    "left": "Left alone",
    "pending": "Not rendered yet",
}


@dataclass(frozen=True)
class Row:
    """One picture clip on the page.

    Attributes:
        state: a key of :data:`STATES`.
        reason: what was decided and why.
        media: review media, when the shot was rendered and they could be made.
        trouble: why they could not.
        faces: file names of the face candidates' pictures, by track id.
    """

    clip: ClipPlan
    state: str
    reason: str
    result: ShotResult | None = None
    media: ShotMedia | None = None
    trouble: str = ""
    faces: Mapping[int, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where this row's media lie, relative to the page."""
        return "" if self.result is None else f"media/{media_folder(self.result)}"

    @property
    def state_name(self) -> str:
        return STATES[self.state]

    @property
    def plate(self) -> str:
        """File name of the media, as the edit writes it."""
        return re.split(r"[/\\]", self.clip.media.rstrip("/\\"))[-1]


def row_of(clip: ClipPlan, results: Mapping[str, ShotResult]) -> Row:
    """What became of this clip, before any review media are made."""
    if clip.decision is not Decision.RENDER or clip.shot is None:
        state = "refused" if clip.decision is Decision.REFUSE else "left"
        return Row(clip, state, clip.reason)
    result = results.get(clip.shot.key)
    if result is None:
        return Row(clip, "pending", clip.reason)
    if result.status != "rendered" or result.media is None:
        state = "failed" if result.status == "failed" else "kept"
        return Row(clip, state, result.reason or clip.reason, result)
    return Row(clip, "rendered", clip.reason, result)


def job_command(job: Path) -> Command:
    """``unisync render JOB --shots N --again``, or ``--face TRACK``, quoted for a shell."""

    def command(clip: ClipPlan, track: int | None) -> str:
        words = ["unisync", "render", str(job), "--shots", str(clip.index)]
        return shlex.join([*words, *(["--again"] if track is None else ["--face", str(track)])])

    return command


def page_data(plan: Plan, rows: list[Row], command: Command) -> Json:
    """Everything the page's script needs."""
    return {"shots": [shot_data(plan, row, command) for row in rows if row.clip.shot]}


def shot_data(plan: Plan, row: Row, command: Command) -> Json:
    """One clip that was to be rendered; ``view`` is None when there is nothing to play."""
    shot, result = row.clip.shot, row.result
    if shot is None:
        raise ValueError(f"clip {row.clip.index} has no shot")
    return {
        "index": row.clip.index,
        "name": row.clip.name,
        "track": row.clip.track,
        "timecode": row.clip.timecode,
        "plate": row.plate,
        "dub": ", ".join(row.clip.dub),
        "state": row.state,
        "stateName": row.state_name,
        "reason": row.reason,
        "trouble": row.trouble,
        "draft": bool(result and result.draft and row.state == "rendered"),
        "command": command(row.clip, None),
        "figures": [asdict(figure) for figure in figures(result)] if result else [],
        "passed": sorted(result.reasons.items(), key=lambda item: -item[1]) if result else [],
        "face": _face(row, result.face, command) if result and result.face else None,
        "view": _view(plan, shot, row, row.media) if row.media else None,
    }


def _face(row: Row, face: FaceChoice, command: Command) -> Json:
    voices = {track: name for name, track in face.characters.items()}
    candidates = []
    for candidate in face.candidates:
        track = candidate.get("id")
        if isinstance(track, int):
            name = row.faces.get(track)
            candidates.append(
                {
                    "track": track,
                    "chosen": track == face.track or track in voices,
                    "character": voices.get(track),
                    "picture": f"{row.folder}/{name}" if name else None,
                    "facts": _facts(candidate),
                    "command": command(row.clip, track),
                }
            )
    return {"reason": face.reason, "candidates": candidates}


def _facts(candidate: Mapping[str, object]) -> str:
    frames, width, score = (candidate.get(name) for name in ("frames", "width", "score"))
    facts = []
    if isinstance(frames, int):
        facts.append(f"{frames} frames")
    if isinstance(width, int | float):
        facts.append(f"{width:.0f} px wide")
    if isinstance(score, int | float):
        facts.append(f"fit {score:.2f}")
    return ", ".join(facts)


def _view(plan: Plan, shot: Shot, row: Row, media: ShotMedia) -> Json:
    proxies = media.proxies
    states = row.result.states if row.result else ""
    return {
        "folder": row.folder,
        "frames": proxies.frames,
        "size": [proxies.width, proxies.height],
        "rate": [shot.rate.fps.numerator, shot.rate.fps.denominator],
        "head": shot.head,
        "tail": shot.tail,
        "poster": proxies.poster,
        "states": states.ljust(proxies.frames, ".")[: proxies.frames],
        "changes": proxies.changes,
        "region": proxies.region,
        "dub": media.dub,
        "original": media.original,
        "record": record_clock(plan, shot),
        "source": source_clock(shot, media.clock),
    }
