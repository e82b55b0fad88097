"""Will it fit: profiles of cards, the peak a run needs, and a refusal before anything is loaded.

All sizes are bytes. The formulas follow the code of the network and the codec and are checked in
the tests against the live tensors of a 14B-shaped run on the meta device; what a CUDA kernel and
its allocator take beside them is the one assumed number, ``RESERVE``.

With e bytes a value in the compute precision, r in the residual stream, D channels, N noisy tokens
of L in all, and F the feed-forward's width, a block's three peaks are

* attention: r L D + 4 e L D + 12 L D + e N D   (stream; input, q, k, v; their norm in float32)
* feed-forward: (2 r + 2 e) L D + e N D + 2 e F min(L, chunk), and 2 e L D more if in chunks
* speech: (2 r + 2 e) L D + 3 e N D + 12 N D    (the same on the noisy tokens alone)

The norm's 12 are 8 in float32. Guidance passes run one after the other, so each adds one velocity.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch

from .errors import InputError, MemoryBudgetError

GIB = 2**30

RESERVE = 1 * GIB
"""CUDA context, library workspaces and fragmentation."""

VAE_PARAMETERS = 126_892_531
VAE_BASE_DIM = 96
"""Of the published Wan 2.1 VAE."""

VAE_DECODE_BYTES = {2: 10_200, 4: 19_500}
"""For each pixel of the picture and size of a value: caches and work of one streaming decode step,
counted on the published VAE; encoding needs less."""

PIECES_BYTES = 4 * 3 * 4 * 3
"""For each pixel: tiles of four frames, their strips and the joined picture, float32."""

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
class Window:
    """What one call of the network is asked for.

    Attributes:
        latents: f, at most 30.
        height: of the crop, pixels.
        width: of the crop, pixels.
        reference: whether there is a reference picture.
        motion: whether there is motion context.
        passes: guidance passes, 1 to 3.
        caches: states a step cache holds: windows of the shot x passes, or 0 without one.
    """

    latents: int = 20
    height: int = 512
    width: int = 512
    reference: bool = True
    motion: bool = True
    passes: int = 2
    caches: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.latents <= 30 or self.height % 64 or self.width % 64:
            raise InputError(
                f"a window of {self.latents} latents at {self.width}x{self.height}",
                remedy="Use 1 to 30 latents and sides that are multiples of 64",
            )

    @property
    def noisy(self) -> int:
        """N, the tokens that are denoised."""
        return self.latents * self._frame

    @property
    def tokens(self) -> int:
        """L, all tokens: noisy, reference, and motion at full, half and quarter resolution."""
        motion = self._frame + self._frame // 4 + 4 * (self._frame // 16)
        return self.noisy + self.reference * self._frame + self.motion * motion

    @property
    def _frame(self) -> int:
        return (self.height // 16) * (self.width // 16)


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


@dataclass(frozen=True)
class Parameters:
    """How many parameters a network has, by how they are kept.

    Attributes:
        linear: in the linear layers of the blocks, the part a storage type shrinks.
        float32: what is always float32: time and speech embedding, norms, tables and the head.
        other: the rest, in the compute precision.
        largest_block: linear ones of the largest block (one that hears).
    """

    linear: int
    float32: int
    other: int
    largest_block: int

    @property
    def total(self) -> int:
        return self.linear + self.float32 + self.other


def parameters(config: Mapping[str, Any]) -> Parameters:
    """Counts from a transformer's configuration alone.

    Args:
        config: of ``UniSyncTransformer3DModel``.
    """
    heads, head = config["num_attention_heads"], config["attention_head_dim"]
    d, ffn, layers = heads * head, config["ffn_dim"], config["num_layers"]
    hears = len(config["audio_inject_layers"])
    patch, channels = prod(config["patch_size"]), config["in_channels"]
    text, tokens, speech = config["text_dim"], config["audio_tokens"], config["audio_dim"]

    attention = 4 * (d * d + d)
    block = 2 * attention + 2 * d * ffn + ffn + d
    linear = layers * block + hears * attention
    # norm_q and norm_k are RMS gains, audio_norm the AdaIN's linear layer
    gains = (2 * layers + hears) * 2 * d
    adain = hears * (2 * d * d + 2 * d)
    embed = (channels + config["pose_channels"]) * patch * d + 2 * d
    packer = (1 + 8 + 64) * channels * patch * d + 3 * d
    words = text * d + d + d * d + d
    other = gains + adain + embed + packer + words + 3 * d
    if config["av2v"]:
        other += channels * patch * d
    if config["pafs"] != "none":
        other += d * d + d + 2 * d + sum(config["pafs_size"]) * d

    clock = config["freq_dim"] * d + d + d * d + d + 6 * (d * d + d)
    narrow = speech * 3 * (tokens + 1) * (d // 4) + (tokens + 1) * (d // 4)
    wide = 3 * (d // 4) * (d // 2) + d // 2 + 3 * (d // 2) * d + d + d * d + d
    heard = config["audio_layers"] + d + narrow + wide
    out = config["out_channels"] * patch
    exact = layers * (2 * d + 6 * d) + clock + heard + d * out + out + 2 * d
    return Parameters(linear, exact, other, block + (attention if hears else 0))


def estimate(
    config: Mapping[str, Any], profile: Profile, window: Window, vae_base_dim: int = VAE_BASE_DIM
) -> Estimate:
    """The peak of a run before it starts.

    Args:
        config: of ``UniSyncTransformer3DModel``.
        profile: one of ``PROFILES``.
        window: the largest window of the run.
        vae_base_dim: the VAE's narrowest width; 96 is the published one.
    """
    count = parameters(config)
    value = profile.compute.itemsize
    shrunk = STORAGE_BITS[profile.storage] / 8
    fixed = 4 * count.float32 + value * count.other
    linear, host = int(count.linear * shrunk), 0
    if profile.offload is not None:
        # the next group is fetched while this one computes
        resident = int(2 * profile.offload * count.largest_block * shrunk)
        linear, host = min(linear, resident), linear
    d = config["num_attention_heads"] * config["attention_head_dim"]
    activations = _activations(config, profile, window)
    activations += 3 * window.caches * value * window.tokens * d
    if profile.storage not in ("fp32", "bf16"):
        # the largest layer, expanded for the moment it computes
        activations += value * d * config["ffn_dim"]
    vae = _vae(profile, window, vae_base_dim / VAE_BASE_DIM)
    reserve = 0 if profile.name == "cpu" else RESERVE
    return Estimate(profile, fixed + linear, activations, vae, reserve, host)


def _vae(profile: Profile, window: Window, width: float) -> int:
    """Weights grow with the square of the VAE's width, what it holds for each pixel with it."""
    pixels = window.height * window.width
    tile, joining = pixels, 0
    if profile.vae_tile is not None:
        tile, joining = min(pixels, profile.vae_tile**2), PIECES_BYTES * pixels
    step = VAE_DECODE_BYTES[profile.vae_bytes] * width * tile
    return int(profile.vae_bytes * VAE_PARAMETERS * width**2 + step + joining)


def _activations(config: Mapping[str, Any], profile: Profile, window: Window) -> int:
    """The largest of a block's three peaks, and what lies beside it throughout a call."""
    e = profile.compute.itemsize
    r = 4 if config["residual_fp32"] else e
    head, ffn = config["attention_head_dim"], config["ffn_dim"]
    d = config["num_attention_heads"] * head
    whole, noisy = window.tokens * d, window.noisy * d
    norm = 8 if e == 4 else 12
    attention = (r + 4 * e + norm) * whole + e * noisy
    chunk = window.tokens if profile.ffn_chunk is None else profile.ffn_chunk
    feed = (2 * r + 2 * e) * whole + e * noisy + 2 * e * ffn * min(chunk, window.tokens)
    if chunk < window.tokens:
        feed += 2 * e * whole
    speech = (2 * r + 2 * e) * whole + (3 * e + norm) * noisy
    rotary = 2 * 4 * head * window.tokens
    sound = e * config["audio_layers"] * config["audio_dim"] * (4 * window.latents + 73)
    latent = config["in_channels"] * window.latents * (window.height // 8) * (window.width // 8)
    # hidden states, pose, video; a velocity for every pass
    return max(attention, feed, speech) + rotary + 3 * sound + 4 * (3 + window.passes) * latent


def choose(config: Mapping[str, Any], window: Window, budget: int, cuda: bool) -> Profile:
    """The first profile, fastest first, that fits.

    nf4 and GGUF are left out: they are the checkpoint's doing and are asked for by name.

    Args:
        budget: bytes free, see ``free_bytes``.
        cuda: whether there is a card.

    Raises:
        MemoryBudgetError: none fits.
    """
    for profile in PROFILES.values():
        usable = cuda != (profile.name == "cpu") and profile.storage not in ("nf4", "gguf")
        if usable and estimate(config, profile, window).total <= budget:
            return profile
    raise MemoryBudgetError(
        f"no profile fits {budget / GIB:.1f} GiB for {window.latents} latents at "
        f"{window.width}x{window.height}",
        remedy="Use a smaller crop or shorter windows",
    )


def refuse_unless_fits(
    config: Mapping[str, Any], profile: Profile, window: Window, budget: int
) -> Estimate:
    """The estimate, if it fits.

    Raises:
        MemoryBudgetError: it does not; the message names the profile that would.
    """
    needed = estimate(config, profile, window)
    if needed.total <= budget:
        return needed
    try:
        other = choose(config, window, budget, cuda=profile.name != "cpu").name
        remedy = f"Use the profile {other}, or a smaller crop"
    except MemoryBudgetError as error:
        remedy = error.remedy or ""
    raise MemoryBudgetError(f"{needed} is more than the {budget / GIB:.1f} GiB free", remedy=remedy)


def free_bytes(device: str | torch.device) -> int:
    """Bytes free on a CUDA device, or the machine's memory for the CPU."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
