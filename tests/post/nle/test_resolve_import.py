"""resolve_import.py against a model of Resolve's API. It was NOT run in the application."""

from __future__ import annotations

import ast
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from fake_resolve import Clip, Folder, Item, Project, Resolve, Timeline, state_of

import unisync_templates

SCRIPT = Path(unisync_templates.__file__).parent / "nle" / "resolve_import.py"
NAME = "Reel_UNISYNC_FR_v001"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("resolve_import", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(returned: Path) -> Project:
    """A project that has the originals, and a timeline that nobody may touch."""
    made = Project()
    home = returned.parents[1]
    edit = returned.read_text()
    originals = Folder("Rushes")
    originals.clips = [Clip(path) for path in sorted(set(_paths(edit))) if "unisync_" not in path]
    made.pool.root.folders.append(originals)
    made.timelines.append(Timeline("Reel", [Item("anna.mov", 86400, originals.clips[0])]))
    assert home.is_dir()
    return made


def _paths(edit: str) -> list[str]:
    return [part.split("</pathurl>")[0][7:] for part in edit.split("<pathurl>")[1:]]


def test_a_returned_edit_becomes_a_new_timeline(
    script: ModuleType, project: Project, returned: Path
) -> None:
    said = script.import_returned(Resolve(project), str(returned))
    old, new = project.timelines
    assert (old.name, new.name) == ("Reel", NAME)
    assert [bool(item.colour) for item in new.items] == [
        "unisync_" in path for path in _paths(returned.read_text())
    ]
    marked = [item.start - 86400 for item in new.items if item.colour]
    assert marked
    assert sorted(new.markers) == marked
    assert f"Clips that play new media: {len(marked)} of {len(marked)}" in said
    assert "These are DRAFT pictures, not for delivery." in said


def test_other_timelines_and_bins_are_not_touched(
    script: ModuleType, project: Project, returned: Path
) -> None:
    before, rushes = state_of(project), project.pool.root.folders[0]
    clips = list(rushes.clips)
    script.import_returned(Resolve(project), str(returned))
    assert {name: state_of(project)[name] for name in before} == before
    assert rushes.clips == clips
    assert project.pool.current is project.pool.root, "the bin that was open is open again"
    assert [one.name for one in project.pool.root.folders] == ["Rushes", "UniSync"]


def test_twice_gives_two_timelines_and_the_media_once(
    script: ModuleType, project: Project, returned: Path
) -> None:
    for _ in range(2):
        script.import_returned(Resolve(project), str(returned))
    assert [one.name for one in project.timelines] == ["Reel", NAME, f"{NAME}_2"]
    folders = script.all_folders(project.pool.root)
    paths = [clip.path for folder in folders for clip in folder.clips]
    assert len(paths) == len(set(paths))
    assert all(item.clip is not None for item in project.timelines[2].items)


def test_the_record_may_be_chosen_as_well(
    script: ModuleType, project: Project, returned: Path
) -> None:
    record = returned.with_name(f"{returned.stem}.unisync.json")
    script.import_returned(Resolve(project), str(record))
    assert project.timelines[-1].name == NAME


def test_a_sequence_is_brought_in_by_its_first_and_last_frame(
    script: ModuleType, project: Project, returned: Path
) -> None:
    stem = "unisync_fr_0123456789abcdef"
    folder = returned.parent / "media" / stem
    folder.mkdir()
    for frame in (101, 102, 103):
        (folder / f"{stem}.{frame:07d}.exr").touch()
    record = returned.with_name(f"{returned.stem}.unisync.json")
    told = json.loads(record.read_text())
    told["changed"][0]["new_media"] = f"media/{stem}/{stem}.[0000101-0000103].exr"
    record.write_text(json.dumps(told))
    said = script.import_returned(Resolve(project), str(returned))
    ours = project.pool.root.folders[1].folders[0]
    assert any(clip.path.endswith(f"{stem}.0000101.exr") for clip in ours.clips)
    assert any(line.startswith("CHECK") for line in said), "the edit does not play it"


def test_clips_that_are_offline_are_named(
    script: ModuleType, project: Project, returned: Path
) -> None:
    project.pool.root.folders[0].clips.clear()
    said = script.import_returned(Resolve(project), str(returned))
    originals = [path for path in _paths(returned.read_text()) if "unisync_" not in path]
    assert originals
    assert any(line.startswith("Without media") for line in said)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("no project", "No project is open"),
        ("no record", "must lie beside it"),
        ("damaged record", "must lie beside it"),
        ("no edit", "is not there"),
        ("no media", "New media is missing"),
        ("a bundle", "Resolve's scripts cannot import"),
        ("media refused", "took none of the new media"),
        ("edit refused", "Resolve did not take"),
    ],
)
def test_what_cannot_be_imported_says_what_to_do(
    script: ModuleType, project: Project, returned: Path, fault: str, text: str
) -> None:
    record = returned.with_name(f"{returned.stem}.unisync.json")
    if fault == "no record":
        record.unlink()
    elif fault == "damaged record":
        record.write_text("{}")
    elif fault == "no edit":
        returned.unlink()
    elif fault == "no media":
        shutil.rmtree(returned.parent / "media")
    elif fault == "a bundle":
        told = json.loads(record.read_text())
        record.write_text(json.dumps({**told, "returned": f"{NAME}.otioz"}))
        returned.rename(returned.with_name(f"{NAME}.otioz"))
    project.refuses_media, project.refuses_edits = fault == "media refused", fault == "edit refused"
    resolve = Resolve(None if fault == "no project" else project)
    with pytest.raises(script.ImportFailedError, match=text):
        script.import_returned(resolve, str(returned))
    assert [one.name for one in project.timelines] == ["Reel"]
    assert project.pool.current is project.pool.root


def test_in_the_menu_it_asks_for_the_edit(
    script: ModuleType,
    project: Project,
    returned: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    resolve = Resolve(project)
    monkeypatch.setattr(script, "resolve", resolve, raising=False)
    assert script.main([]) == 1
    assert capsys.readouterr().out == "Nothing was chosen.\n"
    resolve.chosen = str(returned)
    assert script.main([]) == 0
    assert f"Timeline: {NAME}" in capsys.readouterr().out


def test_without_resolve_it_says_so() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "x"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("Nothing was imported. Resolve is not to be had.")


# the Python of a Resolve machine ---------------------------------------------------------------


def test_it_needs_the_standard_library_of_3_6_alone() -> None:
    tree = ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 6))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {"importlib", "json", "os", "re", "sys", "typing"}


def _oldest() -> str | None:
    """The oldest Python here that a Resolve machine may have."""
    homes = sorted(Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python"))
    found = [str(home) for home in homes]
    found += [path for minor in (6, 7, 8, 9) if (path := shutil.which(f"python3.{minor}"))]
    return found[0] if found else None


@pytest.mark.skipif(_oldest() is None, reason="needs a Python from 3.6 to 3.9")
def test_it_runs_on_an_old_python(returned: Path) -> None:
    fake = Path(__file__).with_name("fake_resolve.py")
    command = [str(_oldest()), "-I", str(fake), str(SCRIPT), str(returned)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert json.loads(done.stderr) == {"code": 0, "timelines": [NAME]}, done.stderr
