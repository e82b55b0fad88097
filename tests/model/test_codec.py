"""The codec: streaming equals the whole, memory does not grow, latents stand where they should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan
from peak import PeakBytes

from unisync_model.codec import Frames, LatentCodec, mirrored, to_bytes, to_unit
from unisync_model.errors import CheckpointError, InputError


def tiny_vae(**changes: object) -> AutoencoderKLWan:
    torch.manual_seed(0)
    config = {"base_dim": 8, "z_dim": 16, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1}
    return AutoencoderKLWan(**(config | changes)).eval()


def video(count: int, height: int = 32, width: int = 40) -> Frames:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def codec() -> LatentCodec:
    return LatentCodec(tiny_vae())


def norms(codec: LatentCodec) -> tuple[torch.Tensor, torch.Tensor]:
    config = codec.vae.config
    return (
        torch.tensor(config.latents_mean).view(1, -1, 1, 1, 1),
        torch.tensor(config.latents_std).view(1, -1, 1, 1, 1),
    )


def whole_decode(codec: LatentCodec, latents: torch.Tensor) -> Frames:
    """The VAE's own decode of the whole sequence."""
    mean, std = norms(codec)
    with torch.no_grad():
        return to_bytes(codec.vae.decode(latents * std + mean).sample).numpy()


def whole(codec: LatentCodec, frames: Frames) -> torch.Tensor:
    """The VAE's own encode of the whole sequence, normalised by its configuration."""
    with torch.no_grad():
        mode = codec.vae.encode(to_unit(torch.from_numpy(frames))).latent_dist.mode()
    mean, std = norms(codec)
    return (mode - mean) / std


@pytest.mark.parametrize("count", [1, 2, 4, 6, 13])
def test_encode_is_the_whole_encode_with_the_first_frame_in_front(
    codec: LatentCodec, count: int
) -> None:
    frames = video(count)
    got = codec.encode(frames)
    padded = frames[[0] + [mirrored(i, count) for i in range(-(-count // 4) * 4)]]
    want = whole(codec, padded)
    assert got.frames == count
    assert got.first.shape == (1, 16, 1, 4, 5)
    assert got.latents.shape == (1, 16, -(-count // 4), 4, 5)
    assert torch.allclose(torch.cat([got.first, got.latents], 2), want, atol=1e-5)


def test_latent_j_begins_at_frame_4j(codec: LatentCodec) -> None:
    frames = video(16)
    before = codec.encode(frames).latents
    for changed in (4, 7, 8, 15):
        other = frames.copy()
        other[changed] = 255 - other[changed]
        touched = (codec.encode(other).latents - before).abs().amax((0, 1, 3, 4)) > 1e-6
        assert int(touched.nonzero()[0]) == changed // 4


def test_decode_is_the_whole_decode(codec: LatentCodec) -> None:
    torch.manual_seed(2)
    latents = torch.randn(1, 16, 5, 4, 5)
    want = whole_decode(codec, latents)[1:]
    pieces = list(codec.decode(latents[:, :, :1], latents[:, :, 1:], 14))
    assert [len(piece) for piece in pieces] == [4, 4, 4, 2]
    got = np.concatenate(pieces)
    assert got.shape == (14, 32, 40, 3)
    # a rounding boundary may fall either way
    assert np.abs(got.astype(int) - want[:14]).max() <= 1
    assert (got != want[:14]).mean() < 1e-3


def test_context_is_the_plain_layout(codec: LatentCodec) -> None:
    frames = video(9)
    assert torch.allclose(codec.encode_context(frames), whole(codec, frames), atol=1e-5)
    assert codec.encode_context(frames[:1]).shape == (1, 16, 1, 4, 5)
    with pytest.raises(InputError, match="1 \\+ 4k"):
        codec.encode_context(frames[:8])


def test_tiles_are_the_vae_s_own(codec: LatentCodec) -> None:
    vae = tiny_vae()
    tiled = LatentCodec(vae)
    frames = video(9, 48, 56)
    vae.enable_tiling(32, 32, 24, 24)
    got = tiled.encode_context(frames)
    assert torch.allclose(got, whole(tiled, frames), atol=1e-5)
    assert not torch.allclose(got, codec.encode_context(frames), atol=1e-3)
    latents = torch.randn(1, 16, 3, 6, 7)
    want = whole_decode(tiled, latents)[1:]
    decoded = np.concatenate(list(tiled.decode(latents[:, :, :1], latents[:, :, 1:], 8)))
    assert np.abs(decoded.astype(int) - want).max() <= 1


def test_memory_does_not_grow_with_the_shot(codec: LatentCodec) -> None:
    """Beyond the pictures given and the latents returned, 160 frames need what 16 need."""

    def peaks(count: int) -> tuple[int, int]:
        frames = video(count, 16, 24)
        with PeakBytes() as encoding:
            encoded = codec.encode(frames)
        with PeakBytes() as decoding:
            for _ in codec.decode(encoded.first, encoded.latents, count):
                pass
        # the list of latents and their concatenation
        return encoding.peak - 2 * encoded.latents.nbytes, decoding.peak

    short, long = peaks(16), peaks(160)
    assert long[0] <= short[0] * 1.02
    assert long[1] <= short[1] * 1.02
    # the same counter sees the whole encode grow
    with PeakBytes() as once:
        whole(codec, video(161, 16, 24))
    assert once.peak > 1.5 * long[0]


def test_tiling_lowers_the_peak() -> None:
    frames = video(4, 96, 96)
    vae = tiny_vae()
    codec = LatentCodec(vae)
    with PeakBytes() as plain:
        codec.encode(frames)
    vae.enable_tiling(32, 32, 24, 24)
    with PeakBytes() as tiled:
        codec.encode(frames)
    assert tiled.peak < 0.8 * plain.peak


def test_streams_do_not_disturb_each_other(codec: LatentCodec) -> None:
    one, two = codec.encode(video(8)), codec.encode(video(8)[::-1].copy())
    alone = [np.concatenate(list(codec.decode(e.first, e.latents, 8))) for e in (one, two)]
    streams = [codec.decode(e.first, e.latents, 8) for e in (one, two)]
    pairs = list(zip(*streams, strict=True))
    for index in (0, 1):
        assert np.array_equal(np.concatenate([pair[index] for pair in pairs]), alone[index])


def test_bytes_survive() -> None:
    ramp = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1).expand(2, 16, 16, 3)
    assert torch.equal(to_bytes(to_unit(ramp)), ramp)
    assert to_unit(ramp).min() == -1
    assert to_unit(ramp).max() == 1
    beyond = torch.tensor([-3.0, 3.0, (0.5 / 127.5) - 1]).view(1, 3, 1, 1, 1)
    assert to_bytes(beyond).flatten().tolist() == [0, 255, 0]


def test_bfloat16(codec: LatentCodec) -> None:
    frames = video(8)
    half = LatentCodec(tiny_vae().to(torch.bfloat16))
    got = half.encode(frames)
    assert got.latents.dtype == torch.float32
    want = codec.encode(frames)
    assert (got.latents - want.latents).abs().max() < 0.05
    pictures = np.concatenate(list(half.decode(got.first, got.latents, 8)))
    same = np.concatenate(list(codec.decode(want.first, want.latents, 8)))
    assert np.abs(pictures.astype(int) - same).mean() < 2


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (video(4).astype(np.float32), "float32"),
        (video(4, 36, 40), "40x36"),
        (video(4)[..., :2], r"\(4, 32, 40, 2\)"),
        (video(4)[0], r"\(32, 40, 3\)"),
        (video(0), r"\(0, 32, 40, 3\)"),
    ],
)
def test_bad_frames_are_named(codec: LatentCodec, frames: Frames, message: str) -> None:
    with pytest.raises(InputError, match=message):
        codec.encode(frames)


def test_bad_latents_are_named_before_the_first_frame(codec: LatentCodec) -> None:
    first, latents = torch.zeros(1, 16, 1, 4, 5), torch.zeros(1, 16, 2, 4, 5)
    for bad in ((first, latents, 9), (first[:, :8], latents, 8), (first[..., :4], latents, 8)):
        with pytest.raises(InputError, match="latents, got"):
            codec.decode(*bad)


def test_another_vae_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"Wan 2\.1"):
        LatentCodec(tiny_vae(scale_factor_spatial=16))
