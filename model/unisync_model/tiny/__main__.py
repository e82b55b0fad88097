"""Make the tiny model: every stage in its order, each going on where it was cut off."""

from __future__ import annotations

import argparse
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ..audio.logmel import LogMelEncoder
from ..characters.splits import Split
from ..codec import LatentCodec
from ..group_autoencoder import GroupAutoencoder
from ..training.prompts import Prompts
from ..training.samples import Manifest
from . import clips, codec_training, ear_training, pairs, stages
from .ablation.parts import READER
from .ablation.variants import home, variants
from .folder import SETTINGS, write_folder
from .reader import LipReader, Read, train_reader
from .recipe import Recipe
from .score import Case, cases, curve_probe, outputs, score, sheet

STAGES = ("codec", "ear", "reader", "pairs", "base", "adapter", "folder", "score")
ON_REQUEST = ("ablations",)
"""Not needed to make the model; asked for by name."""

PROBED = 8
"""Validation scenes that the learning curve is measured on."""

log = logging.getLogger("unisync_model.tiny")


class Making:
    """The work folder, and what stands in it."""

    def __init__(self, work: Path, recipe: Recipe, workers: int) -> None:
        self.work, self.recipe, self.workers = work, recipe, workers
        self.vae, self.ear = work / "vae", work / "audio_encoder"
        self.base = work / "base" / "transformer"
        self.adapter_file = work / "adapter" / "adapter.safetensors"
        self.model = work / "model"

    def make_codec(self) -> None:
        recipe = self.recipe.codec
        trained = codec_training.train_codec(
            self._pictures("train", recipe.scenes),
            self._pictures("val", recipe.held_out),
            recipe,
            self.recipe.seed,
            self.work,
        )
        held_out = self._pictures("val", recipe.held_out)
        log.info("the codec: %s", codec_training.kept(trained, held_out))
        trained.save_pretrained(self.vae)

    def make_ear(self) -> None:
        recipe = self.recipe.ear
        ear_training.train_ear(
            ear_training.speeches("train", recipe.speeches, recipe.seconds),
            ear_training.speeches("val", recipe.held_out, recipe.seconds),
            recipe,
            self.recipe.seed,
            self.ear,
        )

    def make_reader(self) -> None:
        recipe = self.recipe.codec
        train_reader(
            self._read("train", recipe.scenes),
            self._read("val", recipe.held_out),
            self._vae(),
            self.recipe.reader,
            self.recipe.seed,
            self.work / "reader.pt",
        )

    def make_pairs(self) -> None:
        parts = pairs.Parts(self.vae, self.ear)
        chosen = clips.seeds("train", self.recipe.pairs.scenes)
        pairs.prepare("train", chosen, parts, self.recipe.pairs, self.work / "pairs", self.workers)

    def make_base(self, until: int | None = None) -> None:
        recipe = self.recipe.network
        model = stages.new_base(recipe, LogMelEncoder.open(self.ear), self.recipe.seed)
        log.info("the network: %s parameters", f"{sum(p.numel() for p in model.parameters()):,}")
        out = self.work / "base"
        stages.train_base(model, self._samples(), self._prompts(), recipe, out, until)

    def make_adapter(self, until: int | None = None) -> None:
        recipe, prompts = self.recipe.network, self._prompts()
        probes = []
        if recipe.adapter.log.probe_every:
            codec, told = self.cases("val", PROBED)
            probes = [curve_probe(told, prompts, SETTINGS, codec, self.judge())]
        stages.train_adapter(
            self.base,
            self._samples(),
            prompts,
            recipe,
            recipe.adapter,
            self.work / "adapter",
            probes,
            until,
        )

    def make_folder(self) -> None:
        shutil.rmtree(self.model, ignore_errors=True)
        words = stages.words(self.recipe.network, self.recipe.seed)
        write_folder(self.base, self.adapter_file, self.vae, self.ear, words, self.model)
        save_file(self.judge().state_dict(), self.model / READER)

    def make_ablations(self) -> None:
        recipe = self.recipe
        for name, config in variants(recipe.ablation, recipe.network.adapter).items():
            log.info("variant %s", name)
            torch.manual_seed(recipe.seed)  # UniSync's own layers start alike
            out = home(self.work, name)
            stages.train_adapter(
                self.base, self._samples(), self._prompts(), recipe.network, config, out
            )

    def make_score(
        self, splits: Sequence[Split] = ("val", "test"), count: int = 32, seeds: int = 3
    ) -> None:
        model = stages.with_adapter(self.base, self.adapter_file, self.recipe.network.adapter)
        prompts, judge = self._prompts(), self.judge()
        for split in splits:
            codec, told = self.cases(split, count)
            found = score(model, told, prompts, SETTINGS, codec, judge, range(seeds))
            for line in found.lines():
                log.info("%s: %s", split, line)
            shown = told[:12]
            made = outputs(model, shown, prompts, SETTINGS, codec)
            np.save(self.work / f"sheet-{split}.npy", sheet(shown, made))

    def cases(self, split: Split, count: int) -> tuple[LatentCodec, list[Case]]:
        """Held-out windows, and the codec that they are encoded with."""
        codec = LatentCodec(self._vae())
        return codec, cases(split, clips.seeds(split, count), codec, LogMelEncoder.open(self.ear))

    def judge(self) -> LipReader:
        held = torch.load(self.work / "reader.pt", weights_only=True)
        judge = LipReader()
        judge.load_state_dict(held)
        return judge.eval()

    def _pictures(self, split: Split, count: int) -> codec_training.Pictures:
        recipe = self.recipe.codec
        folder = self.work / f"pictures-{split}"
        return codec_training.Pictures(
            *clips.groups(
                folder, clips.seeds(split, count), split, recipe.frames, recipe.grain, self.workers
            )
        )

    def _read(self, split: Split, count: int) -> Read:
        frames = self.recipe.codec.frames
        curves = [
            clips.curve(clips.speech(seed, 0, split, frames), frames)
            for seed in clips.seeds(split, count)
        ]
        return Read(self._pictures(split, count), np.stack(curves))

    def _vae(self) -> GroupAutoencoder:
        vae = GroupAutoencoder.from_pretrained(self.vae, local_files_only=True)
        return vae.eval().requires_grad_(False)  # type: ignore[no-any-return]

    def _samples(self) -> Manifest:
        return Manifest.open(self.work / "pairs" / pairs.MANIFEST, "error")

    def _prompts(self) -> Prompts:
        return Prompts.of(stages.words(self.recipe.network, self.recipe.seed))


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m unisync_model.tiny", description=__doc__)
    options.add_argument("work", type=Path, help="where everything is kept; about 8 GB")
    options.add_argument("--only", choices=(*STAGES, *ON_REQUEST), nargs="+", default=STAGES)
    options.add_argument("--workers", type=int, default=2, help="processes that draw")
    options.add_argument("--threads", type=int, help="of the network on a CPU")
    given = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if given.threads:
        torch.set_num_threads(given.threads)
    making = Making(given.work, Recipe(), given.workers)
    for stage in (*STAGES, *ON_REQUEST):
        if stage in given.only:
            log.info("stage %s", stage)
            getattr(making, f"make_{stage}")()


if __name__ == "__main__":
    main()
