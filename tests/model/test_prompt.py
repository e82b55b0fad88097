"""Prompt embeddings: kept in a file, computed on request, and the text encoder gone after."""

from __future__ import annotations

import gc
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny import tiny_text_encoder
from transformers import UMT5EncoderModel

from unisync_model.errors import CheckpointError, InputError
from unisync_model.prompt import PromptEmbeds, cleaned, encode_prompt, zero_prompt


def embeds() -> PromptEmbeds:
    torch.manual_seed(0)
    return PromptEmbeds(
        torch.randn(7, 16).bfloat16(), torch.randn(3, 16).bfloat16(), "a face", "blurry — 模糊"
    )


@pytest.fixture
def wan(tmp_path: Path) -> Path:
    """A two-layer UMT5 and a word tokenizer in diffusers' layout."""
    return tiny_text_encoder(tmp_path)


def test_the_file_gives_back_what_it_was_given(tmp_path: Path) -> None:
    path, given = tmp_path / "prompt_embeds.safetensors", embeds()
    given.save(path)
    got = PromptEmbeds.load(path)
    assert torch.equal(got.positive, given.positive)
    assert torch.equal(got.negative, given.negative)
    assert (got.positive_text, got.negative_text) == ("a face", "blurry — 模糊")
    assert got.source == "umt5"


def test_padding_is_trimmed_to_the_recorded_length(tmp_path: Path) -> None:
    path = tmp_path / "padded.safetensors"
    padded = torch.zeros(512, 16)
    padded[:5] = 1
    meta = {"positive_length": "5"}
    save_file({"positive": padded, "negative": padded[:2].clone()}, path, meta)
    got = PromptEmbeds.load(path)
    assert (len(got.positive), len(got.negative)) == (5, 2)


def test_a_missing_file_is_not_replaced_by_zeros(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="zero_prompt explicitly"):
        PromptEmbeds.load(tmp_path / "prompt_embeds.safetensors")
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="no prompt embeddings"):
        PromptEmbeds.load(tmp_path / "other.safetensors")


def test_zero_says_so_and_is_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        zero = zero_prompt(16)
    assert "hears no words" in caplog.text
    assert not zero.positive.any()
    assert zero.source == "zero"
    zero.save(tmp_path / "zero.safetensors")
    caplog.clear()
    assert PromptEmbeds.load(tmp_path / "zero.safetensors").source == "zero"
    assert "hears no words" in caplog.text


def test_computing_frees_the_text_encoder(wan: Path) -> None:
    got = encode_prompt(wan, "a  talking\nface", "blurry", dtype=torch.float32)
    # </s> is a token
    assert got.positive.shape == (4, 16)
    assert got.negative.shape == (2, 16)
    assert got.positive_text == "a talking face"
    assert not any(type(thing) is UMT5EncoderModel for thing in gc.get_objects())

    encoder = UMT5EncoderModel.from_pretrained(wan / "text_encoder").eval()
    with torch.no_grad():
        want = encoder(torch.tensor([[3, 4, 5, 1]])).last_hidden_state[0]
        padded = encoder(
            torch.tensor([[3, 4, 5, 1, 0, 0]]),
            attention_mask=torch.tensor([[1, 1, 1, 1, 0, 0]]),
        ).last_hidden_state[0, :4]
    assert torch.allclose(got.positive, want, atol=1e-6)
    # what pads to 512 and trims gets the same
    assert torch.allclose(got.positive, padded, atol=1e-6)


def test_the_encoder_is_freed_when_it_fails_too(wan: Path) -> None:
    with pytest.raises((RuntimeError, AssertionError)):
        encode_prompt(wan, "a", "a", device="cuda:99")
    gc.collect()
    assert not any(type(thing) is UMT5EncoderModel for thing in gc.get_objects())


def test_no_text_encoder_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no text_encoder folder"):
        encode_prompt(tmp_path, "a", "b")


def test_text_is_cleaned_as_wan_does() -> None:
    assert cleaned("  a &amp;amp; b\n\tc ") == "a & b c"


@pytest.mark.parametrize(
    ("positive", "message"),
    [
        (torch.zeros(0, 16), r"\(0, 16\)"),
        (torch.zeros(513, 16), r"\(513, 16\)"),
        (torch.zeros(1, 3, 16), r"\(1, 3, 16\)"),
        (torch.zeros(2, 8), "differ in width: 8 and 16"),
        (torch.full((2, 16), torch.nan), "not finite"),
    ],
)
def test_bad_embeddings_are_named(positive: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PromptEmbeds(positive, torch.zeros(1, 16))
