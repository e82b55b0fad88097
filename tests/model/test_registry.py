"""The registry: every entry states what it must, and only `pull` reaches the network."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import published
import pytest
from hub import local_hub
from networks import tiny_network

from unisync_model.checkpoints import Layout, convert, inspect, load_transformer, verify
from unisync_model.checkpoints.safety import PICKLE_SUFFIXES
from unisync_model.errors import CheckpointError
from unisync_model.folder import ModelFolder
from unisync_model.registry import FileState, check, check_record, find, known, pull
from unisync_model.transformer import UniSyncTransformer3DModel

REPOSITORY = "studio/tiny-s2v"


def test_every_entry_is_complete() -> None:
    entries = known()
    assert len({entry.name for entry in entries}) == len(entries)
    names = {"wan2.2-s2v-14b", "wan2.1-vae", "wan2.1-text-encoder"}
    assert names | {"wav2vec2-large-xlsr-53-english"} <= {entry.name for entry in entries}
    for entry in entries:
        assert entry.what
        assert entry.licence == "Apache-2.0"
        assert entry.source.count("/") == 1
        for file in entry.files:
            assert Path(file.path).suffix not in PICKLE_SUFFIXES
            assert file.sha256 == "" or len(bytes.fromhex(file.sha256)) == 32


def test_unknown_names_are_answered_with_the_known() -> None:
    with pytest.raises(CheckpointError, match=r"no weights named wan\. Known: .*wan2\.1-vae"):
        find("wan")


def write_registry(folder: Path, sha256: str = "", path: str = "config.json") -> Path:
    file = folder / "weights.toml"
    file.write_text(
        f"""
        [[weights]]
        name = "tiny"
        what = "A test"
        licence = "CC0-1.0"
        source = "{REPOSITORY}"
        files = [
          {{ path = "{path}", sha256 = "{sha256}" }},
          {{ path = "diffusion_pytorch_model*" }},
        ]
        """
    )
    return file


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return published.official(tiny_network(), tmp_path / "repository")


def test_a_pull_fetches_the_named_files_and_records_them(repository: Path, tmp_path: Path) -> None:
    content = (repository / "config.json").read_bytes()
    registry = write_registry(tmp_path, hashlib.sha256(content).hexdigest())
    said: list[str] = []
    with local_hub(repository, REPOSITORY) as (endpoint, asked):
        target = pull(
            "tiny", tmp_path / "pulled", registry=registry, endpoint=endpoint, say=said.append
        )
    assert not any("VAE" in path for path in asked)
    assert not (target / "Wan2.1_VAE.pth").exists()
    assert any(line.startswith("config.json  ") for line in said)
    assert load_transformer(target).config.num_layers == 3

    states = check(target, find("tiny", registry))
    assert states["config.json"] is FileState.MATCHES
    shard = "diffusion_pytorch_model-00001-of-00003.safetensors"
    assert states[shard] is FileState.AS_PULLED
    assert check_record(target / shard) is FileState.AS_PULLED
    assert inspect(target).licence == "CC0-1.0"
    assert verify(target).good


def test_a_changed_file_is_found(repository: Path, tmp_path: Path) -> None:
    registry = write_registry(tmp_path)
    with local_hub(repository, REPOSITORY) as (endpoint, _):
        target = pull("tiny", tmp_path / "pulled", registry=registry, endpoint=endpoint)
    shard = target / "diffusion_pytorch_model-00002-of-00003.safetensors"
    with shard.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x01")
    report = verify(target)
    assert report.hashes[shard.name] is FileState.CHANGED
    assert any("SHA-256 differs" in problem for problem in report.problems)
    shard.unlink()
    (target / "config.json").unlink()
    assert check(target, find("tiny", registry))["config.json"] is FileState.MISSING


def test_a_file_that_is_not_what_was_published_is_refused(repository: Path, tmp_path: Path) -> None:
    registry = write_registry(tmp_path, "0" * 64)
    with (
        local_hub(repository, REPOSITORY) as (endpoint, _),
        pytest.raises(CheckpointError, match=r"expected 0000.*do not use it"),
    ):
        pull("tiny", tmp_path / "pulled", registry=registry, endpoint=endpoint)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    registry = write_registry(tmp_path)
    with pytest.raises(CheckpointError, match="could not be fetched"):
        pull("tiny", tmp_path / "pulled", registry=registry, endpoint="http://127.0.0.1:9")


def test_a_registry_cannot_name_a_pickle(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"names a pickle: Wan2\.1_VAE\.pth"):
        known(write_registry(tmp_path, path="Wan2.1_VAE.pth"))


def test_nothing_else_touches_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was tried")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    folder = published.official(tiny_network(), tmp_path / "m")
    known()
    inspect(folder)
    verify(folder)
    convert(folder, tmp_path / "t.safetensors", Layout.COMFY)
    load_transformer(folder)
    ModelFolder.open(folder)
    UniSyncTransformer3DModel.from_pretrained(folder)
    for absent in ("Wan-AI/Wan2.2-S2V-14B", "https://huggingface.co/x/y.safetensors"):
        with pytest.raises(CheckpointError, match="nothing is downloaded"):
            UniSyncTransformer3DModel.from_single_file(absent)
    # and the ban itself works: a pull is what it stops
    with pytest.raises(AssertionError, match="a connection was tried"):
        pull("wan2.1-vae", tmp_path / "pulled", endpoint="http://127.0.0.1:9")
