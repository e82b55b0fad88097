"""Taking drops in: the next one that is whole is claimed, read and planned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..engines.base import EngineInfo
from ..errors import DiskFullError, JobError, UniSyncError
from .board import Board
from .config import DropSettings, settings_of
from .drop import LONGEST_PAUSE, Drop
from .helper import Helper, Outcome
from .names import shown
from .prepare import Order, Prepared, prepare
from .ready import Looks
from .scan import mark_of
from .status import State
from .toml import settings_text

_LEAST_ROOM = 10**6


@dataclass
class Planning:
    """One drop at a time is read and planned, in a helper process.

    Attributes:
        engine: the engine of this name, once it is open; None until then.
    """

    board: Board
    helper: Helper
    engine: Callable[[str], EngineInfo | None]
    current: Drop | None = None

    def turn(self) -> None:
        """Take in what was planned, and begin with the next drop."""
        if self.current is not None:
            outcome = self.helper.take() or self._overdue(self.current)
            if outcome is None:
                return
            drop, self.current = self.current, None
            if drop.is_active:  # else another watcher has taken it over
                self._take_in(drop, outcome)
        for drop in self._candidates():
            if self._begin(drop):
                return

    def stop(self) -> None:
        """Give up what is being read; it is read anew later."""
        if self.current is not None:
            self.helper.close()
            self.current = None

    def _candidates(self) -> list[Drop]:
        now = self.board.clock()
        ready = [
            drop
            for drop in self.board.drops.values()
            if drop.state is State.QUEUED and not drop.is_active and drop.retry_at <= now
        ]
        for drop in ready:
            self._read_settings(drop)
        return sorted(ready, key=lambda drop: (-drop.settings.priority, drop.number))

    def _read_settings(self, drop: Drop) -> None:
        """What the drop says of itself; what is wrong with it is said when its turn comes."""
        drop.settings, drop.fault = DropSettings(), None
        path = drop.found.settings()
        if path is not None:
            file = drop.found.home / path
            try:
                drop.settings = settings_of(settings_text(file), self.board.config, file)
            except JobError as error:
                drop.fault = error
        drop.engine = drop.settings.engine or self.board.config.engine

    def _begin(self, drop: Drop) -> bool:
        """Claim this drop and have it planned; False: begin with another one."""
        engine = self.engine(drop.engine)
        if engine is None:
            self.board.tell(drop, State.QUEUED, "The engine is being opened.")
        if engine is None or not self.board.claim(drop):
            return False
        drop.pin()
        drop.forget_plan()
        if drop.fault is not None:
            self._reject(drop, drop.fault)
            return False
        board = self.board
        order = Order(drop.found, board.config, board.preset(drop), drop.settings, engine)
        board.tell(drop, State.PLANNING, "Reading and planning it.")
        drop.planned_by = board.clock() + board.config.plan_limit
        self.helper.start(prepare, order)
        self.current = drop
        return True

    def _overdue(self, drop: Drop) -> Outcome | None:
        if self.board.clock() < drop.planned_by:
            return None
        limit = self.board.config.plan_limit
        return self.helper.give_up(f"Reading and planning it took longer than {limit:g} s")

    def _take_in(self, drop: Drop, outcome: Outcome) -> None:
        if isinstance(outcome.error, DiskFullError):
            self._wait_for_room(drop, str(outcome.error))
        elif outcome.passing and not drop.again:
            drop.again += 1
            self.board.tell(drop, State.QUEUED, f"{shown(str(outcome.error))}; it is read again.")
            self.board.release(drop)
        elif outcome.error is not None:
            self._reject(drop, outcome.error)
        else:
            prepared = outcome.value
            assert isinstance(prepared, Prepared)
            drop.status = replace(drop.status, pairing=prepared.pairing)
            if prepared.outputs:
                drop.quiet = False
                drop.prepared, drop.pause, drop.retry_at = prepared, 0.0, 0.0
                drop.media = Looks()
                self.board.tell(drop, State.QUEUED, "It is planned.")
            else:
                self._wait(drop, prepared)

    def _reject(self, drop: Drop, error: UniSyncError) -> None:
        remedy = error.remedy or ""
        bare = type(error)(error.what, file=error.file, clip=error.clip, timecode=error.timecode)
        self.board.tell(drop, State.REJECTED, shown(str(bare)), remedy=shown(remedy))
        self.board.release(drop)

    def _wait(self, drop: Drop, prepared: Prepared) -> None:
        """For media: looked for again and again, less and less often while nothing comes."""
        config = self.board.config
        if prepared.waiting_for != drop.status.waiting_for:
            drop.pause = 0.0
        drop.pause = min(max(config.recheck, 2 * drop.pause), LONGEST_PAUSE)
        # what only the drop itself can bring is seen when its files change
        drop.retry_at = self.board.clock() + drop.pause if prepared.elsewhere else math.inf
        drop.expected = {path: mark_of(path) for path in prepared.expected}
        drop.media = Looks()
        self.board.tell(
            drop,
            State.WAITING,
            prepared.reason,
            remedy=prepared.remedy,
            waiting_for=prepared.waiting_for,
        )
        self.board.release(drop)

    def _wait_for_room(self, drop: Drop, reason: str) -> None:
        drop.wanted = _LEAST_ROOM
        drop.retry_at = self.board.clock() + self.board.config.recheck
        self.board.tell(drop, State.WAITING, reason, waiting_for=("room on the disk",))
        self.board.release(drop)
