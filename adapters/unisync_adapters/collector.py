"""Python's garbage collector, kept from looking for cycles where there can be none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 250_000
"""New objects before the collector looks at them; Python's own number is 700."""


@contextmanager
def no_cycles() -> Iterator[None]:
    """Work that makes a million objects, all of them wanted: looking for garbage is idle.

    What was made is then handed to the collector's oldest generation, as if it had been looked at.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()


@contextmanager
def long_lived() -> Iterator[None]:
    """Work beside a million objects that stay: looking for garbage passes over those.

    For work that may make garbage of its own, such as decoding; that is still collected, if less
    often, because most of what it makes is wanted too. In the end all that is left counts as
    looked at.
    """
    young, *older = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(max(young, _YOUNG) if young else 0, *older)
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.set_threshold(young, *older)
