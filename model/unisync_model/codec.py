"""Pictures to latents and back, a whole shot at a time, four frames in memory.

A shot is encoded once, with its first frame repeated in front. The Wan VAE is causal and turns the
frames 1 + 4n into 1 + n latents, so latent 0 is the first frame alone and, of the rest, latent j
holds the frames 4j .. 4j + 3: a cut anywhere between two latents is a cut between two frames, and
every window of the network sees the same latents. A window encoded by itself would not: its first
frame has no past.

Both directions keep the VAE's own causal feature caches between calls, so what is held does not
grow with the shot and nothing is computed twice. The :class:`.group_autoencoder.GroupAutoencoder`
of tiny networks has the same layout and no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d
from torch import Tensor, nn

from .errors import CheckpointError, InputError
from .group_autoencoder import GroupAutoencoder

Frames = npt.NDArray[np.uint8]
"""Pictures (F, H, W, 3), full-range RGB."""

Autoencoder: TypeAlias = AutoencoderKLWan | GroupAutoencoder

CacheEntry = Tensor | str | None
"""What one causal convolution remembers; the VAE marks a first step with a word."""

STRIDE = 4
"""Frames to a latent."""

SIDE = 8
"""Pixels to a latent cell, in each direction."""


@dataclass(frozen=True)
class Encoded:
    """A shot as normalised latents, float32 on the VAE's device.

    Attributes:
        first: (1, C, 1, h, w), the first frame alone.
        latents: (1, C, n, h, w); number j holds the frames 4j .. 4j + 3.
        frames: how many frames the shot has; 4n less at most three.
    """

    first: Tensor
    latents: Tensor
    frames: int


class LatentCodec:
    """An autoencoder as a codec of whole shots.

    Args:
        vae: the Wan 2.1 VAE (stride 4 x 8 x 8), any device, float32 or bfloat16; with its tiling
            enabled, pictures larger than a tile go through it tile by tile. Or a tiny network's.

    Raises:
        CheckpointError: a VAE of other strides.
    """

    def __init__(self, vae: Autoencoder) -> None:
        config = vae.config
        strides = (config.scale_factor_temporal, config.scale_factor_spatial)
        patch, residual = config.get("patch_size"), config.get("is_residual")
        if strides != (STRIDE, SIDE) or patch or residual:
            raise CheckpointError(
                f"a VAE with strides {strides}, patch size {patch}; UniSync needs the "
                f"Wan 2.1 VAE: {(STRIDE, SIDE)}, none",
                remedy="Take the vae folder of Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
            )
        self.vae = vae.eval().requires_grad_(False)
        shape = (1, config.z_dim, 1, 1, 1)
        self._mean = torch.tensor(config.latents_mean).view(shape)
        self._std = torch.tensor(config.latents_std).view(shape)

    @torch.no_grad()
    def encode(self, frames: Frames) -> Encoded:
        """A whole shot, its first frame repeated in front and its tail mirrored to a full latent.

        Args:
            frames: (F, H, W, 3) uint8, sides multiples of 8; a memory-mapped array stays on disk.

        Raises:
            InputError: another type, shape or side, or no frame.
        """
        _check_frames(frames)
        count = len(frames)
        steps = -(-count // STRIDE)
        order = [mirrored(i, count) for i in range(steps * STRIDE)]
        pieces = (frames[order[i : i + STRIDE]] for i in range(0, len(order), STRIDE))
        latents = torch.cat(list(self._encoded(chain([frames[:1]], pieces))), dim=2)
        return Encoded(latents[:, :, :1], latents[:, :, 1:], count)

    @torch.no_grad()
    def encode_context(self, frames: Frames) -> Tensor:
        """Frames in the VAE's own layout: a reference picture (1) or motion context (73).

        Args:
            frames: (1 + 4k, H, W, 3) uint8.

        Returns:
            (1, C, 1 + k, h, w) normalised: latent 0 is frame 0, latent j the frames 4j-3 .. 4j.

        Raises:
            InputError: as ``encode``, or a count that is not 1 + 4k.
        """
        _check_frames(frames)
        if len(frames) % STRIDE != 1:
            raise InputError(f"context must have 1 + 4k frames, got {len(frames)}")
        pieces = (frames[i : i + STRIDE] for i in range(1, len(frames), STRIDE))
        return torch.cat(list(self._encoded(chain([frames[:1]], pieces))), dim=2)

    def decode(self, first: Tensor, latents: Tensor, frames: int) -> Iterator[Frames]:
        """The pictures of a shot, as they come out of the VAE.

        The first frame's own latent is decoded ahead of the shot and its picture dropped: it
        gives the decoder a past, so that the shot has neither a missing nor a blurred beginning.

        Args:
            first: (1, C, 1, h, w) normalised, of ``encode``.
            latents: (1, C, n, h, w) normalised.
            frames: how many frames the shot has; the mirrored tail is dropped.

        Yields:
            (4, H, W, 3) uint8, the last one shorter where the shot is.

        Raises:
            InputError: shapes that are not one shot's.
        """
        channels, steps = self.vae.config.z_dim, -(-frames // STRIDE)
        side = latents.shape[-2:]
        if first.shape != (1, channels, 1, *side) or latents.shape[:3] != (1, channels, steps):
            raise InputError(
                f"{frames} frames are (1, {channels}, 1, h, w) and (1, {channels}, {steps}, h, w) "
                f"latents, got {tuple(first.shape)} and {tuple(latents.shape)}"
            )
        return self.decode_stream(chain([first], torch.split(latents, 1, dim=2)), frames)

    def _encoded(self, pieces: Iterable[Frames]) -> Iterator[Tensor]:
        """One normalised latent for each piece: a frame, then four and four."""
        encode = _encoder(self.vae)
        for piece in pieces:
            pixels = torch.from_numpy(np.ascontiguousarray(piece)).to(self.vae.device)
            z = encode(to_unit(pixels).to(self.vae.dtype)).float()
            yield (z - self._mean.to(z)) / self._std.to(z)

    def decode_stream(self, latents: Iterable[Tensor], frames: int) -> Iterator[Frames]:
        """``decode`` of latents that come one by one, each asked for when its pictures are.

        Args:
            latents: (1, C, 1, h, w) each, the first frame's own first.
            frames: how many frames the shot has.

        Yields:
            as ``decode``.
        """
        decode = _decoder(self.vae)
        for step, latent in enumerate(latents):
            with torch.no_grad():
                z = latent.to(self.vae.device, torch.float32)
                z = (z * self._std.to(z) + self._mean.to(z)).to(self.vae.dtype)
                pixels = decode(z)
            if step:
                left = frames - (step - 1) * STRIDE
                yield to_bytes(pixels)[:left].cpu().numpy()


def _encoder(vae: Autoencoder) -> Callable[[Tensor], Tensor]:
    """Of one shot: (1, 3, 1 or 4, H, W) of the next frames -> (1, C, 1, h, w)."""
    if isinstance(vae, GroupAutoencoder):
        # a frame alone is a group that stands still
        return lambda pixels: vae.encode(pixels.expand(-1, -1, STRIDE, -1, -1))
    half = _Half(vae, vae.encoder, shrinks=True)
    # the posterior's mean: the published network was trained on it, not on samples
    return lambda pixels: vae.quant_conv(half(pixels)).chunk(2, dim=1)[0]


def _decoder(vae: Autoencoder) -> Callable[[Tensor], Tensor]:
    """Of one shot: (1, C, 1, h, w) of the next latent -> (1, 3, 1 or 4, H, W)."""
    if isinstance(vae, GroupAutoencoder):
        return cast(Callable[[Tensor], Tensor], vae.decode)
    half = _Half(vae, vae.decoder, shrinks=False)
    return lambda z: half(vae.post_quant_conv(z))


class _Half:
    """The Wan VAE's encoder or decoder, called a step at a time; a feature cache for each tile.

    Tiles are cut and blended as the VAE's own ``tiled_encode`` and ``tiled_decode`` do; theirs
    hold the whole clip of every tile, these hold one step.
    """

    def __init__(self, vae: AutoencoderKLWan, half: nn.Module, shrinks: bool) -> None:
        self.vae, self.half, self.shrinks = vae, half, shrinks
        self.convs = sum(isinstance(module, WanCausalConv3d) for module in half.modules())
        self.caches: dict[tuple[int, int], list[CacheEntry]] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """(1, C, k, H, W) of the next step -> (1, C', k', H', W')."""
        vae, unit = self.vae, 1 if self.shrinks else SIDE
        tile = (vae.tile_sample_min_height // unit, vae.tile_sample_min_width // unit)
        step = (vae.tile_sample_stride_height // unit, vae.tile_sample_stride_width // unit)
        if not vae.use_tiling or (x.shape[-2] <= tile[0] and x.shape[-1] <= tile[1]):
            return self._tile(x, (0, 0))
        rows = [
            [
                self._tile(x[..., top : top + tile[0], left : left + tile[1]], (top, left))
                for left in range(0, x.shape[-1], step[1])
            ]
            for top in range(0, x.shape[-2], step[0])
        ]
        return self._blended(rows, x.shape)

    def _tile(self, x: Tensor, corner: tuple[int, int]) -> Tensor:
        """One tile of one step. Its cache is on the device only meanwhile: together, the tiles'
        caches are larger than the whole picture's, and would undo what tiling saves."""
        cache = self.caches.pop(corner, [None] * self.convs)
        cache[:] = [_moved(entry, x.device) for entry in cache]
        result: Tensor = self.half(x, feat_cache=cache, feat_idx=[0])
        if self.vae.use_tiling:
            cache[:] = [_moved(entry, torch.device("cpu")) for entry in cache]
        self.caches[corner] = cache
        return result

    def _blended(self, rows: list[list[Tensor]], shape: torch.Size) -> Tensor:
        vae, unit = self.vae, SIDE if self.shrinks else 1
        high, wide = vae.tile_sample_stride_height // unit, vae.tile_sample_stride_width // unit
        overlap_high = vae.tile_sample_min_height // unit - high
        overlap_wide = vae.tile_sample_min_width // unit - wide
        strips = []
        for i, row in enumerate(rows):
            strip = []
            for j, tile in enumerate(row):
                # in place: the neighbours below and to the right blend into the blended tile
                if i > 0:
                    vae.blend_v(rows[i - 1][j], tile, overlap_high)
                if j > 0:
                    vae.blend_h(row[j - 1], tile, overlap_wide)
                strip.append(tile[..., :high, :wide])
            strips.append(torch.cat(strip, dim=-1))
        whole = torch.cat(strips, dim=-2)
        sides = (n // SIDE if self.shrinks else n * SIDE for n in shape[-2:])
        return whole[..., : next(sides), : next(sides)]


def to_unit(frames: Tensor) -> Tensor:
    """(F, H, W, 3) uint8 -> (1, 3, F, H, W) float32: 0 is -1, 255 is 1."""
    return (frames.permute(3, 0, 1, 2)[None].float() / 127.5).sub(1)


def to_bytes(pixels: Tensor) -> Tensor:
    """(1, 3, F, H, W) -> (F, H, W, 3) uint8, rounded to the nearest (half to even), clipped.

    ``to_bytes(to_unit(x)) == x`` for every byte.
    """
    scaled = pixels[0].float().add(1).mul(127.5).round_().clamp_(0, 255)
    return scaled.to(torch.uint8).permute(1, 2, 3, 0)


def mirrored(index: int, count: int) -> int:
    """The frame that stands at ``index`` of a shot played to and fro: 0 1 2 1 0 1 2 ..."""
    if count == 1:
        return 0
    index %= 2 * (count - 1)
    return min(index, 2 * (count - 1) - index)


def _moved(entry: CacheEntry, device: torch.device) -> CacheEntry:
    return entry.to(device) if isinstance(entry, Tensor) else entry


def _check_frames(frames: Frames) -> None:
    if frames.dtype != np.uint8:
        raise InputError(
            f"frames must be uint8, got {frames.dtype}", remedy="Convert to 8-bit full-range RGB"
        )
    if frames.ndim != 4 or frames.shape[-1] != 3 or len(frames) == 0:
        raise InputError(f"frames must be (F, H, W, 3), got {frames.shape}")
    if frames.shape[1] % SIDE or frames.shape[2] % SIDE:
        raise InputError(
            f"{frames.shape[2]}x{frames.shape[1]}: both sides must be multiples of {SIDE}",
            remedy="Crop or pad the frames",
        )
