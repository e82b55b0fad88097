"""AV2V (eq. 1-2, 8): the source video enters beside the noisy latents, channel by channel.

The paper concatenates z_t with z_video and patches both with one convolution of 2C channels. That
convolution is a sum, W1 * z_t + W2 * z_video + b, and the network keeps the two apart: W1 and b
are the backbone's own ``patch_embedding``, W2 is ``video_embedding``, without bias, zero at the
start. So base weights, quantised files and the reference picture, which shares
``patch_embedding``, stay as they are. The two forms are equal; here one becomes the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from .errors import CheckpointError

PATCH, VIDEO = "patch_embedding.weight", "video_embedding.weight"


def fuse_av2v(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The paper's layout: one ``patch_embedding.weight`` (D, 2C, t, h, w), no ``video_embedding``.

    A network of this layout takes cat([z_t, z_video]) for the noisy tokens and, since the reference
    picture goes through the same convolution, cat([reference, zeros]) for it.

    Raises:
        CheckpointError: the weights have no ``video_embedding``.
    """
    if VIDEO not in state_dict:
        raise CheckpointError(
            f"there is no {VIDEO} to fuse", remedy="Fuse only weights trained with av2v=True"
        )
    fused = {key: value for key, value in state_dict.items() if key != VIDEO}
    video = state_dict[VIDEO].to(fused[PATCH].dtype)
    fused[PATCH] = torch.cat([fused[PATCH], video], dim=1)
    return fused
