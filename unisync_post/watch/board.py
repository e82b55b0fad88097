"""All drops of a watch folder, with their leases and status files."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..lease import LeaseLostError, Observer
from .config import Preset, WatchConfig, presets
from .drop import Drop, outputs_are_there
from .names import drop_key, shown
from .scan import Found
from .status import Output, State, Status, StatusFiles, now

_BEATS = 5
"""Heartbeats within an observer's patience."""
_PROGRESS_EVERY = 2.0
"""Seconds between two status files that tell nothing but progress."""

Say = Callable[[str, str], None]
"""Called with a drop's name (empty for the folder as a whole) and a sentence."""


@dataclass
class Board:
    """What the watcher knows.

    Attributes:
        settings: digest of the settings, for drops that were rejected under others.
        say: tells people.
        clock: monotonic seconds.
    """

    config: WatchConfig
    settings: str
    say: Say
    clock: Callable[[], float] = time.monotonic
    drops: dict[str, Drop] = field(default_factory=dict)
    _dirty: set[str] = field(default_factory=set)
    _next_beat: float = 0.0
    _next_progress: float = 0.0
    _count: int = 0

    def __post_init__(self) -> None:
        self.presets: dict[str, Preset] = presets(self.config)
        self.observer = Observer(self.config.patience, self.clock)
        folder = self.config.status or self.config.folder
        self.files = StatusFiles(folder, self.config.own / "status")
        self.watcher = f"{socket.gethostname()}:{self.observer.holder.pid}"

    def preset(self, drop: Drop) -> Preset:
        return self.presets["folder" if drop.found.is_folder else "file"]

    # -- drops -------------------------------------------------------------------------------

    def add(self, found: Found) -> Drop:
        """A drop that was not known: as its status file says, if that still holds."""
        self._count += 1
        status = self.files.read(found.name)
        if status is None or not self._holds(status, found):
            first = status.first_seen if status is not None else now()
            status = Status(shown(found.name), State.ARRIVING, first_seen=first)
        drop = self.drops[found.name] = Drop(self._count, found, status, since=self.clock())
        return drop

    def _holds(self, status: Status, found: Found) -> bool:
        """Whether a drop need not be looked into again."""
        if not status.state.is_final or status.files != found.digest():
            return False
        if status.state is State.REJECTED:
            return status.settings == self.settings
        return outputs_are_there(status)

    def oldest(self) -> float:
        """Seconds that the drop has waited that has waited longest for its end."""
        begun = (drop.since for drop in self.drops.values() if not drop.state.is_final)
        return self.clock() - min(begun, default=self.clock())

    def active(self) -> Iterator[Drop]:
        return (drop for drop in list(self.drops.values()) if drop.is_active)

    # -- status ------------------------------------------------------------------------------

    def tell(
        self,
        drop: Drop,
        state: State,
        reason: str = "",
        *,
        remedy: str = "",
        waiting_for: tuple[str, ...] = (),
    ) -> None:
        """A drop's new state: written beside it, and said."""
        before = drop.status
        if before.state.is_final and not state.is_final:
            drop.since = self.clock()
        drop.status = replace(
            before,
            state=state,
            reason=reason,
            remedy=remedy,
            waiting_for=waiting_for,
            outputs=tuple(drop.outputs.values()) or (before.outputs if state.is_final else ()),
            progress=_progress(drop.outputs.values()) if drop.outputs else None,
            files=drop.pinned.digest() if drop.pinned is not None else "",
            settings=self.settings,
            priority=drop.settings.priority,
        )
        if drop.quiet and state in (State.QUEUED, State.PLANNING):
            return
        drop.quiet = False
        if drop.status != before:
            self._dirty.add(drop.name)
            self._write(drop)
        if (state, reason, waiting_for) != drop.said:
            drop.said = (state, reason, waiting_for)
            self.say(drop.name, _sentence(drop.status))

    def progress(self, drop: Drop) -> None:
        """A drop's outputs got on; written with the next :meth:`flush`."""
        outputs = tuple(drop.outputs.values())
        drop.status = replace(drop.status, outputs=outputs, progress=_progress(outputs))
        self._dirty.add(drop.name)

    def flush(self) -> None:
        """Write what is due."""
        if self._dirty and self.clock() >= self._next_progress:
            self._next_progress = self.clock() + _PROGRESS_EVERY
            for name in list(self._dirty):
                if name in self.drops:
                    self._write(self.drops[name])
                else:
                    self._dirty.discard(name)

    def _write(self, drop: Drop) -> None:
        try:
            if drop.lease is not None:
                drop.lease.confirm()
            elif self._held_elsewhere(drop):
                self._dirty.discard(drop.name)
                return
            drop.status = replace(drop.status, watcher=self.watcher, updated=now())
            self.files.write(drop.name, drop.status)
            self._dirty.discard(drop.name)
        except LeaseLostError as error:
            self.lose(drop, str(error))
        except OSError as error:
            # the disk is full or away: it is tried again, the work goes on
            self.say(drop.name, f"its status file cannot be written: {error.strerror}")

    # -- leases ------------------------------------------------------------------------------

    def claim(self, drop: Drop) -> bool:
        """Make a drop ours, unless another watcher has it."""
        try:
            lease = self.observer.claim(self.config.own / "leases" / drop_key(drop.name))
        except OSError as error:
            self.say(drop.name, f"it cannot be claimed: {error.strerror}")
            drop.retry_at = self.clock() + self.config.recheck
            return False
        drop.elsewhere = lease is None
        if lease is None:
            drop.retry_at = self.clock() + self.config.patience / _BEATS
            return False
        known = self.files.read(drop.name)
        if known is not None and self._holds(known, drop.found):
            # the other one has ended it meanwhile
            lease.release()
            drop.status = known
            return False
        drop.lease = lease
        return True

    def release(self, drop: Drop) -> None:
        if drop.lease is not None:
            drop.lease.release()
            drop.lease = None

    def lose(self, drop: Drop, why: str) -> None:
        """Another watcher has taken over; what it does is seen from its files."""
        drop.lease = None
        drop.forget_plan()
        drop.elsewhere = True
        drop.retry_at = self.clock() + self.config.patience
        drop.status = replace(drop.status, state=State.QUEUED, outputs=(), progress=None)
        self.say(drop.name, why)

    def beat(self) -> None:
        """Show the other watchers that this one lives."""
        if self.clock() < self._next_beat:
            return
        self._next_beat = self.clock() + self.config.patience / _BEATS
        for drop in self.active():
            assert drop.lease is not None
            try:
                drop.lease.beat()
            except LeaseLostError as error:
                self.lose(drop, str(error))
            except OSError as error:
                self.say(drop.name, f"its lease cannot be renewed: {error.strerror}")

    def _held_elsewhere(self, drop: Drop) -> bool:
        folder = self.config.own / "leases" / drop_key(drop.name)
        return folder.is_dir() and self.observer.holder_of(folder) is not None


def _progress(outputs: Iterable[Output]) -> float | None:
    """Part of the shots of all outputs that has ended."""
    listed = list(outputs)
    shots = sum(output.shots for output in listed)
    if not listed:
        return None
    return round(sum(output.done for output in listed) / shots, 3) if shots else 1.0


def _sentence(status: Status) -> str:
    """A status on one line."""
    parts = [status.state.value, status.reason, *status.waiting_for, status.remedy]
    shots = [f"{o.language}: {o.done} of {o.shots} shots ready" for o in status.outputs]
    if status.state is State.RENDERING:
        parts += shots
    if status.state is State.DONE:
        parts += [str(output.edit) for output in status.outputs]
    return ": ".join([parts[0], " · ".join(part for part in parts[1:] if part)]).rstrip(": ")
