"""What `unisync doctor` finds, and what it says to do."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from unisync_post import doctor
from unisync_post.cli.doctor import doctor as command
from unisync_post.doctor import Finding, Health


def test_every_problem_comes_with_a_remedy(tmp_path: Path) -> None:
    findings = doctor.examine(tmp_path)
    assert {f.name for f in findings} >= {"Python", "codecs", "OpenCV", "faces", "draft engine"}
    for finding in findings:
        assert finding.text
        assert bool(finding.remedy) == (finding.health is not Health.GOOD)


def test_weights_are_named_with_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "draft.safetensors").write_bytes(b"abc")
    monkeypatch.setattr(doctor, "draft_files", lambda: (tmp_path / "draft.safetensors",))
    finding = doctor.check_draft_weights()
    assert finding.health is Health.GOOD
    assert "draft.safetensors sha256 ba7816bf8f01cfea" in finding.text


def test_without_weights_nothing_can_be_dubbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "draft_files", lambda: (tmp_path / "gone.safetensors",))
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 3
    assert "NO  draft engine" in result.output
    assert "gone.safetensors" in result.output
    assert "cannot work here" in result.output


def test_opencv_without_libgl_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    finding = doctor.check_opencv()
    assert finding.health is Health.BAD
    assert "libGL.so.1" in finding.text
    assert "opencv-python-headless" in finding.remedy


def test_a_check_that_breaks_is_a_finding() -> None:
    def check_torch() -> Finding:
        raise ImportError("libcudart.so.12 is missing")

    finding = doctor._guarded(check_torch)
    assert (finding.name, finding.health) == ("torch", Health.BAD)
    assert "libcudart" in finding.text


def test_json_is_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Finding("Python", Health.GOOD, "3.11")
    optional = Finding("torch", Health.OPTIONAL, "CPU", "Buy a GPU.")
    module = importlib.import_module("unisync_post.cli.doctor")
    monkeypatch.setattr(module, "examine", lambda folder: (good, optional))
    result = CliRunner().invoke(command, ["--json"])
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert answer["can_dub"] is True
    assert answer["findings"][1]["health"] == "optional"
