"""The package stands alone: it loads with nothing but the network's own dependencies."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NEEDED = (
    "accelerate",
    "diffusers",
    "gguf",
    "numpy",
    "peft",
    "safetensors",
    "soxr",
    "torch",
    "transformers",
)
"""What someone who wants the network alone installs; they bring their own dependencies."""

ALWAYS_THERE = ("huggingface_hub", "tomli", "typing_extensions")
"""What diffusers and torch cannot be without, and TOML for Python 3.10."""

GUARD = """
import sys

class Wall:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Wall(finder) for finder in sys.meta_path]
"""


def installed_with(names: Iterable[str]) -> set[str]:
    """The distributions that a fresh environment would have."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform
        wanted = [Requirement(line) for line in requires]
        waiting += [
            canonicalize_name(r.name)
            for r in wanted
            if r.marker is None or r.marker.evaluate({"extra": ""})
        ]
    return found


@functools.cache
def blocked() -> frozenset[str]:
    """Every importable name that is here and would not be there; the product's own first."""
    kept = installed_with(NEEDED)
    others = {
        package
        for package, owners in metadata.packages_distributions().items()
        if not kept & {canonicalize_name(owner) for owner in owners}
    }
    return frozenset(others - {"unisync_model"} | {"unisync_post", "unisync_adapters"})


def run(code: str) -> str:
    wall = f"BLOCKED = {sorted(blocked())!r}\n{GUARD}"
    done = subprocess.run(
        [sys.executable, "-c", wall + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wall_stands() -> None:
    foreign = {"av", "cv2", "lxml", "mediapipe", "opentimelineio", "unisync_post", "xxhash"}
    assert foreign <= blocked()
    for name in sorted(foreign):
        with pytest.raises(AssertionError, match="No module named"):
            run(f"import {name}")


def test_every_part_of_the_network_loads_without_the_rest_of_the_product() -> None:
    """The procedural characters apart, which draw with OpenCV, and what learns from them."""
    printed = run(
        "from unisync_model import UniSyncPipeline\n"
        "print(UniSyncPipeline.__name__)\n"
        "import pkgutil, importlib, unisync_model\n"
        "for found in pkgutil.walk_packages(unisync_model.__path__, 'unisync_model.'):\n"
        "    if '.characters' not in found.name and '.tiny' not in found.name:\n"
        "        importlib.import_module(found.name)\n"
    )
    assert printed.strip() == "UniSyncPipeline"


def test_the_package_itself_and_the_characters_load_no_torch() -> None:
    run(
        "import sys, unisync_model, unisync_model.characters\n"
        "assert 'torch' not in sys.modules and 'diffusers' not in sys.modules\n"
    )


def test_what_is_exported_is_there() -> None:
    import unisync_model

    for name in unisync_model.__all__:
        assert getattr(unisync_model, name).__name__ == name
    assert set(unisync_model.__all__) <= set(dir(unisync_model))
    with pytest.raises(AttributeError, match="no attribute 'UniSync'"):
        unisync_model.UniSync  # noqa: B018


def test_no_source_names_another_library() -> None:
    """What happens to be there with the network's dependencies is not ours to use."""
    import unisync_model

    root = Path(unisync_model.__file__).parent
    foreign = {
        f"{path.relative_to(root)}: {name}"
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported(node)
        if name not in {*sys.stdlib_module_names, *NEEDED, *ALWAYS_THERE}
        and not (name == "cv2" and "characters" in path.parts)
    }
    assert not foreign


def imported(node: ast.AST) -> list[str]:
    """Top-level names an absolute import asks for."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [(node.module or "").split(".")[0]]
    return []
