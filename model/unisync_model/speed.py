"""Faster for the same picture, or nearly: attention kernels, compiled blocks, step caches.

The compiled block is what a cache calls or skips; the cache's decision stays outside the graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import FirstBlockCacheConfig, MagCacheConfig
from diffusers.models.attention_dispatch import (
    AttentionBackendName,
    _check_attention_backend_requirements,
)
from torch import Tensor

from .errors import CheckpointError, InputError
from .sampling import Branch, Guide, Inject, Velocity, sample
from .tali import Tali, injected_steps
from .transformer import UniSyncTransformer3DModel

CPU_ATTENTION = ("native", "_native_math")

PREFERRED = ("_flash_3", "flash", "native")
"""What ``auto`` tries on a card. sage is not among them: it rounds q and k to 8 bits."""


def attention_backends(device: str | torch.device) -> tuple[str, ...]:
    """Names of the attention kernels that can run here, as diffusers calls them.

    Kernels that would be downloaded (``*_hub``) are listed if the ``kernels`` package that fetches
    them is installed; nothing is fetched before one is set by name.
    """
    if torch.device(device).type != "cuda":
        return CPU_ATTENTION
    return tuple(backend.value for backend in AttentionBackendName if _installed(backend))


def set_attention(
    model: UniSyncTransformer3DModel, name: str = "auto", device: str | torch.device = "cpu"
) -> str:
    """Chooses the attention kernel of every block.

    Args:
        name: one of ``attention_backends(device)``, or ``auto`` for the fastest exact one.

    Returns:
        The one chosen.

    Raises:
        InputError: not installed, or not for this device; the message lists those that are.
    """
    usable = attention_backends(device)
    if name == "auto":
        name = next(preferred for preferred in PREFERRED if preferred in usable)
    if name not in usable:
        raise InputError(
            f"attention {name!r} cannot run on {torch.device(device).type} here",
            remedy=f"Choose one of {', '.join(usable)}",
        )
    model.set_attention_backend(name)
    return name


def compile_blocks(model: UniSyncTransformer3DModel, backend: str | Any = "inductor") -> None:
    """Regional compilation: each kind of block once, without graph breaks, used by all of its kind.

    It compiles a block's own ``forward`` and not its call, so that the hooks of caches and
    offload, which would break the graph, stay around it, whichever came first.

    Args:
        backend: of ``torch.compile``.

    Raises:
        InputError: fp8 storage, whose hooks sit inside the block.
    """
    if any(parameter.dtype == torch.float8_e4m3fn for parameter in model.parameters()):
        raise InputError(
            "a network in fp8 storage cannot be compiled: every layer's cast breaks the graph",
            remedy="Use a bfloat16 profile (80gb, 48gb-offload), or do not compile",
        )
    for block in model.blocks:
        hooks = getattr(block, "_diffusers_hook", None)
        # the innermost hook holds the block's own forward
        owner = hooks._fn_refs[0] if hooks is not None and hooks._fn_refs else block
        name = "original_forward" if getattr(owner, "original_forward", None) else "forward"
        compiled = torch.compile(getattr(owner, name), fullgraph=True, backend=backend)
        setattr(owner, name, compiled)


@dataclass(frozen=True)
class FirstBlock:
    """Skips the other blocks while the first one's change differs little from the last time's.

    Attributes:
        threshold: relative difference below which they are skipped.
    """

    threshold: float = 0.05


@dataclass(frozen=True)
class MagRatios:
    """How much the blocks' whole contribution grows from step to step, for one set of weights.

    Attributes:
        weights: what was calibrated, for people to read.
        sigmas: the levels of the run.
        ratios: one for each step; 1 for the first.
    """

    weights: str
    sigmas: tuple[float, ...]
    ratios: tuple[float, ...]

    def save(self, path: str | Path) -> None:
        """Writes JSON."""
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> MagRatios:
        """Reads what ``save`` wrote.

        Raises:
            CheckpointError: not there, or not such a file.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            ratios = tuple(float(ratio) for ratio in data["ratios"])
            levels = tuple(float(level) for level in data["sigmas"])
            return cls(str(data["weights"]), levels, ratios)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"no MagCache ratios: {error!r}",
                file=path,
                remedy="Run the calibration once for these weights: unisync weights calibrate",
            ) from error


@dataclass(frozen=True)
class MagCache:
    """Skips all blocks of a step while the error predicted from calibrated ratios is small.

    Guidance has to ask for every branch at every step: a guidance band would have the ratios of
    one step applied at another.

    Attributes:
        ratios: of these weights; stretched where the run has another number of steps.
        steps: of the run.
        threshold: the accumulated error allowed.
        max_skip: steps skipped in a row at most.
        retention: share of the first steps that are never skipped.
    """

    ratios: MagRatios
    steps: int
    threshold: float = 0.06
    max_skip: int = 3
    retention: float = 0.2


def enable_cache(model: UniSyncTransformer3DModel, cache: FirstBlock | MagCache | None) -> None:
    """Enables a step cache, in place of the one before; None for none.

    Every branch of every window must call the network within its own ``model.cache_context``.
    Call ``start_shot`` before each run.
    """
    if model.is_cache_enabled:
        model.disable_cache()
    if isinstance(cache, FirstBlock):
        model.enable_cache(FirstBlockCacheConfig(threshold=cache.threshold))
    elif isinstance(cache, MagCache):
        model.enable_cache(
            MagCacheConfig(
                threshold=cache.threshold,
                max_skip_steps=cache.max_skip,
                retention_ratio=cache.retention,
                num_inference_steps=cache.steps,
                mag_ratios=list(cache.ratios.ratios),
            )
        )


def start_shot(model: UniSyncTransformer3DModel) -> None:
    """Forgets everything cached: another shot has other windows, and begins at the first step."""
    model._reset_stateful_cache()


def forget(model: UniSyncTransformer3DModel) -> None:
    """Makes the next call of every branch compute in full; the steps counted so far stay."""
    for state in _states(model).values():
        # FirstBlockCache compares with the one, MagCache adds the other
        for name in ("head_block_residual", "previous_residual"):
            if hasattr(state, name):
                setattr(state, name, None)


def guarded(model: UniSyncTransformer3DModel, tali: Tali) -> Inject:
    """TALI that tells a cache when it lets go.

    Once the plate is no longer put back, the sample takes another course, and what was cached
    belongs to the old one. The last call on a held sample and the first on a free one are both
    computed in full.

    Args:
        tali: the injection of the run; the result takes its place as ``inject``.
    """

    def inject(z: Tensor, i: int, sigmas: Sequence[float]) -> Tensor | None:
        injected = tali(z, i, sigmas)
        if model.is_cache_enabled and i in _around(tali, sigmas):
            forget(model)
        return injected

    return inject


def calibrate(
    model: UniSyncTransformer3DModel,
    velocity: Velocity,
    z: Tensor,
    sigmas: Sequence[float],
    *,
    weights: str,
    guide: Guide | None = None,
) -> MagRatios:
    """Measures MagCache ratios over one plain run (Ma et al. 2025, arXiv 2506.09045).

    Args:
        model: the network behind ``velocity``; its cache, if any, is disabled.
        velocity: as for ``sample``; one that sets cache contexts of its own (a window's, say)
            keeps them.
        z: noise, (B, C, F, H, W).
        sigmas: levels of the run.
        weights: what is calibrated, for people to read.
        guide: as for ``sample``.

    Returns:
        The mean over all branches and windows that ran at every step.
    """
    steps = len(sigmas) - 1

    def in_context(z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        with model.cache_context(branch):
            return velocity(z, s, branch)

    enable_cache(model, None)
    # one step more than there is: the library prints and drops its measurements after the last
    model.enable_cache(MagCacheConfig(calibrate=True, num_inference_steps=steps + 1))
    try:
        sample(in_context, z, sigmas, guide=guide)
        runs = [state.calibration_ratios for state in _states(model).values()]
    finally:
        model.disable_cache()
    whole = torch.tensor([run for run in runs if len(run) == steps], dtype=torch.float64)
    return MagRatios(weights, tuple(map(float, sigmas)), tuple(whole.mean(0).tolist()))


def _around(tali: Tali, sigmas: Sequence[float]) -> Iterator[int]:
    """The last step that injects and the first that does not, if both happen."""
    count = len(sigmas) - 1
    if tali.tau_sigma is not None:
        switch = sum(level > tali.tau_sigma for level in sigmas[1:])
    else:
        switch = injected_steps(tali.tau or 0.0, count)
    if 0 < switch < count:
        yield from (switch - 1, switch)


def _states(model: UniSyncTransformer3DModel) -> dict[str, Any]:
    """The cache's states by context; all blocks share them, so the first one's are all."""
    registry = getattr(model.blocks[0], "_diffusers_hook", None)
    hooks = {} if registry is None else registry.hooks
    states: dict[str, Any] = {}
    for hook in hooks.values():
        manager = getattr(hook, "state_manager", None)
        states.update({} if manager is None else manager._state_cache)
    return states


def _installed(backend: AttentionBackendName) -> bool:
    try:
        _check_attention_backend_requirements(backend)
    except RuntimeError:
        return False
    return True
