"""Tensor names of Wan2.2-S2V as each publisher writes them, and as our network calls them.

Three spellings are in use: `NATIVE` (the official repository, FastVideo, ComfyUI and GGUF files),
`PR` (the names of diffusers' pull request 12258) and `OURS`. Every map is one tensor to one
tensor, so a name can be translated without reading any data, and a LoRA's module paths go through
the same functions.

The official files number the audio injectors 0, 1, 2, ... in the order of the blocks they follow;
our network keeps each inside its block, so both directions need `inject_layers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum


class Naming(str, Enum):
    """Whose tensor names a file uses."""

    NATIVE = "native"
    PR = "diffusers-pr"
    OURS = "unisync"


Pairs = tuple[tuple[str, str], ...]

_EMBEDDER = "condition_embedder"
_AUDIO = f"{_EMBEDDER}.causal_audio_encoder"

# (theirs, ours) by dotted prefix; the names that are the same on both sides stand there too,
# because a name that no pair knows is a surplus name.
_KEPT = ("patch_embedding", "frame_packer", "video_embedding", "pafs")
_TEXT_AND_TIME: Pairs = (
    ("text_embedding.0", f"{_EMBEDDER}.text_embedder.linear_1"),
    ("text_embedding.2", f"{_EMBEDDER}.text_embedder.linear_2"),
    ("time_embedding.0", f"{_EMBEDDER}.time_embedder.linear_1"),
    ("time_embedding.2", f"{_EMBEDDER}.time_embedder.linear_2"),
    ("time_projection.1", f"{_EMBEDDER}.time_proj"),
)
_NATIVE: Pairs = (
    *((name, name) for name in _KEPT),
    *_TEXT_AND_TIME,
    ("trainable_cond_mask", "trainable_cond_mask"),
    ("cond_encoder", "pose_embedder"),
    ("casual_audio_encoder", _AUDIO),  # "casual" is the official spelling
    ("head.head", "proj_out"),
    ("head.modulation", "scale_shift_table"),
)
_PR: Pairs = (
    *((name, name) for name in _KEPT),
    ("trainable_condition_mask", "trainable_cond_mask"),
    (f"{_EMBEDDER}.pose_embedder", "pose_embedder"),
    *((ours, ours) for _, ours in _TEXT_AND_TIME),
    (_AUDIO, _AUDIO),
    ("proj_out", "proj_out"),
    ("scale_shift_table", "scale_shift_table"),
)
# Later states of the pull request wrapped the layer weights and two convolutions once more.
_PR_WRAPPED: Pairs = (
    (f"{_AUDIO}.weighted_avg.weights", f"{_AUDIO}.weights"),
    (f"{_AUDIO}.encoder.conv2.conv.conv", f"{_AUDIO}.encoder.conv2.conv"),
    (f"{_AUDIO}.encoder.conv3.conv.conv", f"{_AUDIO}.encoder.conv3.conv"),
)
_PROJECTIONS: Pairs = (
    ("q", "to_q"),
    ("k", "to_k"),
    ("v", "to_v"),
    ("o", "to_out.0"),
    ("norm_q", "norm_q"),
    ("norm_k", "norm_k"),
)
_OUR_PROJECTIONS: Pairs = tuple((ours, ours) for _, ours in _PROJECTIONS)
# diffusers counts the norms in the order of use, so the official norm3 is norm2 here.
_NATIVE_BLOCK: Pairs = (
    *((f"self_attn.{theirs}", f"attn1.{ours}") for theirs, ours in _PROJECTIONS),
    *((f"cross_attn.{theirs}", f"attn2.{ours}") for theirs, ours in _PROJECTIONS),
    ("norm3", "norm2"),
    ("ffn.0", "ffn.net.0.proj"),
    ("ffn.2", "ffn.net.2"),
    ("modulation", "scale_shift_table"),
)
_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
_INJECTOR = re.compile(r"audio_injector\.injector\.(\d+)\.(.+)")
_ADAIN = re.compile(r"audio_injector\.injector_adain_layers\.(\d+)\.(.+)")
_OUR_AUDIO = re.compile(r"blocks\.(\d+)\.audio_(attn|norm)\.(.+)")


def to_ours(key: str, naming: Naming, inject_layers: Sequence[int]) -> str | None:
    """The name that our network uses for `key`, or None where it has no such tensor.

    Args:
        key: a tensor name, or the module path of a LoRA, without any file-wide prefix.
        naming: whose name it is.
        inject_layers: the blocks that own an audio injector, ascending.
    """
    if naming is Naming.OURS:
        return key
    injected = _from_injector(key, naming, inject_layers)
    if injected is not None:
        return injected
    if match := _BLOCK.fullmatch(key):
        rest = match[2] if naming is Naming.PR else _swap(match[2], _NATIVE_BLOCK)
        return None if rest is None else f"blocks.{match[1]}.{rest}"
    if naming is Naming.PR:
        return _swap(_swap(key, _PR_WRAPPED) or key, _PR)
    return _swap(key, _NATIVE)


def from_ours(key: str, naming: Naming, inject_layers: Sequence[int]) -> str:
    """The published name of our tensor `key`: the inverse of `to_ours`.

    Raises:
        KeyError: our network has no such tensor.
    """
    if naming is Naming.OURS:
        return key
    if match := _OUR_AUDIO.fullmatch(key):
        return _to_injector(match, naming, inject_layers)
    if match := _BLOCK.fullmatch(key):
        rest = match[2] if naming is Naming.PR else _swap(match[2], _turned(_NATIVE_BLOCK))
        theirs = None if rest is None else f"blocks.{match[1]}.{rest}"
    else:
        theirs = _swap(key, _turned(_PR if naming is Naming.PR else _NATIVE))
    if theirs is None:
        raise KeyError(key)
    return theirs


def naming_of(keys: Iterable[str]) -> Naming | None:
    """Whose names these are, or None where they belong to another network."""
    held = set(keys)
    if {"casual_audio_encoder.weights", "audio_injector.injector.0.q.weight"} <= held:
        return Naming.NATIVE
    if "trainable_condition_mask.weight" in held:
        return Naming.PR
    if "trainable_cond_mask.weight" in held and "pose_embedder.weight" in held:
        return Naming.OURS
    return None


def inject_layers_of(keys: Iterable[str], naming: Naming) -> tuple[int, ...]:
    """The injector numbers in `keys`: block indices in our names, ranks in the others'."""
    pattern = _OUR_AUDIO if naming is Naming.OURS else _INJECTOR
    found = (pattern.fullmatch(key) for key in keys)
    return tuple(sorted({int(match[1]) for match in found if match}))


def _from_injector(key: str, naming: Naming, inject_layers: Sequence[int]) -> str | None:
    pairs = _PROJECTIONS if naming is Naming.NATIVE else _OUR_PROJECTIONS
    for pattern, module in ((_INJECTOR, "audio_attn"), (_ADAIN, "audio_norm")):
        match = pattern.fullmatch(key)
        if match is None or int(match[1]) >= len(inject_layers):
            continue
        rest = match[2] if module == "audio_norm" else _swap(match[2], pairs)
        return None if rest is None else f"blocks.{inject_layers[int(match[1])]}.{module}.{rest}"
    return None


def _to_injector(match: re.Match[str], naming: Naming, inject_layers: Sequence[int]) -> str:
    block, module, rest = match.groups()
    if int(block) not in inject_layers:
        raise KeyError(match[0])
    rank = list(inject_layers).index(int(block))
    if module == "norm":
        return f"audio_injector.injector_adain_layers.{rank}.{rest}"
    theirs = rest if naming is Naming.PR else _swap(rest, _turned(_PROJECTIONS))
    if theirs is None:
        raise KeyError(match[0])
    return f"audio_injector.injector.{rank}.{theirs}"


def _turned(pairs: Pairs) -> Pairs:
    return tuple((new, old) for old, new in pairs)


def _swap(key: str, pairs: Pairs) -> str | None:
    """`key` with its leading dotted part replaced, or None where no pair fits."""
    for old, new in pairs:
        if key == old or key.startswith(f"{old}."):
            return new + key[len(old) :]
    return None
