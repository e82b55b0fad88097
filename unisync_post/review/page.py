"""The review page: one static file and its media, to be opened from disk."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jinja2

from ..errors import UniSyncError
from ..job.events import Event, Listener, silent
from ..job.result import ShotResult
from ..plan.plan import Plan
from ..records import write_atomic
from .data import STATES, Command, Json, Row, job_command, page_data, row_of
from .options import ReviewOptions
from .shots import ShotMedia, face_pictures, shot_media

_SCRIPTS = ("timecode.js", "pair.js", "stage.js", "strip.js", "details.js", "page.js")


def build_review(
    out: Path,
    plan: Plan,
    results: Mapping[str, ShotResult],
    *,
    job: Path | None = None,
    command: Command | None = None,
    burn_in: bool = True,
    events: Listener = silent,
) -> Path:
    """Write ``out/review/index.html`` and the media it shows; run again after any change.

    Review media whose inputs did not change are kept as they are. Nothing is removed. A shot whose
    media cannot be made is listed with the reason and does not stop the others.

    Args:
        out: output folder of the job; ``ShotResult.media`` is relative to it, the face candidates'
            thumbnails to ``out/shots/<result.key>``.
        results: by ``Shot.key``.
        job: job folder named in the commands; ``out`` when left out.
        command: makes those commands itself.
        burn_in: label the after pictures of draft engines.
        events: hears ``step`` "review" once for each shot, and a ``warning`` for each that failed.

    Returns:
        The page.

    Raises:
        OSError: the page cannot be written.
    """
    rows = [row_of(clip, results) for clip in plan.clips]
    rows = _with_media(rows, out, ReviewOptions(burn_in=burn_in), events)
    page = out / "review" / "index.html"
    write_atomic(page, render_page(plan, rows, command or job_command(job or out)).encode())
    return page


def _with_media(rows: list[Row], out: Path, options: ReviewOptions, events: Listener) -> list[Row]:
    """The rows with review media; clips that share a shot share its media."""
    total = sum(row.state == "rendered" for row in rows)
    made: dict[str, ShotMedia] = {}
    filled, done = [], 0
    for row in rows:
        if row.result is None:
            filled.append(row)
            continue
        row = _with_faces(row, row.result, out)
        if row.state == "rendered":
            row = _with_pictures(row, out, options, made)
            done += 1
            if row.trouble:
                events(_event("warning", row, message=row.trouble))
            events(_event("step", row, done=done, total=total))
        filled.append(row)
    return filled


def _with_faces(row: Row, result: ShotResult, out: Path) -> Row:
    """Kept shots too: which face to choose is asked most where none could be dubbed."""
    try:
        faces = face_pictures(out / "review" / row.folder, result, out / "shots" / result.key)
    except OSError as error:
        return replace(row, trouble=f"Face pictures are missing: {error}")
    return replace(row, faces=faces)


def _with_pictures(row: Row, out: Path, options: ReviewOptions, made: dict[str, ShotMedia]) -> Row:
    shot, result = row.clip.shot, row.result
    if shot is None or result is None:
        return row
    try:
        if result.key not in made:
            folder = out / "review" / row.folder
            made[result.key] = shot_media(folder, shot, result, out, options)
    except (UniSyncError, OSError) as error:
        return replace(row, trouble=f"No review pictures: {error}")
    return replace(row, media=made[result.key])


def _event(kind: str, row: Row, *, done: int = 0, total: int = 0, message: str = "") -> Event:
    key = row.result.key if row.result else ""
    return Event(kind, row.clip.index, key, "review", done, total, message=message)


def render_page(plan: Plan, rows: list[Row], command: Command) -> str:
    """The page's HTML. Text from the edit is data everywhere: escaped, never markup or script."""
    resources = files("unisync_templates.review")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = resources.joinpath("page.css").read_text("utf-8")
    parts = [resources.joinpath(name).read_text("utf-8") for name in _SCRIPTS]
    script = '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"
    template = environment.from_string(resources.joinpath("page.html.j2").read_text("utf-8"))
    return template.render(
        plan=plan,
        rows=rows,
        counts=_counts(rows),
        totals=_totals(rows),
        states=STATES,
        dubs=sorted({clip.path.name for clip in plan.dub.clips}),
        data=inline_json(page_data(plan, rows, command)),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def inline_json(value: Json) -> str:
    """JSON that cannot end its script element, nor open a comment in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _counts(rows: list[Row]) -> dict[str, int]:
    """Clips by state, in the order of :data:`STATES`, only those that occur."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in STATES if found[state]}


def _totals(rows: list[Row]) -> dict[str, object]:
    results = {row.result.key: row.result for row in rows if row.result}
    rendered = [r for r in results.values() if r.status == "rendered"]
    return {
        "shots": len(rendered),
        "frames": sum(r.frames for r in rendered),
        "changed": sum(r.changed for r in rendered),
        "seconds": sum(sum(r.seconds.values()) for r in results.values()),
        "draft": any(r.draft for r in rendered),
        "engines": sorted({" ".join(_engine(r.engine)) for r in rendered}),
    }


def _engine(engine: Mapping[str, str]) -> list[str]:
    return [engine[name] for name in ("name", "version") if engine.get(name)]


def _hash(text: str) -> str:
    """What the page's content security policy allows: exactly this inline text."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
