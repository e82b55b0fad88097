"""Windows sampled from cached latents: what probes and measurements look at during training."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import sigmas
from ..generate import injection
from ..prompt import PromptEmbeds
from ..sampling import Branch, sample
from ..settings import SamplingSettings
from ..shot_conditions import ShotConditions, velocity
from ..transformer import UniSyncTransformer3DModel
from ..windows import Window, joint
from .prompts import Prompts
from .samples import Sample


@torch.no_grad()
def generated(
    model: UniSyncTransformer3DModel,
    given: Sample,
    prompts: Prompts,
    settings: SamplingSettings,
    seed: int = 0,
) -> Tensor:
    """The latents of a clip dubbed to the sample's voice, by the pipeline's own parts.

    The plate is the sample's other rendering, whose lips say something else; where there is none
    it is the clip itself, under its own voice.

    Args:
        given: a clip of any length.
        settings: joint windows; the mode and the motion context are not taken from it.

    Returns:
        (C, f, h, w) float32 on the CPU.
    """
    plate = (given.x0 if given.video is None else given.video)[None]
    mask = given.mask[None].float()
    windows = settings.layout(given.rate).windows(given.shape[0])
    told = ShotConditions(
        given.audio[None],
        given.pose[None],
        PromptEmbeds(prompts.positive[given.prompt], prompts.negative),
        dict.fromkeys(windows, given.reference[None, :, :1]),
        plate if model.config.av2v else None,
        settings.whole_timesteps,
    )
    noise = torch.randn(plate.shape, generator=torch.Generator().manual_seed(seed))
    tali = injection(settings, plate, mask, noise, seed, shown=model.config.av2v)

    def of_window(z: Tensor, s: float, window: Window, branch: Branch, /) -> Tensor:
        return velocity(model, told, z, s, window, branch)

    made = sample(
        joint(of_window, windows),
        noise,
        sigmas(settings.steps, settings.shift),
        inject=tali,
        guide=settings.guidance(mask),
        solver=settings.solver,
    )
    return made[0]
