"""The network through the whole product: a plate in, new media out, on a tiny model and a CPU."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import job_kit
import pytest
import torch
from click.testing import CliRunner, Result
from job_kit import Cut, write_edit, write_plate
from tiny import SIDE, tiny_folder

from unisync_post.cli import main
from unisync_post.engines.base import Engine
from unisync_post.engines.unisync import open_unisync
from unisync_post.errors import EngineError
from unisync_post.exit_codes import ExitCode
from unisync_post.job.dub import plan_job
from unisync_post.job.result import ShotResult
from unisync_post.job.work import render_clip
from unisync_post.plan.options import DubFile, PlanOptions

CLIP = Cut(Path(), 3, 24)
"""24 frames from the fourth on."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_folder(tmp_path_factory.mktemp("models") / "tiny")
    (folder / "engine.toml").write_text(f'title = "Tiny"\nsize = {SIDE}\ndraft = true\n')
    return folder


@pytest.fixture(scope="module")
def reel(stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One shot of one drawn speaker, 24 pictures a second."""
    folder = tmp_path_factory.mktemp("reel")
    return write_edit(folder / "Reel.xml", [replace(CLIP, media=stage.anna)])


@pytest.fixture(scope="module")
def dubbed(reel: Path, stage, model: Path, tmp_path_factory) -> tuple[Path, Result]:
    """`unisync dub` with a worker process of its own."""
    out = tmp_path_factory.mktemp("dubbed") / "out"
    return out, run(
        "dub", reel, "--dub", f"{stage.dub}@fr", "--out", out,
        "--engine", f"unisync@{model}", "--workers", 1,
    )  # fmt: skip


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def rendered(edit: Path, dub: Path, out: Path, engine: Engine) -> tuple[ShotResult, Path]:
    """The edit's only shot, rendered in this process, and its new media."""
    job = plan_job(edit, out, PlanOptions(dub=(DubFile(dub, "fr"),), handles=2), engine)
    (clip,) = job.plan.to_render
    result = render_clip(job, clip, engine)
    assert result.status == "rendered", result.reason
    return result, out / result.media


def count_of(movie: Path) -> int:
    with av.open(str(movie)) as container:
        return sum(1 for _ in container.decode(video=0))


def result_of(out: Path) -> dict[str, Any]:
    (file,) = out.rglob("result.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_a_dub_is_rendered_by_the_network(dubbed: tuple[Path, Result], model: Path) -> None:
    out, said = dubbed
    assert said.exit_code == ExitCode.OK, said.output
    assert f"engine: unisync@{model} 1, lora mode, profile cpu (previews" in said.stderr
    assert "(1 clips relinked)" in said.stdout
    result = result_of(out)
    assert result["outside_composite"] == 0.0
    assert result["frames"] == count_of(out / result["media"])
    assert result["changed"] == result["frames"] >= CLIP.length
    assert result["remarks"]["profile"] == "cpu"
    assert result["remarks"]["mode"] == "lora"
    assert result["remarks"]["memory estimated"].startswith("cpu: ")


def test_the_file_names_the_network_and_not_where_it_lies(
    dubbed: tuple[Path, Result], model: Path
) -> None:
    out, _ = dubbed
    movie = out / result_of(out)["media"]
    with av.open(str(movie)) as container:
        assert "engine Tiny 1, lora mode" in container.metadata["comment"] + str(container.metadata)
    assert str(model).encode() not in movie.read_bytes()


def test_another_process_with_other_threads_makes_the_same_bytes(
    dubbed: tuple[Path, Result], reel: Path, stage, model: Path, tmp_path: Path
) -> None:
    """As on a machine with other cores, or of other workers beside it."""
    out, _ = dubbed
    engine = open_unisync(f"unisync@{model}")
    options = PlanOptions(dub=(DubFile(stage.dub, "fr"),))  # the command's own
    job = plan_job(reel, tmp_path / "out", options, engine)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        again = render_clip(job, job.plan.to_render[0], engine)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert again.sha256 == result_of(out)["sha256"]


def test_two_takes_of_a_shot(reel: Path, stage, model: Path, tmp_path: Path) -> None:
    whole = open_unisync(f"unisync@{model}")
    parted = open_unisync(f"unisync@{model}")
    takes: list[int] = []
    inside = parted.generate

    class Parted:
        info = replace(whole.info, window=20, overlap=4)

        def generate(self, take: Any) -> Any:
            takes.append(take.count)
            return inside(take)

    result, movie = rendered(reel, stage.dub, tmp_path / "parted", Parted())
    assert takes == [16, 16]  # 28 frames with the handles, four of them in both
    assert result.changed == result.frames == count_of(movie) == 28
    assert result.outside_composite == 0.0
    other, _ = rendered(reel, stage.dub, tmp_path / "whole", whole)
    assert other.sha256 != result.sha256


def test_59_94_pictures_a_second(
    stage, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_kit, "RATE", Fraction(60000, 1001))
    plate = write_plate(tmp_path / "fast.mov", 3)
    edit = write_edit(tmp_path / "Fast.xml", [replace(CLIP, media=plate)])
    text = edit.read_text().replace(
        "<timebase>24</timebase><ntsc>FALSE", "<timebase>60</timebase><ntsc>TRUE"
    )
    edit.write_text(text.replace("<frame>86400</frame>", "<frame>216000</frame>"))
    result, movie = rendered(edit, stage.dub, tmp_path / "out", open_unisync(f"unisync@{model}"))
    assert result.changed == result.frames == count_of(movie) == 28
    assert result.outside_composite == 0.0
    with av.open(str(movie)) as container:
        assert container.streams.video[0].average_rate == Fraction(60000, 1001)


def test_mag_cache_is_calibrated_on_a_job(
    dubbed: tuple[Path, Result], model: Path, tmp_path: Path
) -> None:
    out, _ = dubbed
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    setup = f'size = {SIDE}\ncache = "mag"\ncache_threshold = 1e6'
    (folder / "engine.toml").write_text(setup)
    with pytest.raises(EngineError, match="unisync weights calibrate"):
        open_unisync(f"unisync@{folder}")
    said = run("weights", "calibrate", folder, out)
    assert said.exit_code == ExitCode.OK, said.output
    assert said.stdout.strip() == str(folder / "magcache.json")
    ratios = json.loads((folder / "magcache.json").read_text())["ratios"]
    assert ratios[0] == 1.0
    assert len({round(ratio, 3) for ratio in ratios}) > 1
    assert open_unisync(f"unisync@{folder}").about.startswith("lora mode")


def test_no_model_is_one_line_and_exit_code_3(reel: Path, stage, tmp_path: Path) -> None:
    said = run(
        "dub", reel, "--dub", f"{stage.dub}@fr", "--out", tmp_path / "out",
        "--engine", f"unisync@{tmp_path}/gone",
    )  # fmt: skip
    assert said.exit_code == ExitCode.INPUT
    (line,) = said.stderr.strip().splitlines()
    assert "there is no model folder" in line
    assert line.endswith("Check the path of the model.")
