"""How fast the network is: seconds a call, TFLOP/s, and the share of what the device can do.

    python bench/model_forward.py [--network 14b] [--side 512 704] [--runs 3] [--compile]

Random weights of a network's shape, one call over 20 latents (81 frames and the repeated first)
with everything it can be given. The arithmetic is counted from the shapes (``unisync_model.flops``)
and set against the fastest matrix product measured on the same device in the same precision. The
peak beside the estimate is the allocator's on CUDA and the process' own on a CPU.

Sides are multiples of 64, which the motion memory needs: 512 and 704 stand for the 480 and 720 that
others measure. ``14b`` is bfloat16 on a card of 48 GB or more; ``medium`` and ``tiny`` are what a
CPU can do, in float32.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from model_memory import OURS, TINY, called, network

from unisync_model.flops import forward_flops
from unisync_model.footprint import WindowSize
from unisync_model.memory import GIB, PROFILES, estimate
from unisync_model.placement import place
from unisync_model.speed import compile_blocks, set_attention
from unisync_model.transformer import UniSyncTransformer3DModel

TERA = 10**12
LATENTS = 20
MEDIUM = {
    "num_attention_heads": 8,
    "ffn_dim": 2816,
    "num_layers": 4,
    "audio_inject_layers": (0, 2),
}
NETWORKS = {"14b": {}, "medium": MEDIUM, "tiny": TINY}
MATRIX = {"cuda": 8192, "cpu": 2048}
"""Side of the matrices that the device's peak is measured with."""


def clock(work: Callable[[], object], device: str, runs: int) -> list[float]:
    """Seconds of each run, after one that does not count."""
    found = []
    for run in range(runs + 1):
        _settle(device)
        begin = time.perf_counter()
        work()
        _settle(device)
        if run:
            found.append(time.perf_counter() - begin)
    return found


def _settle(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def matmul_peak(device: str, dtype: torch.dtype) -> float:
    """Operations a second of the fastest of ten square matrix products."""
    side = MATRIX[device]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / min(clock(lambda: a @ b, device, 10))


class Peak:
    """The most memory in use from here on, bytes."""

    def __init__(self, device: str) -> None:
        self.device = device
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        else:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: resets VmHWM
        self.before = self._now()

    def _now(self) -> int:
        if self.device == "cuda":
            return 0
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
        return int(peak) * 1024

    def read(self) -> int:
        if self.device == "cuda":
            return torch.cuda.max_memory_allocated()
        return self._now() - self.before


def measure(name: str, side: int, device: str, compiled: bool, runs: int, peak: float) -> str:
    """One row of the table."""
    profile = PROFILES["80gb" if device == "cuda" else "cpu"]
    size, config = WindowSize(LATENTS, side, side, passes=1), {**OURS, **NETWORKS[name]}
    memory = Peak(device)
    model: UniSyncTransformer3DModel = place(network(config, device), profile, device)
    kernel = set_attention(model, "auto", device)
    if compiled:
        compile_blocks(model)
    seconds = statistics.median(clock(lambda: called(model, profile, size), device, runs))
    work = forward_flops(model.config, size)
    needed = estimate(model.config, profile, size)
    torch.compiler.reset()  # what is compiled holds on to the network
    return (
        f"| {name} | {side}x{side} | {size.tokens:,} | {kernel}{', compiled' * compiled} "
        f"| {seconds:.2f} | {work / TERA:,.2f} | {work / seconds / TERA:.3g} "
        f"| {work / seconds / peak:.0%} | {memory.read() / GIB:.2f} "
        f"| {(needed.weights + needed.activations) / GIB:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--network", nargs="+", choices=NETWORKS)
    parser.add_argument("--side", nargs="+", type=int)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="compiled as well as not")
    wanted = parser.parse_args()
    diffusers_logging.set_verbosity_error()
    cuda = wanted.device == "cuda"
    dtype = PROFILES["80gb" if cuda else "cpu"].compute
    peak = matmul_peak(wanted.device, dtype)
    chip = torch.cuda.get_device_name() if cuda else _processor()
    print(f"{chip}, torch {torch.__version__}, {date.today()}, {dtype}")
    print(f"matrix products at {peak / TERA:.3g} TFLOP/s\n")
    print("| network | crop | tokens | attention | seconds | TFLOP | TFLOP/s | of peak "
          "| peak GiB | estimated |\n|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name in wanted.network or (["14b"] if cuda else ["tiny", "medium"]):
        for side in wanted.side or ([512, 704] if cuda else [256]):
            for compiled in (False, True) if wanted.compile else (False,):
                print(measure(name, side, wanted.device, compiled, wanted.runs, peak), flush=True)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    main()
