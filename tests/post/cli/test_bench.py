"""`unisync bench ablate`: the tables on stdout, the rest on stderr, everything in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from tiny_ablation import drawn_clip, made_work

from unisync_model.tiny import score
from unisync_model.tiny.ablation import rows
from unisync_model.tiny.ablation.parts import open_network, open_parts
from unisync_post.cli import main
from unisync_post.cli.bench import feather, soft_mattes
from unisync_post.engines.setup import Setup
from unisync_post.exit_codes import ExitCode


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "clip", drawn_clip)
        of_table_3 = rows.TABLES[0].rows
        few = tuple(row for row in of_table_3 if row.name not in ("w/o TALI", rows.BRIEF.name))
        patch.setattr(rows, "TABLES", (rows.Table(rows.TABLES[0].title, few),))
        made = made_work(tmp_path_factory.mktemp("work"), patch)
        (made / "ablation" / "no-pafs" / "adapter.safetensors").unlink()
        yield made
    open_parts.cache_clear()
    open_network.cache_clear()


def ablate(*words: str | Path) -> Result:
    small = ["--scenes", "2", "--seeds", "1", "--workers", "1"]
    return CliRunner().invoke(main, ["bench", "ablate", *map(str, words), *small])


def test_tables_a_file_and_what_is_missing(work: Path, tmp_path: Path) -> None:
    done = ablate(work, "--json", tmp_path / "all.json", "--markdown", "--split", "val")
    assert done.exit_code == ExitCode.OK, done.output
    assert "scene 2 of 2" in done.stderr
    missing = f"w/o PAFS: not measured, there is no {work}/ablation/no-pafs/adapter.safetensors"
    assert missing in done.stderr
    assert missing in done.stdout  # the tables say what they lack
    assert f"python -m unisync_model.tiny {work} --only ablations" in done.stderr
    assert "| w/o Gaussian |" in done.stdout
    assert "w/o PAFS |" not in done.stdout
    told = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert told["split"] == "val"
    assert len(told["scenes"]) == 2
    assert len(told["model"]["sha256"]) == 64
    assert set(told["missing"]) == {"w/o PAFS"}


def test_the_terminal_shows_the_same(work: Path) -> None:
    done = ablate(work)
    assert done.exit_code == ExitCode.OK, done.output
    assert "Table 3: parts left out" in done.stdout
    assert "95 % by bootstrap over scenes" in done.stdout


def test_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    done = ablate(tmp_path)
    assert done.exit_code == ExitCode.INPUT
    assert done.stderr.splitlines()[-1].startswith("unisync: ")


def test_the_matte_has_the_product_s_edge() -> None:
    masks = np.zeros((2, 96, 96), bool)
    masks[:, 20:70, 10:80] = True
    reach = feather(Setup(size=128, side=0.91))
    alpha = soft_mattes(masks, reach)
    assert reach == 4
    assert alpha.dtype == np.float32
    assert not alpha[~masks].any()
    edge = alpha[0, 45, 10:19]
    assert (np.diff(edge) >= 0).all()
    assert 0 < edge[0] < 0.2 < edge[4] < 0.8 < edge[-1] == 1
