"""`unisync weights`: what weights are, whether they are whole, and where they come from.

torch is imported inside the commands, so that `unisync --help` stays quick.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..exit_codes import ExitCode

if TYPE_CHECKING:
    from unisync_model.checkpoints import CheckpointInfo

_PATH = click.Path(path_type=Path, exists=True)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
POSITIVE = "A person speaks to somebody, filmed from near, natural light, sharp and calm."
NEGATIVE = "blurred, overexposed, static, subtitles, deformed face, deformed mouth, extra teeth"
_LAYOUTS = ("unisync", "official", "fastvideo", "diffusers-pr", "comfy")
_DTYPES = ("bfloat16", "float16", "float32")
_LICENCE_UNKNOWN = "unknown: ask where the weights came from"


@click.group("weights")
def weights() -> None:
    """Look at, convert, check and fetch the network's weights."""


@weights.command("inspect")
@click.argument("path", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON on stdout.")
def inspect(path: Path, as_json: bool) -> None:
    """Say what the weights at PATH are. Only headers are read."""
    from unisync_model.checkpoints import inspect as inspected

    info = inspected(path)
    if as_json:
        held = {**asdict(info), "mode": info.mode}
        click.echo(json.dumps(held, ensure_ascii=False, indent=2, default=str))
    else:
        for name, text in _facts(info):
            click.echo(f"{name:12} {text}")


@weights.command("convert")
@click.argument("source", type=_PATH)
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--layout", type=click.Choice(_LAYOUTS), help="Default: by TARGET's name.")
@click.option("--dtype", type=click.Choice(_DTYPES), help="Default: as in SOURCE.")
@click.option("--fuse-av2v", is_flag=True, help="One 2C convolution instead of our two (eq. 2).")
@click.option("--config", type=_PATH, help="config.json of a single file that has none beside it.")
@click.option("--allow-pickle", is_flag=True, help="Read a pickle whose source you trust.")
def convert(
    source: Path,
    target: Path,
    layout: str | None,
    dtype: str | None,
    fuse_av2v: bool,
    config: Path | None,
    allow_pickle: bool,
) -> None:
    """Write the weights at SOURCE to TARGET in another layout, one tensor at a time.

    A TARGET called *.safetensors becomes ComfyUI's single file, any other our model folder.
    """
    import torch

    from unisync_model.checkpoints import Layout
    from unisync_model.checkpoints import convert as converted

    chosen = layout or ("comfy" if target.suffix == ".safetensors" else "unisync")
    written = converted(
        source,
        target,
        Layout(chosen),
        dtype=None if dtype is None else getattr(torch, dtype),
        fuse_av2v=fuse_av2v,
        allow_pickle=allow_pickle,
        config=json.loads(config.read_text(encoding="utf-8")) if config else None,
    )
    for file in written:
        click.echo(str(file))


@weights.command("verify")
@click.argument("path", type=_PATH)
@click.option("--full", is_flag=True, help="Look at every value, not at a sample of each tensor.")
def verify(path: Path, full: bool) -> None:
    """Check names, shapes, numbers and hashes of the weights at PATH.

    Exits with 0 when they can be used, with 3 when something is wrong.
    """
    from unisync_model.checkpoints import verify as verified

    report = verified(path, full=full)
    looked = "every value" if full else "a sample of each"
    click.echo(
        f"{report.info.kind}, {report.info.layout} layout: {report.tensors} tensors, {looked}"
    )
    for name, state in report.hashes.items():
        click.echo(f"{name}: {state.value}")
    for problem in report.problems:
        click.echo(f"wrong: {problem}")
    click.echo("These weights can be used." if report.good else "Do not use these weights.")
    sys.exit(int(ExitCode.OK if report.good else ExitCode.INPUT))


@weights.command("list")
@click.option("--registry", type=_PATH, help="Another weights.toml than the one shipped.")
def list_weights(registry: Path | None) -> None:
    """Name the weights this project knows."""
    from unisync_model.registry import known

    for entry in known(registry):
        click.echo(f"{entry.name}\n    {entry.what}\n    {entry.licence}, {entry.source}")


@weights.command("pull")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--registry", type=_PATH, help="Another weights.toml than the one shipped.")
@click.option("--endpoint", help="Another server than huggingface.co, such as a studio's mirror.")
def pull(name: str, folder: Path | None, registry: Path | None, endpoint: str | None) -> None:
    """Fetch the weights called NAME into FOLDER (./NAME unless told).

    Nothing else in this product downloads anything.
    """
    from unisync_model.registry import pull as pulled

    target = pulled(
        name, folder or Path(name), registry=registry, endpoint=endpoint, say=click.echo
    )
    click.echo(f"{name} is in {target}")


@weights.command("estimate")
@click.argument("folder", type=_FOLDER)
@click.option("--side", type=int, default=512, show_default=True, help="Of the crop, in pixels.")
def estimate(folder: Path, side: int) -> None:
    """Say what the model in FOLDER needs under each memory profile. Only headers are read.

    Exits with 3 when no profile fits this machine.
    """
    import torch

    from unisync_model.folder import ModelFolder
    from unisync_model.memory import PROFILES, free_bytes
    from unisync_model.needs import needs_of

    device = "cuda" if torch.cuda.is_available() else "cpu"
    found, free = ModelFolder.open(folder), free_bytes(device)
    needs = needs_of(found, side)
    window = needs.window
    click.echo(
        f"{found.mode} mode, {window.tokens:,} tokens: windows of {window.latents} latents at "
        f"{side}x{side}; {free / 2**30:.1f} GiB on {device}"
    )
    for profile in PROFILES.values():
        needed = needs.estimate(profile)
        here = (device == "cpu") == (profile.name == "cpu") and needed.total <= free
        click.echo(f"{'fits' if here else '':5}{needed}")
    chosen = needs.choose(free, device == "cuda").name
    click.echo(f"{chosen} is taken, unless engine.toml names another")


@weights.command("prompt")
@click.argument("folder", type=_FOLDER)
@click.argument("text_encoder", type=_FOLDER)
@click.option("--positive", default=POSITIVE, show_default=True, help="What to draw.")
@click.option("--negative", default=NEGATIVE, show_default=True, help="What not to draw.")
def prompt(folder: Path, text_encoder: Path, positive: str, negative: str) -> None:
    """Compute the words of the model in FOLDER once, with the encoder in TEXT_ENCODER.

    TEXT_ENCODER holds text_encoder/ and tokenizer/, as `unisync weights pull wan2.1-text-encoder`
    fetches them. It is not needed afterwards.
    """
    from unisync_model.prompt import encode_prompt

    target = folder / "prompt_embeds.safetensors"
    encode_prompt(text_encoder, positive, negative).save(target)
    click.echo(str(target))


@weights.command("calibrate")
@click.argument("folder", type=_FOLDER)
@click.argument("job", type=_FOLDER)
def calibrate(folder: Path, job: Path) -> None:
    """Calibrate MagCache for the model in FOLDER, on the first shot of JOB.

    JOB is any job's folder, such as a draft dub's. Takes as long as the network takes for a shot;
    the result lies beside the weights, for `cache = "mag"` in engine.toml.
    """
    from ..engines.calibrate import calibrate as calibrated

    click.echo(str(calibrated(folder, job)))


def _facts(info: CheckpointInfo) -> list[tuple[str, Any]]:
    dtypes = ", ".join(f"{name} {count:,}" for name, count in info.dtypes.items())
    facts: list[tuple[str, Any]] = [
        ("what", info.kind),
        ("layout", info.layout),
        ("parameters", f"{info.parameters:,} in {info.tensors} tensors"),
        ("stored as", dtypes),
        ("size", f"{info.nbytes / 2**20:,.1f} MiB"),
        ("AV2V", info.av2v),
        ("PAFS", info.pafs),
        ("mode", info.mode),
        ("licence", info.licence or _LICENCE_UNKNOWN),
    ]
    if info.surplus:
        facts.append(("surplus", f"{len(info.surplus)}: {', '.join(info.surplus[:10])}"))
    if info.lora:
        facts += [("adapter", f"{name} = {value}") for name, value in asdict(info.lora).items()]
    return facts + [("config", f"{name} = {value}") for name, value in info.config.items()]
