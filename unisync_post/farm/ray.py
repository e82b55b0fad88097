"""A pool's workers as Ray actors: one for each GPU of a cluster, or for each node without any.

Ray finds the GPU, starts the process, carries the words, and notices when a node is lost. All else
is the pool's: one shot at a time for each worker, retries, what is set aside. The job folder stays
the record; a cluster that dies costs only time.

Ray's own retries are off: a restarted actor would take up a shot that nobody counts, and a shot
that kills its process must be counted.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from ..errors import JobError
from ..job.crew import Death, Member
from ..job.faults import RetryPolicy
from ..job.worker import Order, Stop
from .remote import Attendant, Brief, FarmLostError, Placed, UnreachableAddressError, answers
from .versions import MixedVersionsError

OBJECT_STORE = 100 << 20
"""Bytes, for a Ray of our own: nothing but small events goes through it."""
PATIENCE = 15.0
"""Seconds without the head's answer. Ray itself ends the whole process after 60."""
JOINING = 20.0
"""Seconds in which a cluster must let this machine in."""
_LOOK_EVERY = 2.0
_SIZE = re.compile(r"vram(\d+)")

Node = Mapping[str, Any]
"""As ``ray.nodes()`` describes it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What one worker asks Ray for.

    Attributes:
        gpus: 0 or 1.
        size: custom resource that stands for a GPU of this size: ``vram80``; empty where the
            cluster names no sizes.
    """

    gpus: int = 0
    size: str = ""


def slots_of(nodes: Iterable[Node], gpu_memory: int | None) -> tuple[Slot, ...]:
    """The places for workers, those with the smallest GPU that suffices first.

    A node says how large its GPUs are by a custom resource, counted like the GPUs themselves:
    ``ray start --resources='{"vram80": 4}'`` for four of 80 GiB. Where no node says so, all GPUs
    are taken to be large enough.

    Args:
        gpu_memory: MiB that one worker needs; 0: no GPU, so one worker a node; None: not known.

    Raises:
        JobError: no GPU of this cluster is large enough.
    """
    sizes: dict[int, int] = {}
    gpus = hosts = 0
    for node in nodes:
        hosts += node["Resources"].get("CPU", 0) >= 1  # a head often gives none
        gpus += int(node["Resources"].get("GPU", 0))
        for name, count in node["Resources"].items():
            if match := _SIZE.fullmatch(name):
                sizes[int(match[1])] = sizes.get(int(match[1]), 0) + int(count)
    if gpu_memory == 0 or not gpus:
        return (Slot(),) * hosts
    if not sizes:
        return (Slot(gpus=1),) * gpus
    enough = [size for size in sorted(sizes) if size * 1024 >= (gpu_memory or 0)]
    if not enough:
        raise JobError(
            f"A shot needs {gpu_memory} MiB of GPU memory, and the largest GPUs of this Ray "
            f"cluster are vram{max(sizes)}",
            remedy="Add a node with larger ones, or correct the sizes its nodes were started with.",
        )
    return tuple(Slot(1, f"vram{size}") for size in enough for _ in range(sizes[size]))


class RayCrew:
    """Connects to a cluster, or starts a Ray of its own on this machine.

    Args:
        address: ``HOST:PORT`` of a head, ``auto`` for the cluster that this machine is a node of;
            empty: what RAY_ADDRESS says, else a Ray of our own, which ends with the job.
        gpu_memory: as :func:`slots_of` takes it.
        workers: most of them, for a Ray of our own.

    Raises:
        UnreachableAddressError: nobody answers there, or it is no Ray.
        MixedVersionsError: the cluster runs another version of Ray or Python.
        JobError: Ray is not installed.
    """

    def __init__(
        self, address: str = "", *, gpu_memory: int | None = None, workers: int | None = None
    ) -> None:
        self._ray = _connect(address or os.environ.get("RAY_ADDRESS", ""), workers)
        self.address = str(self._ray.get_runtime_context().gcs_address)
        self._gpu_memory = gpu_memory
        self._avoided: frozenset[str] = frozenset()
        self._watch = _Watch(self._ray)
        self._on_gpus = gpu_memory != 0 and _has_gpus(self._watch.nodes)
        self._actor = self._ray.remote(
            max_restarts=0, max_task_retries=0, max_concurrency=2, num_cpus=1
        )(_Actor)

    @property
    def size(self) -> int:
        return max(1, len(self._slots()))

    def start(self, number: int, engine: str, workers: int) -> Member:
        slots = self._slots() or (Slot(int(self._on_gpus)),)  # waits until a node is back
        slot = slots[number % len(slots)]
        cores = sum(node["Resources"].get("CPU", 1) for node in self._nodes())
        brief = Brief.of(engine, threads=max(1, int(cores // max(1, workers))))
        actor = self._actor.options(**_options(slot, self._avoided)).remote(brief)
        return _member(self._ray, number, actor, self._watch)

    def avoid(self, member: Member) -> bool:
        assert isinstance(member, RayMember)
        if member.place is None or member.place.node in self._avoided:
            return member.place is not None
        avoided = self._avoided | {member.place.node}
        before, self._avoided = self._avoided, avoided
        with suppress(JobError):  # only GPUs that are too small are left
            if self._slots():
                return True
        self._avoided = before
        return False

    def check(self) -> None:
        silence = time.monotonic() - self._watch.seen
        if silence > PATIENCE:
            raise FarmLostError(
                f"The head of the Ray cluster at {self.address} has not answered for "
                f"{silence:.0f} s",
                remedy="Finished shots are kept: `unisync render OUT` goes on without Ray, the "
                "same command with it, once it is back.",
            )

    def close(self) -> None:
        self._watch.stop()
        with suppress(Exception):  # whatever is left of it
            self._ray.shutdown()

    def _nodes(self) -> list[Node]:
        return [node for node in self._watch.nodes if node["NodeID"] not in self._avoided]

    def _slots(self) -> tuple[Slot, ...]:
        nodes = self._nodes()
        if self._on_gpus and not _has_gpus(nodes):
            return ()
        return slots_of(nodes, self._gpu_memory)


def _options(slot: Slot, avoided: frozenset[str]) -> dict[str, object]:
    options: dict[str, object] = {"num_gpus": slot.gpus}
    if slot.size:
        options["resources"] = {slot.size: 1}
    if avoided:
        options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(avoided))})"}
    elif not slot.gpus:
        options["scheduling_strategy"] = "SPREAD"
    return options


class _Actor(Attendant):
    """What Ray starts on a node."""

    def hear(self, node: str = "") -> Any:
        import ray

        yield from super().hear(node or ray.get_runtime_context().get_node_id())


class _Watch:
    """Asks the head for its nodes, in a thread of its own: the question may never be answered."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._stopped = threading.Event()
        self.nodes: Sequence[Node] = _alive(ray)
        self.seen = time.monotonic()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def node(self, name: str) -> Node | None:
        return next((node for node in self.nodes if node["NodeID"] == name), None)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(1.0)

    def _look(self) -> None:
        while not self._stopped.wait(_LOOK_EVERY):
            with suppress(Exception):  # not answered: ``seen`` tells
                self.nodes = _alive(self._ray)
                self.seen = time.monotonic()


def _has_gpus(nodes: Iterable[Node]) -> bool:
    return any(node["Resources"].get("GPU", 0) >= 1 for node in nodes)


def _alive(ray: Any) -> list[Node]:
    return [node for node in ray.nodes() if node["Alive"]]


@dataclass(eq=False)
class RayMember(Member):
    """One actor.

    Attributes:
        place: where it runs; None while Ray looks for a place.
        at: its node, as Ray describes it.
        lost: why its words ended, where they were cut off.
        bringer: the thread that carries them here.
    """

    ray: Any = field(kw_only=True)
    actor: Any = field(kw_only=True)
    place: Placed | None = None
    at: Node | None = None
    lost: BaseException | None = None
    bringer: threading.Thread | None = None

    @property
    def name(self) -> str:
        return f"{super().name} on {self.place.host}" if self.place else super().name

    def send(self, message: Order | Stop) -> None:
        self.actor.tell.remote(message)

    def overdue(self, now: float, policy: RetryPolicy) -> bool:
        """A cluster that is busy with others' work is no fault of ours, however long."""
        return self.place is not None and super().overdue(now, policy)

    def kill(self) -> None:
        with suppress(Exception):
            self.actor.tell.remote(None)  # gets through without a head, too
            self.ray.kill(self.actor)

    def bury(self) -> Death:
        self.pipe.close()
        self.kill()  # one out of reach may live, and come back
        if self.bringer is not None:
            self.bringer.join(2.0)
        words = str(self.lost or "")
        if self.at is not None and not answers(
            self.at["NodeManagerAddress"], self.at["NodeManagerPort"], within=1.0
        ):
            return Death(f"lost its node {self.at['NodeManagerAddress']}", words, True)
        if "low on memory" in words:
            return Death("its node ran out of memory", words)
        return Death("its process ended", words)


def _member(ray: Any, number: int, actor: Any, watch: _Watch) -> RayMember:
    ours, theirs = Pipe(duplex=False)
    member = RayMember(number, ours, ray=ray, actor=actor)
    stream = actor.hear.options(num_returns="streaming").remote()
    arguments = (ray, stream, theirs, member, watch)
    member.bringer = threading.Thread(target=_bring, args=arguments, daemon=True)
    member.bringer.start()
    return member


def _bring(ray: Any, stream: Any, pipe: Connection, member: RayMember, watch: _Watch) -> None:
    """Carry an actor's words to where the pool waits for them; their end, too."""
    try:
        for reference in stream:
            message = ray.get(reference)
            if isinstance(message, Placed):
                member.at = watch.node(message.node)
                member.place, member.moved = message, time.monotonic()
            else:
                pipe.send(message)
    except (Exception, SystemExit) as error:  # the latter is how Ray says that it was shut down
        member.lost = error
    finally:
        pipe.close()


def _connect(address: str, workers: int | None) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # a question that comes too late must not start a new Ray
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    # Ray's own default from its next version on: an actor without a GPU keeps the node's setting
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise JobError(
            "Ray is not installed here", remedy="pip install 'unisync-post[ray]'"
        ) from error
    quiet = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if not address:
        cores = max(os.cpu_count() or 1, workers or 1)
        try:
            with _silence():
                ray.init(
                    "local",
                    num_cpus=cores,
                    object_store_memory=OBJECT_STORE,
                    include_dashboard=False,
                    **quiet,
                )
        except Exception as error:  # Ray has no family of errors for this
            raise JobError(
                f"Ray could not be started here: {error}",
                remedy="See that there is room and memory (RAY_TMPDIR names another folder than "
                "/tmp/ray), or leave out --on.",
            ) from error
        return ray
    _refuse_unreachable(address)
    why = _joined(ray, address, quiet)
    if why is not None:
        if "ersion mismatch" in str(why):
            raise MixedVersionsError(
                f"The Ray cluster at {address} is not what is installed here: {why}"
            ) from why
        raise UnreachableAddressError(
            f"This machine cannot join the Ray cluster at {address}: {why}",
            remedy=f"See that its head runs, and make this machine a node of it first: "
            f"ray start --address={address if address != 'auto' else 'HOST:6379'}",
        ) from why
    return ray


def _joined(ray: Any, address: str, quiet: Mapping[str, Any]) -> BaseException | None:
    """Join; why that failed, or None. Ray itself would go on trying for minutes where a port is
    open and no head behind it, or where the cluster that it remembers is gone."""
    ended: list[BaseException | None] = []

    def join() -> None:
        try:
            with _silence():
                ray.init(address, **quiet)
            ended.append(None)
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=join, daemon=True)
    thread.start()
    thread.join(JOINING)
    return ended[0] if ended else TimeoutError(f"no answer of a Ray head in {JOINING:.0f} s")


def _refuse_unreachable(address: str) -> None:
    """
    Raises:
        UnreachableAddressError: Ray itself would try for minutes.
    """
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdecimal()) or "/" in host:
        raise UnreachableAddressError(
            f"{address!r} is no address of a Ray head",
            remedy="Write HOST:PORT as `ray start --head` prints it (port 6379), or auto.",
        )
    if not answers(host, int(port)):
        raise UnreachableAddressError(
            f"Nobody answers at {address}",
            remedy="Start the head (ray start --head --port=6379), or let its port through the "
            "firewall.",
        )


@contextmanager
def _silence() -> Iterator[None]:
    """Join without the thread that prints what happens to Ray's workers, on stdout, where --json
    belongs; the pool tells the same in its events.

    Ray itself outlives the interpreter; a function of ours left in it would, with all that its
    module knows.
    """
    from ray._private import worker

    printing = worker.listen_error_messages
    worker.listen_error_messages = lambda *_: None
    try:
        yield
    finally:
        worker.listen_error_messages = printing
