"""What the network is told of a shot, and the network asked about one window of it.

Everything covers the whole shot and stays on the CPU; a window's part goes to the network's
device for one call. The device then never holds more than a window, however long the shot is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from .audio import AudioEncoder, Grid, at_frames, null_audio
from .codec import LatentCodec, mirrored
from .flow import timestep
from .masks import FRAMES
from .prompt import PromptEmbeds
from .sampling import Branch
from .shot import Frames, Shot
from .transformer import UniSyncTransformer3DModel
from .windows import Window

LEAD = 9
"""Frames of sound heard before a window: what the first latent's 9 frames of hearing reach back
to, one more than a multiple of 4 as the network wants it."""

MOTION_FRAMES = 73
"""Frames of motion context: 19 latents."""


@dataclass(frozen=True)
class ShotConditions:
    """What the network is told, over the whole shot of n latents.

    Attributes:
        audio: (1, layers, dim, LEAD + 4n) speech states, from ``LEAD`` frames before the shot.
        pose: (1, C, n, h, w) latents.
        prompt: the words, positive and negative.
        references: the portrait of every window, (1, C, 1, h, w).
        video: (1, C, n, h, w) the plate's latents (eq. 2), or None for a network not shown it.
        whole_timesteps: tell whole timesteps, as the published sampler does.
    """

    audio: Tensor
    pose: Tensor
    prompt: PromptEmbeds
    references: dict[Window, Tensor]
    video: Tensor | None = None
    whole_timesteps: bool = False


def hear(encoder: AudioEncoder, shot: Shot, latents: int, grid: Grid) -> Tensor:
    """Speech states at the shot's exact frame times, with what is heard just before it.

    Before the first state that state is held, which is the published prefix; sound given from
    before the shot is heard as it is.

    Returns:
        (1, layers, dim, LEAD + 4 latents) float32 on the CPU.
    """
    states = encoder.states(shot.audio, shot.sample_rate)
    start = -shot.audio_start - Fraction(LEAD) / shot.rate
    return at_frames(states, shot.rate, start, LEAD + FRAMES * latents, grid)[None].cpu()


def reference_frame(window: Window, count: int) -> int:
    """The frame a window takes its portrait from: the shot's first, else its last.

    Outside the window where there is such a frame, so that the network reads off who it is and
    not what the mouth does; only ever one of two, so that windows agree on the face.
    """
    if window.start > 0 or window.stop * FRAMES >= count:
        return 0
    return count - 1


def references(
    codec: LatentCodec, crop: Frames, windows: tuple[Window, ...]
) -> dict[Window, Tensor]:
    """The portrait latents of every window, each picture encoded once."""
    wanted = {window: reference_frame(window, len(crop)) for window in windows}
    encoded = {i: codec.encode_context(crop[i : i + 1]).cpu() for i in set(wanted.values())}
    return {window: encoded[i] for window, i in wanted.items()}


def motion_context(codec: LatentCodec, before: Frames) -> Tensor:
    """The last 73 frames before a window as 19 latents.

    Args:
        before: (F, H, W, 3) uint8, the frames up to the window; fewer than 73 are played to and
            fro.

    Returns:
        (1, C, 19, h, w) on the CPU.
    """
    count = len(before)
    order = [mirrored(i, count) for i in range(count - MOTION_FRAMES, count)]
    return codec.encode_context(before[order]).cpu()


@torch.no_grad()
def velocity(
    transformer: UniSyncTransformer3DModel,
    told: ShotConditions,
    z: Tensor,
    s: float,
    window: Window,
    branch: Branch,
    motion: Tensor | None = None,
) -> Tensor:
    """One call of the network over one window.

    Pose, plate, portrait and motion are told in every branch; ``text`` and ``null`` hear nothing
    (zeros), and ``null`` is told the negative words.

    Args:
        z: (1, C, f, h, w) of the window, at level ``s``.
        motion: (1, C, 19, h, w) of what came before, or None.

    Returns:
        z's shape, float32, on z's device.
    """
    device = transformer.device

    def sent(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.to(device)

    first, stop = FRAMES * window.start, LEAD + FRAMES * window.stop
    audio = told.audio[..., first:stop].to(device)
    if branch != "full":
        audio = null_audio(audio)
    words = told.prompt.negative if branch == "null" else told.prompt.positive
    t = torch.tensor([timestep(s, truncate=told.whole_timesteps)], device=device)
    # each window's branch is a denoising run of its own to the step caches
    with transformer.cache_context(f"{branch}-{window.start}"):
        (v,) = transformer(
            z.to(device),
            t,
            words[None].to(device),
            audio=audio[..., LEAD:],
            audio_prefix=audio[..., :LEAD],
            pose=sent(window.of(told.pose)),
            video=None if told.video is None else sent(window.of(told.video)),
            reference=sent(told.references[window]),
            motion=sent(motion),
            return_dict=False,
        )
    return v.to(z.device, torch.float32)  # type: ignore[no-any-return]
