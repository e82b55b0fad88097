"""A clip as a shard of tensors, and the manifest's rows that name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from ..driver import CONTEXT
from ..engines import open_engine
from ..engines.base import Driver, Engine
from ..engines.unisync import quiet
from ..errors import DiskFullError, EngineError, FaceError
from ..faces.crop import crop_window, to_crop
from ..faces.matte import mouth_matte
from ..faces.pose import draw_pose
from ..faces.types import CropWindow, FaceTrack
from ..media.probe import probe
from ..media.viewing import read_colour
from .clips import read_crops, read_sound, read_track
from .kinds import NO_RELIP, NO_VOICE, Clip, Made, Rejected
from .relip import relipped
from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from unisync_model.audio import AudioEncoder
    from unisync_model.codec import LatentCodec
    from unisync_model.shot import Shot

_PORTRAITS = 3
_SAME_RATE = Fraction(1, 500)
"""23.976 and 24 are one rate to a network."""


@dataclass(frozen=True)
class Tools:
    """What encodes: loaded once a process."""

    codec: LatentCodec
    encoder: AudioEncoder
    engine: Engine | None


@lru_cache(maxsize=1)
def tools(model: Path, relip: str) -> Tools:
    """The model folder's autoencoder and ear, on the GPU where there is one; and the engine."""
    import torch

    from unisync_model.audio import open_audio_encoder
    from unisync_model.codec import LatentCodec
    from unisync_model.folder import ModelFolder
    from unisync_model.pipeline_folder import open_vae, parts_of

    quiet()
    # sums in a fixed order: the same tensors whatever the number of workers
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts = parts_of(ModelFolder.open(model))
    return Tools(
        LatentCodec(open_vae(parts.vae).to(device)),
        open_audio_encoder(parts.audio_encoder, device),
        open_engine(relip) if relip else None,
    )


def make_rows(
    clip: Clip, landmarks: Path, voice: Clip | None, settings: Settings, shard: Path
) -> Made:
    """Encode a clip, write its shard, and say the rows that are in it.

    Args:
        landmarks: file of the clip's face.
        voice: whose voice the other lips speak with.
        shard: file to write.

    Raises:
        UniSyncError: the clip cannot be read.
        ModelError: or not encoded.
        DiskFullError: or not written.
    """
    from unisync_model.training.encode import encoded

    held = tools(settings.model, settings.relip)
    whole = read_track(landmarks)
    everything = crop_window(whole, settings.size, settings.framing)
    portraits, shot = _pictures(clip, whole, everything)
    other, lost = _other_lips(clip, _cut(whole, clip), shot, everything, held.engine, voice)
    sample = encoded(
        clip.key,
        shot,
        held.codec,
        held.encoder,
        portraits=portraits,
        other=other,
        altered=None if other is None else "relip",
    )
    tensors = {
        "x0": sample.x0.half(),
        "pose": sample.pose.half(),
        "mask": sample.mask.byte(),
        "reference": sample.reference.half(),
    }
    if sample.video is not None:
        tensors["video"] = sample.video.half()
    sounds = {_name(clip.rate): sample.audio} | {
        _name(rate): _heard_at(rate, shot, held.encoder, sample.shape[0])
        for rate in settings.rates
        if abs(rate / clip.rate - 1) > _SAME_RATE
    }
    tensors |= {f"audio@{name}": audio.half() for name, audio in sounds.items()}
    _write(shard, tensors)
    info = {"voice": f"{voice.source.name} {voice.first}"} if voice and other is not None else {}
    rows = [
        {
            "name": f"{clip.source.stem}-{clip.key[:8]}@{name}",
            "shape": sample.shape,
            **{key: key for key in ("x0", "pose", "mask", "reference", "video") if key in tensors},
            "audio": f"audio@{name}",
            "altered": sample.altered,
            "rate": name,
            "info": info,
        }
        for name in sounds
    ]
    return Made(clip, tuple(rows), (lost,) if lost else ())


def stretched(driver: Driver, ratio: Fraction) -> Driver:
    """The sound played so that it lasts ``ratio`` times as long, pitch and all, as film run at
    another speed; exact to the sample."""
    samples = soxr.resample(driver.samples, ratio.denominator, ratio.numerator)
    return Driver(samples.astype(np.float32), driver.sample_rate, driver.start * ratio)


def _pictures(clip: Clip, track: FaceTrack, window: CropWindow) -> tuple[NDArray[np.uint8], Shot]:
    """Portraits from outside the clip, and the clip as the network's pipeline takes it."""
    from unisync_model.shot import Shot

    info = probe(clip.source)
    crops = read_crops(info, clip.start, window, read_colour(info, None).encoding)
    points, size = to_crop(track.landmarks, window)[clip.aside :], window.size
    rate = Rate(clip.rate)
    driver = read_sound(clip.source, rate.seconds(clip.first), clip.seconds)
    chosen = np.linspace(0, max(0, clip.aside - 1), _PORTRAITS).round().astype(int)
    shot = Shot(
        crop=crops[clip.aside :],
        pose=np.stack([draw_pose(p, size) for p in points]),
        mouth=np.stack([mouth_matte(p, size).dilated for p in points]),
        audio=driver.samples,
        sample_rate=driver.sample_rate,
        rate=clip.rate,
        audio_start=driver.start,
    )
    return crops[chosen], shot


def _other_lips(
    clip: Clip,
    track: FaceTrack,
    shot: Shot,
    window: CropWindow,
    engine: Engine | None,
    voice: Clip | None,
) -> tuple[NDArray[np.uint8] | None, Rejected | None]:
    """The re-lipped pictures, or why there are none."""
    if engine is None:
        return None, None
    if voice is None:
        return None, _lost(clip, NO_VOICE, "give more clips")
    own = CropWindow(window.size, window.matrices[clip.aside :])
    try:
        made = relipped(clip, track, probe(clip.source), engine, voice, shot.crop, own)
    except (EngineError, FaceError) as error:
        return None, _lost(clip, NO_RELIP, str(error))
    return made, None


def _lost(clip: Clip, reason: str, detail: str) -> Rejected:
    return Rejected(
        clip.source.name, reason, detail, clip.first, clip.frames, clip.rate, clip.face, lost=False
    )


def _cut(track: FaceTrack, clip: Clip) -> FaceTrack:
    """The face without the frames set aside."""
    keep = slice(clip.aside, clip.aside + clip.frames)
    return replace(
        track,
        boxes=track.boxes[keep],
        landmarks=track.landmarks[keep],
        yaw=track.yaw[keep],
        pitch=track.pitch[keep],
        roll=track.roll[keep],
        states=track.states[keep],
        reasons=track.reasons[keep],
    )


def _heard_at(rate: Fraction, shot: Shot, encoder: AudioEncoder, latents: int) -> Tensor:
    """Speech states where the same pictures play at another rate."""
    from unisync_model.shot_conditions import hear

    ratio = shot.rate / rate
    driver = stretched(Driver(shot.audio, shot.sample_rate, -CONTEXT), ratio)
    slower = replace(shot, rate=rate, audio=driver.samples, audio_start=driver.start)
    return hear(encoder, slower, latents, "native")[0]


def _write(shard: Path, tensors: dict[str, Tensor]) -> None:
    from safetensors import SafetensorError

    from unisync_model.training.samples import write_shard

    try:
        write_shard(shard, tensors)
    except (OSError, SafetensorError) as error:
        raise DiskFullError(
            f"the clip could not be written: {error}",
            file=shard,
            remedy="Make room and run the same command again; finished clips are kept.",
        ) from error


def _name(rate: Fraction) -> str:
    return str(rate)
