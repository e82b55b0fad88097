"""Is a drop whole? By its own proof if there is one, else by time without any change.

========  ======================================================================================
settle    no size, time or inode changed for the settle time, over three looks or more
rename    it is there under its final name: it was moved in, or renamed when its upload ended
trigger   a file ``NAME.ready`` lies beside it (or in the directory)
hash      a list of hashes (md5sum, xxhsum, ASC MHL) lies beside it, and agrees
========  ======================================================================================

Whatever is demanded: files under temporary names are waited for, a trigger ends the waiting, and a
hash list that is there must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .config import Proof
from .names import shown
from .scan import Found, Mark, Marks

LOOKS = 3


@dataclass
class Looks:
    """How long files have been as they are, by our own monotonic clock.

    A look that comes less than a quarter of a second after the last counts as the same.
    """

    files: Mapping[str, Mark] = field(default_factory=dict)
    since: float = 0.0
    last: float = float("-inf")
    count: int = 0

    def look(self, files: Marks, now: float) -> None:
        """Take note of what the files are now."""
        if self.count == 0 or files != self.files:
            self.files, self.since, self.last, self.count = files, now, now, 1
        elif now - self.last >= 0.25:
            self.last, self.count = now, self.count + 1

    def settled(self, settle: float) -> bool:
        return self.count >= LOOKS and self.last - self.since >= settle


def awaited(found: Found, looks: Looks, proof: Proof, settle: float) -> str | None:
    """What the drop still lacks before it may be opened, as a sentence; None: it is whole."""
    if found.temporary:
        return f"Still being copied: {_listed(found.temporary)}."
    if found.triggers():
        return None
    if proof == "trigger":
        return f"Waiting for {shown(found.name)}.ready, which says that all of it is here."
    if proof == "hash" and not found.hash_lists():
        return f"Waiting for a list of hashes: {shown(found.name)}.md5, .xxh or .mhl."
    if proof == "settle" and not looks.settled(settle):
        return f"Waiting until nothing has changed for {settle:g} s."
    return None


def _listed(names: tuple[str, ...]) -> str:
    text = ", ".join(shown(name) for name in names[:3])
    return f"{text} and {len(names) - 3} more" if len(names) > 3 else text
