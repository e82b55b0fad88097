"""UniSyncTransformer3DModel: Wan2.2-S2V-14B, with the source video and the pose anchored in."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.loaders import FromOriginalModelMixin, PeftAdapterMixin
from diffusers.models.attention import AttentionMixin
from diffusers.models.cache_utils import CacheMixin
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.normalization import FP32LayerNorm
from torch import nn

from . import inputs as network_inputs
from .blocks import UniSyncTransformerBlock
from .checkpoints.mixin import CheckpointMixin
from .conditions import ConditionEmbedder, in_dtype_of
from .errors import InputError
from .framepack import FramePacker, motion_grids
from .inputs import NetworkInputs
from .pafs import PoseAnchor
from .rope import REFERENCE_T, TokenGrid, frame_grid, rotary_embedding

NOISY, REFERENCE, MOTION = 0, 1, 2
"""Rows of ``trainable_cond_mask``: what a token is."""


class UniSyncTransformer3DModel(
    CheckpointMixin,
    ModelMixin,
    ConfigMixin,
    PeftAdapterMixin,
    FromOriginalModelMixin,
    CacheMixin,
    AttentionMixin,
):
    """The velocity of a window of latents, given speech, pose, source video and a portrait.

    The defaults are Wan2.2-S2V-14B. UniSync's own parts are ``av2v`` (eq. 2 and 8) and ``pafs``
    (eq. 5-9); at the start ``av2v`` and "residual" leave the base model exactly as it is.

    Args:
        patch_size: latents (t, h, w) in a token; t is 1, since speech comes by the latent.
        text_len: text states are zero-padded to this length.
        freq_dim: channels of the timestep's sinusoid.
        audio_layers: layers of the speech encoder that are averaged.
        audio_tokens: speech tokens for each latent, the learned blank not counted.
        audio_inject_layers: the blocks that hear.
        av2v: the network takes the source video.
        pafs: "none" adds the backbone's own pose tokens, "residual" and "paper" see `pafs`.
        pafs_size: entries of PAFS' position tables (time, height, width).
        residual_fp32: keep the residual stream in float32 between low precision layers, as the
            reference implementation does; twice the memory of the tokens (0.65 -> 1.3 GB at 63k).

    Raises:
        InputError: a speech layer that does not exist.
    """

    _supports_gradient_checkpointing = True
    _no_split_modules: ClassVar = ["UniSyncTransformerBlock"]
    _repeated_blocks: ClassVar = ["UniSyncTransformerBlock"]
    _keep_in_fp32_modules: ClassVar = [
        "time_embedder",
        "time_proj",
        "causal_audio_encoder",
        "scale_shift_table",
        "norm1",
        "norm2",
        "norm3",
        "norm_out",
        "proj_out",
    ]
    _skip_layerwise_casting_patterns: ClassVar = [
        "patch_embedding",
        "video_embedding",
        "pose_embedder",
        "frame_packer",
        "trainable_cond_mask",
        "condition_embedder",
        "pafs",
        "norm",
        "proj_out",
    ]

    @register_to_config
    def __init__(
        self,
        patch_size: tuple[int, int, int] = (1, 2, 2),
        num_attention_heads: int = 40,
        attention_head_dim: int = 128,
        in_channels: int = 16,
        out_channels: int = 16,
        text_dim: int = 4096,
        text_len: int = 512,
        freq_dim: int = 256,
        ffn_dim: int = 13824,
        num_layers: int = 40,
        eps: float = 1e-6,
        audio_dim: int = 1024,
        audio_layers: int = 25,
        audio_tokens: int = 4,
        audio_inject_layers: tuple[int, ...] = (0, 4, 8, 12, 16, 20, 24, 27, 30, 33, 36, 39),
        pose_channels: int = 16,
        av2v: bool = False,
        pafs: Literal["none", "residual", "paper"] = "none",
        pafs_size: tuple[int, int, int] = (32, 64, 64),
        residual_fp32: bool = False,
    ) -> None:
        super().__init__()
        if not set(audio_inject_layers) <= set(range(num_layers)):
            raise InputError(
                f"audio_inject_layers is {tuple(audio_inject_layers)} in a network of {num_layers} "
                "blocks",
                remedy=f"Name blocks 0 to {num_layers - 1}",
            )
        dim = num_attention_heads * attention_head_dim
        self.gradient_checkpointing = False

        self.patch_embedding = nn.Conv3d(in_channels, dim, patch_size, patch_size)
        self.pose_embedder = nn.Conv3d(pose_channels, dim, patch_size, patch_size)
        self.video_embedding: nn.Conv3d | None = None
        if av2v:
            self.video_embedding = nn.Conv3d(in_channels, dim, patch_size, patch_size, bias=False)
            nn.init.zeros_(self.video_embedding.weight)
        if pafs != "none":
            self.pafs = PoseAnchor(dim, pafs, pafs_size, eps)  # type: ignore[misc]
        self.frame_packer = FramePacker(in_channels, dim, patch_size)
        self.trainable_cond_mask = nn.Embedding(3, dim)
        self.condition_embedder = ConditionEmbedder(
            dim, freq_dim, text_dim, text_len, audio_dim, audio_layers, audio_tokens
        )
        self.blocks = nn.ModuleList(
            UniSyncTransformerBlock(
                dim, ffn_dim, num_attention_heads, eps, with_audio=index in audio_inject_layers
            )
            for index in range(num_layers)
        )
        self.norm_out = FP32LayerNorm(dim, eps, elementwise_affine=False)
        self.proj_out = nn.Linear(dim, out_channels * math.prod(patch_size))
        self.scale_shift_table = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)

    @property
    def pafs(self) -> nn.Module | None:
        """The `PoseAnchor`, if any. Without this property diffusers would hand out the config's
        entry of the same name, a text."""
        module: nn.Module | None = self._modules.get("pafs")
        return module

    def set_ffn_chunk(self, tokens: int | None) -> None:
        """Feeds ``tokens`` at a time through each feed-forward: less memory, the same numbers."""
        for block in self.blocks:
            cast(UniSyncTransformerBlock, block).ffn_chunk = tokens

    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        *,
        audio: torch.Tensor,
        pose: torch.Tensor,
        video: torch.Tensor | None = None,
        reference: torch.Tensor | None = None,
        motion: torch.Tensor | None = None,
        audio_prefix: torch.Tensor | None = None,
        return_dict: bool = True,
    ) -> Transformer2DModelOutput | tuple[torch.Tensor]:
        """The velocity v = eps - x0 of a window of f latents.

        Args:
            hidden_states: (B, C, f, h, w) noisy latents, f <= 30.
            timestep: (B,), 1000 * sigma.
            encoder_hidden_states: (B, L, text_dim) UMT5 states, unpadded.
            audio: (B, audio_layers, audio_dim, 4f) speech states at frame times; latent j hears the
                frames up to 4j + 3. Zeros are silence for guidance.
            pose: (B, pose_channels, f, h, w) latents of the pose video; zeros are "no pose".
            video: (B, C, f, h, w) latents of the source, only with ``av2v``; None equals zeros.
            reference: (B, C, 1, h, w) latent of a portrait.
            motion: (B, C, 19, h, w) latents of the past, newest last; h and w multiples of 8.
            audio_prefix: (B, audio_layers, audio_dim, P), P % 4 == 1, the frames of sound before
                the window; None repeats its first frame.

        Returns:
            The velocity, (B, out_channels, f, h, w) in the dtype of ``hidden_states``, in
            ``.sample`` or, without ``return_dict``, as a tuple.

        Raises:
            InputError: a tensor of the wrong shape.
        """
        given = NetworkInputs(
            hidden_states, timestep, encoder_hidden_states,
            audio, pose, video, reference, motion, audio_prefix,
        )  # fmt: skip
        network_inputs.check(given, self.config)
        velocity = self._velocity(given.to(self.dtype)).to(hidden_states.dtype)
        return Transformer2DModelOutput(sample=velocity) if return_dict else (velocity,)

    def _velocity(self, x: NetworkInputs) -> torch.Tensor:
        noisy = self._noisy_patches(x)
        frame = noisy.shape[-2:]
        tokens, grids, count = self._tokens(noisy, x)
        rotary = rotary_embedding(grids, self.config.attention_head_dim, tokens.device)

        time = self.condition_embedder.time(x.timestep)
        text = self.condition_embedder.text(x.encoder_hidden_states)
        speech = self.condition_embedder.audio(x.audio, x.audio_prefix)
        local, style = speech.local.to(text.dtype), speech.style.to(text.dtype)

        if self.config.residual_fp32:
            tokens = tokens.float()
        for block in self.blocks:
            tokens = self._through(
                block, tokens, text, time.modulation, rotary, local, style, count
            )
        return self._head(tokens[:, :count], time.embedding[:, 0], frame)

    def _noisy_patches(self, x: NetworkInputs) -> torch.Tensor:
        """Noisy latents, source video (eq. 8) and pose (eq. 9) in one sum: (B, D, f, h', w')."""
        patches = self.patch_embedding(x.hidden_states)
        if self.video_embedding is not None and x.video is not None:
            patches = patches + self.video_embedding(x.video)
        pose = self.pose_embedder(x.pose)
        return patches + (pose if self.pafs is None else self.pafs(pose))  # type: ignore[no-any-return]

    def _tokens(
        self, noisy: torch.Tensor, x: NetworkInputs
    ) -> tuple[torch.Tensor, list[TokenGrid], int]:
        """(B, L, D) of noisy, reference and motion tokens, where they stand, and how many of them
        are noisy."""
        frames, height, width = noisy.shape[-3:]
        groups = [(NOISY, _flat(noisy))]
        grids = [frame_grid(range(frames), height, width)]
        if x.reference is not None:
            groups.append((REFERENCE, _flat(self.patch_embedding(x.reference))))
            grids.append(frame_grid([REFERENCE_T], height, width))
        if x.motion is not None:
            groups.append((MOTION, self.frame_packer(x.motion)))
            grids.extend(motion_grids(height, width))
        kinds = self.trainable_cond_mask(torch.arange(3, device=noisy.device))
        tokens = torch.cat([group + kinds[kind] for kind, group in groups], dim=1)
        return tokens, grids, grids[0].tokens

    def _through(self, block: nn.Module, *args: Any) -> torch.Tensor:
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            return self._gradient_checkpointing_func(block, *args)  # type: ignore[no-any-return]
        return block(*args)  # type: ignore[no-any-return]

    def _head(self, tokens: torch.Tensor, time: torch.Tensor, frame: torch.Size) -> torch.Tensor:
        """Noisy tokens (B, N, D) and time (B, D) -> velocity (B, C, f, h, w), computed in float32
        as far as the weights are."""
        shift, scale = (self.scale_shift_table.float() + time[:, None]).chunk(2, dim=1)
        x = self.norm_out(tokens.float()) * (1 + scale) + shift
        patches: torch.Tensor = self.proj_out(in_dtype_of(self.proj_out, x))
        return _unpatchified(patches, tuple(self.config.patch_size), tuple(frame))


def _flat(patches: torch.Tensor) -> torch.Tensor:
    """(B, D, f, h, w) -> (B, f * h * w, D)."""
    return patches.flatten(2).transpose(1, 2)


def _unpatchified(
    tokens: torch.Tensor, patch: tuple[int, ...], frame: tuple[int, ...]
) -> torch.Tensor:
    """(B, f * h * w, pt * ph * pw * C) -> (B, C, f * pt, h * ph, w * pw)."""
    batch, count, _ = tokens.shape
    x = tokens.view(batch, count // math.prod(frame), *frame, *patch, -1)
    # (B, f, h, w, pt, ph, pw, C) -> (B, C, f, pt, h, ph, w, pw)
    return x.permute(0, 7, 1, 4, 2, 5, 3, 6).flatten(6, 7).flatten(4, 5).flatten(2, 3)
