"""A shot's pictures and voice as a cached sample: what the pipeline would tell the network."""

from __future__ import annotations

import torch

from ..audio import AudioEncoder
from ..codec import LatentCodec
from ..errors import InputError
from ..masks import FRAMES, latent_mask
from ..shot import Frames, Shot
from ..shot_conditions import hear
from .samples import Altered, Sample


def encoded(
    name: str,
    shot: Shot,
    codec: LatentCodec,
    encoder: AudioEncoder,
    *,
    portraits: Frames,
    other: Frames | None = None,
    altered: Altered | None = None,
    prompt: int = 0,
    domain: str = "",
) -> Sample:
    """Encode, hear and mask a training clip as the pipeline does a shot.

    Args:
        shot: the *target*: its pictures, their pose and mouth, and the voice they speak with. The
            mouth covers what any rendering of the clip changes.
        portraits: (R, H, W, 3) pictures of the same face from outside the clip.
        other: (F, H, W, 3) the same pictures with other lips, made as ``altered`` says.

    Returns:
        A sample whose tensors go into a shard as they are; float32 on the CPU.

    Raises:
        InputError: another rendering of another size, or no portrait.
        DataError: tensors that make no sample.
    """
    if other is not None and other.shape != shot.crop.shape:
        raise InputError(
            f"{name}: the other rendering is {other.shape} and the clip {shot.crop.shape}",
            remedy="Render or re-lip the same frames",
        )
    if not len(portraits):
        raise InputError(f"{name}: no portrait", remedy="Give at least one picture of the face")
    latents = -(-shot.count // FRAMES)
    faces = [codec.encode_context(portraits[i : i + 1])[0] for i in range(len(portraits))]
    return Sample(
        name=name,
        x0=codec.encode(shot.crop).latents[0].cpu(),
        pose=codec.encode(shot.pose).latents[0].cpu(),
        mask=latent_mask(torch.from_numpy(shot.mouth))[0],
        audio=hear(encoder, shot, latents, "native")[0],
        reference=torch.cat(faces, dim=1).cpu(),
        video=None if other is None else codec.encode(other).latents[0].cpu(),
        altered=altered,
        prompt=prompt,
        rate=shot.rate,
        domain=domain,
    )
