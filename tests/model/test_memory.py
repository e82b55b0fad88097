"""Profiles and the estimate: against the real parameters, live tensors, and a placed network."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKLWan
from peak import PeakBytes
from peft import LoraConfig

from unisync_model.codec import _Half
from unisync_model.errors import CheckpointError, InputError, MemoryBudgetError, ModelError
from unisync_model.footprint import VAE_DECODE_BYTES, WindowSize, parameters
from unisync_model.memory import (
    GIB,
    PROFILES,
    Profile,
    Storage,
    choose,
    estimate,
    free_bytes,
    refuse_unless_fits,
)
from unisync_model.placement import place, place_vae, quantization
from unisync_model.transformer import UniSyncTransformer3DModel

TINY = {
    "num_attention_heads": 2,
    "attention_head_dim": 24,
    "text_dim": 32,
    "ffn_dim": 96,
    "num_layers": 4,
    "audio_dim": 16,
    "audio_layers": 3,
    "audio_inject_layers": (0, 2),
}


def network(device: str = "cpu", **config: object) -> UniSyncTransformer3DModel:
    torch.manual_seed(0)
    with torch.device(device):
        return UniSyncTransformer3DModel(**config).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def full() -> UniSyncTransformer3DModel:
    """Wan2.2-S2V-14B without its weights' memory, in the precisions it is loaded in."""
    return as_loaded(network("meta"))


@pytest.fixture(scope="module")
def short() -> UniSyncTransformer3DModel:
    """The same with five blocks: what one call holds does not depend on how many there are."""
    return as_loaded(network("meta", num_layers=5, audio_inject_layers=(0, 4)))


def as_loaded(model: UniSyncTransformer3DModel) -> UniSyncTransformer3DModel:
    kept = model._keep_in_fp32_modules
    for name, parameter in model.named_parameters():
        exact = any(part in kept for part in name.split("."))
        parameter.data = parameter.data.to(torch.float32 if exact else torch.bfloat16)
    return model


def inputs(
    model: UniSyncTransformer3DModel, window: WindowSize, dtype: torch.dtype, device: str
) -> tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]:
    torch.manual_seed(1)
    f, h, w, config = window.latents, window.height // 8, window.width // 8, model.config

    def make(*shape: int) -> torch.Tensor:
        return torch.randn(1, *shape, device=device).to(dtype)

    pictures = {
        "pose": make(16, f, h, w),
        "audio": make(config.audio_layers, config.audio_dim, 4 * f),
    }
    if window.reference:
        pictures["reference"] = make(16, 1, h, w)
    if window.motion:
        pictures["motion"] = make(16, 19, h, w)
    time = torch.full((1,), 500.0, device=device)
    return (make(16, f, h, w), time, make(7, config.text_dim)), pictures


def run(
    model: UniSyncTransformer3DModel,
    window: WindowSize,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> torch.Tensor:
    args, pictures = inputs(model, window, dtype, device)
    with torch.no_grad():
        return model(*args, **pictures).sample


SMALL = WindowSize(latents=2, height=64, width=64)


def test_the_14b_is_counted_to_the_parameter(full: UniSyncTransformer3DModel) -> None:
    count = parameters(full.config)
    assert count.total == sum(p.numel() for p in full.parameters()) == 16_295_755_609
    exact = sum(p.numel() for p in full.parameters() if p.dtype == torch.float32)
    assert count.float32 == exact


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        TINY | {"av2v": True, "pafs": "residual"},
        TINY | {"audio_tokens": 2, "text_dim": 40, "audio_inject_layers": (1,)},
    ],
)
def test_any_network_is_counted(config: dict[str, object]) -> None:
    model = network(**config)
    count = parameters(model.config)
    assert count.total == sum(p.numel() for p in model.parameters())
    linear = [
        sum(
            m.weight.numel() + m.bias.numel()
            for n, m in block.named_modules()
            if isinstance(m, torch.nn.Linear) and "audio_norm" not in n
        )
        for block in model.blocks
    ]
    assert count.linear == sum(linear)
    assert count.largest_block == max(linear)


@pytest.mark.parametrize(
    ("window", "changes"),
    [
        (WindowSize(20, 512, 512), {}),
        (WindowSize(20, 704, 704), {}),
        (WindowSize(20, 704, 1024, motion=False), {}),
        (WindowSize(28, 512, 512), {"ffn_chunk": 4096}),
        (WindowSize(20, 512, 512, reference=False), {"ffn_chunk": 8192}),
    ],
)
def test_activations_of_the_14b_are_the_live_tensors(
    short: UniSyncTransformer3DModel,
    monkeypatch: pytest.MonkeyPatch,
    window: WindowSize,
    changes: dict[str, int],
) -> None:
    """Its shapes, run on the meta device. Attention stands for a kernel that never makes L x L."""
    monkeypatch.setattr(
        torch.nn.functional,
        "scaled_dot_product_attention",
        lambda query, key, value, **_: torch.empty_like(query),
    )
    short.set_ffn_chunk(changes.get("ffn_chunk"))
    profile = Profile("test", "bf16", **changes)
    with PeakBytes() as peak:
        run(short, window, torch.bfloat16, "meta")
    guess = estimate(short.config, profile, window).activations
    assert peak.peak == pytest.approx(guess, rel=0.05)


def test_activations_of_a_real_run() -> None:
    model = network(**TINY | {"num_attention_heads": 4, "attention_head_dim": 32, "ffn_dim": 512})
    window = WindowSize(latents=4, height=256, width=256)
    args, pictures = inputs(model, window, torch.float32, "cpu")
    with PeakBytes() as peak, torch.no_grad():
        model(*args, **pictures)
    made = sum(t.nbytes for t in (*args, *pictures.values()))
    guess = estimate(model.config, PROFILES["cpu"], window).activations
    assert peak.peak + made == pytest.approx(guess, rel=0.15)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_decoder_s_bytes_a_pixel(dtype: torch.dtype) -> None:
    with torch.device("meta"):
        vae = AutoencoderKLWan().requires_grad_(False)
    for parameter in vae.parameters():
        parameter.data = parameter.data.to(dtype)
    half = _Half(vae, vae.decoder, shrinks=False)
    with torch.no_grad(), PeakBytes() as peak:
        for _ in range(4):
            half(torch.zeros(1, 16, 1, 32, 32, device="meta", dtype=dtype))
    per_pixel = peak.peak / 256**2
    assert VAE_DECODE_BYTES[dtype.itemsize] == pytest.approx(per_pixel, rel=0.02)


def test_tokens() -> None:
    assert WindowSize(20, 512, 512).tokens == 23_040
    assert WindowSize(20, 704, 1024).tokens == 63_360
    assert WindowSize(20, 512, 512, reference=False, motion=False).tokens == 20_480
    with pytest.raises(InputError, match="500x512"):
        WindowSize(height=512, width=500)
    with pytest.raises(InputError, match="31 latents"):
        WindowSize(latents=31)


def test_profiles_fit_their_cards(full: UniSyncTransformer3DModel) -> None:
    cards = {
        "80gb": (80, 704),
        "48gb-fp8": (48, 640),
        "48gb-offload": (48, 640),
        "32gb": (32, 640),
        "24gb-gguf": (24, 512),
        "24gb-nf4": (24, 512),
        "24gb-offload": (24, 512),
    }
    assert set(cards) | {"cpu"} == set(PROFILES)
    for name, (size, side) in cards.items():
        needed = estimate(full.config, PROFILES[name], WindowSize(height=side, width=side))
        assert needed.total < size * GIB * 0.93, str(needed)


def test_estimates_grow_with_what_is_asked(full: UniSyncTransformer3DModel) -> None:
    base = estimate(full.config, PROFILES["80gb"], WindowSize()).total
    lora = estimate(full.config, PROFILES["80gb"], WindowSize(), adapter=338_000_000).total
    assert lora - base == 676_000_000
    for more in (
        WindowSize(28),
        WindowSize(height=640),
        WindowSize(passes=3),
        WindowSize(caches=2),
    ):
        assert estimate(full.config, PROFILES["80gb"], more).total > base


def test_choosing_takes_the_fastest_that_fits(full: UniSyncTransformer3DModel) -> None:
    def name(gib: int, cuda: bool = True) -> str:
        return choose(full.config, WindowSize(), gib * GIB, cuda).name

    assert [name(79), name(47), name(23)] == ["80gb", "80gb", "32gb"]
    assert name(20) == "48gb-offload"
    assert name(9) == "24gb-offload"
    assert name(100, cuda=False) == "cpu"
    with pytest.raises(MemoryBudgetError, match="no profile fits 4"):
        name(4)


def test_refusal_names_the_profile_that_would_fit(full: UniSyncTransformer3DModel) -> None:
    fits = refuse_unless_fits(full.config, PROFILES["32gb"], WindowSize(), 24 * GIB)
    assert fits.total < 24 * GIB
    with pytest.raises(MemoryBudgetError) as refused:
        refuse_unless_fits(full.config, PROFILES["80gb"], WindowSize(), 23 * GIB)
    assert "80gb: 3" in refused.value.what
    assert refused.value.remedy == "Use the profile 32gb, or a smaller crop"
    with pytest.raises(MemoryBudgetError, match="smaller crop or shorter windows"):
        refuse_unless_fits(full.config, PROFILES["32gb"], WindowSize(), 2 * GIB)
    assert free_bytes("cpu") > GIB


def test_casting_storage_to_fp8_keeps_the_picture() -> None:
    """e4m3 has three bits of mantissa, 2 to 3 % of each weight; of this velocity about 1 %."""
    want = run(place(network(**TINY), Profile("test", "bf16"), "cpu"), SMALL)
    fp8 = Profile("test", "fp8")
    model = place(network(**TINY), fp8, "cpu")
    assert model.blocks[0].ffn.net[0].proj.weight.dtype == torch.float8_e4m3fn
    assert model.blocks[0].audio_attn.to_q.weight.dtype == torch.float8_e4m3fn
    for kept in (
        model.patch_embedding.weight,
        model.blocks[0].audio_norm.linear.weight,
        model.blocks[0].attn1.norm_q.weight,
        model.frame_packer.proj.weight,
        model.condition_embedder.text_embedder.linear_1.weight,
    ):
        assert kept.dtype == torch.bfloat16
    assert model.proj_out.weight.dtype == torch.float32
    error = (run(model, SMALL) - want).std() / want.std()
    assert 0.001 < error < 0.03


def test_lora_layers_stay_in_the_compute_precision_under_fp8() -> None:
    model = network(**TINY)
    model.add_adapter(LoraConfig(r=2, target_modules=["to_q", "ffn.net.2"]))
    place(model, Profile("test", "fp8"), "cpu")
    layer = model.blocks[0].attn1.to_q
    assert layer.base_layer.weight.dtype == torch.float8_e4m3fn
    assert layer.lora_A["default"].weight.dtype == torch.bfloat16
    assert torch.isfinite(run(model, SMALL)).all()


def test_bytes_of_a_placed_network_are_the_estimate() -> None:
    for name in ("80gb", "48gb-fp8", "cpu"):
        model = place(network(**TINY), PROFILES[name], "cpu")
        held = sum(p.nbytes for p in model.parameters())
        guess = estimate(model.config, PROFILES[name], SMALL)
        assert guess.weights == pytest.approx(held, rel=1e-3), name


@pytest.mark.parametrize("storage", ["fp32", "fp8"])
@pytest.mark.parametrize("blocks", [1, 2])
def test_group_offload_changes_nothing(storage: Storage, blocks: int) -> None:
    want = run(place(network(**TINY), Profile("test", storage), "cpu"), SMALL)
    model = place(network(**TINY), Profile("test", storage, offload=blocks), "cpu")
    hooks = [block._diffusers_hook.get_hook("group_offloading") for block in model.blocks]
    assert [len(hook.group.modules) for hook in hooks] == [blocks] * 4
    assert torch.equal(run(model, SMALL), want)


def test_chunks_change_nothing_but_memory() -> None:
    wide = TINY | {"ffn_dim": 2048}
    window = WindowSize(latents=2, height=128, width=128)
    peaks, pictures = [], []
    for chunk in (None, 16):
        model = place(network(**wide), Profile("test", "fp32", ffn_chunk=chunk), "cpu")
        with PeakBytes() as peak:
            pictures.append(run(model, window))
        peaks.append(peak.peak)
    assert torch.allclose(*pictures, atol=1e-5)
    assert peaks[1] < 0.5 * peaks[0]


def test_the_vae_is_placed() -> None:
    config = {"base_dim": 8, "z_dim": 16, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1}
    vae = place_vae(AutoencoderKLWan(**config), PROFILES["24gb-offload"], "cpu")
    assert vae.dtype == torch.bfloat16
    assert (vae.use_tiling, vae.tile_sample_min_width, vae.tile_sample_stride_width) == (
        True,
        256,
        192,
    )
    assert not place_vae(vae, PROFILES["80gb"], "cpu").use_tiling
    assert vae.dtype == torch.float32


def test_quantised_storage_is_asked_for_when_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    assert quantization(PROFILES["24gb-gguf"]) == "gguf"
    assert quantization(PROFILES["32gb"]) is None
    with pytest.raises(CheckpointError, match="loaded in gguf"):
        place(network(**TINY), PROFILES["24gb-gguf"], "cpu")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for attempt in (quantization, lambda p: place(network(**TINY), p, "cpu")):
        with pytest.raises(ModelError, match="pip install"):
            attempt(PROFILES["24gb-nf4"])
