"""What a run holds, counted from configurations: parameters, activations, the VAE's work.

All sizes are bytes. The formulas follow the code of the network and the codec and are checked in
the tests against the live tensors of a 14B-shaped run on the meta device.

With e bytes a value in the compute precision, r in the residual stream, D channels, N noisy tokens
of L in all, and F the feed-forward's width, a block's three peaks are

* attention: r L D + 4 e L D + 12 L D + e N D   (stream; input, q, k, v; their norm in float32)
* feed-forward: (2 r + 2 e) L D + e N D + 2 e F min(L, chunk), and 2 e L D more if in chunks
* speech: (2 r + 2 e) L D + 3 e N D + 12 N D    (the same on the noisy tokens alone)

The norm's 12 are 8 in float32. Guidance passes run one after the other, so each adds one velocity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from .errors import InputError

VAE_PARAMETERS = 126_892_531
VAE_BASE_DIM = 96
"""Of the published Wan 2.1 VAE."""

VAE_DECODE_BYTES = {2: 10_200, 4: 19_500}
"""For each pixel of the picture and size of a value: caches and work of one streaming decode step,
counted on the published VAE; encoding needs less."""

PIECES_BYTES = 4 * 3 * 4 * 3
"""For each pixel: tiles of four frames, their strips and the joined picture, float32."""


@dataclass(frozen=True)
class WindowSize:
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
        sides = (self.height, self.width)
        if not 1 <= self.latents <= 30 or any(side < 64 or side % 64 for side in sides):
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


def activation_bytes(
    config: Mapping[str, Any], window: WindowSize, value_bytes: int, ffn_chunk: int | None
) -> int:
    """One call of the network: the largest of a block's three peaks, and what lies beside it.

    Args:
        config: of ``UniSyncTransformer3DModel``.
        value_bytes: of a value in the compute precision.
        ffn_chunk: tokens through a feed-forward at a time; None for all.
    """
    e = value_bytes
    r = 4 if config["residual_fp32"] else e
    head, ffn = config["attention_head_dim"], config["ffn_dim"]
    d = config["num_attention_heads"] * head
    whole, noisy = window.tokens * d, window.noisy * d
    norm = 8 if e == 4 else 12
    attention = (r + 4 * e + norm) * whole + e * noisy
    chunk = window.tokens if ffn_chunk is None else ffn_chunk
    feed = (2 * r + 2 * e) * whole + e * noisy + 2 * e * ffn * min(chunk, window.tokens)
    if chunk < window.tokens:
        feed += 2 * e * whole
    speech = (2 * r + 2 * e) * whole + (3 * e + norm) * noisy
    rotary = 2 * 4 * head * window.tokens
    sound = e * config["audio_layers"] * config["audio_dim"] * (4 * window.latents + 73)
    latent = config["in_channels"] * window.latents * (window.height // 8) * (window.width // 8)
    # hidden states, pose, video; a velocity for every pass
    beside = rotary + 3 * sound + 4 * (3 + window.passes) * latent
    return int(max(attention, feed, speech) + beside)


def vae_bytes(
    window: WindowSize, value_bytes: int, tile_side: int | None, base_dim: int = VAE_BASE_DIM
) -> int:
    """The VAE's weights and one step of streaming decode.

    Weights grow with the square of the VAE's width, what it holds for each pixel with the width.

    Args:
        value_bytes: 4 or 2.
        tile_side: in pixels; None for no tiles.
        base_dim: the VAE's narrowest width.
    """
    width = base_dim / VAE_BASE_DIM
    pixels = window.height * window.width
    tile, joining = pixels, 0
    if tile_side is not None:
        tile, joining = min(pixels, tile_side**2), PIECES_BYTES * pixels
    step = VAE_DECODE_BYTES[value_bytes] * width * tile
    return int(value_bytes * VAE_PARAMETERS * width**2 + step + joining)
