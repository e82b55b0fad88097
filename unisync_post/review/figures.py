"""What was measured on one shot, in words and numbers for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..job.result import ShotResult


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the page's figures.

    Attributes:
        tone: ``good`` or ``bad`` where the number answers a yes-or-no question, else empty.
    """

    name: str
    value: str
    note: str = ""
    tone: str = ""


def figures(result: ShotResult) -> list[Figure]:
    """The measurements of a rendered shot, most asked-for first."""
    rows = [
        Figure("Frames changed", f"{result.changed} of {result.frames}"),
        _outside("Outside matte, composite", result.outside_composite, exact=True),
        _outside("Outside matte, delivered", result.outside_delivered, exact=False),
        _offset("Lips to dub, before", result.offset_before, result.fit_before),
        _offset("Lips to dub, after", result.offset_after, result.fit_after),
    ]
    rows += [Figure(_words(name), _number(value)) for name, value in result.remarks.items()]
    rows.append(_spent(result.seconds))
    return rows


def _outside(name: str, value: float | None, *, exact: bool) -> Figure:
    if value is None:
        return Figure(name, "not measured")
    note = "must be 0" if exact else "the codec's own loss"
    tone = ("good" if value == 0 else "bad") if exact else ""
    return Figure(name, f"max {value:g}", note, tone)


def _offset(name: str, frames: int | None, fit: float | None) -> Figure:
    if frames is None:
        return Figure(name, "too little speech to tell")
    if frames == 0:
        value = "in step"
    else:
        unit = "frame" if abs(frames) == 1 else "frames"
        value = f"{abs(frames)} {unit} {'late' if frames > 0 else 'early'}"
    return Figure(name, value, "" if fit is None else f"fit {fit:.2f}")


def _spent(seconds: Mapping[str, float]) -> Figure:
    steps = ", ".join(f"{_words(step).lower()} {spent:.1f}" for step, spent in seconds.items())
    return Figure("Seconds", f"{sum(seconds.values()):.1f}", steps)


def _words(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def _number(value: float | int | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
