"""A pool's workers: who is at work, who is still opening the engine, and who cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..engines.base import EngineInfo
from ..errors import EngineError
from .crew import Crew, Death, Member
from .events import Event
from .worker import Loaded


class Staff:
    """Workers that have the same engine open. The first one is started at once.

    Args:
        crew: where they run.
        engine: as :func:`~unisync_post.engines.open_engine` takes it.
        most: of them; None: as many as the crew has room for.
        attempts: how often in a row a worker may fail to open the engine.
        fingerprint: of the engine that is wanted; None: whatever the first worker opens.
        say: hears what becomes of them.
    """

    def __init__(
        self,
        crew: Crew,
        engine: str,
        most: int | None,
        attempts: int,
        fingerprint: str | None,
        say: Callable[[Event], None],
    ) -> None:
        self.members: list[Member] = []
        self.info: EngineInfo | None = None
        self._crew, self._engine, self._most = crew, engine, most
        self._attempts, self._fingerprint, self._say = attempts, fingerprint, say
        self._false_starts = 0
        self._start(0)

    @property
    def most(self) -> int:
        """Most workers at present."""
        return self._most or self._crew.size

    def at(self, job: Path) -> list[Member]:
        """Those that have a shot of this job."""
        return [m for m in self.members if m.task is not None and m.task.job == job]

    def free(self, waiting: int) -> Member | None:
        """One that is idle; if there is none, start another where there is work and room.

        Args:
            waiting: shots without a worker.
        """
        idle = next((member for member in self.members if member.idle), None)
        loading = sum(member.info is None for member in self.members)
        if idle is None and loading < waiting and len(self.members) < self.most:
            taken = {member.number for member in self.members}
            self._start(next(n for n in range(self.most) if n not in taken))
        return idle

    def opened(self, member: Member, loaded: Loaded) -> bool:
        """It has opened its engine; whether that is the one that the others have.

        Never mixed silently: the shots of one job all come from one engine.
        """
        info = loaded.info
        if self._fingerprint not in (None, info.fingerprint):
            member.refusal = (
                f"its {info.name} {info.version} is another one ({info.fingerprint[:12]}) than the "
                f"job's ({str(self._fingerprint)[:12]})"
            )
            return False
        member.info = self.info = info
        self._fingerprint = info.fingerprint
        self._false_starts = 0
        said = f"{member.name} opened {info.name} in {loaded.seconds:.1f} s"
        self._say(Event("worker", status="loaded", message=said))
        return True

    def remove(self, member: Member, *, kill: bool = True) -> Death:
        """Its end; one that has died already need not be killed."""
        if kill:
            member.kill()
        death = member.bury()
        self.members.remove(member)
        return death

    def false_start(self, member: Member, death: Death) -> None:
        """One that is gone never opened the engine. Its machine is left out, or there are fewer
        workers from now on.

        Raises:
            EngineError: nobody can open it.
        """
        self._false_starts += 1
        reason = member.refusal or f"its process died while opening it ({death.how})"
        final = bool(member.refusal) or self._false_starts >= self._attempts
        if (final or death.with_machine) and self._crew.avoid(member):
            self._false_starts = 0
            message = f"{member.name} cannot open {self._engine}, and is left out: {reason}"
            self._say(Event("warning", message=message))
        elif final:
            at_work = sum(member.info is not None for member in self.members)
            if not at_work:
                raise EngineError(f"The engine {self._engine} cannot be opened: {reason}")
            self._most = at_work
            message = f"No more than {at_work} workers can open {self._engine}: {reason}"
            self._say(Event("warning", message=message))
        if not self.members:
            self._start(0)

    def end(self) -> None:
        """End them all, also those in the middle of a shot."""
        for member in self.members:
            member.kill()
        for member in self.members:
            member.bury()
        self.members.clear()

    def _start(self, number: int) -> None:
        self.members.append(self._crew.start(number, self._engine, self.most))
