"""A pipeline on disk, in diffusers' layout, and back.

model_index.json
transformer/  vae/  audio_encoder/     each as its library saves it
prompt_embeds.safetensors              words already embedded; no text encoder is needed
scheduler/scheduler_config.json        the levels, for diffusers
scheduler/sampling.json                all of our sampling settings
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import diffusers
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler

from .audio import AudioEncoder, open_audio_encoder
from .checkpoints.safety import PICKLE_SUFFIXES, refusal
from .codec import Autoencoder
from .errors import CheckpointError
from .folder import ModelFolder
from .group_autoencoder import GroupAutoencoder
from .lora import LoraMeta, meta_of
from .memory import Profile
from .placement import place, place_vae, quantization
from .prompt import PromptEmbeds
from .settings import SamplingSettings

if TYPE_CHECKING:
    from .pipeline import UniSyncPipeline
    from .transformer import UniSyncTransformer3DModel

VAE_HOME = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
SETTINGS = "sampling.json"
DISTILLED_TAU_SIGMA = 0.43
"""Where the paper's tau = 0.8 ends at 40 steps and shift 3, as a level; for few steps."""


@dataclass(frozen=True)
class Parts:
    """What a pipeline needs beside the network; all of it is there."""

    vae: Path
    audio_encoder: Path
    prompt_embeds: Path


def parts_of(found: ModelFolder) -> Parts:
    """The parts beside the network; nothing is loaded.

    Raises:
        CheckpointError: a part is missing, or is there as a pickle only.
    """
    vae = _there(found.vae, found, "vae", f"Copy the vae folder of {VAE_HOME} here")
    ear = _there(
        found.audio_encoder,
        found,
        "audio_encoder",
        "Copy wav2vec2-large-xlsr-53-english here, saved as safetensors",
    )
    words = _there(
        found.prompt_embeds,
        found,
        "prompt_embeds.safetensors",
        "Compute it once: unisync weights prompt",
    )
    for folder in (vae, ear):
        _check_loadable(folder)
    return Parts(vae, ear, words)


def open_pipeline(
    folder: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.bfloat16,
    profile: Profile | None = None,
) -> UniSyncPipeline:
    """All parts of a model directory.

    Args:
        folder: see the module; its transformer in any layout ``load_transformer`` takes, with an
            adapter in ``lora/`` if there is one.
        device: of every part; the shot itself stays on the CPU.
        dtype: of the transformer, where no profile says it. VAE and audio encoder then run in
            float32, as published.
        profile: lays network and VAE out on the device (:func:`.placement.place`). The audio
            encoder stays on the CPU: it listens once a shot, and its GiB is not in the estimate.

    Raises:
        CheckpointError: a part missing, foreign or damaged, or weights that the profile cannot
            hold as it should.
    """
    from .pipeline import UniSyncPipeline

    found = ModelFolder.open(folder)
    parts = parts_of(found)
    vae = open_vae(parts.vae)
    if profile is None:
        network = found.load_transformer(dtype=dtype, device=device)
        vae, ear_device = vae.to(device), device
    else:
        network, ear_device = _placed(found, profile, device), "cpu"
        place_vae(vae, profile, device)
    return UniSyncPipeline(
        network,
        vae,
        open_audio_encoder(parts.audio_encoder, ear_device),
        PromptEmbeds.load(parts.prompt_embeds),
        settings_of(found),
    )


def open_vae(folder: Path) -> Autoencoder:
    """The autoencoder that a folder's configuration names, in float32."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tiny = config.get("_class_name") == GroupAutoencoder.__name__
    kind = GroupAutoencoder if tiny else AutoencoderKLWan
    return kind.from_pretrained(
        folder, torch_dtype=torch.float32, local_files_only=True, use_safetensors=True
    )


def _placed(
    found: ModelFolder, profile: Profile, device: str | torch.device
) -> UniSyncTransformer3DModel:
    # what shrinks or waits in host memory must not pass through the card in full
    direct = profile.offload is None and profile.storage != "fp8"
    network = found.load_transformer(
        dtype=profile.compute,
        device=device if direct else "cpu",
        quantization=quantization(profile),
    )
    return place(network, profile, device)


def settings_of(found: ModelFolder) -> SamplingSettings:
    """How the weights want to be sampled: as saved with them, else as their adapter says, else by
    their scheduler's shift."""
    saved = found.scheduler / SETTINGS if found.scheduler else None
    if saved is not None and saved.is_file():
        return SamplingSettings.from_file(saved)
    meta = meta_of(found.lora) if found.lora else None
    if meta is not None:
        return adapted(SamplingSettings(), meta)
    config = found.scheduler / "scheduler_config.json" if found.scheduler else None
    if config is None or not config.is_file():
        return SamplingSettings()
    values = json.loads(config.read_text(encoding="utf-8"))
    # Euler's configuration calls it shift, UniPC's flow_shift
    shift = values.get("flow_shift", values.get("shift", SamplingSettings().shift))
    return SamplingSettings(shift=shift)


def adapted(settings: SamplingSettings, meta: LoraMeta) -> SamplingSettings:
    """The settings an adapter was made for; few steps go without guidance and stop by level."""
    settings = replace(settings, shift=meta.shift)
    if meta.steps:
        return replace(
            settings, steps=meta.steps, passes=1, tau=None, tau_sigma=DISTILLED_TAU_SIGMA
        )
    return replace(settings, tau=meta.tau, tau_sigma=None)


def save_pipeline(pipeline: UniSyncPipeline, folder: str | Path) -> None:
    """Write every part.

    Raises:
        CheckpointError: a network with an adapter on it, which belongs in a file of its own.
    """
    root = Path(folder)
    if getattr(pipeline.transformer, "_hf_peft_config_loaded", False):
        raise CheckpointError(
            "the network has a LoRA on it",
            file=root,
            remedy="Save the adapter with save_lora, or fuse it first",
        )
    encoder = _saved_part(pipeline.audio_encoder)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=pipeline.settings.shift)
    parts = {
        "transformer": pipeline.transformer,
        "vae": pipeline.vae,
        "audio_encoder": encoder,
        "scheduler": scheduler,
    }
    for name, part in parts.items():
        part.save_pretrained(root / name)
    pipeline.prompt.save(root / "prompt_embeds.safetensors")
    pipeline.settings.save(root / "scheduler" / SETTINGS)
    index = {"_class_name": "UniSyncPipeline", "_diffusers_version": diffusers.__version__} | {
        name: [type(part).__module__.split(".")[0], type(part).__name__]
        for name, part in parts.items()
    }
    (root / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _saved_part(encoder: AudioEncoder) -> Any:
    """What an encoder is on disk: the model it wraps, or itself."""
    return getattr(encoder, "model", encoder)


def _there(part: Path | None, found: ModelFolder, name: str, remedy: str) -> Path:
    if part is None:
        raise CheckpointError(f"the model directory has no {name}", file=found.path, remedy=remedy)
    return part


def _check_loadable(folder: Path) -> None:
    if not any(folder.glob("*.safetensors")):
        for pickle in sorted(file for file in folder.iterdir() if file.suffix in PICKLE_SUFFIXES):
            raise refusal(pickle)
    for wanted in ("config.json", "*.safetensors"):
        if not any(folder.glob(wanted)):
            raise CheckpointError(
                f"there is no {wanted} here", file=folder, remedy="Copy the whole folder again"
            )
