"""Several processes: two that share a step take the step one would with twice the batches."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from networks import tiny_network
from safetensors.torch import load_file
from toy import Toys, toy_config, toy_prompts

from unisync_model.training.loop import train

HERE = Path(__file__).parent
RUN = """
import sys
sys.path[:0] = sys.argv[2:4]
from networks import tiny_network
from toy import Toys, toy_config, toy_prompts
from unisync_model.training.loop import train
model = tiny_network(av2v=True, pafs="residual")
train(toy_config(steps=3), model, Toys(range(9)), toy_prompts(), sys.argv[1], cpu=True)
"""


@pytest.mark.slow
def test_two_processes_are_one_with_two_batches(tmp_path: Path) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = str(door.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    cpu = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-c", RUN, str(tmp_path / "two"), str(HERE.parent), str(HERE)]
    running = [
        subprocess.Popen(
            arguments,
            env={**os.environ, **shared, **cpu, "RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    for process in running:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    config = toy_config(steps=3, data={"accumulate": 2})
    model = tiny_network(av2v=True, pafs="residual")
    train(config, model, Toys(range(9)), toy_prompts(), tmp_path / "one", cpu=True)
    two, one = (load_file(tmp_path / name / "adapter.safetensors") for name in ("two", "one"))
    assert two.keys() == one.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-5)
