"""The network as the product's engine, on a tiny model folder and a CPU: the 14B's own code."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import SIDE, tiny_folder, tiny_shot

import unisync_model.memory
import unisync_post
from unisync_adapters.timebase import Rate
from unisync_model.lora import LoraMeta
from unisync_post import doctor
from unisync_post.engines import fingerprint as fingerprints
from unisync_post.engines import open_engine
from unisync_post.engines.base import Driver, Generated, Take
from unisync_post.engines.unisync import UniSyncEngine, open_unisync
from unisync_post.errors import EngineError
from unisync_post.faces.crop import Framing

STEPS = 4
Folder = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def cache_of_hashes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with an ``engine.toml``. Nobody may change it."""
    folder = tiny_folder(tmp_path_factory.mktemp("models") / "tiny")
    (folder / "engine.toml").write_text(f'title = "Tiny"\nsize = {SIDE}\ndraft = true\n')
    return folder


@pytest.fixture
def folder(shipped: Path, tmp_path: Path) -> Folder:
    """A copy to spoil, with more lines in its ``engine.toml``."""

    def copy(name: str = "model", **setup: str | float | bool) -> Path:
        made = Path(shutil.copytree(shipped, tmp_path / name))
        values = {"size": SIDE, **setup}
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        (made / "engine.toml").write_text("\n".join(lines))
        return made

    return copy


@pytest.fixture(scope="module")
def engine(shipped: Path) -> UniSyncEngine:
    return open_unisync(f"unisync@{shipped}")


def take(frames: int = 12, fps: str = "25", **changes: object) -> Take:
    rate = Rate(Fraction(fps))
    told = tiny_shot(frames, rate.fps)
    made = Take(
        frames=told["crop_frames"],
        landmarks=np.zeros((frames, 478, 3), np.float32),
        generate=np.ones(frames, bool),
        mouth=told["mouth_mask"],
        pose=told["pose_frames"],
        yaw=np.zeros(frames, np.float32),
        driver=Driver(told["audio"], told["sample_rate"], Fraction(0)),
        rate=rate,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def same(one: Generated, other: Generated) -> bool:
    return np.array_equal(one.frames, other.frames)


# --- what it makes --------------------------------------------------------------------------


@pytest.mark.parametrize(("frames", "fps"), [(13, "24000/1001"), (12, "24"), (121, "60000/1001")])
def test_any_rate_and_length(engine: UniSyncEngine, frames: int, fps: str) -> None:
    given = take(frames, fps)
    made = engine.generate(given)
    assert made.frames.shape == given.frames.shape
    assert made.frames.dtype == np.uint8
    assert made.changed.all()
    mouth = given.mouth > 0
    assert (made.frames[mouth] != given.frames[mouth]).mean() > 0.5


def test_a_seed_gives_the_same_pictures_in_every_engine(
    engine: UniSyncEngine, shipped: Path
) -> None:
    first = engine.generate(take())
    assert same(first, engine.generate(take()))
    assert same(first, open_unisync(f"unisync@{shipped}").generate(take()))
    assert not same(first, engine.generate(take(seed=1)))


def test_the_network_that_ships_is_an_engine_without_a_name_to_give() -> None:
    tiny = open_engine("unisync-tiny")
    info = tiny.info
    assert (info.name, info.size, info.draft, info.gpu_memory) == ("unisync-tiny", 128, True, 0)
    assert info.framing == Framing(0.91, 0.34)
    small = take(9)
    parts = {"frames": small.frames, "mouth": small.mouth, "pose": small.pose}
    twice = {name: part.repeat(2, axis=1).repeat(2, axis=2) for name, part in parts.items()}
    given = replace(small, **twice)
    made = tiny.generate(given)
    assert made.remarks["mode"] == "lora"
    assert made.frames.shape == given.frames.shape
    assert doctor.check_tiny().health is doctor.Health.GOOD


def test_what_is_not_asked_for_stays(engine: UniSyncEngine) -> None:
    asked = np.arange(12) % 3 != 0
    given = take(generate=asked)
    made = engine.generate(given)
    assert np.array_equal(made.changed, asked)
    assert np.array_equal(made.frames[~asked], given.frames[~asked])
    assert all((made.frames[k] != given.frames[k]).any() for k in np.flatnonzero(asked))


def test_a_mouth_outside_the_crop_is_passed_with_its_reason(engine: UniSyncEngine) -> None:
    given = take()
    given.mouth[4:6] = 0
    made = engine.generate(given)
    assert list(np.flatnonzero(~made.changed)) == [4, 5]
    assert made.reasons == {4: "mouth outside the picture", 5: "mouth outside the picture"}
    assert np.array_equal(made.frames[4:6], given.frames[4:6])


def test_it_says_how_it_was_made(engine: UniSyncEngine) -> None:
    remarks = engine.generate(take()).remarks
    assert remarks["mode"] == "lora"
    assert remarks["profile"] == "cpu"
    assert remarks["steps"] == STEPS
    assert str(remarks["memory estimated"]).startswith("cpu: ")
    info = engine.info
    assert (info.title, info.draft, info.size) == ("Tiny", True, SIDE)
    assert info.version == "1, lora mode, profile cpu"
    assert info.window * info.size**2 * 3 <= 2**29
    assert info.memory > unisync_model.memory.GIB


def test_training_free_weights_say_so(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "base", "training-free")
    (folder / "engine.toml").write_text(f"size = {SIDE}")
    engine = open_unisync(f"unisync@{folder}")
    assert engine.about.startswith("training-free mode, profile cpu: ")
    assert engine.generate(take()).remarks["mode"] == "training-free"


# --- progress and stopping ------------------------------------------------------------------


def test_each_step_and_each_latent_is_told(engine: UniSyncEngine) -> None:
    told: list[float] = []
    engine.generate(take(tell=told.append))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert len(told) == 1 + STEPS + 3  # 12 frames are three latents


class Stopped(BaseException):
    """As a worker raises it through ``tell``."""


@pytest.mark.parametrize("at", [0.0, 0.5, 0.95], ids=["loaded", "sampling", "decoding"])
def test_a_stopped_take_leaves_a_good_engine(engine: UniSyncEngine, at: float) -> None:
    def tell(share: float) -> None:
        if share >= at:
            raise Stopped

    before = engine.generate(take())
    with pytest.raises(Stopped):
        engine.generate(take(tell=tell, seed=3))
    assert same(engine.generate(take()), before)


@pytest.mark.parametrize("cache", ["first-block", "mag"])
def test_a_cache_is_used_and_forgotten_when_a_take_stops(folder: Folder, cache: str) -> None:
    here = folder(cache=cache, cache_threshold=1e6)
    ratios = {"weights": "tiny", "sigmas": [1.0, 0.9, 0.75, 0.5, 0.0], "ratios": [1.0] * STEPS}
    (here / "magcache.json").write_text(json.dumps(ratios))
    engine = open_unisync(f"unisync@{here}")
    settled = engine.generate(take())

    def tell(share: float) -> None:
        if share >= 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        engine.generate(take(tell=tell))
    assert same(engine.generate(take()), settled)


# --- which weights --------------------------------------------------------------------------


def test_the_fingerprint_is_of_the_content(shipped: Path, folder: Folder, tmp_path: Path) -> None:
    def of(path: Path) -> str:
        return open_unisync(f"unisync@{path}").info.fingerprint

    one, other = folder("one"), folder("other")
    assert of(one) == of(other)
    (other / "text_encoder").mkdir()
    save_file({"a": torch.zeros(1)}, other / "text_encoder" / "model.safetensors")
    assert of(one) == of(other)
    assert of(one) != of(folder("named", profile="cpu", attention="native"))
    ratios = {"weights": "", "sigmas": [1.0, 0.0], "ratios": [1.0]}
    cached = folder("cached", cache="mag")
    (cached / "magcache.json").write_text(json.dumps(ratios))
    before = of(cached)
    (cached / "magcache.json").write_text(json.dumps({**ratios, "ratios": [1.5]}))
    assert of(cached) != before
    for part in ("vae", "audio_encoder"):
        changed = folder(f"changed-{part}")
        (file,) = (changed / part).glob("*.safetensors")
        # the folder may lie elsewhere, behind a link
        elsewhere = tmp_path / f"elsewhere-{part}"
        (changed / part).rename(elsewhere)
        (changed / part).symlink_to(elsewhere)
        assert of(changed) == of(one)
        tensors = load_file(elsewhere / file.name)
        name = next(iter(tensors))
        save_file({**tensors, name: tensors[name] + 1}, elsewhere / file.name, {"format": "pt"})
        assert of(changed) != of(one)


def test_hashes_are_remembered(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = open_unisync(f"unisync@{shipped}").info.fingerprint

    def no_reading() -> None:
        raise AssertionError("a known file was read again")

    monkeypatch.setattr(fingerprints.xxhash, "xxh3_128", no_reading)
    assert open_unisync(f"unisync@{shipped}").info.fingerprint == known


def test_auto_takes_the_network_where_one_is_named(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UNISYNC_MODEL", raising=False)
    assert open_engine("auto").info.name == "draft"
    with pytest.raises(EngineError, match=r"no UniSync model is named.*UNISYNC_MODEL"):
        open_engine("unisync")
    monkeypatch.setenv("UNISYNC_MODEL", str(shipped))
    assert open_engine("auto").info.name == "unisync"
    # named and broken is no reason to fall back
    monkeypatch.setenv("UNISYNC_MODEL", str(tmp_path / "gone"))
    with pytest.raises(EngineError, match=r"no model folder.*gone"):
        open_engine("auto")


def test_the_doctor_reads_headers_only(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNISYNC_MODEL", raising=False)
    assert doctor.check_unisync().health is doctor.Health.OPTIONAL

    def no_loading(*args: object, **kwargs: object) -> None:
        raise AssertionError("weights were loaded or hashed")

    monkeypatch.setenv("UNISYNC_MODEL", str(shipped))
    monkeypatch.setattr("unisync_model.checkpoints.loading.build", no_loading)
    monkeypatch.setattr(fingerprints.xxhash, "xxh3_128", no_loading)
    found = doctor.check_unisync()
    assert found.health is doctor.Health.GOOD
    assert found.text.startswith("lora mode, profile cpu: ")
    assert "GiB free" in found.text
    monkeypatch.setenv("UNISYNC_MODEL", str(shipped / "vae"))
    found = doctor.check_unisync()
    assert found.health is doctor.Health.BAD
    assert found.remedy


# --- what is refused, before anything is loaded ---------------------------------------------


def without(part: str) -> Callable[[Path], None]:
    return lambda path: shutil.rmtree(path / part)


def as_pickle(part: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        (file,) = (path / part).glob("*.safetensors")
        torch.save(load_file(file), file.with_suffix(".bin"))
        file.unlink()

    return spoil


def foreign_adapter(path: Path) -> None:
    (path / "lora").mkdir()
    meta = json.dumps({**LoraMeta(base="Wan2.2-S2V-14B").__dict__})
    tensors = {"blocks.0.attn1.to_q.lora_A.weight": torch.zeros(2, 24)}
    save_file(tensors, path / "lora" / "a.safetensors", {"format": "pt", "unisync": meta})


def nothing(path: Path) -> None: ...


@pytest.mark.parametrize(
    ("spoil", "setup", "said", "remedy"),
    [
        (without("transformer"), {}, "no weights in this folder", "Point at the transformer"),
        (without("vae"), {}, "has no vae", "Copy the vae folder of Wan-AI"),
        (without("audio_encoder"), {}, "has no audio_encoder", "wav2vec2-large-xlsr-53-english"),
        (as_pickle("transformer"), {}, "Python pickle", "unisync weights convert"),
        (as_pickle("vae"), {}, "Python pickle", "--allow-pickle|weights pull"),
        (as_pickle("audio_encoder"), {}, "Python pickle", "unisync weights convert"),
        (foreign_adapter, {}, "this LoRA is for Wan2.2-S2V-14B", "trained for this network"),
        (nothing, {"profile": "96gb"}, "no memory profile '96gb'", "Choose one of 80gb"),
        (nothing, {"profile": "24gb-gguf"}, "is for GGUF files", "Choose another profile"),
        (nothing, {"profile": "24gb-nf4"}, "needs bitsandbytes", "pip install"),
        (nothing, {"attention": "_flash_3"}, "no attention '_flash_3' here", "native"),
        (nothing, {"cache": "mag"}, "no MagCache ratios", "Run the calibration"),
        (nothing, {"cache": "big"}, "no cache 'big' here", "first-block, mag"),
        (nothing, {"size": 100}, "100x100", "multiples of 64"),
        (nothing, {"size": 0}, "0x0", "multiples of 64"),
        (nothing, {"size": True}, "size = True is no setting", r"size \(int\)"),
        (nothing, {"speed": 3}, "speed = 3 is no setting", r"size \(int\)"),
    ],
)
def test_what_cannot_run_is_refused_at_once(
    folder: Folder,
    spoil: Callable[[Path], None],
    setup: dict[str, str | float | bool],
    said: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if setup.get("profile") == "24gb-nf4":
        monkeypatch.setitem(sys.modules, "bitsandbytes", None)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    here = folder(**setup)
    spoil(here)
    with pytest.raises(EngineError, match=said) as caught:
        open_unisync(f"unisync@{here}")
    assert "\n" not in str(caught.value)
    assert re.search(remedy, str(caught.value))


def test_prompt_embeds_are_needed(folder: Folder) -> None:
    here = folder()
    (here / "prompt_embeds.safetensors").unlink()
    with pytest.raises(EngineError, match=r"no prompt_embeds.*unisync weights prompt"):
        open_unisync(f"unisync@{here}")


def test_what_does_not_fit_is_refused_with_what_would(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that somebody else fills: the size of it is as before, the room is not."""
    here = folder(profile="80gb")
    needed = open_unisync(f"unisync@{here}")._fit.estimate.total
    monkeypatch.setattr("unisync_model.memory.free_bytes", lambda device: needed - 1)
    with pytest.raises(EngineError, match=r"80gb: .* is more than .* Use the profile") as caught:
        open_unisync(f"unisync@{here}")
    assert "weights" in str(caught.value)


def test_workers_of_a_card_take_the_same_profile(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second finds less room on the card, and must not make other pixels."""
    monkeypatch.setattr("unisync_model.memory.total_bytes", lambda device: 1 << 36)
    first = open_unisync(f"unisync@{shipped}").info.fingerprint
    monkeypatch.setattr("unisync_model.memory.free_bytes", lambda device: 1 << 34)
    assert open_unisync(f"unisync@{shipped}").info.fingerprint == first


# --- the bridge -----------------------------------------------------------------------------


BRIDGES = {"engines/unisync.py", "cli/bench.py", "cli/train.py", "cli/weights.py"}
"""Who may use the network, beside what prepares footage for its training; its procedural characters
and its errors are anybody's."""


def test_nothing_else_of_the_product_knows_the_network() -> None:
    root = Path(unisync_post.__file__).parent
    users = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for module in imported(node)
        if module.split(".")[0] == "unisync_model"
        and module.split(".")[1:2] not in (["characters"], ["errors"])
        and path.parent != root / "training"
    }
    assert users == BRIDGES


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module or ""]
    return []
