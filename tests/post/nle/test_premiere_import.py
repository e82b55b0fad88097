"""premiere_import.jsx in Chromium's JavaScript against a model of Premiere's objects. It was NOT
run in the application."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unisync_templates import read_template

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCRIPT = read_template("nle/premiere_import.jsx")
FAKE = Path(__file__).with_name("fake_premiere.js").read_text("utf-8")
NEW = "/show/media/unisync_fr_0123456789abcdef.mov"
EDIT = "/show/Reel 1_UNISYNC_FR_v001.xml"

browser_only = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def page() -> Iterator[sync_api.Page]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium.new_page()
        chromium.close()


def sequence(name: str, *clips: tuple[str, float, str | None]) -> dict[str, Any]:
    return {"name": name, "clips": list(clips)}


REEL = sequence("Reel_UNISYNC_FR_v001", ("anna", 1.5, NEW), ("b", 2.0, "/b.mov"), ("t", 3.0, None))


def imported(
    page: sync_api.Page, disk: dict[str, Any], chosen: str | None, more: str = "", times: int = 1
) -> dict[str, Any]:
    """What the script said, and what became of the project."""
    page.goto("about:blank")
    page.add_script_tag(content=FAKE)
    told: dict[str, Any] = page.evaluate(
        """([disk, chosen, more, times, script]) => {
            model(disk, chosen);
            (0, eval)(more);
            for (let i = 0; i < times; i += 1) run(script);
            return {
                said: said,
                sequences: app.all.map((s) => s.name),
                markers: app.all.map((s) => s.all.map((m) => [m.start, m.name, m.comments])),
                labels: app.all.map((s) => {
                    const clips = s.videoTracks[0].clips, found = [];
                    for (let i = 0; i < clips.numItems; i += 1)
                        found.push(clips[i].projectItem ? clips[i].projectItem.label : null);
                    return found;
                }),
                bins: app.project ? app.project.rootItem.names() : [],
            };
        }""",
        [disk, chosen, more, times, SCRIPT],
    )
    return told


@pytest.mark.browser
@browser_only
def test_a_returned_edit_becomes_a_new_sequence(page: sync_api.Page) -> None:
    told = imported(page, {EDIT: [REEL]}, EDIT)
    assert told["sequences"] == ["Reel", "Reel_UNISYNC_FR_v001"]
    assert told["labels"] == [[0], [7, 0, None]]
    assert told["markers"] == [[], [[1.5, "UniSync", "Lips re-synced by UniSync Post: anna"]]]
    assert told["bins"] == ["UniSync"]
    (text,) = told["said"]
    assert "New sequences: Reel_UNISYNC_FR_v001\nClips that play new media: 1" in text


@pytest.mark.browser
@browser_only
def test_nests_and_second_imports_get_names_of_their_own(page: sync_api.Page) -> None:
    disk = {EDIT: [REEL, sequence("Reel", ("anna", 0.5, NEW))]}
    told = imported(page, disk, EDIT, times=2)
    assert told["sequences"] == [
        *("Reel", "Reel_UNISYNC_FR_v001", "Reel_2"),
        *("Reel_UNISYNC_FR_v001_2", "Reel_3"),
    ]
    assert told["markers"][0] == []
    assert told["bins"] == ["UniSync"]


@pytest.mark.browser
@browser_only
def test_what_wants_a_look_is_said(page: sync_api.Page) -> None:
    offline = imported(page, {EDIT: [REEL]}, EDIT, more=f"app.offline.push('{NEW}')")
    assert f"Offline, link these: {NEW}" in offline["said"][0]
    windows = NEW.replace("/", "\\")
    assert imported(page, {EDIT: [sequence("R", ("a", 0.0, windows))]}, EDIT)["labels"][1] == [7]
    nothing = imported(page, {EDIT: [sequence("R", ("a", 0.0, "/a.mov"))]}, EDIT)
    assert "CHECK: no clip plays new media" in nothing["said"][0]


@pytest.mark.browser
@browser_only
@pytest.mark.parametrize(
    ("disk", "chosen", "more", "text"),
    [
        ({}, "/show/Reel.fcpxml", "", "Premiere imports no .fcpxml by script"),
        ({}, EDIT, "", "is not there"),
        ({EDIT: [REEL]}, EDIT, "app.project = undefined", "No project is open"),
        ({EDIT: [REEL]}, EDIT, "app.refusesBins = true", "made no bin"),
        (
            {EDIT: [REEL]},
            EDIT,
            "app.project.importFiles = function () { return false; }",
            "not take",
        ),
        ({EDIT: []}, EDIT, "", "No sequence came"),
    ],
)
def test_what_cannot_be_imported_says_what_to_do(
    page: sync_api.Page, disk: dict[str, Any], chosen: str, more: str, text: str
) -> None:
    told = imported(page, disk, chosen, more)
    (said,) = told["said"]
    assert said.startswith("UniSync: ")
    assert text in said
    assert told["sequences"] == ["Reel"]


@pytest.mark.browser
@browser_only
def test_nothing_chosen_is_nothing_done(page: sync_api.Page) -> None:
    told = imported(page, {EDIT: [REEL]}, None)
    assert (told["said"], told["sequences"], told["bins"]) == ([], ["Reel"], [])


def test_it_is_javascript_of_1999() -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", SCRIPT, flags=re.DOTALL)
    assert not re.search(r"\b(let|const|class|async|await|import|export)\b|=>|`|,\s*[}\]]", code)
