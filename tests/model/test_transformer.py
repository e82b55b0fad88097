"""The network as a whole: batches, dtypes, what it hears, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from networks import TINY, distance, opened, tiny_inputs, tiny_network, velocity
from torch.utils._python_dispatch import TorchDispatchMode

from unisync_model.errors import InputError
from unisync_model.rope import TokenGrid, axis_dims, frame_grid, rotary_embedding
from unisync_model.transformer import UniSyncTransformer3DModel


def test_a_batch_equals_one_by_one() -> None:
    model = opened(tiny_network(av2v=True, pafs="residual"))
    inputs = tiny_inputs(batch=3)
    inputs["video"] = torch.randn_like(inputs["hidden_states"])
    inputs["audio_prefix"] = torch.randn(3, 5, 6, 9)
    together = velocity(model, **inputs)
    for i in range(3):
        alone = velocity(model, **{name: value[i : i + 1] for name, value in inputs.items()})
        assert distance(together[i : i + 1], alone) < 1e-5


def test_a_rectangle_comes_back_in_its_own_shape() -> None:
    inputs = tiny_inputs(frames=2, height=6, width=10)
    del inputs["motion"]
    model = tiny_network()
    assert velocity(model, **inputs).shape == (1, 16, 2, 6, 10)
    (as_tuple,) = model(**inputs, return_dict=False)
    assert torch.equal(as_tuple, velocity(model, **inputs))


def test_it_runs_without_reference_and_motion() -> None:
    inputs = tiny_inputs()
    full = velocity(tiny_network(), **inputs)
    bare = velocity(tiny_network(), **{**inputs, "reference": None, "motion": None})
    assert distance(bare, full) > 0.01


def test_a_latent_hears_its_own_frames_and_five_before() -> None:
    """What frames of sound latent 2 depends on, in the speech tokens it is given."""
    embedder = tiny_network().condition_embedder
    audio = tiny_inputs(frames=5)["audio"].requires_grad_()
    tokens = embedder.audio(audio, None)
    (tokens.local[:, 2].sum() + tokens.style[:, 2].pow(2).sum()).backward()
    heard = audio.grad.abs().sum(dim=(0, 1, 2)).nonzero().flatten().tolist()
    assert heard == list(range(4 * 2 - 5, 4 * 2 + 4))


def test_the_prefix_is_the_sound_before_the_window() -> None:
    """Speech tokens of a window with its real past equal those of the whole shot."""
    embedder = tiny_network().condition_embedder
    shot = torch.randn(1, 5, 6, 4 * 8)
    with torch.no_grad():
        whole = embedder.audio(shot, None)
        window = embedder.audio(shot[..., 16:], shot[..., 7:16])
        cold = embedder.audio(shot[..., 16:], None)
    assert distance(window.local, whole.local[:, 4:]) < 1e-5
    assert distance(window.style, whole.style[:, 4:]) < 1e-5
    assert distance(cold.local, whole.local[:, 4:]) > 1e-2


@pytest.mark.parametrize("frames", [1, 5, 17])
def test_a_short_prefix_is_as_good_as_a_long_one(frames: int) -> None:
    """The convolutions repeat their first value on the left, so any length of it is the same."""
    embedder = tiny_network().condition_embedder
    audio = tiny_inputs()["audio"]
    with torch.no_grad():
        usual = embedder.audio(audio, None)
        short = embedder.audio(audio, audio[..., :1].expand(-1, -1, -1, frames))
    assert distance(short.local, usual.local) < 1e-5
    assert distance(short.style, usual.style) < 1e-5


def test_only_the_blocks_named_have_ears() -> None:
    model = tiny_network(num_layers=4, audio_inject_layers=(1, 3))
    assert [block.audio_attn is not None for block in model.blocks] == [False, True, False, True]
    # too small a difference from the other norms' 1e-6 to show in a velocity
    assert model.blocks[1].audio_norm.norm.eps == 1e-5


def test_without_attention_between_frames_sound_stays_in_its_latent() -> None:
    """Speech enters a latent's own tokens: with self-attention silenced, no other one moves."""
    model = tiny_network()
    for block in model.blocks:
        torch.nn.init.zeros_(block.attn1.to_out[0].weight)
    inputs = tiny_inputs(frames=4)
    louder = inputs["audio"].clone()
    louder[..., 12:] += 1.0  # the last latent's four frames
    change = velocity(model, **{**inputs, "audio": louder}) - velocity(model, **inputs)
    moved = change.abs().amax(dim=(0, 1, 3, 4))
    assert torch.equal(moved[:3], torch.zeros(3))
    assert moved[3] > 1e-3


def test_feed_forward_in_chunks_changes_nothing() -> None:
    model, inputs = tiny_network(), tiny_inputs()
    whole = velocity(model, **inputs)
    seen = []
    model.blocks[0].ffn.register_forward_hook(lambda *call: seen.append(call[1][0].shape[1]))
    model.set_ffn_chunk(50)
    assert distance(velocity(model, **inputs), whole) < 1e-5
    assert max(seen) == 50
    assert sum(seen) == 3 * 32 + 32 + (32 + 8 + 8)


def test_residual_fp32_is_nearer_to_full_precision() -> None:
    inputs = tiny_inputs()
    errors = {}
    for residual in (False, True):
        model = tiny_network(num_layers=8, residual_fp32=residual)
        exact = velocity(model, **inputs)
        rounded = velocity(model.to(torch.bfloat16), **inputs)
        errors[residual] = float((rounded - exact).pow(2).mean().sqrt() / exact.std())
    assert errors[True] < 0.8 * errors[False] < 0.05


def test_low_precision_does_not_round_the_time() -> None:
    """721.3 is 720 in bfloat16; the noise level is too dear for that."""
    model, inputs = tiny_network().to(torch.bfloat16), tiny_inputs()
    rounded = {**inputs, "timestep": inputs["timestep"].bfloat16().float()}
    assert distance(velocity(model, **inputs), velocity(model, **rounded)) > 0.05


class LargestTensor(TorchDispatchMode):
    """How many numbers the largest tensor made meanwhile has."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.numbers = max(self.numbers, out.numel())
        return out


def test_no_block_makes_a_modulation_of_every_token() -> None:
    """(L, 6, D) would be 4 GB at 33,000 tokens: nothing is wider than the feed-forward."""
    block, calls = (model := tiny_network()).blocks[0], []
    block.register_forward_hook(lambda _, args, __: calls.append(args))
    velocity(model, **tiny_inputs())
    with LargestTensor() as largest, torch.no_grad():
        block(*calls[0])
    assert largest.numbers == calls[0][0].shape[1] * TINY["ffn_dim"]


def test_a_saved_network_comes_back_with_its_sensitive_layers_in_fp32(tmp_path: Path) -> None:
    model = opened(tiny_network(av2v=True, pafs="residual"))
    inputs = tiny_inputs()
    model.save_pretrained(tmp_path)
    same = UniSyncTransformer3DModel.from_pretrained(tmp_path)
    assert torch.equal(velocity(same, **inputs), velocity(model, **inputs))
    low = UniSyncTransformer3DModel.from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    kept = {name for name, p in low.named_parameters() if p.dtype == torch.float32}
    assert "condition_embedder.time_proj.weight" in kept
    assert "condition_embedder.causal_audio_encoder.encoder.conv2.conv.weight" in kept
    assert "blocks.0.scale_shift_table" in kept
    assert "blocks.0.attn1.to_q.weight" not in kept
    assert low.dtype == torch.bfloat16
    out = velocity(low, **inputs)
    assert out.dtype == torch.float32
    assert distance(out, velocity(model, **inputs)) < 0.1


def test_rotary_dims_where_a_head_splits_unevenly() -> None:
    assert axis_dims(128) == (44, 42, 42)
    assert axis_dims(16) == (8, 4, 4)
    cos, sin = rotary_embedding([frame_grid([-1], 2, 3), TokenGrid((30,), (5,), (7,))], 16)
    assert cos.shape == sin.shape == (1, 7, 1, 16)
    assert sin[0, 0, 0, 0] == pytest.approx(-0.8414709848)  # t = -1 turns the other way
    assert sin[0, 6, 0, [0, 8, 12]].tolist() == pytest.approx(
        torch.tensor([30.0, 5.0, 7.0]).sin().tolist(), abs=1e-6
    )


def _changed(name: str, *shape: int) -> dict[str, Any]:
    return {name: torch.zeros(*shape)}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (_changed("hidden_states", 1, 15, 3, 8, 16), r"\(1, 15, 3, 8, 16\).*16"),
        (_changed("hidden_states", 16, 3, 8, 16), r"\(16, 3, 8, 16\)"),
        (_changed("hidden_states", 1, 16, 31, 8, 16), "31 latents.*windows"),
        (_changed("hidden_states", 1, 16, 3, 8, 12), "64 x 96 px.*64 px"),
        ({**_changed("hidden_states", 1, 16, 3, 8, 15), "motion": None}, "64 x 120 px.*16 x 16 px"),
        (_changed("pose", 1, 16, 2, 8, 16), r"pose is \(1, 16, 2, 8, 16\).*\(1, 16, 3, 8, 16\)"),
        (_changed("pose", 1, 3, 3, 8, 16), r"pose is \(1, 3, 3, 8, 16\)"),
        (_changed("video", 1, 16, 3, 8, 8), r"video is \(1, 16, 3, 8, 8\)"),
        (_changed("reference", 1, 16, 2, 8, 16), r"reference is .*\(1, 16, 1, 8, 16\)"),
        (_changed("motion", 1, 16, 18, 8, 16), r"motion is .*19"),
        (_changed("motion", 1, 16, 19, 8, 8), r"motion is \(1, 16, 19, 8, 8\)"),
        (_changed("audio", 1, 5, 6, 11), r"audio is \(1, 5, 6, 11\).*\(1, 5, 6, 12\)"),
        (_changed("audio", 1, 4, 6, 12), r"audio is \(1, 4, 6, 12\)"),
        (_changed("audio_prefix", 1, 5, 6, 8), r"audio_prefix is \(1, 5, 6, 8\)"),
        (_changed("timestep", 2), r"timestep is \(2,\)"),
        (_changed("encoder_hidden_states", 1, 9, 12), r"\(1, 9, 12\).*at most 8"),
        (_changed("encoder_hidden_states", 1, 5, 11), r"\(1, 5, 11\)"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        tiny_network(av2v=True)(**{**tiny_inputs(), **changed})
    assert caught.value.remedy


def test_source_video_needs_the_layer_for_it() -> None:
    inputs = tiny_inputs()
    with pytest.raises(InputError, match="video_embedding"):
        tiny_network()(**inputs, video=inputs["hidden_states"])


def test_ears_on_a_block_that_is_not_there() -> None:
    with pytest.raises(InputError, match="blocks 0 to 2"):
        UniSyncTransformer3DModel(**{**TINY, "audio_inject_layers": (0, 3)})
