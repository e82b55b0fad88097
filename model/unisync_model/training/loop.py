"""The training loop: the same for the tiny network on a CPU and the adapter of the 14B one."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from diffusers.training_utils import EMAModel
from torch import nn
from torch.utils.data import DataLoader

from ..errors import NonFiniteError
from ..memory import free_bytes
from ..speed import compile_blocks
from ..transformer import UniSyncTransformer3DModel
from .batches import LAYERS, Batch, Batches, seed_of
from .config import TrainConfig
from .config_file import save_config
from .log import RunLog
from .loss import Loss, flow_loss
from .need import refuse_unless_trainable, training_need
from .optim import make_optimizer, pace
from .prompts import Prompts
from .samples import Samples
from .state import Identity, RunState, load_state, save_state
from .trainable import Trainable, prepare_trainable, save_trained

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Moment:
    """What a probe sees: the network in evaluation mode, with the averaged weights in place."""

    step: int
    model: UniSyncTransformer3DModel
    log: RunLog


Probe = Callable[[Moment], None]
"""Sample grids, the leak metric: called every ``log.probe_every`` steps and at the end. It cannot
change the run: the weights are as before when it returns, and random numbers are the step's."""

Told = Callable[[int, float], None]
"""Step and loss, for whoever follows a run."""


@dataclass(frozen=True)
class Trained:
    """What a run came to.

    Attributes:
        step: optimiser steps taken in all.
        result: the adapter, or the transformer's folder; None before the last step.
        trainable: what was trained.
        losses: of the steps taken by this call.
    """

    step: int
    result: Path | None
    trainable: Trainable
    losses: tuple[float, ...]


def train(
    config: TrainConfig,
    model: UniSyncTransformer3DModel,
    samples: Samples,
    prompts: Prompts,
    out: str | Path,
    *,
    probes: Sequence[Probe] = (),
    until: int | None = None,
    cpu: bool = False,
    told: Told | None = None,
) -> Trained:
    """Train, or go on with, the run in ``out``.

    ``out`` holds ``config.toml`` (resolved), ``checkpoints/``, ``tensorboard/`` and, after the last
    step, ``adapter.safetensors`` or ``transformer/``. A run cut off at any instant and started
    again ends with the same weights, bit for bit, as one that was not (on the CPU; CUDA's kernels
    may differ in the last bit).

    Args:
        model: the base; changed in place. A run that is gone on with needs the same base anew.
        until: stop after this step, as if cut off right after a checkpoint.
        cpu: even where there is a GPU.
        told: called after each step with its number and its loss.

    Raises:
        MemoryBudgetError: it would not fit; checked before the first step.
        NonFiniteError: the loss or its gradient is NaN or infinite, with step and samples; the
            state before that step is kept.
        ResumeError: ``out`` is another run's.
        StorageError: a checkpoint could not be written; the older ones are kept.
        DataError: a sample that cannot be used.
    """
    run = _Run(config, model, samples, prompts, Path(out), probes, cpu)
    try:
        return run.go(config.steps if until is None else min(until, config.steps), told)
    finally:
        run.log.close()


class _Run:
    def __init__(
        self,
        config: TrainConfig,
        model: UniSyncTransformer3DModel,
        samples: Samples,
        prompts: Prompts,
        out: Path,
        probes: Sequence[Probe],
        cpu: bool,
    ) -> None:
        self.config, self.model, self.out, self.probes = config, model, out, probes
        # precision is the loop's own affair: one process may train in several
        unused = DistributedDataParallelKwargs(
            find_unused_parameters=config.trainable.method == "full"
        )
        self.accelerator = Accelerator(mixed_precision="no", cpu=cpu, kwargs_handlers=[unused])
        trainable = prepare_trainable(model, config.trainable, config.seed)
        self.batches = Batches(samples, prompts, config)
        self._check_memory(trainable)
        if config.gradient_checkpointing:
            model.enable_gradient_checkpointing()
        else:
            model.disable_gradient_checkpointing()
        if config.compile:
            compile_blocks(model)
        self.net: nn.Module = self.accelerator.prepare_model(model)
        ema = None
        if config.ema.on:
            ema = EMAModel(list(trainable), decay=config.ema.decay, foreach=True)
            ema.to(self.accelerator.device)
        self.state = RunState(trainable, make_optimizer(trainable, config.optim), ema)
        self.identity = Identity(config, samples.fingerprint, self.accelerator.num_processes)
        found = load_state(self.state, self.identity, out)
        log.info("%s; %s", trainable, f"going on from {found}" if found else "a new run")
        first = self.accelerator.is_main_process
        if first:
            out.mkdir(parents=True, exist_ok=True)
            save_config(config, out / "config.toml")
        self.log = RunLog(out / "tensorboard" if first else None, self.state.step)

    def go(self, stop: int, told: Told | None) -> Trained:
        self.net.train()
        losses = []
        for batches in self._steps(stop):
            losses.append(self._step(batches))
            step = self.state.step
            if told is not None:
                told(step, losses[-1])
            if step % self.config.checkpoints.every == 0 or step == stop:
                self._save()
            every = self.config.log.probe_every
            if self.probes and ((every and step % every == 0) or step == self.config.steps):
                self._probe()
        result = self._finished() if self.state.step >= self.config.steps else None
        return Trained(self.state.step, result, self.state.trainable, tuple(losses))

    def _steps(self, stop: int) -> Iterator[list[Batch]]:
        """The batches of every step from here on, this process' share of them."""
        accumulate, processes = self.config.data.accumulate, self.accelerator.num_processes
        rank = self.accelerator.process_index
        positions = [
            (step * accumulate + micro) * processes + rank
            for step in range(self.state.step, stop)
            for micro in range(accumulate)
        ]
        loader = DataLoader(
            self.batches,
            batch_size=None,
            sampler=positions,
            num_workers=self.config.data.workers,
            # its own, so that reading ahead draws nothing from the run's
            generator=torch.Generator(),
        )
        group: list[Batch] = []
        for batch in loader:
            group.append(batch)
            if len(group) == accumulate:
                yield group
                group = []

    def _step(self, batches: list[Batch]) -> float:
        state, config = self.state, self.config
        # what the layers draw (LoRA's dropout) is the step's, too, and needs no state either
        torch.manual_seed(seed_of(config.seed, LAYERS, state.step, self.accelerator.process_index))
        rate = config.optim.lr * pace(state.step, config.steps, config.optim)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        found = self._gradients(batches)
        norm = self._norm()
        self._refuse_nan(found, norm, batches)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        if state.ema is not None:
            state.ema.step(list(state.trainable))
        state.step += 1
        if config.log.every and state.step % config.log.every == 0:
            values = {"lr": rate, "gradient": norm} | dict(
                zip(("loss", "loss_mouth", "loss_rest"), found, strict=True)
            )
            self.log.scalars(values, state.step)
        return found[0]

    def _gradients(self, batches: list[Batch]) -> tuple[float, float, float]:
        """Backward through a step's batches; the mean losses (total, mouth, rest) over all
        processes."""
        sums = torch.zeros(3, device=self.accelerator.device)
        for i, batch in enumerate(batches):
            wait = i < len(batches) - 1
            with self.accelerator.no_sync(self.net) if wait else contextlib.nullcontext():
                loss = self._loss(batch.to(self.accelerator.device))
                (loss.total / len(batches)).backward()  # type: ignore[no-untyped-call]
            sums += torch.stack([loss.total.detach(), loss.mouth, loss.rest]) / len(batches)
        total, mouth, rest = self.accelerator.reduce(sums, "mean").tolist()
        return total, mouth, rest

    def _loss(self, batch: Batch) -> Loss:
        device, bf16 = self.accelerator.device, self.config.precision == "bf16"
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16), warnings.catch_warnings():
            # float32 gains of a norm in bf16: on a CPU torch says that this is not its fast path
            warnings.filterwarnings("ignore", message="Mismatch dtype between input and weight")
            inputs = batch.inputs(av2v=self.model.config.av2v)
            (v,) = self.net(**inputs, return_dict=False)
        return flow_loss(v, batch.x0, batch.eps, batch.s, batch.mask, self.config.loss)

    def _norm(self) -> float:
        """The gradient's norm before it is clipped."""
        limit = self.config.optim.clip or math.inf
        return float(nn.utils.clip_grad_norm_(list(self.state.trainable), limit))

    def _refuse_nan(self, found: tuple[float, ...], norm: float, batches: list[Batch]) -> None:
        """Stop before a step that would spoil the weights, and keep them."""
        if math.isfinite(found[0]) and math.isfinite(norm):
            return
        self.state.optimizer.zero_grad(set_to_none=True)
        self._save()
        names = ", ".join(name for batch in batches for name in batch.names)
        raise NonFiniteError(
            f"at step {self.state.step + 1} the loss is {found[0]} and its gradient {norm}, "
            f"from {names}; the state of step {self.state.step} is kept",
            file=self.out,
            remedy="Look at these samples; lower optim.lr or lengthen optim.warmup",
        )

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            save_state(self.state, self.identity, self.out, self.config.checkpoints.keep)
        self.accelerator.wait_for_everyone()

    def _probe(self) -> None:
        with self._averaged(), torch.no_grad():
            for probe in self.probes if self.accelerator.is_main_process else ():
                probe(Moment(self.state.step, self.model, self.log))
        self.accelerator.wait_for_everyone()

    def _finished(self) -> Path | None:
        if not self.accelerator.is_main_process:
            return None
        with self._averaged():
            return save_trained(self.model, self.config, self.out)

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """The averaged weights in place, the network in evaluation mode."""
        ema, parameters = self.state.ema, list(self.state.trainable)
        own = [parameter.detach().clone() for parameter in parameters]
        self.net.eval()
        try:
            if ema is not None:
                ema.copy_to(parameters)
            yield
        finally:
            with torch.no_grad():
                for parameter, value in zip(parameters, own, strict=True):
                    parameter.copy_(value)
            self.net.train()

    def _check_memory(self, trainable: Trainable) -> None:
        device = self.accelerator.device
        need = training_need(
            self.model.config,
            self.config,
            trainable.total,
            self.batches.largest,
            device.type == "cuda",
        )
        log.info("memory: %s", need)
        # weights that are on the device already are part of the need
        there = sum(
            p.numel() * p.element_size()
            for p in self.model.parameters()
            if p.device.type == device.type == "cuda"
        )
        refuse_unless_trainable(need, free_bytes(device) + there)
