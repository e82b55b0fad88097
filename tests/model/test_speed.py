"""Attention kernels, compiled blocks and step caches, on a tiny network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from unisync_model import speed
from unisync_model.errors import CheckpointError, InputError
from unisync_model.flow import sigmas, timestep
from unisync_model.guidance import Guidance
from unisync_model.memory import Profile
from unisync_model.placement import place
from unisync_model.sampling import Branch, sample
from unisync_model.speed import FirstBlock, MagCache, MagRatios
from unisync_model.tali import Tali
from unisync_model.transformer import UniSyncTransformer3DModel

F, H, W = 2, 8, 8


class Shot:
    """A tiny network as a velocity, with a count of the blocks it really ran."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = UniSyncTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=24,
            text_dim=32,
            ffn_dim=96,
            num_layers=4,
            audio_dim=16,
            audio_layers=3,
            audio_inject_layers=(0, 2),
        ).eval()
        self.model.requires_grad_(False)
        self.ran = [0] * 4
        for index, block in enumerate(self.model.blocks):
            # the feed-forward runs only if the block does
            block.ffn.register_forward_hook(lambda *_, index=index: self._count(index))
        self.audio = torch.randn(1, 3, 16, 4 * F)
        self.noise = torch.randn(1, 16, F, H, W)
        self.plate = torch.randn(1, 16, F, H, W)

    def _count(self, index: int) -> None:
        self.ran[index] += 1

    def velocity(self, z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        audio = self.audio if branch == "full" else torch.zeros_like(self.audio)
        with self.model.cache_context(f"{branch}-0"):
            (v,) = self.model(
                z,
                torch.tensor([timestep(s)]),
                torch.ones(1, 3, 32),
                audio=audio,
                pose=torch.zeros_like(z),
                return_dict=False,
            )
        return v

    def sample(self, steps: int = 12, **how: Any) -> Tensor:
        self.ran = [0] * 4
        speed.start_shot(self.model)
        with torch.no_grad():
            return sample(self.velocity, self.noise, sigmas(steps, 3.0), **how)


@pytest.fixture
def shot() -> Shot:
    return Shot()


def test_attention_is_chosen_among_what_is_installed(
    shot: Shot, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = shot.sample(2)
    assert speed.set_attention(shot.model) == "native"
    assert torch.equal(shot.sample(2), want)
    assert speed.set_attention(shot.model, "_native_math") == "_native_math"
    processor = shot.model.blocks[2].audio_attn.processor
    assert processor._attention_backend == "_native_math"
    assert torch.allclose(shot.sample(2), want, atol=1e-4)
    speed.set_attention(shot.model, "native")
    for name in ("flash", "sage", "nonsense"):
        with pytest.raises(InputError, match="Choose one of native, _native_math"):
            speed.set_attention(shot.model, name)
    on_a_card = speed.attention_backends("cuda")
    assert "native" in on_a_card
    # not installed on this machine, whatever its cards
    monkeypatch.setattr("diffusers.models.attention_dispatch._CAN_USE_SAGE_ATTN", False)
    assert "sage" not in speed.attention_backends("cuda")


@pytest.fixture
def graphs() -> Iterator[list[torch.fx.GraphModule]]:
    """The graphs made within a test by the backend ``counted``."""
    torch._dynamo.reset()
    made: list[torch.fx.GraphModule] = []
    yield made
    torch._dynamo.reset()


def counted(made: list[torch.fx.GraphModule]) -> Any:
    def backend(graph: torch.fx.GraphModule, _: Sequence[Any]) -> Any:
        made.append(graph)
        return graph.forward

    return backend


@pytest.mark.parametrize("hooked", ["bare", "offload", "cache before", "cache after"])
def test_two_kinds_of_blocks_compile_twice(
    shot: Shot, graphs: list[torch.fx.GraphModule], hooked: str
) -> None:
    """Once with ears and once without, whatever hooks are around them, without a graph break."""
    for block in shot.model.blocks:
        block.ffn._forward_hooks.clear()
    if hooked == "offload":
        place(shot.model, Profile("test", "fp32", offload=1), "cpu")
    lazy = FirstBlock(0.3) if hooked.startswith("cache") else None
    speed.enable_cache(shot.model, lazy)
    want = shot.sample(4)
    if hooked == "cache after":
        speed.enable_cache(shot.model, None)
    speed.compile_blocks(shot.model, counted(graphs))
    if hooked == "cache after":
        speed.enable_cache(shot.model, lazy)
    assert torch.allclose(shot.sample(4), want, atol=1e-5)
    assert len(graphs) == 2


def test_fp8_storage_is_not_compiled(shot: Shot) -> None:
    place(shot.model, Profile("test", "fp8"), "cpu")
    with pytest.raises(InputError, match="48gb-offload"):
        speed.compile_blocks(shot.model)


def test_first_block_cache_skips_the_others(shot: Shot) -> None:
    want = shot.sample()
    assert shot.ran == [12] * 4
    speed.enable_cache(shot.model, FirstBlock(1e-9))
    assert torch.allclose(shot.sample(), want, atol=1e-5)
    assert shot.ran == [12] * 4
    speed.enable_cache(shot.model, FirstBlock(0.5))
    got = shot.sample()
    assert shot.ran[0] == 12
    assert 1 <= shot.ran[1] == shot.ran[2] == shot.ran[3] < 12
    assert torch.isfinite(got).all()
    speed.enable_cache(shot.model, None)
    assert torch.equal(shot.sample(), want)


def ratios(shot: Shot, steps: int = 12) -> MagRatios:
    with torch.no_grad():
        return speed.calibrate(
            shot.model,
            shot.velocity,
            shot.noise,
            sigmas(steps, 3.0),
            weights="tiny",
            guide=Guidance(passes=2),
        )


def contribution(shot: Shot, z: Tensor, s: float, branch: Branch) -> Tensor:
    """What all blocks together add to the tokens, by hooks of our own."""
    seen: list[Tensor] = []
    first, last = shot.model.blocks[0], shot.model.blocks[-1]
    hooks = [
        first.register_forward_pre_hook(lambda _, args: seen.append(args[0])),
        last.register_forward_hook(lambda _m, _a, out: seen.append(out)),
    ]
    shot.velocity(z, s, branch)
    for hook in hooks:
        hook.remove()
    return seen[1] - seen[0]


@torch.no_grad()
def test_calibration_measures_the_growth_of_the_contribution(
    shot: Shot, capsys: pytest.CaptureFixture[str]
) -> None:
    got = ratios(shot, 4)
    assert not shot.model.is_cache_enabled
    assert capsys.readouterr().out == ""
    levels = sigmas(4, 3.0)
    assert got.sigmas == pytest.approx(levels)
    trail: list[Tensor] = []
    sample(
        lambda z, s, b="full": (trail.append(z) if b == "full" else None) or shot.velocity(z, s, b),
        shot.noise,
        levels,
        guide=Guidance(passes=2),
    )
    want = [1.0]
    for i in (1, 2, 3):
        both = []
        for branch in ("full", "null"):
            now = contribution(shot, trail[i], levels[i], branch).norm(dim=-1)
            before = contribution(shot, trail[i - 1], levels[i - 1], branch).norm(dim=-1)
            both.append((now / before).mean().item())
        want.append(sum(both) / 2)
    assert got.ratios == pytest.approx(want, rel=1e-4)


def test_mag_cache_skips_and_the_file_carries_it(shot: Shot, tmp_path: Path) -> None:
    path = tmp_path / "magcache.json"
    measured = ratios(shot)
    measured.save(path)
    assert MagRatios.load(path) == measured
    assert json.loads(path.read_text())["weights"] == "tiny"
    want = shot.sample()
    speed.enable_cache(shot.model, MagCache(MagRatios.load(path), 12, threshold=0))
    assert torch.equal(shot.sample(), want)
    speed.enable_cache(shot.model, MagCache(measured, 12, threshold=10, max_skip=2))
    shot.sample()
    assert shot.ran[0] == shot.ran[3] < 12
    # another number of steps stretches the ratios
    speed.enable_cache(shot.model, MagCache(measured, 6, threshold=10))
    shot.sample(6)
    assert shot.ran[0] < 6


@pytest.mark.parametrize("cache", ["first", "mag"])
@pytest.mark.parametrize("hold", [{"tau": 0.5}, {"tau_sigma": 0.7}])
def test_calls_around_the_switch_are_computed(
    shot: Shot, cache: str, hold: dict[str, float]
) -> None:
    levels = sigmas(12, 3.0)
    switch = 6 if "tau" in hold else sum(s > 0.7 for s in levels[1:])
    mask = torch.zeros(1, 1, F, H, W)
    tali = Tali(shot.plate, mask, shot.noise, **hold)
    lazy = FirstBlock(100.0) if cache == "first" else None
    lazy = lazy or MagCache(ratios(shot), 12, threshold=100, max_skip=100, retention=0)
    speed.enable_cache(shot.model, lazy)
    full: list[int] = []

    def watch(step: Any) -> None:
        if shot.ran[3] > len(full):
            full.append(step.index)

    shot.sample(inject=tali, callback=watch)
    assert full == [0]
    full.clear()
    shot.sample(inject=speed.guarded(shot.model, tali), callback=watch)
    assert full == [0, switch, switch + 1]


def test_injecting_throughout_or_never_has_no_switch(shot: Shot) -> None:
    speed.enable_cache(shot.model, FirstBlock(100.0))
    for tau in (0.0, 1.0):
        tali = Tali(shot.plate, torch.zeros(1, 1, F, H, W), shot.noise, tau=tau)
        shot.sample(inject=speed.guarded(shot.model, tali))
        assert shot.ran[3] == 1


def test_a_second_shot_starts_afresh(shot: Shot) -> None:
    speed.enable_cache(shot.model, FirstBlock(0.3))
    once = shot.sample()
    assert torch.equal(shot.sample(), once)


def test_ratios_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="Run the calibration"):
        MagRatios.load(tmp_path / "none.json")
    (tmp_path / "other.json").write_text('{"ratios": 3}')
    with pytest.raises(CheckpointError, match="no MagCache ratios"):
        MagRatios.load(tmp_path / "other.json")
