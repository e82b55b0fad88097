"""A data set, prepared once: cut off in the middle, and finished by the same command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from data_set import LIMITS, Prepared, shards, unisync
from reel import write_bad, write_film
from tiny import tiny_folder

from unisync_post.training import prepare


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny AI2V model folder that works at 64 pixels."""
    folder = tiny_folder(tmp_path_factory.mktemp("model") / "tiny", "training-free")
    (folder / "engine.toml").write_text("size = 64\n")
    return folder


@pytest.fixture(scope="session")
def prepared(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    home = tmp_path_factory.mktemp("footage")
    write_film(home / "film.mov")
    write_bad(home / "bad")
    (home / "limits.toml").write_text(LIMITS)
    (home / "consent.txt").write_text("All who are seen are drawn.")
    data = home / "DATA"
    words: tuple[str | Path, ...] = (
        "prepare", home / "film.mov", home / "bad", "--out", data, "--model", model,
        "--limits", home / "limits.toml", "--relip", "draft", "--rates", "16,24,25",
        "--domain", "3d", "--licence", "CC0-1.0", "--consent", home / "consent.txt",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "make_rows", _once(prepare.make_rows))
        cut_off = unisync(*words)
    stamps = shards(data)
    return Prepared(data, model, cut_off, unisync(*words), stamps, words)


def _once(make: Any) -> Any:
    """Works for the first clip; at the second, somebody presses Ctrl-C."""
    calls: list[None] = []

    def made(*arguments: Any) -> Any:
        calls.append(None)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return make(*arguments)

    return made
