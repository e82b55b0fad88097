"""Pixel masks to latent cells."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unisync_model.errors import InputError
from unisync_model.masks import latent_mask


def in_pixels(cells: Tensor, frames: int) -> Tensor:
    """(f, h, w) -> (F, H, W), S2V layout."""
    grown = cells.repeat_interleave(4, 0).repeat_interleave(8, 1).repeat_interleave(8, 2)
    return grown[:frames]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 14),
    st.lists(st.tuples(st.integers(0, 13), st.integers(0, 31), st.integers(0, 47)), max_size=6),
    st.integers(0, 1),
)
def test_every_pixel_of_the_mask_lies_in_a_set_cell(
    frames: int, points: list[tuple[int, int, int]], margin: int
) -> None:
    mask = torch.zeros(frames, 32, 48, dtype=torch.bool)
    for t, y, x in points:
        mask[t % frames, y, x] = True
    cells = latent_mask(mask, margin)
    assert cells.shape == (1, 1, -(-frames // 4), 4, 6)
    assert set(cells.unique().tolist()) <= {0.0, 1.0}
    covered = in_pixels(cells[0, 0], frames) > 0
    assert (covered | ~mask).all()
    # and nothing is set that no pixel asked for
    assert bool(cells.any()) == bool(mask.any())


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.float32])
def test_one_pixel_sets_one_cell_in_the_s2v_frame_layout(kind: torch.dtype) -> None:
    for frame in range(12):
        mask = torch.zeros(12, 32, 32, dtype=kind)
        mask[frame, 15, 16] = 1
        cells = latent_mask(mask, margin=0)[0, 0]
        assert cells.nonzero().tolist() == [[frame // 4, 1, 2]]


def test_growing_takes_one_cell_in_time_and_space() -> None:
    mask = torch.zeros(20, 64, 64, dtype=torch.uint8)
    mask[8, 32, 32] = 255
    cells = latent_mask(mask)[0, 0]
    expected = torch.zeros(5, 8, 8)
    expected[1:4, 3:6, 3:6] = 1
    assert torch.equal(cells, expected)


@pytest.mark.parametrize("shape", [(4, 60, 64), (4, 64, 60), (64, 64), (0, 64, 64), (1, 4, 64, 64)])
def test_a_mask_of_another_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"mask is \("):
        latent_mask(torch.zeros(shape))
