"""How the shots of a job ended, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..plan.plan import ClipPlan
from .folder import JobFolder


def tally(job: JobFolder, clips: Iterable[ClipPlan], ready: int = 0) -> Counter[str]:
    """Shots ``rendered``, ``kept``, ``failed``; ``ready``: those that were finished before.

    Args:
        clips: one for each render key.
    """
    counts = Counter(ready=ready)
    for clip in clips:
        result = job.result(clip)
        counts[result.status if result else "failed"] += 1
    return counts


def summary(counts: Counter[str]) -> str:
    """``4 rendered (1 of them before), 1 kept its original media, 0 failed``."""
    before = f" ({counts['ready']} ready before)" if counts["ready"] else ""
    return (
        f"{counts['rendered']} rendered{before}, {counts['kept']} kept their original media, "
        f"{counts['failed']} failed"
    )
