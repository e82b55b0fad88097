"""`unisync farm status` as a table that people watch."""

from __future__ import annotations

import time
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..farm.status import FarmShot, FarmStatus, farm_status
from ..job.folder import JobFolder

_ROWS = 40
"""Most lines of shots; a feature has two thousand."""
_EVERY = 2.0
_TROUBLE = {"failed": 0, "lost": 1, "running": 2, "waiting": 3, "kept": 4}
"""What is listed first; rendered shots are only counted."""
_STYLE = {"failed": "red", "lost": "yellow", "running": "green", "kept": "cyan"}


def follow(folder: JobFolder) -> None:
    """Show the table until every shot has ended, or the watcher has seen enough."""
    with Live(table(found := farm_status(folder)), refresh_per_second=2) as live:
        while found.counts.keys() & {"running", "waiting", "lost"}:
            time.sleep(_EVERY)
            found = farm_status(folder)
            live.update(table(found))


def table(found: FarmStatus) -> RenderableType:
    """The job in one line, a bar, and the shots that somebody may want to know of."""
    total = len(found.shots)
    over = sum(found.counts.get(name, 0) for name in ("rendered", "kept", "failed"))
    counts = ", ".join(f"{count} {name}" for name, count in sorted(found.counts.items()))
    left = f", about {found.minutes_left:.0f} min left" if found.minutes_left is not None else ""
    head = f"{found.name}  {found.state}  {counts}  {len(found.pilots)} pilots at work{left}"
    listed = sorted(
        (shot for shot in found.shots if shot.status in _TROUBLE),
        key=lambda shot: (_TROUBLE[shot.status], shot.shot),
    )
    parts: list[RenderableType] = [Text(head), ProgressBar(total=max(1, total), completed=over)]
    if listed:
        parts.append(_shots(listed[:_ROWS]))
    if len(listed) > _ROWS:
        parts.append(Text(f"and {len(listed) - _ROWS} more; --json has all of them"))
    return Group(*parts)


def plain(found: FarmStatus) -> dict[str, object]:
    """For programs."""
    return {**asdict(found), "path": str(found.path)}


def _shots(shots: list[FarmShot]) -> Table:
    made = Table("shot", "name", "timecode", "status", "pilot", "silent", "tries", "what")
    for shot in shots:
        made.add_row(
            str(shot.shot),
            Text(shot.name),
            shot.timecode,
            Text(shot.status, style=_STYLE.get(shot.status, "")),
            Text(shot.pilot),
            "" if shot.silent is None else f"{shot.silent:.0f} s",
            str(shot.tries + shot.deaths or ""),
            Text(shot.reason),
        )
    return made
