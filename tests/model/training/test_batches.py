"""Batches: every sample once an epoch, everything random decided by seed and position."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import tiny_network
from torch import Tensor
from toy import Toys, toy_config, toy_prompts, toy_sample

from unisync_model.shot_conditions import LEAD
from unisync_model.training.batches import Batch, Batches, Order, drawn
from unisync_model.training.errors import DataError

SHAPES = st.lists(st.sampled_from([(4, 8, 8), (6, 8, 8), (4, 8, 16)]), min_size=1, max_size=30)


@given(shapes=SHAPES, batch=st.integers(1, 5), seed=st.integers(0, 2**40))
@settings(max_examples=50, deadline=None)
def test_an_epoch_is_every_sample_in_batches_of_one_shape(
    shapes: list[tuple[int, int, int]], batch: int, seed: int
) -> None:
    order = Order(shapes, batch, seed)
    epoch = [order(i) for i in range(order.batches_an_epoch)]
    assert all(len(chosen) == batch for chosen in epoch)
    assert all(len({shapes[i] for i in chosen}) == 1 for chosen in epoch)
    seen = Counter(i for chosen in epoch for i in chosen)
    assert set(seen) == set(range(len(shapes)))
    filled = sum(seen.values()) - len(shapes)
    assert filled <= len(set(shapes)) * (batch - 1)


def test_any_place_of_the_order_can_be_asked_for() -> None:
    shapes = [(4, 8, 8)] * 10 + [(6, 8, 8)] * 7
    order = Order(shapes, 2, 5)
    run = [order(i) for i in range(40)]
    assert [Order(shapes, 2, 5)(i) for i in reversed(range(40))] == run[::-1]
    assert run[: order.batches_an_epoch] != run[order.batches_an_epoch : 2 * order.batches_an_epoch]
    assert [Order(shapes, 2, 6)(i) for i in range(40)] != run
    with pytest.raises(DataError, match="nothing to train on"):
        Order([], 2, 0)


def tensors(batch: Batch) -> dict[str, Tensor]:
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def test_a_batch_is_its_position_s() -> None:
    config = toy_config(seed=3)
    one, two = (Batches(Toys(range(8)), toy_prompts(), config) for _ in range(2))
    torch.manual_seed(1)  # whatever else is drawn
    first = one[5]
    two[4]
    torch.manual_seed(2)
    again = two[5]
    assert first.names == again.names
    assert all(torch.equal(value, tensors(again)[name]) for name, value in tensors(first).items())
    assert not torch.equal(first.eps, one[6].eps)
    other = Batches(Toys(range(8)), toy_prompts(), replace(config, seed=4))[5]
    assert not torch.equal(first.eps, other.eps)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_dropouts_leave_out_what_they_name(share: float) -> None:
    config = toy_config(dropout=dict.fromkeys(("video", "audio", "words", "pose"), share))
    samples = [replace(toy_sample(i), pose=torch.ones(16, 4, 8, 8)) for i in range(3)]
    batch, prompts = drawn(samples, toy_prompts(), config, 0), toy_prompts()
    gone = share == 1
    assert bool((batch.video == 0).all()) is gone
    assert bool((batch.audio == 0).all()) is gone
    assert bool((batch.pose == 0).all()) is gone
    assert torch.equal(batch.words, prompts.states([None if gone else 0] * 3))
    assert torch.equal(batch.x0, torch.stack([sample.x0 for sample in samples]))


def test_words_go_only_with_the_voice() -> None:
    config = toy_config(dropout={"audio": 0.5, "words": 1.0})
    batch = drawn([toy_sample(i) for i in range(40)], toy_prompts(), config, 0)
    silent = (batch.audio == 0).flatten(1).all(1)
    told_negative = (batch.words[:, 2] == 0).all(1)  # the shorter, so padded
    assert 8 < int(silent.sum()) < 32
    assert torch.equal(silent, told_negative)


def test_windows_are_cut_where_chance_says() -> None:
    config = toy_config(data={"latents": 3}, dropout={"video": 0.0, "audio": 0.0})
    clip = toy_sample(0, latents=10)
    starts = set()
    for position in range(20):
        batch = drawn([clip], toy_prompts(), config, position)
        assert batch.x0.shape[2] == 3
        (start,) = [i for i in range(8) if torch.equal(batch.audio[0], clip.window(i, i + 3).audio)]
        starts.add(start)
    assert len(starts) > 4
    assert Batches(Toys([0], 10), toy_prompts(), config).largest == (3, 8, 8)


def test_motion_is_told_or_left_out_for_a_whole_batch() -> None:
    clip = toy_sample(0, latents=24)
    with_past = clip.window(20, 24)
    config = toy_config(dropout={"motion": 0.0})
    assert drawn([with_past, with_past], toy_prompts(), config, 0).motion is not None
    assert drawn([with_past, clip.window(0, 4)], toy_prompts(), config, 0).motion is None
    without = toy_config(dropout={"motion": 1.0})
    assert drawn([with_past], toy_prompts(), without, 0).motion is None


def test_the_network_takes_a_batch() -> None:
    batch = drawn([toy_sample(0), toy_sample(1)], toy_prompts(), toy_config(), 0)
    given = batch.inputs(av2v=True)
    assert given["audio"].shape[-1] == 16  # type: ignore[union-attr]
    assert given["audio_prefix"].shape[-1] == LEAD  # type: ignore[union-attr]
    v = tiny_network(av2v=True)(**given).sample
    assert v.shape == batch.x0.shape
    assert batch.inputs(av2v=False)["video"] is None
