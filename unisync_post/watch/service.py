"""The watcher: looks, takes drops in, has them rendered, says how far they are.

It can be killed at any instant. What it knows is in the job folders and the status files; started
again it looks at everything anew and goes on.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from .. import __version__
from ..job.folder import CANCEL
from ..job.pool import WorkerPool
from ..records import clear_stale, dump
from .board import Board
from .config import WatchConfig, check_folders
from .drop import Drop, next_state, proof_of
from .helper import Helper
from .planning import Planning
from .ready import LOOKS
from .renderers import Renderer, Renderers
from .rendering import Rendering
from .report import Report
from .scan import scan
from .status import State
from .storage import Storage
from .wake import Wake, is_network

_LOCAL_SETTLE, _NETWORK_SETTLE = 10.0, 60.0
_TURN = 0.2
_SHORTEST_REST = 0.5
_ONCE_PATIENCE = 10
"""Settle times after which a single run leaves a drop that is still growing to the next."""


class Watcher:
    """A watch folder at work.

    Args:
        config: its settings.
        report: hears what happens to drops and jobs.
        open_renderer: starts what renders with an engine; ``open_helper``: what reads and finishes.
        clock: monotonic seconds; no other clock decides anything here.

    Raises:
        JobError: folders that would feed on themselves, or a preset that does not exist.
    """

    def __init__(
        self,
        config: WatchConfig,
        *,
        report: Report,
        open_renderer: Callable[[str], Renderer] | None = None,
        open_helper: Callable[[str], Helper] = Helper,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_folders(config)
        self.config = config
        self.clock = clock
        self.report = report
        self._local = not is_network(config.folder)
        self.settle = config.settle or (_LOCAL_SETTLE if self._local else _NETWORK_SETTLE)
        self.storage = Storage(config)
        self.board = Board(config, settings_digest(config), report.say, clock)
        pool = open_renderer or (
            lambda name: WorkerPool(name, config.workers, listen=report.listen)
        )
        self.renderers = Renderers(self.board, pool)
        self.rendering = Rendering(
            self.board, self.storage, self.renderers, open_helper("unisync finisher"), self.settle
        )
        self.planning = Planning(self.board, open_helper("unisync planner"), self.renderers.engine)
        self._woken = threading.Event()
        self._wake: Wake | None = None
        self._next_look = 0.0
        self._rested = 0.0
        self._offline = "not looked at yet"
        self._stopping = False
        self._begun = clock()

    def run(self, *, once: bool = False) -> None:
        """Watch until :meth:`stop`; with ``once`` until nothing more can be done now.

        Raises:
            EngineError: the engine cannot be opened.
        """
        with ExitStack() as stack:
            stack.callback(self.close)
            while not self._stopping:
                self.turn()
                if once and self.is_done():
                    return

    def stop(self) -> None:
        """Leave :meth:`run` after this turn; may be called from a signal handler."""
        self._stopping = True

    def turn(self, timeout: float = _TURN) -> None:
        """One round of everything; takes about ``timeout`` seconds, however much goes on."""
        now = self.clock()
        if now >= self._next_look or (self._woken.is_set() and now >= self._rested):
            self._woken.clear()
            self._next_look = now + self.config.poll
            self._look(now)
            # however many notices come, looking takes a tenth of the time at most
            self._rested = max(now + _SHORTEST_REST, self.clock() + 10 * (self.clock() - now))
        if not self._offline:
            self.planning.turn()
        self.rendering.turn(timeout)
        self.board.beat()
        self.board.flush()

    def is_done(self) -> bool:
        """Whether nothing can go on before something outside changes."""
        if self._offline:
            return True
        patience = _ONCE_PATIENCE * self.settle
        for drop in self.board.drops.values():
            settling = drop.state is State.ARRIVING and not drop.looks.settled(self.settle)
            if settling and self.clock() - self._begun < patience:
                return False
            if drop.is_active and drop.state is not State.WAITING:
                return False
            if drop.state is State.QUEUED and not drop.elsewhere:
                return False
        return self._next_look > 0

    def close(self) -> None:
        """End every process, and let other watchers take over at once."""
        for drop in self.board.active():
            drop.forget_plan()
            self.board.tell(drop, State.QUEUED, "The watcher was stopped; the next one goes on.")
            self.board.release(drop)
        self.rendering.close()
        self.planning.helper.close()
        if self._wake is not None:
            self._wake.close()

    # -- looking -----------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        reason = self.storage.offline()
        if reason is None:
            try:
                kinds = self.board.presets
                found = scan(self.config.folder, files="file" in kinds, folders="folder" in kinds)
            except OSError as error:
                reason = f"{self.config.folder} cannot be read: {error.strerror}."
        if reason is not None:
            self._pause(reason)
            return
        if self._offline:
            self._resume()
        here = {drop.name for drop in found}
        for one in found:
            drop = self.board.drops.get(one.name) or self.board.add(one)
            drop.found, drop.absent = one, 0
            drop.looks.look(one.files, now)
            if not drop.is_active:
                self._judge(drop, now)
        for drop in [drop for drop in self.board.drops.values() if drop.name not in here]:
            self._absent(drop)
        self.report.looked(self.board.oldest(), self.renderers.depth)

    def _judge(self, drop: Drop, now: float) -> None:
        if drop.state is State.CANCELLED and drop.is_as_read() and self._is_taken_up(drop):
            self.board.tell(drop, State.QUEUED, "It was taken up again.")
            return
        proof = proof_of(drop, self.board.preset(drop), self.config)
        changed = next_state(drop, proof, self.settle, now, self.storage.room)
        if changed is None:
            return
        state, reason = changed
        came = drop.state is State.WAITING and not drop.is_as_read()
        if state is State.ARRIVING or came:
            drop.again, drop.pause, drop.retry_at = 0, 0.0, 0.0
        if (state, reason) != (drop.state, drop.status.reason) or not drop.status.updated:
            if state is drop.state is State.QUEUED:
                return
            drop.quiet = drop.state is State.WAITING and state is State.QUEUED
            self.board.tell(drop, state, reason)

    def _is_taken_up(self, drop: Drop) -> bool:
        """Whether the jobs of a cancelled drop are to go on; one that was purged is not."""
        jobs = [Path(output.job) for output in drop.status.outputs]
        return all(job.is_dir() and not (job / CANCEL).exists() for job in jobs)

    def _absent(self, drop: Drop) -> None:
        """A drop that is gone: taken away by its owner, for the storage itself is there."""
        drop.absent += 1
        if drop.absent < LOOKS:
            return
        if drop.is_active:
            self.report.say(drop.name, "cancelled: it was taken away; what is rendered is kept")
            self.board.release(drop)
        del self.board.drops[drop.name]

    def _resume(self) -> None:
        """The storage is there, for the first time or again."""
        if self.board.drops:
            self.report.say("", "the storage is back")
        self._offline = ""
        for folder in (self.board.files.beside, self.board.files.spare):
            with suppress(OSError):  # a folder that may only be read holds nothing of ours
                clear_stale(folder)
        self._listen()

    def _listen(self) -> None:
        """Notices of changes end with the mount that they were about."""
        if self._wake is not None:
            self._wake.close()
        self._wake = Wake(self.config.folder, self._woken) if self._local else None

    def _pause(self, reason: str) -> None:
        """Nothing is concluded from what is missing now; all of it is looked at again later."""
        if reason == self._offline:
            return
        self._offline = reason
        self.report.say("", f"paused: {reason}")
        self.planning.stop()  # rendering leaves by itself what has no lease any more
        for drop in self.board.active():
            drop.forget_plan()
            drop.status = replace(drop.status, state=State.QUEUED, outputs=(), progress=None)
            self.board.release(drop)


def settings_digest(config: WatchConfig) -> str:
    """One text for everything that might make a rejected drop acceptable."""
    return hashlib.sha256(__version__.encode() + dump(config)).hexdigest()[:16]
