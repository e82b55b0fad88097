"""The house rules that a reader of the code relies on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "unisync_adapters": ROOT / "adapters" / "unisync_adapters",
    "unisync_model": ROOT / "model" / "unisync_model",
    "unisync_post": ROOT / "unisync_post",
    "unisync_templates": ROOT / "templates" / "unisync_templates",
}
OURS = frozenset(PACKAGES)
NEVER = {
    "unisync_adapters": {"torch", "cv2", "av"} | OURS - {"unisync_adapters"},
    "unisync_model": {"opentimelineio", "av", "click"} | OURS - {"unisync_model"},
    "unisync_templates": OURS - {"unisync_templates"},
}


def imports_of(path: Path) -> Iterator[str]:
    """Top-level names of absolute imports, wherever in the file they stand."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        yield from names_of(node)


def names_of(node: ast.AST) -> Iterator[str]:
    """Top-level names of what one statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        yield node.module.split(".")[0]


def modules(package: str) -> list[Path]:
    found = sorted(PACKAGES[package].rglob("*.py"))
    assert found, f"{package} has no modules"
    return found


@pytest.mark.parametrize("package", sorted(NEVER))
def test_packages_stand_alone(package: str) -> None:
    broken = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports_of(path)
        if name in NEVER[package]
    }
    assert not broken


def late_imports_of(path: Path) -> set[str]:
    """Top-level names that are imported only where a function needs them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    early = {name for node in tree.body for name in names_of(node)}
    return set(imports_of(path)) - early


def named(requirements: list[str]) -> set[str]:
    """Distributions, as the index spells them."""
    return {re.split(r"[<>=;\[ ]", line)[0].lower().replace("_", "-") for line in requirements}


def test_what_is_imported_is_declared() -> None:
    """A package that only comes along with another one can leave with it. What an extra brings is
    imported where it is needed, so that all else works without."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name for lines in project["optional-dependencies"].values() for name in named(lines)}
    providers = packages_distributions()
    known = sys.stdlib_module_names | OURS | {"cv2"}  # cv2: MediaPipe's, see pyproject
    undeclared = set()
    for package in PACKAGES:
        for path in modules(package):
            late = late_imports_of(path)
            for name in set(imports_of(path)) - known:
                declared = named(project["dependencies"]) | (extras if name in late else set())
                sources = {d.lower().replace("_", "-") for d in providers.get(name, ())}
                if not (sources | {name.lower()}) & declared:
                    undeclared.add(f"{path.relative_to(ROOT)} imports {name}")
    assert not undeclared


def test_click_lives_in_the_command_line_only() -> None:
    cli = PACKAGES["unisync_post"] / "cli"
    outside = [
        str(path.relative_to(ROOT))
        for path in modules("unisync_post")
        if "click" in set(imports_of(path)) and cli not in path.parents
    ]
    assert not outside


@pytest.mark.parametrize("package", sorted(OURS))
def test_every_package_is_typed(package: str) -> None:
    assert (PACKAGES[package] / "py.typed").is_file()


def data_files() -> list[tuple[str, PurePosixPath]]:
    """(package, path in it) of everything beside the modules."""
    return [
        (package, PurePosixPath(path.relative_to(root).as_posix()))
        for package, root in PACKAGES.items()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".pyc") and not path.name.startswith(".")
    ]


def test_data_files_are_declared_as_package_data() -> None:
    """What lies beside the modules must be in the wheel, or an installed copy is broken."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    suffixes = {pattern.removeprefix("**/*") for pattern in patterns}
    lost = [
        f"{package}/{path}"
        for package, path in data_files()
        if path.name not in patterns and path.suffix not in suffixes
    ]
    assert data_files()
    assert not lost


@pytest.mark.slow
def test_the_wheel_holds_everything(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path)]
    subprocess.run([*command, str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"{package}/{path}" for package, path in data_files()} | {
        f"{package}/{path.relative_to(PACKAGES[package]).as_posix()}"
        for package in OURS
        for path in modules(package)
    }
    assert not wanted - names
    assert any(name.endswith("licenses/LICENSE") for name in names)
