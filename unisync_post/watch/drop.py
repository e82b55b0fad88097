"""One drop as the watcher knows it, and what a look at it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UniSyncError
from ..lease import Lease
from .config import DropSettings, Preset, Proof, WatchConfig
from .prepare import Planned, Prepared
from .ready import Looks, awaited
from .scan import Found, Mark, Marks, mark_of
from .status import Output, State, Status

LONGEST_PAUSE = 600.0
"""Seconds between two searches for missing media, at most."""


@dataclass
class Drop:
    """A drop.

    Attributes:
        number: in the order in which drops were first seen.
        found: as it lies there now; ``pinned``: as it was when it was last read.
        since: instant at which it came, or changed.
        looks: at its files; ``media``: at files outside of it that it needs.
        status: what its status file says, or is about to.
        lease: held from its planning to its end.
        settings: its own, once read, or the ``fault`` in them; ``engine`` what they ask for.
        prepared: planned and not yet rendering.
        outputs: by job folder; ``running``: those that have not ended.
        cancelled: those that somebody stopped.
        expected: where missing files would come, and what was there when they were missed.
        wanted: bytes of room that it waits for.
        retry_at: not before this instant; ``pause`` until the next search for missing media.
        again: how often it was planned again because its media changed under it.
        absent: looks in a row at which it was not there.
        elsewhere: another watcher has it.
        planned_by: instant at which its planning must be over.
        quiet: it is being looked through once more for what it waits for; until something comes of
            that, its status stays.
        said: what was last said of it.
    """

    number: int
    found: Found
    status: Status
    since: float = 0.0
    looks: Looks = field(default_factory=Looks)
    media: Looks = field(default_factory=Looks)
    pinned: Found | None = None
    lease: Lease | None = None
    settings: DropSettings = field(default_factory=DropSettings)
    fault: UniSyncError | None = None
    engine: str = ""
    prepared: Prepared | None = None
    outputs: dict[Path, Output] = field(default_factory=dict)
    plans: dict[Path, Planned] = field(default_factory=dict)
    running: set[Path] = field(default_factory=set)
    cancelled: set[Path] = field(default_factory=set)
    expected: dict[Path, Mark | None] = field(default_factory=dict)
    wanted: int = 0
    retry_at: float = 0.0
    pause: float = 0.0
    again: int = 0
    absent: int = 0
    elsewhere: bool = False
    planned_by: float = 0.0
    quiet: bool = False
    said: tuple[object, ...] = ()
    _known: Marks | None = None

    @property
    def name(self) -> str:
        return self.found.name

    @property
    def state(self) -> State:
        return self.status.state

    @property
    def is_active(self) -> bool:
        """It is being worked at by this watcher."""
        return self.lease is not None

    def pin(self) -> None:
        """It is read now; whatever changes from here on is another version."""
        self.pinned, self._known = self.found, None

    def forget_plan(self) -> None:
        """Back to where it was before it was read."""
        self.prepared = None
        self.outputs.clear()
        self.plans.clear()
        self.running.clear()
        self.cancelled.clear()
        self.expected.clear()
        self.wanted = 0

    def is_as_read(self) -> bool:
        """Whether its files are those that its status is about."""
        if self._known is self.found.files or self._known == self.found.files:
            return True
        if self.found.digest() != self.status.files:
            return False
        self._known = self.found.files
        return True


def outputs_are_there(status: Status) -> bool:
    """Whether a finished drop's edits still exist; of a job that was purged nobody wants them."""
    return all(
        Path(output.edit).exists()
        for output in status.outputs
        if output.edit is not None and Path(output.job).exists()
    )


def proof_of(drop: Drop, preset: Preset, config: WatchConfig) -> Proof:
    return preset.ready or config.ready


def next_state(
    drop: Drop,
    proof: Proof,
    settle: float,
    now: float,
    room: Callable[[int], str | None],
) -> tuple[State, str] | None:
    """What a look changes for a drop that nobody works at: the new state and why; or nothing."""
    if drop.state.is_final:
        return None if drop.is_as_read() else (State.ARRIVING, "It has changed.")
    if drop.state is State.WAITING and drop.is_as_read():
        return _go_on(drop, settle, now, room)
    lacking = awaited(drop.found, drop.looks, proof, settle)
    if lacking is not None:
        return State.ARRIVING, lacking
    return State.QUEUED, ""


def _go_on(
    drop: Drop, settle: float, now: float, room: Callable[[int], str | None]
) -> tuple[State, str] | None:
    """Whether what a drop waits for may have come."""
    marks = {path: mark_of(path) for path in drop.expected}
    drop.media.look({str(path): mark for path, mark in marks.items() if mark is not None}, now)
    came = marks != drop.expected and drop.media.settled(settle)
    if not came and now < drop.retry_at:
        return None
    if drop.wanted and room(drop.wanted) is not None:
        return None
    return State.QUEUED, ""
