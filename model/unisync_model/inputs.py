"""What the network refuses, before any weight is touched."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch

from .audio_projection import FRAMES_PER_LATENT
from .errors import InputError
from .framepack import MOTION_LATENTS
from .rope import REFERENCE_T


@dataclass(frozen=True)
class NetworkInputs:
    """One call of the network; f latents of h x w, see `UniSyncTransformer3DModel.forward`."""

    hidden_states: torch.Tensor
    timestep: torch.Tensor
    encoder_hidden_states: torch.Tensor
    audio: torch.Tensor
    pose: torch.Tensor
    video: torch.Tensor | None = None
    reference: torch.Tensor | None = None
    motion: torch.Tensor | None = None
    audio_prefix: torch.Tensor | None = None

    def to(self, dtype: torch.dtype) -> NetworkInputs:
        """Everything but the timestep in ``dtype``; bfloat16 would round 721.3 to 720."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        cast = {
            name: value if value is None or name == "timestep" else value.to(dtype)
            for name, value in values.items()
        }
        return NetworkInputs(**cast)


def check(inputs: NetworkInputs, config: Any) -> None:
    """Shapes against the network's ``config`` and against each other.

    Raises:
        InputError: naming the tensor, its shape, the shape that fits and what to do.
    """
    _check_latents(inputs, config)
    _check_pictures(inputs, config)
    _check_audio(inputs, config)
    _check_text(inputs, config)


def _check_latents(inputs: NetworkInputs, config: Any) -> None:
    x = inputs.hidden_states
    if x.ndim != 5 or x.shape[1] != config.in_channels:
        raise InputError(
            f"hidden_states is {_shape(x)} and should be (B, {config.in_channels}, f, h, w)",
            remedy="Give normalised latents of the Wan 2.1 VAE",
        )
    frames = x.shape[2]
    if not 1 <= frames <= REFERENCE_T:
        raise InputError(
            f"hidden_states is {_shape(x)}: {frames} latents, and a window holds 1 to "
            f"{REFERENCE_T}",
            remedy="Split the shot into windows; the reference picture stands at position "
            f"{REFERENCE_T} and would be overrun",
        )
    _check_sides(inputs, config)


def _check_sides(inputs: NetworkInputs, config: Any) -> None:
    height, width = inputs.hidden_states.shape[-2:]
    _, ph, pw = config.patch_size
    step_h, step_w = (ph, pw) if inputs.motion is None else (4 * ph, 4 * pw)
    if height % step_h or width % step_w or not height or not width:
        raise InputError(
            f"hidden_states is {_shape(inputs.hidden_states)}: sides of {8 * height} x {8 * width} "
            f"px are not multiples of {8 * step_h} x {8 * step_w} px",
            remedy="Resize or pad the crop before encoding, to multiples of 64 px",
        )


def _check_pictures(inputs: NetworkInputs, config: Any) -> None:
    batch, channels, frames, height, width = inputs.hidden_states.shape
    if inputs.video is not None and not config.av2v:
        raise InputError(
            "video is given, and these weights have no video_embedding",
            remedy="Load UniSync weights with av2v=True, or leave video out",
        )
    of_the_shot = "Encode it over the same window and crop as hidden_states"
    side = (height, width)
    pose = (batch, config.pose_channels, frames, *side)
    _expect("pose", inputs.pose, pose, of_the_shot + "; zeros are 'no pose'")
    _expect("video", inputs.video, (batch, channels, frames, *side), of_the_shot)
    _expect(
        "reference",
        inputs.reference,
        (batch, channels, 1, *side),
        "Encode one picture at the size of the crop",
    )
    _expect(
        "motion",
        inputs.motion,
        (batch, channels, MOTION_LATENTS, *side),
        f"Give the {MOTION_LATENTS} latents before the window, or leave motion out",
    )


def _check_audio(inputs: NetworkInputs, config: Any) -> None:
    batch, frames = inputs.hidden_states.shape[0], inputs.hidden_states.shape[2]
    states = (batch, config.audio_layers, config.audio_dim)
    count = FRAMES_PER_LATENT * frames
    fix = f"Give {config.audio_layers} layers of speech states at frame times, 4 for each latent"
    _expect("audio", inputs.audio, (*states, count), fix)
    prefix = inputs.audio_prefix
    if prefix is not None and (prefix.shape[:3] != states or prefix.shape[-1] % 4 != 1):
        raise InputError(
            f"audio_prefix is {_shape(prefix)} and should be ({batch}, {config.audio_layers}, "
            f"{config.audio_dim}, P), P one more than a multiple of 4",
            remedy="Give 9 frames or more of the sound before the window, or leave it out",
        )


def _check_text(inputs: NetworkInputs, config: Any) -> None:
    batch = inputs.hidden_states.shape[0]
    _expect("timestep", inputs.timestep, (batch,), "Give 1000 * sigma, one for each sample")
    text = inputs.encoder_hidden_states
    fits = text.ndim == 3 and text.shape[0] == batch and text.shape[2] == config.text_dim
    if not fits or text.shape[1] > config.text_len:
        raise InputError(
            f"encoder_hidden_states is {_shape(text)} and should be ({batch}, L, "
            f"{config.text_dim}), L at most {config.text_len}",
            remedy="Give UMT5 states trimmed to the prompt's own length",
        )


def _expect(name: str, tensor: torch.Tensor | None, want: tuple[int, ...], remedy: str) -> None:
    if tensor is not None and tuple(tensor.shape) != want:
        raise InputError(f"{name} is {_shape(tensor)} and should be {want}", remedy=remedy)


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
