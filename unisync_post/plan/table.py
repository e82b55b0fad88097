"""The plan for people: a table in a terminal, plain tab-separated lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .plan import ClipPlan, Decision, Plan

_COLUMNS = ("#", "Record", "Track", "Clip", "Media", "Dub", "Action", "Why")
_STYLES = {Decision.RENDER: "green", Decision.LEAVE: "dim", Decision.REFUSE: "yellow"}


def print_plan(plan: Plan, console: Console) -> None:
    """Print the plan; nothing of an edit's text is taken for markup."""
    if console.is_terminal:
        _print_table(plan, console)
    else:
        for line in plain_lines(plan):
            # not console.print, which turns tabs into blanks
            console.file.write(line + "\n")


def plain_lines(plan: Plan) -> Iterator[str]:
    """The plan as lines of text: one a clip, its fields apart by tabs, then what holds for all."""
    yield "\t".join(_COLUMNS)
    for clip in plan.clips:
        yield "\t".join(" ".join(cell.split()) for cell in _cells(clip))
    yield from _footer(plan)


def summary(plan: Plan) -> str:
    """``12 clips: 8 to render (1234 frames), 3 left, 1 refused``."""
    counts = dict.fromkeys(Decision, 0)
    for clip in plan.clips:
        counts[clip.decision] += 1
    # one media serves all uses of a nest
    shots = {clip.origin: clip.shot for clip in plan.to_render if clip.shot is not None}
    frames = sum(shot.length for shot in shots.values())
    return (
        f"{len(plan.clips)} clips: {counts[Decision.RENDER]} to render ({frames} frames), "
        f"{counts[Decision.LEAVE]} left, {counts[Decision.REFUSE]} refused"
    )


def _print_table(plan: Plan, console: Console) -> None:
    table = Table(*_COLUMNS, box=None, pad_edge=False, header_style="bold")
    for clip in plan.clips:
        cells = [Text(cell) for cell in _cells(clip)]
        cells[6].stylize(_STYLES[clip.decision])
        table.add_row(*cells)
    console.print(table)
    for line in _footer(plan):
        console.print(Text(line))


def _cells(clip: ClipPlan) -> tuple[str, ...]:
    why = " ".join((clip.reason, *(f"Note: {warning}." for warning in clip.warnings)))
    media = clip.media.replace("\\", "/").rpartition("/")[2]
    return (
        str(clip.index),
        clip.timecode,
        clip.track,
        clip.name,
        media,
        ", ".join(clip.dub),
        clip.decision.value,
        why,
    )


def _footer(plan: Plan) -> Iterator[str]:
    yield ""
    yield f"Dub ({plan.dub.language}): {plan.dub.reason}"
    yield f"New timeline: {plan.new_name}"
    yield summary(plan)
    for warning in (*plan.dub.warnings, *plan.warnings):
        yield f"Note: {warning.rstrip('.')}."
