"""The ablation: every row changes what it says and nothing else, and figures say what they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_ablation import drawn_clip, made_work

from unisync_model.characters.espeak import SpeechError
from unisync_model.characters.speech import require_library
from unisync_model.errors import CheckpointError
from unisync_model.tali import Tali
from unisync_model.tiny import clips, score
from unisync_model.tiny.ablation import measures, report, run
from unisync_model.tiny.ablation.measures import MEASURES, Tally, composited, decibels
from unisync_model.tiny.ablation.parts import READER, open_network, open_parts
from unisync_model.tiny.ablation.results import figures
from unisync_model.tiny.ablation.rows import BRIEF, COMMON, TABLES, TAUS, WHOLE, Row, rows_of
from unisync_model.tiny.ablation.run import CEILING, COPY, Bench, Scene
from unisync_model.tiny.ablation.variants import CONTROL, LITERAL, NO_PAFS, variants
from unisync_model.tiny.reader import LipReader
from unisync_model.tiny.recipe import Recipe
from unisync_model.tiny.score import Case
from unisync_model.training.config import flat
from unisync_model.training.generate import generated

ROWS = {row.name: row for row in rows_of(TABLES)}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "clip", drawn_clip)
        yield made_work(tmp_path_factory.mktemp("work"), patch)
    open_parts.cache_clear()
    open_network.cache_clear()


@pytest.fixture(scope="module")
def case(work: Path) -> Case:
    parts = open_parts(work / "model")
    (found,) = score.cases("test", [7], parts.codec, parts.ear)
    return found


@pytest.fixture(scope="module")
def bench(work: Path) -> Bench:
    return Bench(work / "model", work, rows_of(TABLES), "test", 2, 2, soft)


def soft(masks: np.ndarray) -> np.ndarray:
    """A matte of half the weight in the outermost four pixels of the masks."""
    rim = measures.around(masks, 4)
    return np.where(masks, np.where(rim, 0.5, 1.0), 0.0).astype(np.float32)


def latents(bench: Bench, case: Case, row: Row) -> torch.Tensor:
    parts = open_parts(bench.model)
    way = row.way(parts.settings)
    network = open_network(bench.model, bench.adapter(way.adapter))
    return generated(network, case.sample, parts.prompts, way.settings, 0)


# --- rows -----------------------------------------------------------------------------------


def test_a_row_differs_in_one_thing_from_the_one_it_is_set_against() -> None:
    printed = {"level", "index", "resample"}
    for row in ROWS.values():
        base = ROWS[row.against]
        changed = {key for key in row.changes if row.changes[key] != base.changes.get(key)}
        changed = {"formulas"} if changed == printed else changed
        others = {"adapter"} if row.adapter != base.adapter else set[str]()
        others |= {"hard"} if row.hard else set()
        others |= {"settings"} if row.shipped else set()
        assert len(changed | others) == (row is not base), row.name
        assert base.against == base.name


def test_the_tables_hold_what_the_paper_holds() -> None:
    three, four, *_ = ([row.name for row in table.rows] for table in TABLES)
    assert {"UniSync", "w/o PAFS", "w/o TALI", "w/o Gaussian"} <= set(three)
    assert four == [f"tau {tau:.1f}" for tau in (0, 0.2, 0.4, 0.6, 0.8, 1)]


@pytest.mark.parametrize("tau", TAUS)
def test_a_ratio_injects_in_its_share_of_the_steps(
    bench: Bench, case: Case, tau: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = []
    noised = Tali._noised
    monkeypatch.setattr(Tali, "_noised", lambda self, s: levels.append(s) or noised(self, s))
    latents(bench, case, ROWS[f"tau {tau:.1f}"])
    assert len(levels) == round(tau * COMMON["steps"])


def test_the_plate_is_held_outside_the_mouth_as_far_as_the_row_says(
    bench: Bench, case: Case
) -> None:
    outside = (case.sample.mask == 0).expand_as(case.sample.x0)
    plate = case.sample.video
    assert plate is not None

    def off(name: str) -> float:
        return float((latents(bench, case, ROWS[name]) - plate)[outside].abs().max())

    assert off("tau 1.0") == off("corrected, tau 1") == 0
    assert off("w/o TALI") > off("UniSync") > 0
    assert off("as printed, tau 1") > 0.1  # the last step's noise stays in it


def test_every_printed_formula_changes_the_picture_by_itself(bench: Bench, case: Case) -> None:
    made = [latents(bench, case, row) for row in TABLES[2].rows[:5]]
    for i, one in enumerate(made):
        assert not any(torch.equal(one, other) for other in made[i + 1 :])


def test_without_pafs_no_pose_is_told(bench: Bench, case: Case) -> None:
    parts = open_parts(bench.model)
    turned = replace(case, sample=replace(case.sample, pose=case.sample.pose.flip(-1)))

    def pictures(row: Row, given: Case) -> np.ndarray:
        return run._sampled(bench, parts, given, row.way(parts.settings), 0)

    without = ROWS["w/o PAFS"]
    assert np.array_equal(pictures(without, case), pictures(without, turned))
    assert not np.array_equal(pictures(BRIEF, case), pictures(BRIEF, turned))
    assert open_network(bench.model, bench.adapter(NO_PAFS)).pafs is None
    assert open_network(bench.model, bench.adapter(CONTROL)).pafs is not None


def test_variants_differ_from_the_control_in_one_thing() -> None:
    recipe = Recipe()
    made = {k: flat(v) for k, v in variants(recipe.ablation, recipe.network.adapter).items()}

    def changed(name: str, other: dict[str, object]) -> set[str]:
        return {key for key, value in made[name].items() if value != other[key]}

    assert changed(CONTROL, flat(recipe.network.adapter)) == {"steps"}
    assert changed(NO_PAFS, made[CONTROL]) == {"model.pafs", "dropout.pose", "trainable.whole"}
    assert {name.split(".")[0] for name in changed(LITERAL, made[CONTROL])} == {"pairs"}
    weights = {k: v for k, v in made[LITERAL].items() if k.startswith("pairs.") and v == 0}
    assert made[LITERAL]["pairs.literal"] == 1
    assert {"pairs.characters", "pairs.zeromouth", "pairs.relip"} <= set(weights)


def test_the_hard_edge_is_harder(bench: Bench, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pictures, lighter than they should be, put back in both ways."""
    brighter = (case.truth.astype(int) + 20).clip(0, 255).astype(np.uint8)
    monkeypatch.setattr(run, "cases", lambda *args: [case])
    monkeypatch.setattr(run, "_sampled", lambda *args: brighter)
    rows = (WHOLE, ROWS["w/o Gaussian"])
    scene = run.dub(replace(bench, rows=rows, seeds=1), 7)
    seams = [
        measures.root_mean([tally.a], [tally.b])
        for row in rows
        for tally in scene[row.name]["seam"]
    ]
    assert seams[1] > 1.3 * seams[0] > 0
    for key in ("outside", "identity", "drift"):  # the network's own pictures are the same
        assert scene[rows[0].name][key] == scene[rows[1].name][key]


def test_outside_the_matte_the_composite_is_the_plate(case: Case) -> None:
    masks, other = case.clip.masks, 255 - case.truth
    for alpha in (soft(masks), masks.astype(np.float32)):
        final = composited(other, case.source, alpha)
        assert np.array_equal(final[~masks], case.source[~masks])
        assert np.array_equal(final[alpha == 1], other[alpha == 1])
        assert (alpha == 1).any()


# --- measures -------------------------------------------------------------------------------


def test_similarity_is_one_of_equals_and_falls_with_noise(case: Case) -> None:
    noise = np.random.default_rng(0).normal(0, 12, case.truth.shape)
    worse = (case.truth + noise).clip(0, 255).astype(np.uint8)
    assert measures.similarity(case.truth, case.truth).min() > 1 - 1e-4
    assert measures.similarity(worse, case.truth).mean() < 0.9


def test_what_is_measured_of_pictures_whose_errors_are_known(bench: Bench, case: Case) -> None:
    masks, truth = case.clip.masks, case.truth
    reader = open_parts(bench.model).reader
    shaken = truth.copy()
    shaken[1::2][masks[1::2]] ^= 2  # every other frame, in the mouth, by two codes
    found = measures.measured(measures.Dubbed(case, truth, shaken), reader)

    def value(key: str) -> float:
        return MEASURES[key].statistic([found[key].a], [found[key].b])

    assert value("outside") == np.inf
    assert value("drift") == 0
    assert value("mouth") == pytest.approx(10 * np.log10(255**2 / 2))
    assert value("flicker") == pytest.approx(2)
    assert found["mouth"].b[0] == 3 * masks.sum()
    assert np.array_equal(found["follow"].b, case.clip.curves[1][:, 0])
    assert np.array_equal(found["leak"].b, case.clip.curves[0][:, 0])


def test_the_ring_lies_around_the_edge() -> None:
    mask = np.zeros((1, 20, 20), bool)
    mask[0, 5:15, 5:15] = True
    ring = measures.around(mask, 2)[0]
    assert ring[10].nonzero()[0].tolist() == [3, 4, 5, 6, 13, 14, 15, 16]


# --- figures --------------------------------------------------------------------------------


def errors(scenes: int, scale: float) -> list[Scene]:
    """Scenes with one row each for whole and changed, its squared error ``scale`` times as big."""
    draw = np.random.default_rng(3)
    found = []
    for _ in range(scenes):
        sums = [np.array([x]) for x in draw.uniform(50, 500, 3)]
        one = np.array([10.0])
        curve = Tally(draw.normal(size=24), draw.normal(size=24))

        found.append(
            {
                name: {
                    key: tuple(
                        curve if m.statistic is measures.pearson else Tally(by * s, one)
                        for s in sums
                    )
                    for key, m in MEASURES.items()
                }
                for name, by in ((WHOLE.name, 1.0), ("w/o TALI", scale))
            }
        )
    return found


def test_a_difference_is_over_the_same_scenes_and_so_narrower_than_the_intervals() -> None:
    found = figures(errors(12, 1.3), list(ROWS.values()), resamples=200)
    figure, whole = found["w/o TALI"]["mouth"], found[WHOLE.name]["mouth"]
    assert whole.difference is None
    assert figure.interval.low < whole.interval.high  # they overlap
    assert figure.difference is not None
    assert figure.difference.value == pytest.approx(-10 * np.log10(1.3))
    assert figure.differs
    assert not found["w/o TALI"]["follow"].differs
    same = figures(errors(12, 1.0), list(ROWS.values()), resamples=200)
    assert not any(figure.differs for figure in same["w/o TALI"].values())


def test_seeds_are_told_apart_and_pooled() -> None:
    scenes = errors(5, 1.0)
    figure = figures(scenes, [WHOLE], resamples=50)[WHOLE.name]["mouth"]
    each = [
        decibels([s[WHOLE.name]["mouth"][k].a for s in scenes], [np.array([10.0])] * 5)
        for k in range(3)
    ]
    assert figure.seeds == pytest.approx(each)
    assert min(each) < figure.interval.value < max(each)
    assert figure.spread == pytest.approx(np.std(each, ddof=1))
    assert np.isnan(replace(figure, seeds=figure.seeds[:1]).spread)  # one says nothing of others


# --- the whole ------------------------------------------------------------------------------


def test_every_scene_is_encoded_once_and_ways_are_shared(
    bench: Bench, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded, sampled = [], []
    monkeypatch.setattr(run, "cases", lambda *args: encoded.append(args[1]) or [case])
    monkeypatch.setattr(
        run, "_sampled", lambda *args: sampled.append((args[3], args[4])) or case.truth
    )
    monkeypatch.setattr(run, "measured", lambda *args: {})
    run.dub(bench, 3)
    assert encoded == [[3]]
    ways = len(ROWS) - 4  # tau 0, .8 and 1 are other rows' too, and Gaussian is no way to sample
    assert len(sampled) == len(set(sampled)) == bench.seeds * ways
    assert {seed for _, seed in sampled} == {3000, 3001}


def test_the_report_holds_every_row_and_is_valid_json(bench: Bench) -> None:
    literal = TABLES[-1].rows[1]
    rows = (WHOLE, ROWS["w/o Gaussian"], BRIEF, ROWS["w/o PAFS"], literal)
    small = replace(bench, rows=rows, seeds=1)
    found = figures(run.measure(small), rows, resamples=50)
    names = [row.name for row in rows]
    assert list(found) == [COPY, CEILING, *names]
    made = report.Report(small, "0" * 64, open_parts(bench.model).settings, (1, 2), found)
    told = json.loads(json.dumps(report.as_json(made), allow_nan=False))
    assert told["format"] == report.FORMAT
    assert told["seeds"] == 1
    assert told["missing"] == {}
    assert set(told["rows"]) == set(names)
    assert told["tables"]["Training as printed"] == [BRIEF.name, literal.name]
    assert told["rows"]["w/o PAFS"]["against"] == BRIEF.name
    for row in told["figures"].values():
        assert set(row) == set(MEASURES)
        for figure in row.values():
            assert figure["low"] <= figure["value"] <= figure["high"]
            assert len(figure["seeds"]) == 1
    text = report.as_markdown(made)
    for table in made.tables:
        assert f"### {table.title}" in text
    assert all(f"| {name} |" in text for name in names)


def test_variants_that_are_not_there_are_named_and_the_rest_is_measured(bench: Bench) -> None:
    alone = replace(bench, work=None, rows=(WHOLE, ROWS["w/o Gaussian"], BRIEF, ROWS["w/o PAFS"]))
    assert set(alone.missing) == {BRIEF.name, "w/o PAFS"}
    scene = run.dub(replace(alone, seeds=1), 3)
    assert set(scene) == {COPY, CEILING, WHOLE.name, "w/o Gaussian"}
    lines = list(report.missing_lines(alone))
    assert "w/o PAFS: not measured, there is no WORK/ablation/no-pafs/adapter.safetensors" in lines
    assert "to train them: python -m unisync_model.tiny WORK --only ablations" in lines


def test_a_model_without_a_judge_of_lips_is_refused(bench: Bench, tmp_path: Path) -> None:
    for part in bench.model.iterdir():
        if part.name != "reader.safetensors":
            (tmp_path / part.name).symlink_to(part)
    with pytest.raises(CheckpointError, match=r"nobody here can read lips.*reader\.safetensors"):
        run.measure(replace(bench, model=tmp_path))


@pytest.mark.slow
def test_other_processes_find_the_same(bench: Bench, tmp_path: Path) -> None:
    """On characters: what a test draws instead is not known to them."""
    try:
        require_library()
    except SpeechError as error:
        pytest.skip(str(error))
    shutil.copytree(bench.model, tmp_path / "model")
    reader = LipReader()
    reader(torch.zeros(1, 3, 128, 128))
    save_file(reader.state_dict(), tmp_path / "model" / READER)
    small = replace(bench, model=tmp_path / "model", rows=(WHOLE, BRIEF), seeds=1)
    done: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "clip", clips.clip)
        here = run.measure(small)
    there = run.measure(small, workers=2, told=done.append)
    assert done == [1, 2]
    for one, other in zip(here, there, strict=True):
        for row in (COPY, WHOLE.name, BRIEF.name):
            for key in MEASURES:
                assert np.allclose(one[row][key][0].a, other[row][key][0].a, rtol=1e-3)
