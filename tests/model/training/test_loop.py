"""The loop: cut off anywhere it ends with the same bytes, and a bad step spoils nothing."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import distance, tiny_network, velocity
from safetensors.torch import load_file
from toy import CHANNELS, Toys, toy_config, toy_prompts, toy_sample

from unisync_model.errors import MemoryBudgetError, NonFiniteError
from unisync_model.lora import load_lora, meta_of
from unisync_model.speed import compile_blocks
from unisync_model.training import loop, state, trainable
from unisync_model.training.batches import Batches, drawn
from unisync_model.training.config import TrainConfig
from unisync_model.training.config_file import load_config
from unisync_model.training.errors import ConfigError, ResumeError, StorageError
from unisync_model.training.loop import Moment, Trained, train
from unisync_model.training.loss import flow_loss
from unisync_model.training.optim import make_optimizer
from unisync_model.training.samples import Sample, Samples
from unisync_model.training.state import checkpoints
from unisync_model.training.trainable import open_base, prepare_trainable
from unisync_model.transformer import UniSyncTransformer3DModel

SAMPLES = Toys(range(7))


def network() -> UniSyncTransformer3DModel:
    return tiny_network(av2v=True, pafs="residual")


def run(
    out: Path, config: TrainConfig, samples: Samples = SAMPLES, **more: Any
) -> tuple[Trained, UniSyncTransformer3DModel]:
    model = network()
    torch.seed()  # another process
    return train(config, model, samples, toy_prompts(), out, cpu=True, **more), model


def weights(out: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(out / "checkpoints" / f"step-{step:08d}" / "state.safetensors")


@pytest.mark.parametrize(
    "tables",
    [
        {"trainable": {"dropout": 0.3}},  # the layers draw as well
        {"data": {"accumulate": 2}, "ema": {"on": False}, "gradient_checkpointing": True},
        {"trainable": {"method": "full"}, "pairs": {"scramble": 1.0}},
    ],
)
def test_stopped_and_gone_on_with_it_is_the_same_run(
    tables: dict[str, Any], tmp_path: Path
) -> None:
    config = toy_config(steps=6, **tables)
    whole, _ = run(tmp_path / "whole", config)
    first, _ = run(tmp_path / "parts", config, until=2)
    second, _ = run(tmp_path / "parts", config, until=5)
    third, _ = run(tmp_path / "parts", config)
    assert (first.step, second.step, third.step) == (2, 5, 6)
    assert first.result is second.result is None
    assert first.losses + second.losses + third.losses == whole.losses
    one, other = weights(tmp_path / "whole", 6), weights(tmp_path / "parts", 6)
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert whole.result is not None
    assert third.result is not None
    names = [path.name for path in whole.result.rglob("*.safetensors")] or [""]
    for name in names:
        made = [load_file(done.result / name) for done in (whole, third) if done.result]
        assert all(torch.equal(value, made[1][key]) for key, value in made[0].items())


def test_accumulated_batches_are_their_mean(tmp_path: Path) -> None:
    """One step of two batches changes the weights as their mean gradient does."""
    config = toy_config(steps=1, data={"accumulate": 2}, optim={"clip": 0.0})
    _, stepped = run(tmp_path, config)
    model = network()
    parameters = prepare_trainable(model, config.trainable, config.seed)
    optimizer = make_optimizer(parameters, replace(config.optim, lr=config.optim.lr / 2))
    batches = Batches(SAMPLES, toy_prompts(), config)
    for batch in (batches[0], batches[1]):
        v = model.train()(**batch.inputs(True)).sample
        loss = flow_loss(v, batch.x0, batch.eps, batch.s, batch.mask, config.loss)
        (loss.total / 2).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    by_hand = dict(model.named_parameters())
    for name, parameter in stepped.named_parameters():
        torch.testing.assert_close(parameter, by_hand[name])


def test_the_adapter_gives_the_pipeline_the_same_velocity(tmp_path: Path) -> None:
    config = toy_config(
        steps=3, ema={"on": False}, adapter={"fps": ["25"], "licence": "CC0-1.0", "tau": 0.7}
    )
    done, trained = run(tmp_path, config)
    assert done.result == tmp_path / "adapter.safetensors"
    batch = drawn([toy_sample(50)], toy_prompts(), config, 0)
    fresh = network()
    before = velocity(fresh, **batch.inputs(True))
    load_lora(fresh, done.result)
    after = velocity(fresh, **batch.inputs(True))
    assert torch.equal(after, velocity(trained.eval(), **batch.inputs(True)))
    assert distance(before, after) > 1e-3
    meta = meta_of(done.result)
    assert meta is not None
    assert (meta.variant, meta.fps, meta.tau, meta.licence) == ("residual", ("25",), 0.7, "CC0-1.0")


def test_the_average_is_saved_and_the_weights_are_kept(tmp_path: Path) -> None:
    config = toy_config(steps=5, ema={"decay": 0.5})
    done, trained = run(tmp_path, config)
    assert done.result is not None
    held, last = load_file(done.result), weights(tmp_path, 5)
    name = "video_embedding.weight"
    assert torch.equal(held[name], last[f"average.{name}"])
    assert torch.equal(trained.state_dict()[name].cpu(), last[f"weight.{name}"])
    assert not torch.equal(last[f"average.{name}"], last[f"weight.{name}"])


def test_only_what_is_named_is_trained(tmp_path: Path) -> None:
    before = network().state_dict()
    done, model = run(tmp_path, toy_config(steps=2, trainable={"whole": ["video_embedding"]}))
    after = {k.replace(".base_layer", ""): v for k, v in model.state_dict().items()}
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"video_embedding.weight"}
    layers = 3 * (8 * 4 * (32 + 32) + 2 * 4 * (32 + 40)) + 2 * 4 * 4 * (32 + 32)
    assert done.trainable.counts == {"lora": layers, "video_embedding": CHANNELS * 4 * 32}
    assert done.trainable.frozen == sum(v.numel() for v in before.values()) - CHANNELS * 4 * 32
    assert "11,968 parameters are trained (" in str(done.trainable)


def test_what_the_network_lacks_cannot_be_trained() -> None:
    bare, settings = tiny_network(), toy_config().trainable
    with pytest.raises(ConfigError, match="names video_embedding, which this network does not"):
        prepare_trainable(bare, settings, 0)
    with pytest.raises(ConfigError, match=r"trainable.groups is empty"):
        prepare_trainable(network(), replace(settings, groups=()), 0)
    with pytest.raises(ConfigError, match=r"model.base names no weights"):
        open_base(toy_config())


class Poisoned(Toys):
    """One sample is fine to look at and too much to compute with."""

    def load(self, index: int) -> Sample:
        sample = super().load(index)
        return replace(sample, x0=sample.x0 * 1e30) if index == 3 else sample


def test_a_nan_stops_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    samples = Poisoned(range(7))
    config = toy_config(steps=8, data={"batch": 1})
    with pytest.raises(NonFiniteError) as caught:
        run(tmp_path, config, samples)
    (kept,) = checkpoints(tmp_path)
    good = int(kept.name.removeprefix("step-"))
    assert f"at step {good + 1} the loss is nan" in str(caught.value)
    assert "from scene-3; the state of step" in str(caught.value)
    assert all(value.isfinite().all() for value in weights(tmp_path, good).values())
    clean, _ = run(tmp_path / "clean", config, until=good)
    assert clean.step == good
    kept_weights, wanted = weights(tmp_path, good), weights(tmp_path / "clean", good)
    assert all(torch.equal(v, wanted[k]) for k, v in kept_weights.items())


def test_another_run_s_checkpoint_is_refused(tmp_path: Path) -> None:
    config = toy_config(steps=4)
    run(tmp_path, config, until=2)
    for other, message in (
        (toy_config(steps=4, optim={"lr": 1e-5}), r"optim.lr was 0.002 and is 1e-05"),
        (toy_config(steps=5), r"steps was 4 and is 5"),
        (toy_config(steps=4, trainable={"groups": ["ffn"]}), r"trainable.groups was"),
    ):
        with pytest.raises(ResumeError, match=message):
            run(tmp_path, other)
    with pytest.raises(ResumeError, match="the data was"):
        run(tmp_path, config, Toys(range(8)))
    again, _ = run(tmp_path, toy_config(steps=4, checkpoints={"every": 1}, log={"every": 2}))
    assert again.step == 4
    assert load_config(tmp_path / "config.toml").checkpoints.every == 1


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    run(tmp_path, toy_config(steps=4), until=2)
    (checkpoints(tmp_path)[-1] / "state.safetensors").write_bytes(b"x")
    with pytest.raises(ResumeError, match="Delete this folder"):
        run(tmp_path, toy_config(steps=4))


def test_the_last_few_are_kept(tmp_path: Path) -> None:
    run(tmp_path, toy_config(steps=5, checkpoints={"every": 1, "keep": 2}))
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000004", "step-00000005"]


@pytest.mark.parametrize("how", ["before", "while"])
def test_a_full_disk_leaves_the_older_checkpoints(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy_config(steps=4, checkpoints={"every": 2, "keep": 1})
    run(tmp_path, config, until=2)
    if how == "before":
        usage = type("Usage", (), {"free": 10})
        monkeypatch.setattr(state.shutil, "disk_usage", lambda _: usage)
    else:

        def full(tensors: Any, path: Path) -> None:
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(state, "save_file", full)
    with pytest.raises(StorageError, match=r"step 4 could not be written: .*Make room"):
        run(tmp_path, config)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]
    monkeypatch.undo()
    done, _ = run(tmp_path, config)
    whole, _ = run(tmp_path / "whole", config)
    assert done.losses == whole.losses[2:]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_result_that_found_no_room_is_all_that_is_left_to_do(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy_config(steps=2, trainable={"method": method})

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trainable.os, "replace", full)
    with pytest.raises(StorageError, match=r"the result could not be written.*Make room"):
        run(tmp_path, config)
    monkeypatch.undo()
    for _ in range(2):  # a finished run has nothing left to do
        done, _ = run(tmp_path, config)
        assert done.losses == ()
        assert done.result is not None
        assert done.result.exists()
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_run_left_half_written_is_no_checkpoint(tmp_path: Path) -> None:
    config = toy_config(steps=4)
    run(tmp_path, config, until=2)
    (tmp_path / "checkpoints/.step-00000003.partial").mkdir()
    done, _ = run(tmp_path, config)
    assert len(done.losses) == 2
    assert [p.name for p in checkpoints(tmp_path)] == ["step-00000002", "step-00000004"]
    assert not list((tmp_path / "checkpoints").glob(".*"))


def test_probes_see_the_average_and_change_nothing(tmp_path: Path) -> None:
    config = toy_config(steps=4, log={"probe_every": 2}, trainable={"dropout": 0.3})
    seen: list[tuple[int, bool, torch.Tensor]] = []

    def probe(moment: Moment) -> None:
        torch.rand(5)
        embedding = moment.model.video_embedding
        assert embedding is not None
        seen.append((moment.step, moment.model.training, embedding.weight.clone()))
        moment.log.scalars({"leak": 0.5}, moment.step)
        moment.log.picture("grid", np.zeros((4, 4, 3), np.uint8), moment.step)

    with_probe, _ = run(tmp_path / "a", config, probes=[probe])
    without, _ = run(tmp_path / "b", config)
    assert with_probe.losses == without.losses
    assert [(step, training) for step, training, _ in seen] == [(2, False), (4, False)]
    held = weights(tmp_path / "a", 4)["average.video_embedding.weight"]
    assert torch.equal(seen[1][2], held)


def test_scalars_are_tensorboard_s(tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    ).EventAccumulator
    config = toy_config(steps=4)
    run(tmp_path, config, until=2)
    run(tmp_path, config)
    board = accumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"loss", "loss_mouth", "loss_rest", "lr", "gradient"} <= set(board.Tags()["scalars"])
    assert [event.step for event in board.Scalars("loss")] == [1, 2, 3, 4]


def test_it_is_refused_before_the_first_step_if_it_will_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "free_bytes", lambda _: 10_000)
    with pytest.raises(MemoryBudgetError, match=r"training needs .*gradient_checkpointing"):
        run(tmp_path, toy_config())
    assert not (tmp_path / "config.toml").exists()


def test_worker_processes_read_the_same_run(tmp_path: Path) -> None:
    alone, _ = run(tmp_path / "a", toy_config(steps=3))
    ahead, _ = run(tmp_path / "b", toy_config(steps=3, data={"workers": 2}))
    assert alone.losses == ahead.losses


def test_bf16_computes_in_bf16_and_keeps_float32(tmp_path: Path) -> None:
    config = toy_config(steps=2, precision="bf16", gradient_checkpointing=True)
    model = network().to(torch.bfloat16)
    done = train(config, model, SAMPLES, toy_prompts(), tmp_path, cpu=True)
    assert {p.dtype for p in done.trainable} == {torch.float32}
    assert model.get_submodule("blocks.0.attn1.to_q.base_layer").weight.dtype == torch.bfloat16
    assert all(np.isfinite(done.losses))


def test_checkpointing_changes_memory_and_nothing_else(tmp_path: Path) -> None:
    losses: Sequence[float] = run(tmp_path / "a", toy_config(steps=3))[0].losses
    again = run(tmp_path / "b", toy_config(steps=3, gradient_checkpointing=True))[0].losses
    assert losses == pytest.approx(again, rel=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
# the compiler asks every tensor for it, and silences its own warning unless warnings are errors
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
def test_a_compiled_run_is_the_same_and_saves_the_same_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = []

    def counted(graph: torch.fx.GraphModule, _: object) -> Any:
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(loop, "compile_blocks", lambda model: compile_blocks(model, counted))
    plain, _ = run(tmp_path / "plain", toy_config())
    assert not graphs
    torch._dynamo.reset()
    compiled, _ = run(tmp_path / "compiled", toy_config(compile=True))
    torch._dynamo.reset()
    assert graphs
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-5)
    assert weights(tmp_path / "plain", 4).keys() == weights(tmp_path / "compiled", 4).keys()
