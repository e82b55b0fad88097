"""Tiles: the mouth's part of a sample, cut out of all of its tensors alike."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from unisync_model.shot_conditions import LEAD
from unisync_model.tiny.pairs import Tiles
from unisync_model.training.samples import Sample, Shape


@dataclass(frozen=True)
class One:
    """A sample whose every tensor says where its cells are."""

    row: int
    column: int
    fingerprint: str = "one"

    def __len__(self) -> int:
        return 5

    def shape(self, index: int) -> Shape:
        return (2, 16, 16)

    def load(self, index: int) -> Sample:
        where = torch.arange(256.0).view(1, 1, 16, 16)
        cells = where.expand(4, 2, 16, 16).clone()
        mask = torch.zeros(1, 2, 16, 16)
        mask[..., self.row - 1 : self.row + 2, self.column - 1 : self.column + 2] = 1
        return Sample(
            "one",
            cells,
            cells + 1000,
            mask,
            torch.zeros(1, 3, LEAD + 8),
            cells[:, :1],
            cells + 2000,
            "characters",
        )


@pytest.mark.parametrize(("row", "column"), [(10, 8), (2, 2), (14, 13)])
def test_a_tile_holds_the_mouth_and_the_same_cells_of_everything(row: int, column: int) -> None:
    tiles = Tiles(One(row, column), 10)
    for index in range(len(tiles)):
        tile = tiles.load(index)
        assert tile.shape == tiles.shape(index) == (2, 10, 10)
        assert tile.mask[0, 0].sum() == 9
        assert torch.equal(tile.pose, tile.x0 + 1000)
        assert tile.video is not None
        assert torch.equal(tile.video, tile.x0 + 2000)
        assert torch.equal(tile.reference, tile.x0[:, :1])
        assert torch.equal(tile.x0, tiles.load(index).x0)


def test_other_samples_are_cut_elsewhere_and_other_sides_are_other_data() -> None:
    tiles = Tiles(One(8, 8), 8)
    corners = {float(tiles.load(i).x0.min()) for i in range(len(tiles))}
    assert len(corners) > 1
    assert tiles.fingerprint != Tiles(One(8, 8), 10).fingerprint


def test_some_samples_stay_whole() -> None:
    tiles = Tiles(One(8, 8), 10, whole_every=3)
    sides = [tiles.shape(i)[1] for i in range(len(tiles))]
    assert sides == [10 if i % 3 else 16 for i in range(len(tiles))]
    assert all(tiles.load(i).shape == tiles.shape(i) for i in range(len(tiles)))
    assert tiles.fingerprint != Tiles(One(8, 8), 10).fingerprint
