"""All 1260 names of the published 14B map onto the class, on the meta device, and back."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch
from accelerate import init_empty_weights

from unisync_model.checkpoints.config import S2V_INJECT_LAYERS, completed, inject_layers
from unisync_model.checkpoints.keys import Naming, from_ours, inject_layers_of, naming_of, to_ours
from unisync_model.transformer import UniSyncTransformer3DModel

LAYERS = S2V_INJECT_LAYERS
_LINE = re.compile(r"(\S+)\s+\[([\d, ]+)\]\s+x")
_RANGE = re.compile(r"\{0\.\.(\d+)\}")


@pytest.fixture(scope="module")
def published_shapes() -> dict[str, tuple[int, ...]]:
    folder = os.environ.get("UNISYNC_PARITY")
    if not folder:
        pytest.skip("UNISYNC_PARITY is not set")
    shapes = {}
    for line in (Path(folder) / "s2v_14b_shapes.txt").read_text().splitlines():
        if match := _LINE.match(line):
            shape = tuple(int(side) for side in match[2].split(","))
            several = _RANGE.search(match[1])
            for number in range(int(several[1]) + 1 if several else 1):
                shapes[_RANGE.sub(str(number), match[1])] = shape
    return shapes


@pytest.fixture(scope="module")
def our_shapes() -> dict[str, tuple[int, ...]]:
    with init_empty_weights():
        model = UniSyncTransformer3DModel()
    assert all(parameter.is_meta for parameter in model.parameters())
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def test_the_published_14b_is_the_class_with_its_defaults(
    published_shapes: dict[str, tuple[int, ...]], our_shapes: dict[str, tuple[int, ...]]
) -> None:
    assert len(published_shapes) == 1260
    mapped = {to_ours(key, Naming.NATIVE, LAYERS): s for key, s in published_shapes.items()}
    assert mapped == our_shapes
    assert sum(torch.Size(shape).numel() for shape in our_shapes.values()) == 16_295_755_609


@pytest.mark.parametrize("naming", Naming)
def test_every_name_comes_back(naming: Naming, our_shapes: dict[str, tuple[int, ...]]) -> None:
    theirs = {key: from_ours(key, naming, LAYERS) for key in our_shapes}
    assert len(set(theirs.values())) == 1260
    assert all(to_ours(name, naming, LAYERS) == key for key, name in theirs.items())
    assert naming_of(theirs.values()) is naming
    ranks = tuple(range(12))
    assert inject_layers_of(theirs.values(), naming) == (LAYERS if naming is Naming.OURS else ranks)


def test_a_single_file_of_the_14b_needs_no_config(our_shapes: dict[str, tuple[int, ...]]) -> None:
    """ComfyUI and GGUF files carry none: the shapes and Wan's constants say everything."""
    known = {"audio_inject_layers": inject_layers(12, {}, Path("wan.gguf"))}
    found = completed(known, our_shapes, Path("wan.gguf"))
    with init_empty_weights():
        config = UniSyncTransformer3DModel().config
    assert {name: config[name] for name in found} == found
    assert set(config) - set(found) <= {"eps", "text_len", "pafs_size", "residual_fp32"} | {
        name for name in config if name.startswith("_")
    }


def test_the_official_names(published_shapes: dict[str, tuple[int, ...]]) -> None:
    with init_empty_weights():
        keys = UniSyncTransformer3DModel().state_dict()
    assert {from_ours(key, Naming.NATIVE, LAYERS) for key in keys} == set(published_shapes)


@pytest.mark.parametrize(
    ("naming", "theirs", "ours"),
    [
        (Naming.NATIVE, "blocks.3.norm3.weight", "blocks.3.norm2.weight"),
        (Naming.NATIVE, "audio_injector.injector.7.o.bias", "blocks.27.audio_attn.to_out.0.bias"),
        (
            Naming.PR,
            "audio_injector.injector_adain_layers.11.linear.weight",
            "blocks.39.audio_norm.linear.weight",
        ),
        (Naming.PR, "condition_embedder.pose_embedder.bias", "pose_embedder.bias"),
        (
            Naming.PR,
            "condition_embedder.causal_audio_encoder.weighted_avg.weights",
            "condition_embedder.causal_audio_encoder.weights",
        ),
        (Naming.NATIVE, "audio_injector.injector.12.q.weight", None),
        (Naming.NATIVE, "img_emb.proj.0.weight", None),
        (Naming.NATIVE, "blocks.0.cross_attn.k_img.weight", None),
    ],
)
def test_single_names(naming: Naming, theirs: str, ours: str | None) -> None:
    assert to_ours(theirs, naming, LAYERS) == ours
