"""What is known of a shot that others had before: empty files beside its lease.

Each shot has a lease folder, ``OUT/leases/<render key>/``. Beside the holders' numbered files it
keeps marks: ``begun-N`` while holder N is at the shot, ``again-N`` when it failed for a reason that
may pass and ``died-N`` when it took the worker down. A ``begun-N`` of an earlier holder is a pilot
that was lost at this shot. So every pilot counts the same, whoever made the attempts, and a shot
that takes pilots down is set aside instead of taking down all of them.
"""

from __future__ import annotations

from pathlib import Path

from ..lease import Fence

BEGUN, AGAIN, DIED = "begun-", "again-", "died-"


def mark(fence: Fence, kind: str) -> None:
    """Leave a mark of this holding."""
    (fence.folder / f"{kind}{fence.number}").touch()


def unmark(fence: Fence, kind: str) -> None:
    (fence.folder / f"{kind}{fence.number}").unlink(missing_ok=True)


def history(lease: Path, own: int = 0) -> tuple[int, int]:
    """Attempts to be repeated, and workers and pilots lost, before the holding ``own``."""
    names = [path.name for path in lease.iterdir()]
    tries = sum(name.startswith(AGAIN) for name in names)
    deaths = sum(name.startswith((BEGUN, DIED)) and name != f"{BEGUN}{own}" for name in names)
    return tries, deaths


def forget_marks(lease: Path) -> None:
    """Let the shot of this lease folder begin anew, as if no attempt had been made of it."""
    for kind in (BEGUN, AGAIN, DIED):
        for path in lease.glob(f"{kind}*"):
            path.unlink(missing_ok=True)
