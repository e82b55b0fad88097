"""Many pieces of work side by side, in processes that end with their parent."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TypeVar

from ..errors import JobError

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    """Every item with what came of it, as they are done; one worker works here.

    Raises:
        JobError: a worker was killed.
    """
    if workers == 1 or len(items) < 2:
        yield from ((item, work(item)) for item in items)
        return
    pool = ProcessPoolExecutor(min(workers, len(items)), get_context("spawn"), _leashed)
    try:
        begun = {pool.submit(work, item): item for item in items}
        for done in as_completed(begun):
            yield begun[done], done.result()
    except BrokenProcessPool as error:
        raise JobError(
            "a worker process was killed",
            remedy="Most often memory ran out: run the same command again with fewer --workers.",
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _leashed() -> None:
    """A worker whose parent was killed has nobody to work for."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
