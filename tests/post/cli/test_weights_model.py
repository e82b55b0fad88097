"""`unisync weights` on a whole model folder: what it needs, and its words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tiny import TEXT_DIM, tiny_folder, tiny_text_encoder

from unisync_model.prompt import PromptEmbeds
from unisync_post import doctor
from unisync_post.cli import main
from unisync_post.exit_codes import ExitCode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_folder(tmp_path / "model")


def unisync(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["weights", *map(str, words)])


def test_estimate_goes_through_every_profile(folder: Path) -> None:
    said = unisync("estimate", folder, "--side", "640")
    assert said.exit_code == ExitCode.OK, said.output
    assert "lora mode" in said.stdout
    assert "28 latents at 640x640" in said.stdout
    assert "80gb: 1." in said.stdout  # of which 1 GiB is the reserve
    assert "fits cpu: " in said.stdout
    assert "cpu is taken" in said.stdout


@pytest.mark.parametrize("layout", ["official", "fastvideo", "diffusers-pr"])
def test_published_layouts_become_model_folders(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their configurations say less than ours; the steps of docs/model.md."""
    ours = tiny_folder(tmp_path / "ours", "training-free")
    folder = tmp_path / "published"
    assert unisync("convert", ours, folder, "--layout", layout).exit_code == ExitCode.OK
    for part in ("vae", "audio_encoder"):
        shutil.copytree(ours / part, folder / part)
    unisync("prompt", folder, tiny_text_encoder(tmp_path / "umt5"))
    assert unisync("verify", folder).exit_code == ExitCode.OK
    assert "training-free" in unisync("inspect", folder).stdout
    said = unisync("estimate", folder)
    assert said.exit_code == ExitCode.OK, said.output
    assert "training-free mode" in said.stdout
    monkeypatch.setenv("UNISYNC_MODEL", str(folder))
    assert doctor.check_unisync().text.startswith("training-free mode, profile cpu: ")


def test_estimate_where_nothing_fits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unisync_model.memory.free_bytes", lambda device: 1 << 20)
    said = unisync("estimate", folder)
    assert said.exit_code == ExitCode.INPUT
    assert "no profile fits 0.0 GiB" in said.stderr
    assert said.stderr.count("\n") == 1


def test_prompt_embeds_the_words_given(folder: Path, tmp_path: Path) -> None:
    encoder = tiny_text_encoder(tmp_path / "umt5")
    target = folder / "prompt_embeds.safetensors"
    target.unlink()
    said = unisync("prompt", folder, encoder, "--positive", "a talking face")
    assert said.exit_code == ExitCode.OK, said.output
    assert said.stdout.strip() == str(target)
    made = PromptEmbeds.load(target)
    assert made.positive.shape == (4, TEXT_DIM)
    assert made.positive_text == "a talking face"
    assert "deformed" in made.negative_text


def test_prompt_without_an_encoder(folder: Path, tmp_path: Path) -> None:
    said = unisync("prompt", folder, tmp_path)
    assert said.exit_code == ExitCode.INPUT
    assert "no text_encoder folder" in said.stderr
