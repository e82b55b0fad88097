"""Why a shot failed, and what follows: tried again, given up at once, or set aside."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Fault(str, Enum):
    """The kinds of failure, as recorded in ``ShotResult.fault``."""

    TRANSIENT = "transient"
    """The machine's: input and output, memory, the GPU. Tried again after a pause."""
    PERMANENT = "permanent"
    """The shot's own: damaged media, no such face. The same attempt would fail the same way."""
    POISON = "poison"
    """It takes its worker down. Set aside: no run touches it until somebody asks for it."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a pool is. All times are seconds on the pool's own monotonic clock.

    Attributes:
        attempts: tries of a shot that fails for a transient reason.
        backoff: pause before the second try; doubled before each further one.
        deaths: workers that one shot may take down before it is set aside.
        stall: longest time between two steps of a shot (a frame analysed, drawn, checked); a take
            of the engine is one such step. Only this counts as life: a timer inside the worker
            would go on ticking while native code hangs.
        load: longest time for the engine to open.
        grace: how long a cancelled worker may take to stop by itself before it is killed.
    """

    attempts: int = 3
    backoff: float = 1.0
    deaths: int = 2
    stall: float = 900.0
    load: float = 900.0
    grace: float = 5.0

    def pause(self, attempt: int) -> float:
        """Seconds to wait after this many attempts."""
        return float(self.backoff * 2 ** (attempt - 1))


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PASSING = frozenset(
    number
    for name in (
        "EIO", "ESTALE", "EAGAIN", "EINTR", "EBUSY", "ENOMEM", "EMFILE", "ENFILE", "ETIMEDOUT",
        "ENETDOWN", "ENETUNREACH", "ENETRESET", "EHOSTDOWN", "EHOSTUNREACH", "ECONNRESET",
        "ECONNABORTED", "ECONNREFUSED", "ENOTCONN", "EREMOTEIO", "ENODEV", "ENXIO",
        "ENOENT",  # it was there when the shot was planned: its storage is away
    )
    if (number := getattr(errno, name, None)) is not None
)  # fmt: skip
_DEVICE_TYPES = frozenset({"OutOfMemoryError", "AcceleratorError", "CudaError"})
_DEVICE_WORDS = ("CUDA error", "CUDNN_STATUS", "CUBLAS_STATUS", "NCCL error", "out of memory")


def classify(error: BaseException) -> Fault:
    """Transient or permanent, from the error and what caused it.

    A worker's death is no exception; the pool that sees it calls the shot poison itself.
    """
    for one in _chain(error):
        if isinstance(one, MediaChangedError | MemoryError) or is_device_error(one):
            return Fault.TRANSIENT
        if isinstance(one, OSError) and one.errno in _PASSING:
            return Fault.TRANSIENT
    return Fault.PERMANENT


def is_full(error: BaseException) -> bool:
    """No room left on the disk, or in the user's share of it."""
    return any(isinstance(one, OSError) and one.errno in _FULL for one in _chain(error))


def is_device_error(error: BaseException) -> bool:
    """The GPU's, told by name so that torch need not be loaded to ask.

    After most of them the process cannot use the device any more: its worker is replaced.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _DEVICE_TYPES:
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _DEVICE_WORDS)


class MediaChangedError(Exception):
    """A file that the shot reads was written to meanwhile; what was made of it is discarded."""


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__
