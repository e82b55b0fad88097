"""The whole pipeline on tiny weights: same code as the 14B, a CPU, seconds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import SIDE, TEXT_DIM, tiny_folder, tiny_pipeline, tiny_shot, tiny_transformer
from torch import Tensor

from unisync_model import (
    CancelledError,
    CheckpointError,
    InputError,
    NonFiniteError,
    Step,
    UniSyncPipeline,
)
from unisync_model.audio import SpeechStates
from unisync_model.masks import latent_mask
from unisync_model.prompt import PromptEmbeds
from unisync_model.shot import Shot

Network = Callable[..., Any]


SHORT_WINDOWS = {"window": 6, "stride": 4, "overlap": 2}
"""36 frames, 9 latents: windows over latents 0..5 and 3..8."""


@pytest.fixture(scope="module")
def pipeline() -> UniSyncPipeline:
    """UniSync weights, four steps. Nobody may change it."""
    return tiny_pipeline()


@pytest.fixture
def own() -> UniSyncPipeline:
    """One to take apart."""
    return tiny_pipeline()


def latents(pipeline: UniSyncPipeline, told: dict[str, Any], **settings: Any) -> Tensor:
    """The finished latents of a run, undecoded."""
    seen: list[Step] = []
    shot = Shot(*(told[name] for name in told))
    chosen = replace(pipeline.settings, **settings)
    next(pipeline.stream(shot, settings=chosen, callback=seen.append))
    return seen[-1].z


def round_trip(pipeline: UniSyncPipeline, crop: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What the VAE makes of the plate: the most any network can give back."""
    encoded = pipeline.codec.encode(crop)
    return np.concatenate(list(pipeline.codec.decode(encoded.first, encoded.latents, len(crop))))


def listen(pipeline: UniSyncPipeline, answer: Network | None = None) -> list[dict[str, Any]]:
    """Record every call of the network, and optionally answer in its place."""
    calls: list[dict[str, Any]] = []
    inside = pipeline.transformer.forward

    def forward(z: Tensor, t: Tensor, words: Tensor, **told: Any) -> Any:
        calls.append({"z": z, "t": float(t), "words": words, **told})
        return inside(z, t, words, **told) if answer is None else (answer(z, t, **told),)

    pipeline.transformer.forward = forward
    return calls


def knows_the_plate(z: Tensor, t: Tensor, *, video: Tensor, **told: Any) -> Tensor:
    """The exact velocity towards the plate it is shown."""
    return (z - video) / (t / 1000)


# --- what comes out -------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 2, 5, 12])
def test_as_many_frames_come_back_as_went_in(pipeline: UniSyncPipeline, frames: int) -> None:
    made = pipeline(**tiny_shot(frames))
    assert made.shape == (frames, SIDE, SIDE, 3)
    assert made.dtype == np.uint8


def test_a_seed_gives_the_same_pictures_and_another_others(pipeline: UniSyncPipeline) -> None:
    one, again, other = (pipeline(**tiny_shot(), seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_pictures_stream_four_at_a_time(pipeline: UniSyncPipeline) -> None:
    told = tiny_shot(10)
    shot = Shot(*(told[name] for name in told))
    pieces = list(pipeline.stream(shot))
    assert [len(piece) for piece in pieces] == [4, 4, 2]
    assert np.array_equal(np.concatenate(pieces), pipeline(**told))


def louder(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "audio": np.cumsum(told["audio"]).astype(np.float32) / 9}


def posed(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "pose_frames": np.roll(told["pose_frames"], 16, axis=2)}


def another_face(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "crop_frames": told["crop_frames"][:, ::-1].copy()}


@pytest.mark.parametrize("change", [louder, posed, another_face])
@pytest.mark.parametrize("mode", ["lora", "training-free"])
def test_everything_it_is_told_counts(mode: Any, change: Callable[..., Any]) -> None:
    pipeline, told = tiny_pipeline(mode), tiny_shot()
    # no TALI: it is the network that must hear, not the injection that sees
    settings = replace(pipeline.settings, tau=0.0)
    before, after = (pipeline(**t, settings=settings) for t in (told, change(told)))
    assert np.abs(before.astype(int) - after).max() > 0


# --- laws -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["joint", "autoregressive"])
def test_a_network_that_knows_the_plate_gives_the_plate(own: UniSyncPipeline, mode: Any) -> None:
    calls, told = listen(own, knows_the_plate), tiny_shot(36)
    made = own(**told, settings=replace(own.settings, **SHORT_WINDOWS, mode=mode, passes=1))
    assert np.abs(made.astype(int) - round_trip(own, told["crop_frames"])).max() <= 1
    assert len(calls) == 4 * 2


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["joint", "autoregressive"])
def test_375_frames_come_back_exact_across_all_seams(own: UniSyncPipeline, mode: Any) -> None:
    calls = listen(own, knows_the_plate)
    told = tiny_shot(375)
    made = own(**told, settings=replace(own.settings, mode=mode, passes=1))
    assert np.abs(made.astype(int) - round_trip(own, told["crop_frames"])).max() <= 1
    assert len(calls) == 4 * 6


@pytest.mark.parametrize("mode", ["lora", "training-free"])
def test_nothing_to_generate_at_tau_one_is_the_plate_bit_for_bit(mode: Any) -> None:
    pipeline = tiny_pipeline(mode, tau=1.0, **SHORT_WINDOWS)
    told = tiny_shot(36, mouth_mask=np.zeros((36, SIDE, SIDE), bool))
    made = pipeline(**told)
    assert np.array_equal(made, round_trip(pipeline, told["crop_frames"]))


@pytest.mark.parametrize("solver", ["euler", "unipc"])
def test_a_full_mask_is_the_network_alone_bit_for_bit(
    pipeline: UniSyncPipeline, solver: Any
) -> None:
    told = tiny_shot(mouth_mask=np.ones((12, SIDE, SIDE), bool))
    settings = replace(pipeline.settings, solver=solver)
    held = pipeline(**told, settings=replace(settings, tau=1.0))
    assert np.array_equal(held, pipeline(**told, settings=replace(settings, tau=0.0)))


def test_held_to_the_end_only_the_mouth_is_new(pipeline: UniSyncPipeline) -> None:
    told = tiny_shot(12)
    plate = pipeline.codec.encode(told["crop_frames"]).latents
    mask = latent_mask(torch.from_numpy(told["mouth_mask"]))
    made = latents(pipeline, told, tau=1.0)
    assert torch.equal(made * (1 - mask), plate * (1 - mask))
    assert ((made - plate) * mask).abs().max() > 0.1
    # let go at the paper's four fifths, and the rest moves too
    assert not torch.equal(latents(pipeline, told, steps=10) * (1 - mask), plate * (1 - mask))


# --- what the network is told ---------------------------------------------------------------


TO_AND_FRO = [abs((i + 11) % 22 - 11) for i in range(12 - 73, 12)]
"""The 73 frames before frame 12: 0..11 played to and fro, ending ..9, 10, 11."""


class Clock:
    """An encoder whose every state is its own time in seconds since the first sample."""

    layers, dim = 25, 32

    def states(self, samples: Any, sample_rate: int) -> SpeechStates:
        count = len(samples) * 50 // sample_rate
        times = torch.arange(count, dtype=torch.float32) / 50
        return SpeechStates(times.expand(self.layers, self.dim, count), Fraction(50))


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(60000, 1001)])
@pytest.mark.parametrize("mode", ["joint", "autoregressive"])
def test_every_frame_hears_its_own_time(own: UniSyncPipeline, rate: Fraction, mode: Any) -> None:
    own.audio_encoder = Clock()
    calls, early = listen(own), Fraction(1, 2)
    audio = np.zeros(int((36 / rate + 2 * early) * 16_000), np.float32)
    told = tiny_shot(36, rate, audio=audio, audio_start=-early)
    settings = replace(own.settings, **SHORT_WINDOWS, steps=1, passes=1, mode=mode)
    own(**told, settings=settings)
    for start, call in zip((0, 3), calls, strict=True):
        heard = torch.cat([call["audio_prefix"], call["audio"]], -1)[0, 3, 5]
        frames = range(4 * start - 9, 4 * (start + 6))
        times = torch.tensor([float(early + i / rate) for i in frames])
        torch.testing.assert_close(heard, times, atol=1e-5, rtol=0)


def test_three_passes_take_away_the_voice_and_then_the_words(own: UniSyncPipeline) -> None:
    calls = listen(own)
    own(**tiny_shot(), settings=replace(own.settings, steps=1, passes=3))
    full, null, text = calls
    assert full["audio"].abs().sum() > 0
    assert full["audio_prefix"].abs().sum() > 0
    for quiet in (null, text):
        assert quiet["audio"].abs().sum() == quiet["audio_prefix"].abs().sum() == 0
        assert all(torch.equal(quiet[k], full[k]) for k in ("z", "pose", "video", "reference"))
    assert torch.equal(full["words"][0], own.prompt.positive)
    assert torch.equal(text["words"][0], own.prompt.positive)
    assert torch.equal(null["words"][0], own.prompt.negative)


def test_timesteps_are_exact_or_whole_as_published(own: UniSyncPipeline) -> None:
    calls, settings = listen(own), replace(own.settings, steps=40, passes=1)
    own(**tiny_shot(4), settings=settings)
    exact = [call["t"] for call in calls]
    assert exact[:2] == pytest.approx([1000, 991.525], abs=1e-3)
    calls.clear()
    own(**tiny_shot(4), settings=replace(settings, whole_timesteps=True))
    assert [call["t"] for call in calls] == [float(int(t)) for t in exact]


def test_the_portrait_is_a_frame_outside_the_window(own: UniSyncPipeline) -> None:
    calls, told = listen(own), tiny_shot(36)
    own(**told, settings=replace(own.settings, **SHORT_WINDOWS, steps=1, passes=1))
    crop = told["crop_frames"]
    first, last = (own.codec.encode_context(crop[i : i + 1]) for i in (0, 35))
    assert torch.equal(calls[0]["reference"], last)  # frames 0..23
    assert torch.equal(calls[1]["reference"], first)  # frames 12..35


def test_joint_windows_hear_of_the_source_before_them_on_request(own: UniSyncPipeline) -> None:
    calls, told = listen(own), tiny_shot(36)
    settings = replace(own.settings, **SHORT_WINDOWS, steps=1, passes=1)
    own(**told, settings=settings)
    assert all(call["motion"] is None for call in calls)
    calls.clear()
    own(**told, settings=replace(settings, motion="source"))
    crop = told["crop_frames"]
    assert calls[0]["motion"] is None
    # the second begins at latent 3, frame 12: 73 frames before it, to and fro
    assert torch.equal(calls[1]["motion"], own.codec.encode_context(crop[TO_AND_FRO]))


def test_autoregressive_windows_are_told_the_composited_pictures(own: UniSyncPipeline) -> None:
    calls, told = listen(own, lambda z, t, **_: z / (t / 1000)), tiny_shot(36)
    settings = replace(own.settings, **SHORT_WINDOWS, steps=1, passes=1, mode="autoregressive")
    made = own(**told, settings=settings)
    assert [call["motion"] is None for call in calls] == [True, False]
    seen = np.where(told["mouth_mask"][..., None] > 0, made, told["crop_frames"])
    assert torch.equal(calls[1]["motion"], own.codec.encode_context(seen[TO_AND_FRO]))


# --- modes ----------------------------------------------------------------------------------


def test_published_weights_alone_run_training_free(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "unisync_model"):
        pipeline = tiny_pipeline("training-free")
    assert pipeline.mode == "training-free"
    assert "training-free mode: no trained video embedding" in caplog.text
    calls, told = listen(pipeline), tiny_shot(12)
    made = latents(pipeline, told, steps=10)
    assert all(call["video"] is None for call in calls)
    # held to the end
    outside = 1 - latent_mask(torch.from_numpy(told["mouth_mask"]))
    plate = pipeline.codec.encode(told["crop_frames"]).latents
    assert torch.equal(made * outside, plate * outside)


def test_unisync_weights_run_as_lora_and_see_the_plate(own: UniSyncPipeline) -> None:
    assert own.mode == "lora"
    calls = listen(own)
    own(**tiny_shot(12))
    assert all(call["video"] is not None for call in calls)


def test_an_untrained_video_embedding_shows_nothing(own: UniSyncPipeline) -> None:
    torch.nn.init.zeros_(own.transformer.video_embedding.weight)
    assert own.mode == "training-free"
    calls = listen(own)
    own(**tiny_shot(4))
    assert all(call["video"] is None for call in calls)


def test_parts_of_different_models_are_refused(pipeline: UniSyncPipeline) -> None:
    parts = (pipeline.vae, pipeline.audio_encoder)
    words = PromptEmbeds(torch.zeros(1, TEXT_DIM + 1), torch.zeros(1, TEXT_DIM + 1))
    with pytest.raises(CheckpointError, match="17 channels of prompt embeddings"):
        UniSyncPipeline(pipeline.transformer, *parts, words)
    with pytest.raises(CheckpointError, match="25 layers of speech states"):
        UniSyncPipeline(tiny_transformer(audio_layers=13), *parts, pipeline.prompt)


# --- stopping -------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "count"), [("joint", 4), ("autoregressive", 8)])
def test_progress_is_told_after_every_step(
    pipeline: UniSyncPipeline, mode: Any, count: int
) -> None:
    seen: list[Step] = []
    settings = replace(pipeline.settings, **SHORT_WINDOWS, mode=mode, passes=1)
    pipeline(**tiny_shot(36), settings=settings, callback=seen.append)
    assert [(step.index, step.count) for step in seen] == [(i, count) for i in range(count)]


def test_false_or_an_event_stops_between_steps(own: UniSyncPipeline) -> None:
    calls, told = listen(own), tiny_shot(8)
    with pytest.raises(CancelledError, match="step 2 of 4"):
        own(**told, callback=lambda step: step.index < 1)
    assert len(calls) == 2 * 2
    calls.clear()
    stop = threading.Event()

    def press(step: Step) -> None:
        if step.index == 2:
            stop.set()

    with pytest.raises(CancelledError):
        own(**told, callback=press, cancel=stop)
    assert len(calls) <= 4 * 2
    calls.clear()
    with pytest.raises(CancelledError):
        own(**told, cancel=stop)
    assert not calls


def test_a_network_that_breaks_is_named_with_its_step(own: UniSyncPipeline) -> None:
    listen(own, lambda z, t, **_: z * (torch.nan if t < 700 else 1))
    with pytest.raises(NonFiniteError, match="step 4 of 4"):
        own(**tiny_shot(4))


# --- bad input ------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no frames": ({"crop_frames": np.zeros((0, 64, 64, 3), np.uint8)}, "no frames"),
    "floats": ({"crop_frames": np.zeros((12, 64, 64, 3), np.float32)}, "float32"),
    "sides": ({"crop_frames": np.zeros((12, 64, 72, 3), np.uint8)}, "72 x 64"),
    "channels": ({"crop_frames": np.zeros((12, 64, 64, 4), np.uint8)}, "crop frames are"),
    "pose count": ({"pose_frames": np.zeros((11, 64, 64, 3), np.uint8)}, "pose frames are"),
    "pose kind": ({"pose_frames": np.zeros((12, 64, 64), np.uint8)}, "pose frames are"),
    "mask shape": ({"mouth_mask": np.zeros((12, 32, 64), bool)}, r"mask is \(12, 32, 64\)"),
    "soft mask": ({"mouth_mask": np.zeros((12, 64, 64), np.float32)}, "float32"),
    "no audio": ({"audio": np.zeros(0, np.float32)}, "the audio is"),
    "stereo": ({"audio": np.zeros((2, 8000), np.float32)}, r"\(2, 8000\)"),
    "integers": ({"audio": np.zeros(8000, np.int16)}, "int16"),
    "NaN": ({"audio": np.full(8000, np.nan, np.float32)}, "sample 0 is NaN"),
    "short audio": ({"audio": np.zeros(3000, np.float32)}, "0.188 s"),
    "late audio": ({"audio_start": Fraction(1, 10)}, "0.100 s"),
    "rate": ({"rate": Fraction(0)}, "positive|pictures"),
    "a float rate": ({"rate": 23.976}, "23.976"),
    "sample rate": ({"sample_rate": 0}, "0 samples"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_named_with_the_fix(pipeline: UniSyncPipeline, case: str) -> None:
    changes, message = WRONG[case]
    with pytest.raises(InputError, match=message) as caught:
        pipeline(**{**tiny_shot(), **changes})
    assert caught.value.remedy


# --- on disk --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("tiny"))


def test_a_folder_opens_to_the_same_pictures(pipeline: UniSyncPipeline, folder: Path) -> None:
    again = UniSyncPipeline.from_pretrained(folder, dtype=torch.float32)
    assert again.mode == "lora"
    assert again.settings == pipeline.settings
    assert np.array_equal(again(**tiny_shot()), pipeline(**tiny_shot()))


def test_bfloat16_runs_and_is_close(pipeline: UniSyncPipeline, folder: Path) -> None:
    coarse = UniSyncPipeline.from_pretrained(folder, dtype=torch.bfloat16)
    fine, made = pipeline(**tiny_shot()), coarse(**tiny_shot())
    assert 0 < np.abs(fine.astype(int) - made).mean() < 12


def test_the_folder_is_laid_out_as_diffusers_does(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {
        "transformer",
        "vae",
        "audio_encoder",
        "scheduler",
        "prompt_embeds.safetensors",
        "model_index.json",
    }
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler")
    assert scheduler.config.shift == 3.0


@pytest.mark.parametrize("part", ["vae", "audio_encoder", "prompt_embeds.safetensors"])
def test_a_missing_part_is_named(folder: Path, tmp_path: Path, part: str) -> None:
    for path in folder.iterdir():
        if path.name != part:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(CheckpointError, match=f"no {part}"):
        UniSyncPipeline.from_pretrained(tmp_path)
