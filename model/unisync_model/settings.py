"""How a shot is sampled: one frozen record, read from a file, written beside every output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from torch import Tensor

from .errors import InputError
from .flow import sigmas
from .guidance import Guidance
from .sampling import Solver
from .tali import Index, Level
from .windows import Layout

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

PAPER_TAU = 0.8
"""The paper's best injection ratio (table 4), for networks that are shown the plate."""


@dataclass(frozen=True)
class SamplingSettings:
    """Everything but the seed that decides the pictures.

    Attributes:
        steps: sampling steps; 40 for the backbone, 4 to 8 for distilled weights.
        shift: bends the levels towards noise (:func:`.flow.sigmas`).
        solver: "euler", "dpmpp" or "unipc".
        tau: share of the steps in which the plate is injected (TALI). None = by the weights: 0.8
            for ``lora``, 1 for ``training-free``, whose network never sees the plate.
        tau_sigma: inject until this level instead; for distilled weights.
        level: TALI's noise, "flow", or "vp" as the paper prints it (ablation).
        index: TALI's level, "next", or "literal" as printed (ablation).
        resample: draw TALI's noise anew every step, as printed (ablation).
        mask_margin: cells that the plate is left free beyond the mouth's own (:mod:`.masks`).
        copy_error: mean square of the network's error where it should copy, for putting copies
            back in the end (:func:`.tali.settled`); 0 = leave them.
        passes: forward passes a step (:class:`.guidance.Guidance`); 1 for distilled weights.
        scale: guidance, of the audio with three passes.
        text_scale: guidance of the text, with three passes.
        band: levels (low, high) between which guidance works.
        mouth_guidance: guide in full only in the mouth's latent cells.
        mode: "joint" windows in lock step, or "autoregressive" ones after one another.
        window: latents in a window; None = 20, above 30 pictures a second 28.
        stride: latents between joint windows; None = three quarters of the window.
        overlap: latents an autoregressive window shares with the one before; 0, as published, joins
            them by their motion context alone.
        motion: what joint windows are told of the frames before them: "none", or the "source"'s.
            Autoregressive windows are always told what was made.
        audio_grid: "native" states at exact frame times, or the published 30 Hz "parity" grid.
        whole_timesteps: tell the network whole timesteps, as the published sampler does.
    """

    steps: int = 40
    shift: float = 3.0
    solver: Solver = "euler"
    tau: float | None = None
    tau_sigma: float | None = None
    level: Level = "flow"
    index: Index = "next"
    resample: bool = False
    mask_margin: int = 1
    copy_error: float = 0.0
    passes: Literal[1, 2, 3] = 2
    scale: float = 4.5
    text_scale: float = 1.0
    band: tuple[float, float] = (0.0, 1.0)
    mouth_guidance: bool = False
    mode: Literal["joint", "autoregressive"] = "joint"
    window: int | None = None
    stride: int | None = None
    overlap: int = 4
    motion: Literal["none", "source"] = "none"
    audio_grid: Literal["native", "parity"] = "native"
    whole_timesteps: bool = False

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            if not fits(getattr(self, name), hint):
                raise InputError(
                    f"sampling setting {name} = {getattr(self, name)!r}",
                    remedy=f"Give {in_words(hint)}",
                )
        # each part refuses what it cannot be made of
        sigmas(self.steps, self.shift)
        self.guidance()
        self.layout(Fraction(25))
        if self.tau is not None and self.tau_sigma is not None:
            raise InputError("both tau and tau_sigma are set", remedy="Set one of them")
        for name in ("mask_margin", "copy_error"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} = {getattr(self, name)}", remedy="Give 0 or more")
        for name in ("tau", "tau_sigma"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{name} = {value}", remedy="Give a number within 0..1")

    def guidance(self, mouth: Tensor | None = None) -> Guidance:
        """How the network's branches are combined.

        Args:
            mouth: (1, 1, f, h, w) the latent mouth mask, used with ``mouth_guidance``.
        """
        weight = mouth if self.mouth_guidance else None
        return Guidance(self.passes, self.scale, self.text_scale, self.band, weight)

    def layout(self, rate: Fraction) -> Layout:
        """The windows at ``rate`` pictures a second."""
        length = self.window or Layout.for_rate(rate).length
        if self.mode == "autoregressive":
            return Layout(length, length - self.overlap)
        return Layout(length, self.stride or max(1, length * 3 // 4))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> SamplingSettings:
        """From plain values, as a file holds them.

        Raises:
            InputError: a name that is no setting, or a value that does not fit.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise InputError(
                f"no sampling setting is called {', '.join(unknown)}",
                remedy=f"There are {', '.join(known)}",
            )
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**plain)

    @classmethod
    def from_file(cls, path: str | Path) -> SamplingSettings:
        """From a TOML or JSON file.

        Raises:
            InputError: a file that cannot be read, or as :meth:`of`.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read sampling settings: {error}", file=path) from error
        if not isinstance(values, dict):
            raise InputError("sampling settings are no table of names and values", file=path)
        return cls.of(values)

    def save(self, path: str | Path) -> None:
        """The resolved record, as JSON that :meth:`from_file` reads."""
        Path(path).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of the type a setting is declared with; whole numbers pass as floats."""
    if get_origin(hint) is Literal:
        return value in get_args(hint) and not isinstance(value, bool)
    if get_origin(hint) in (Union, UnionType):
        return any(fits(value, option) for option in get_args(hint))
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return isinstance(value, tuple) and all(fits(v, parts[0]) for v in value)
        return (
            isinstance(value, tuple)
            and len(value) == len(parts)
            and all(fits(v, part) for v, part in zip(value, parts, strict=True))
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint


def in_words(hint: Any) -> str:
    """The type in words."""
    if get_origin(hint) is Literal:
        return " or ".join(repr(choice) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return "a list: " + ", ".join(
            "..." if part is Ellipsis else in_words(part) for part in get_args(hint)
        )
    return getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
