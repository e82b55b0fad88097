"""Will it fit: profiles of cards, the peak a run needs, and a refusal before anything is loaded.

All sizes are bytes; the formulas are in ``footprint``. What the CUDA driver and its allocator take
beside the tensors is the one assumed number, ``RESERVE``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from .errors import MemoryBudgetError
from .footprint import VAE_BASE_DIM, WindowSize, activation_bytes, parameters, vae_bytes

GIB = 2**30

RESERVE = 1 * GIB
"""CUDA context, library workspaces and fragmentation."""

Storage = Literal["fp32", "bf16", "fp8", "nf4", "gguf"]

STORAGE_BITS: dict[Storage, float] = {"fp32": 32, "bf16": 16, "fp8": 8, "nf4": 4.5, "gguf": 6.5625}
"""Bits of a weight in the blocks' linear layers; nf4 with its float32 scales of 64 weights, GGUF
as Q6_K, the largest kind the profile is meant for."""


@dataclass(frozen=True)
class Profile:
    """How a network is laid out on a card.

    Attributes:
        name: as it is chosen on the command line.
        storage: what the linear layers of the blocks are kept in. nf4 and gguf are decided when
            the checkpoint is loaded.
        offload: blocks on the device at a time, the others in host memory; None keeps all there.
        ffn_chunk: tokens through a feed-forward at a time; None for all.
        vae_bytes: bytes of a value in the VAE, 4 or 2.
        vae_tile: side of a VAE tile in pixels; None for no tiles.
    """

    name: str
    storage: Storage
    offload: int | None = None
    ffn_chunk: int | None = None
    vae_bytes: Literal[2, 4] = 2
    vae_tile: int | None = None

    @property
    def compute(self) -> torch.dtype:
        """What the network computes in."""
        return torch.float32 if self.storage == "fp32" else torch.bfloat16


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("80gb", "bf16", vae_bytes=4),
        Profile("48gb-fp8", "fp8"),
        Profile("32gb", "fp8", ffn_chunk=8192, vae_tile=256),
        Profile("24gb-gguf", "gguf", ffn_chunk=4096, vae_tile=256),
        Profile("24gb-nf4", "nf4", ffn_chunk=4096, vae_tile=256),
        Profile("48gb-offload", "bf16", offload=1),
        Profile("24gb-offload", "fp8", offload=1, ffn_chunk=4096, vae_tile=256),
        Profile("cpu", "fp32", vae_bytes=4),
    )
}
"""By name, the fastest first. ``cpu`` is the only one for a machine without a card."""


@dataclass(frozen=True)
class Estimate:
    """The peak on the device, in bytes.

    Attributes:
        profile: what was estimated.
        weights: of the network, as far as they are on the device.
        activations: of one call of the network.
        vae: its weights and one streaming decode step; the step's caches stay while the network
            works where windows are decoded in turn.
        reserve: what the driver and the allocator take.
        host: weights kept in host memory.
    """

    profile: Profile
    weights: int
    activations: int
    vae: int
    reserve: int
    host: int = 0

    @property
    def total(self) -> int:
        return self.weights + self.activations + self.vae + self.reserve

    def __str__(self) -> str:
        parts = (
            f"weights {self.weights / GIB:.1f}, activations {self.activations / GIB:.1f}, "
            f"VAE {self.vae / GIB:.1f}, reserve {self.reserve / GIB:.1f}"
        )
        host = f"; {self.host / GIB:.1f} GiB of weights in host memory" if self.host else ""
        return f"{self.profile.name}: {self.total / GIB:.1f} GiB ({parts}){host}"


def estimate(
    config: Mapping[str, Any],
    profile: Profile,
    window: WindowSize,
    *,
    adapter: int = 0,
    vae_base_dim: int = VAE_BASE_DIM,
) -> Estimate:
    """The peak of a run before it starts.

    Args:
        config: of ``UniSyncTransformer3DModel``.
        profile: one of ``PROFILES``.
        window: the largest window of the run.
        adapter: parameters of LoRA layers that are not fused (5.28 M a rank for the 14B).
        vae_base_dim: the VAE's narrowest width; 96 is the published one.
    """
    count = parameters(config)
    value = profile.compute.itemsize
    shrunk = STORAGE_BITS[profile.storage] / 8
    fixed = 4 * count.float32 + value * (count.other + adapter)
    linear, host = int(count.linear * shrunk), 0
    if profile.offload is not None:
        # the next group is fetched while this one computes
        resident = int(2 * profile.offload * count.largest_block * shrunk)
        linear, host = min(linear, resident), linear
    d = config["num_attention_heads"] * config["attention_head_dim"]
    activations = activation_bytes(config, window, value, profile.ffn_chunk)
    activations += 3 * window.caches * value * window.tokens * d
    if profile.storage not in ("fp32", "bf16"):
        # the largest layer, expanded for the moment it computes
        activations += value * d * config["ffn_dim"]
    vae = vae_bytes(window, profile.vae_bytes, profile.vae_tile, vae_base_dim)
    reserve = 0 if profile.name == "cpu" else RESERVE
    return Estimate(profile, fixed + linear, activations, vae, reserve, host)


def choose(
    config: Mapping[str, Any], window: WindowSize, budget: int, cuda: bool, **more: int
) -> Profile:
    """The first profile, fastest first, that fits.

    nf4 and GGUF are left out: they are the checkpoint's doing and are asked for by name.

    Args:
        budget: bytes free, see ``free_bytes``.
        cuda: whether there is a card.
        more: ``adapter`` and ``vae_base_dim`` of ``estimate``.

    Raises:
        MemoryBudgetError: none fits.
    """
    for profile in PROFILES.values():
        usable = cuda != (profile.name == "cpu") and profile.storage not in ("nf4", "gguf")
        if usable and estimate(config, profile, window, **more).total <= budget:
            return profile
    raise MemoryBudgetError(
        f"no profile fits {budget / GIB:.1f} GiB for {window.latents} latents at "
        f"{window.width}x{window.height}",
        remedy="Use a smaller crop or shorter windows",
    )


def refuse_unless_fits(
    config: Mapping[str, Any], profile: Profile, window: WindowSize, budget: int, **more: int
) -> Estimate:
    """The estimate, if it fits.

    Args:
        more: ``adapter`` and ``vae_base_dim`` of ``estimate``.

    Raises:
        MemoryBudgetError: it does not; the message names the profile that would.
    """
    needed = estimate(config, profile, window, **more)
    if needed.total <= budget:
        return needed
    try:
        other = choose(config, window, budget, profile.name != "cpu", **more).name
        remedy = f"Use the profile {other}, or a smaller crop"
    except MemoryBudgetError as error:
        remedy = error.remedy or ""
    raise MemoryBudgetError(f"{needed} is more than the {budget / GIB:.1f} GiB free", remedy=remedy)


def total_bytes(device: str | torch.device) -> int:
    """Bytes of a CUDA device, free or not, or the machine's memory for the CPU."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return free_bytes(device)


def free_bytes(device: str | torch.device) -> int:
    """Bytes free on a CUDA device, or the machine's memory for the CPU."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
