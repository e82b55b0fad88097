"""UniSyncPipeline: crop frames, pose, mouth and voice in; crop frames out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from .audio import AudioEncoder
from .checkpoints.inspection import Mode
from .codec import Autoencoder, LatentCodec
from .errors import CancelledError, CheckpointError
from .generate import Run, joint_velocity, pictures, prepare
from .prompt import PromptEmbeds
from .sampling import Callback, Step
from .settings import SamplingSettings
from .shot import Frames, Shot
from .speed import MagRatios, calibrate
from .transformer import UniSyncTransformer3DModel

if TYPE_CHECKING:
    from .memory import Profile

log = logging.getLogger(__name__)


class UniSyncPipeline:
    """Re-sync the lips of one face in one shot to a voice.

    Two modes, by what the weights hold:

    * ``lora``: UniSync's own parts are trained. The network is shown the plate (AV2V, eq. 2) and
      anchored to the pose (PAFS), and TALI holds the plate for the first four fifths of the steps.
    * ``training-free``: the published network alone. The pose goes through its own pose
      convolution, the portrait is a frame of the shot, and TALI holds everything but the mouth to
      the last step.

    Weights with AV2V and without PAFS (the paper's ablation) count as training-free and are still
    shown the plate.

    The frames are the network's: inside the mouth new, outside near the plate but not equal to it
    (they went through the VAE). Keeping the plate's own pixels is the compositor's part.

    Attributes:
        settings: how it samples, unless a call says otherwise.
    """

    def __init__(
        self,
        transformer: UniSyncTransformer3DModel,
        vae: Autoencoder,
        audio_encoder: AudioEncoder,
        prompt: PromptEmbeds,
        settings: SamplingSettings | None = None,
    ) -> None:
        """Put the parts together.

        Raises:
            CheckpointError: parts of different models: speech states, words or latents of another
                size than the network's.
        """
        self.transformer, self.vae = transformer, vae
        self.audio_encoder, self.prompt = audio_encoder, prompt
        self.settings = settings or SamplingSettings()
        self.codec = LatentCodec(vae)
        _check_parts(transformer, vae, audio_encoder, prompt)
        log.info("UniSync runs in %s mode: %s", self.mode, self.parts)

    @property
    def mode(self) -> Mode:
        """Which of the two, by the weights as they are now: an adapter put on counts."""
        anchored = self.transformer.config.pafs != "none"
        return "lora" if anchored and _shown_the_plate(self.transformer) else "training-free"

    @property
    def parts(self) -> str:
        """Which of UniSync's own parts the weights hold, in words."""
        shown = _shown_the_plate(self.transformer)
        plate = "the network is shown the plate" if shown else "no trained video embedding"
        return f"{plate}, pose anchoring {self.transformer.config.pafs!r}"

    def __call__(
        self,
        crop_frames: Frames,
        pose_frames: Frames,
        mouth_mask: npt.NDArray[np.uint8] | npt.NDArray[np.bool_],
        audio: npt.NDArray[np.float32],
        sample_rate: int,
        rate: Fraction,
        audio_start: Fraction = Fraction(0),
        *,
        seed: int = 0,
        settings: SamplingSettings | None = None,
        callback: Callback | None = None,
        cancel: threading.Event | None = None,
    ) -> Frames:
        """The shot with the mouth saying what the audio says.

        Args:
            crop_frames: (F, H, W, 3) uint8 R'G'B', H and W multiples of 64.
            pose_frames: (F, H, W, 3) uint8, the pose drawn on black, without the old lips.
            mouth_mask: (F, H, W) bool or uint8, not 0 where pixels may change.
            audio: (N,) float32 mono, -1..1, over the whole shot.
            sample_rate: Hz.
            rate: pictures a second, exact.
            audio_start: seconds from the first picture to ``audio[0]``, negative for sound before
                the shot.
            seed: the same seed gives the same noise on every device.
            settings: instead of the pipeline's own.
            callback: called after every step; False cancels.
            cancel: set from anywhere, it cancels before the next step.

        Returns:
            (F, H, W, 3) uint8.

        Raises:
            InputError: what does not fit, with the fix.
            NonFiniteError: the network returned NaN, with the step.
            CancelledError: asked to stop.
        """
        return np.concatenate(
            list(
                self.stream(
                    Shot(
                        crop_frames, pose_frames, mouth_mask, audio, sample_rate, rate, audio_start
                    ),
                    seed=seed,
                    settings=settings,
                    callback=callback,
                    cancel=cancel,
                )
            )
        )

    @torch.no_grad()
    def stream(
        self,
        shot: Shot,
        *,
        seed: int = 0,
        settings: SamplingSettings | None = None,
        callback: Callback | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Frames]:
        """The same, a few frames at a time as they are decoded.

        Yields:
            (k, H, W, 3) uint8, k at most 4, F frames in all.
        """
        watch = _watched(callback, cancel)
        yield from pictures(self._prepared(shot, settings, seed), watch)

    @torch.no_grad()
    def calibrate(self, shot: Shot, weights: str = "", seed: int = 0) -> MagRatios:
        """Measure what MagCache needs to know of these weights, over one run without injection.

        Costs what the shot costs. A cache that was enabled is disabled.

        Args:
            weights: what is calibrated, for people to read.
        """
        run = self._prepared(shot, None, seed)
        return calibrate(
            self.transformer,
            joint_velocity(run),
            run.noise,
            run.levels,
            weights=weights,
            guide=run.guide,
        )

    def _prepared(self, shot: Shot, settings: SamplingSettings | None, seed: int) -> Run:
        return prepare(
            self.transformer,
            self.codec,
            self.audio_encoder,
            self.prompt,
            settings or self.settings,
            shot,
            seed,
            _shown_the_plate(self.transformer),
        )

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.bfloat16,
        profile: Profile | None = None,
    ) -> UniSyncPipeline:
        """Open a model directory; see :func:`.pipeline_folder.open_pipeline`."""
        from .pipeline_folder import open_pipeline

        return open_pipeline(folder, device=device, dtype=dtype, profile=profile)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a model directory that :meth:`from_pretrained` opens."""
        from .pipeline_folder import save_pipeline

        save_pipeline(self, folder)


def _watched(callback: Callback | None, cancel: threading.Event | None) -> Callback:
    def watch(step: Step) -> bool:
        if cancel is not None and cancel.is_set():
            return False
        return callback is None or callback(step) is not False

    if cancel is not None and cancel.is_set():
        raise CancelledError("cancelled before the first step")
    return watch


def _shown_the_plate(transformer: UniSyncTransformer3DModel) -> bool:
    """Whether AV2V is there and trained: untrained it is zero, which shows the network nothing."""
    embedding = transformer.video_embedding
    return embedding is not None and bool(embedding.weight.count_nonzero())


def _check_parts(
    transformer: UniSyncTransformer3DModel,
    vae: Autoencoder,
    encoder: AudioEncoder,
    prompt: PromptEmbeds,
) -> None:
    config = transformer.config
    pairs = {
        "layers of speech states": (encoder.layers, config.audio_layers),
        "channels of speech states": (encoder.dim, config.audio_dim),
        "channels of prompt embeddings": (prompt.positive.shape[1], config.text_dim),
        "channels of latents": (vae.config.z_dim, config.in_channels),
    }
    for what, (given, wanted) in pairs.items():
        if given != wanted:
            raise CheckpointError(
                f"{given} {what}, and the network takes {wanted}",
                remedy="Take all parts from one model directory",
            )
