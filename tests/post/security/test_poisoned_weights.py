"""Weights cannot run code (fault table, row 18)."""

from __future__ import annotations

import ast
import io
import os
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from unisync_post.cli import main

ROOT = Path(__file__).parents[3]


class Poison:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "poisoned"


@pytest.fixture(params=["model.pt", "model.bin", "model.safetensors"])
def weights(request: pytest.FixtureRequest, tmp_path: Path, mark: Path) -> Path:
    path = tmp_path / str(request.param)
    torch.save({"blocks.0.q.weight": Poison(mark)}, path)
    return path


def test_row_18_the_poison_is_real(weights: Path, mark: Path) -> None:
    torch.load(io.BytesIO(weights.read_bytes()), weights_only=False)
    assert mark.exists()


def test_row_18_a_poisoned_pickle_runs_nothing(weights: Path, mark: Path) -> None:
    target = str(weights.with_name("out.safetensors"))
    for command in (
        ["inspect", str(weights)],
        ["verify", str(weights)],
        ["convert", str(weights), target],
        ["convert", str(weights), target, "--allow-pickle"],
    ):
        result = CliRunner().invoke(main, ["weights", *command])
        assert result.exit_code != 0, command
        assert not mark.exists(), command


OWN_PIPE = {"fresh.py"}  # what it unpickles comes from its own child, as in multiprocessing


def test_row_18_no_code_of_ours_unpickles() -> None:
    modules = [
        p for f in ("adapters", "model", "unisync_post", "bench") for p in (ROOT / f).rglob("*.py")
    ]
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
                unsafe = names & {"pickle", "dill", "cloudpickle", "joblib", "shelve"}
                assert not unsafe or path.name in OWN_PIPE, path
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                said = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert said.get("weights_only") == "True", path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                assert all(k.arg != "allow_pickle" for k in node.keywords), path
