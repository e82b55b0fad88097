"""The whole pipeline at a size a CPU runs in moments: real parts, random weights."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

TEXT_DIM = 16
SIDE = 64
SAMPLE_RATE = 16_000

Mode = Literal["lora", "training-free"]


def tiny_transformer(mode: Mode = "lora", **config: Any) -> Any:
    """A ``UniSyncTransformer3DModel`` of two blocks; nothing in it is zero, so all is heard."""
    from unisync_model import UniSyncTransformer3DModel

    torch.manual_seed(0)
    model = UniSyncTransformer3DModel(
        **{
            "num_attention_heads": 2,
            "attention_head_dim": 12,
            "ffn_dim": 48,
            "num_layers": 2,
            "text_dim": TEXT_DIM,
            "text_len": 8,
            "freq_dim": 32,
            "audio_dim": 32,
            "audio_layers": 25,
            "audio_inject_layers": (0, 1),
            "av2v": mode == "lora",
            "pafs": "residual" if mode == "lora" else "none",
            **config,
        }
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval().requires_grad_(False)


def tiny_vae() -> Any:
    """An ``AutoencoderKLWan`` of the right strides."""
    from diffusers import AutoencoderKLWan

    torch.manual_seed(1)
    return AutoencoderKLWan(base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1).eval()


def tiny_wav2vec2() -> Any:
    """A ``Wav2Vec2Model`` with the 25 states the 14B network wants, 32 wide."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(2)
    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=24,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
    )
    return Wav2Vec2Model(config).eval()


def tiny_pipeline(mode: Mode = "lora", **settings: Any) -> Any:
    """A ``UniSyncPipeline``; four steps unless told otherwise."""
    from unisync_model import SamplingSettings, UniSyncPipeline
    from unisync_model.audio.wav2vec import Wav2Vec2Encoder
    from unisync_model.prompt import PromptEmbeds

    words = torch.randn(2, 3, TEXT_DIM, generator=torch.Generator().manual_seed(3))
    return UniSyncPipeline(
        tiny_transformer(mode),
        tiny_vae(),
        Wav2Vec2Encoder(tiny_wav2vec2()),
        PromptEmbeds(words[0], words[1]),
        SamplingSettings(**{"steps": 4, **settings}),
    )


def tiny_folder(path: Path, mode: Mode = "lora") -> Path:
    """A model directory on disk, as a published one is laid out."""
    tiny_pipeline(mode).save_pretrained(path)
    return path


def tiny_text_encoder(path: Path) -> Path:
    """``text_encoder/`` and ``tokenizer/``: a two-layer UMT5 that knows a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

    torch.manual_seed(0)
    words = ["<pad>", "</s>", "<unk>", "a", "talking", "face", "blurry"]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        "$A </s>", special_tokens=[("</s>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(path / "tokenizer")
    config = UMT5Config(
        vocab_size=len(words), d_model=TEXT_DIM, d_kv=4, d_ff=32, num_layers=2, num_heads=4
    )
    UMT5EncoderModel(config).save_pretrained(path / "text_encoder")
    return path


def tiny_shot(frames: int = 12, rate: Fraction = Fraction(25), **changes: Any) -> dict[str, Any]:
    """Arguments of the pipeline: a moving picture, its pose, a mouth and a voice."""
    noise = np.random.default_rng(4)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    t = np.arange(frames, dtype=np.float32)[:, None, None]
    waves = [128 + 90 * np.sin((x + k * y) / 9 + t / 5 + k) for k in (0.0, 0.7, 1.9)]
    crop = np.stack(waves, -1).astype(np.uint8)
    pose = np.zeros_like(crop)
    pose[:, 10:50, 30:34] = 200
    mouth: NDArray[np.uint8] = np.zeros(crop.shape[:3], np.uint8)
    mouth[:, 36:52, 20:44] = 255
    count = int(frames / rate * SAMPLE_RATE) + 1
    audio = noise.normal(0, 0.1, count).astype(np.float32)
    return {
        "crop_frames": crop,
        "pose_frames": pose,
        "mouth_mask": mouth,
        "audio": audio,
        "sample_rate": SAMPLE_RATE,
        "rate": rate,
        **changes,
    }
