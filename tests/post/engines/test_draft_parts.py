"""The parts of the renderer: the path, the warps, the shapes."""

from __future__ import annotations

import itertools
from contextlib import closing

import numpy as np
import pytest
from numpy.typing import NDArray

from unisync_post.engines.draft.cavity import draw_cavity, opening_coordinates, palette_from
from unisync_post.engines.draft.engine import generic_table
from unisync_post.engines.draft.mesh import LOWER_INNER, LOWER_OUTER, RING_LOWER, UPPER_INNER
from unisync_post.engines.draft.render import Plate, Texture, render
from unisync_post.engines.draft.retrieve import PathConfig, cheapest_path
from unisync_post.engines.draft.shapes import pose_free, response, target_shapes, with_gap
from unisync_post.engines.draft.textures import taps
from unisync_post.engines.draft.warp import Region, spread, triangle_map
from unisync_post.faces.landmarks import FaceMesh, region_of_mesh
from unisync_post.faces.matte import mouth_matte
from unisync_post.faces.speaker import mouth_opening


def exhaustive(fit: NDArray[np.float64], change: NDArray[np.float64], config: PathConfig) -> float:
    """The cheapest legal path, by trying all of them."""
    frames, library = fit.shape
    best = np.inf
    for path in itertools.product(range(library), repeat=frames):
        cost, run, legal = fit[0, path[0]], config.hold, path[0] <= config.band
        for t in range(1, frames):
            k, before = path[t], path[t - 1]
            if k == before + 1:
                run += 1
            else:
                legal &= run >= config.hold or before == library - 1
                follow = change[before + 1, k] if before + 1 < library else 0.0
                cost += config.jump + follow
                run = 1
            cost += fit[t, k]
            legal &= abs(t - k) <= config.band
        if legal:
            best = min(best, cost)
    return best


def cost_of(
    path: NDArray[np.int64],
    fit: NDArray[np.float64],
    change: NDArray[np.float64],
    config: PathConfig,
) -> float:
    total = fit[0, path[0]]
    for t in range(1, len(path)):
        if path[t] != path[t - 1] + 1:
            after = path[t - 1] + 1
            total += config.jump + (change[after, path[t]] if after < len(change) else 0.0)
        total += fit[t, path[t]]
    return float(total)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("hold", [1, 2, 3])
@pytest.mark.parametrize("band", [2, 9])
def test_path_is_the_cheapest(seed: int, hold: int, band: int) -> None:
    rng = np.random.default_rng(seed)
    fit, change = rng.uniform(0, 3, (6, 5)), rng.uniform(0, 1, (5, 5))
    config = PathConfig(jump=0.5, hold=hold, band=band)
    path = cheapest_path(fit, change, config)
    assert cost_of(path, fit, change, config) == pytest.approx(exhaustive(fit, change, config))


def test_path_stays_in_its_band() -> None:
    rng = np.random.default_rng(0)
    fit, change = rng.uniform(0, 3, (120, 120)), rng.uniform(0, 1, (120, 120))
    path = cheapest_path(fit, change, PathConfig(band=15))
    assert np.abs(path - np.arange(120)).max() <= 15


def test_path_without_any_texture_is_an_error() -> None:
    with pytest.raises(ValueError, match="no texture"):
        cheapest_path(np.full((3, 3), np.inf), np.zeros((3, 3)), PathConfig())


def test_dissolves_sum_to_one_and_join_like_mouths() -> None:
    openings = np.array([0.0, 0, 0, 0, 0, 0, 0, 0, 0.2])
    mixes = taps(np.array([0, 1, 2, 7, 8, 3, 4, 5]), openings)
    assert all(sum(w for _, w in mix) == pytest.approx(1) for mix in mixes)
    assert mixes[3] == [(7, 0.7), (3, 0.3)]
    assert mixes[0] == [(0, 1.0)]
    assert mixes[4] == [(8, 1.0)], "an open mouth is not dissolved into a closed one"


REGION = Region(0, 0, 40, 40)
SQUARE = np.array([[5.0, 5.0], [35.0, 5.0], [35.0, 35.0], [5.0, 35.0]])
HALVES = np.array([[0, 1, 2], [0, 2, 3]])


def test_triangles_of_a_moved_square_map_back() -> None:
    map_x, map_y, held = triangle_map(SQUARE + np.array([2, -1]), SQUARE, HALVES, REGION)
    ys, xs = np.nonzero(held)
    assert held[6:34, 6:34].all()
    np.testing.assert_allclose(map_x[held], xs + 2, atol=1e-3)
    np.testing.assert_allclose(map_y[held], ys - 1, atol=1e-3)


@pytest.mark.parametrize("flat", ["source", "target"])
def test_degenerate_triangles_are_left_out(flat: str) -> None:
    """A flat triangle has no inverse: its pixels follow a neighbour instead of flying off."""
    points = {"source": SQUARE.copy(), "target": SQUARE.copy()}
    points[flat][3] = (5.0, 5.0) if flat == "source" else (20.0, 20.0)
    map_x, map_y, held = triangle_map(points["source"], points["target"], HALVES, REGION)
    assert np.isfinite(map_x).all()
    assert np.isfinite(map_y).all()
    ys, xs = np.nonzero(held)
    assert held[10, 30]
    assert np.abs(map_x[held] - xs).max() < 1e-3
    assert np.abs(map_y[held] - ys).max() < 1e-3


def test_spread_follows_its_points_and_fades() -> None:
    region = Region(0, 0, 200, 200)
    field = spread(np.array([[50.0, 50.0]]), np.array([[4.0, -2.0]]), region, 10.0)
    assert field[50, 50] == pytest.approx([4, -2], rel=0.25)
    assert np.abs(field[150, 150]).max() < 1e-3


def test_gap_is_exactly_the_wanted_one(
    drawn: tuple[NDArray[np.uint8], NDArray[np.float32]],
) -> None:
    points = drawn[1][5].astype(np.float64)
    for wanted in (0.0, 0.1, 0.3):
        moved = with_gap(points, wanted).astype(np.float32)
        assert mouth_opening(moved[None])[0] == pytest.approx(wanted, abs=0.01)


def test_target_is_the_wanted_mouth_and_the_same_eyes(
    drawn: tuple[NDArray[np.uint8], NDArray[np.float32]],
) -> None:
    shapes = pose_free(drawn[1])
    wanted = np.column_stack([np.full(12, 0.15), shapes.controls[:, 1]])
    targets = target_shapes(shapes, response(shapes, generic_table()), wanted, 25.0)
    opening = mouth_opening(targets.astype(np.float32))
    np.testing.assert_allclose(opening, 0.15, atol=0.01)
    placed = np.array(
        [
            pose.place(p)
            for pose, p in zip(shapes.poses, shapes.points, strict=True)
            if pose is not None
        ]
    )
    eyes = [33, 133, 263, 362, 6, 10]
    np.testing.assert_allclose(targets[:, eyes], placed[:, eyes], atol=1e-6)


@pytest.mark.parametrize("missed", [0, 10, 16])
@pytest.mark.parametrize("frame", [0, 4, 5])
def test_what_the_original_lips_did_is_not_seen(
    drawn: tuple[NDArray[np.uint8], NDArray[np.float32]], frame: int, missed: int
) -> None:
    """The same closed mouth is measured over closed and open plates.

    That holds even where the mesh left an open mouth's lower lip out, by ``missed`` pixels.
    """
    pictures, marks = drawn
    shapes = pose_free(marks)
    wanted = np.column_stack([np.full(12, 0.02), shapes.controls[:, 1]])
    target = target_shapes(shapes, response(shapes, generic_table()), wanted, 25.0)[frame]
    plate = marks[frame].astype(np.float64)
    if frame:
        for line in (LOWER_INNER, LOWER_OUTER, RING_LOWER):
            plate[list(line[1:-1]), 1] -= missed
    mask = mouth_matte(marks[frame], pictures.shape[1]).dilated
    lent = Texture(pictures[0], marks[0].astype(np.float64), 1.0)
    made, _ = render(Plate(pictures[frame], plate, mask), target, [lent])
    with closing(FaceMesh()) as mesh:
        seen = mesh.look(made, region_of_mesh(marks[frame]))
    assert seen is not None
    assert mouth_opening(seen.points[None])[0] < 0.05


def test_a_still_face_answers_like_the_generic_one(
    drawn: tuple[NDArray[np.uint8], NDArray[np.float32]],
) -> None:
    table = generic_table()
    still = pose_free(np.repeat(drawn[1][:1], 8, axis=0))
    np.testing.assert_allclose(response(still, table), table, atol=1e-6)


def test_drawn_mouth_has_light_teeth_over_a_dark_throat(
    drawn: tuple[NDArray[np.uint8], NDArray[np.float32]],
) -> None:
    points = with_gap(drawn[1][5].astype(np.float64), 0.45)
    region = Region(60, 120, 200, 240)
    palette = palette_from(
        np.array([170, 90, 90], np.float32), np.array([220, 180, 150], np.float32)
    )
    picture = draw_cavity(points, region, palette, 40.0)
    _, depth, gap, inside = opening_coordinates(points, region)
    light = picture.mean(axis=2)
    teeth = (inside == 1) & (depth > 1) & (depth < 3) & (gap > 12)
    throat = (inside == 1) & (depth > 0.42 * gap) & (depth < 0.5 * gap) & (gap > 12)
    assert light[teeth].mean() > 2 * light[throat].mean()
    assert len(UPPER_INNER) == len(LOWER_INNER)
