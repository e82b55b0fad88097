"""The engines that can run here, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from ..errors import EngineError
from .base import Driver, Engine, EngineInfo, Generated, Take

__all__ = [
    "Availability",
    "Driver",
    "Engine",
    "EngineInfo",
    "Generated",
    "Take",
    "available",
    "best",
    "open_engine",
]


@dataclass(frozen=True, slots=True)
class Availability:
    """An engine, and whether it can run here.

    Attributes:
        name: as :func:`open_engine` takes it.
        what: one line for people.
        problem: why it cannot run here and what to do; empty when it can.
    """

    name: str
    what: str
    problem: str = ""


def _open_draft() -> Engine:
    from .draft.engine import DraftEngine

    return DraftEngine()


def _open_unisync() -> Engine:
    from .unisync import open_unisync

    return open_unisync()


def _open_tiny() -> Engine:
    from .unisync import open_tiny

    return open_tiny()


_ENGINES: dict[str, tuple[str, Callable[[], Engine]]] = {
    "unisync": ("the UniSync network, with the model folder you name", _open_unisync),
    "unisync-tiny": ("a small UniSync network, trained on drawn people alone", _open_tiny),
    "draft": ("previews on any processor, nothing to fetch", _open_draft),
}
"""Best first."""


def available() -> list[Availability]:
    """Every engine this version knows, best first."""
    found = []
    for name, (what, start) in _ENGINES.items():
        try:
            start()
        except (EngineError, ImportError) as error:
            found.append(Availability(name, what, str(error)))
        else:
            found.append(Availability(name, what))
    return found


def open_engine(name: str = "auto") -> Engine:
    """Open an engine; ``info.name`` of what is returned says which one ``auto`` took.

    Args:
        name: ``auto`` (:func:`best`), an engine's name, ``unisync@FOLDER`` for the
            network with the weights of that folder, or ``package.module:factory`` for an engine of
            your own: the factory takes nothing and returns an :class:`Engine` whose ``info.name``
            is this very text.

    Raises:
        EngineError: no such engine, or it cannot run here.
    """
    if name == "auto":
        name = best()
    if name.startswith("unisync@"):
        from .unisync import open_unisync

        return open_unisync(name)
    if ":" in name:
        return _open_foreign(name)
    if name not in _ENGINES:
        raise EngineError(
            f"there is no engine {name!r}",
            remedy=f"Choose auto, unisync@FOLDER or one of: {', '.join(_ENGINES)}.",
        )
    return _ENGINES[name][1]()


def best() -> str:
    """What ``auto`` stands for: the network where its model is named, else previews.

    A model that is named and cannot run is an error to be told, and no reason to fall back.
    """
    from .unisync import MODEL_VARIABLE

    return "unisync" if os.environ.get(MODEL_VARIABLE) else "draft"


def _open_foreign(name: str) -> Engine:
    module, _, factory = name.partition(":")
    try:
        engine: Engine = getattr(import_module(module), factory)()
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"the engine {name!r} cannot be loaded: {error}",
            remedy="Write package.module:factory, and install the package in this environment.",
        ) from error
    if engine.info.name != name:
        # a job records the name and its workers open the engine by it
        raise EngineError(f"the engine {name!r} calls itself {engine.info.name!r}")
    return engine
