"""The page in a real browser, opened from disk: what it shows is read from its pixels."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from review_kit import Job, Picture, decoded

from unisync_adapters.timebase import Timecode
from unisync_post.job.result import FaceChoice
from unisync_post.plan.plan import Decision
from unisync_post.records import load
from unisync_post.review import build_review
from unisync_post.review.data import job_command, row_of
from unisync_post.review.page import render_page
from unisync_post.review.shots import ShotMedia

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = '</script><img src=x onerror="window.broken=1">\'"`&amp;{{7*7}}\u2028'

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    made = Job(tmp_path_factory.mktemp("review"))
    made.add("first", record=1798)  # two frames later, two timecode numbers are dropped
    made.add(HOSTILE, media=f"file:///SAN/{HOSTILE}")
    made.leave("titles", Decision.LEAVE, "No dub under it.")
    return made


@pytest.fixture(scope="module")
def built(job: Job) -> Path:
    return build_review(job.out, job.plan(edit=HOSTILE, new_name=HOSTILE), job.results)


class Viewer:
    """The open page, and what was complained of or asked from elsewhere meanwhile."""

    def __init__(self, browser: sync_api.Browser, page: Path) -> None:
        self.page = browser.new_page(viewport={"width": 1400, "height": 900})
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(page.as_uri())

    def settle(self) -> None:
        """Wait until both players show the frame that they were told to show."""
        self.page.wait_for_function(
            """() => document.querySelector("#stage").ariaBusy === "false" &&
                [...document.querySelectorAll("video")].every((v) => v.readyState >= 2)"""
        )
        self.page.wait_for_timeout(60)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def pixels(self, selector: str) -> Picture:
        box = self.page.locator(selector).bounding_box()
        image = Image.open(io.BytesIO(self.page.screenshot(clip=box)))
        return np.asarray(image.convert("RGB"))

    def shown(self) -> tuple[int, int, int]:
        """Plate frame in the before picture, frame in the after picture, frame in words."""
        before, after = (decoded(self.pixels(f".{name} .frame")) for name in ("before", "after"))
        return before, after, self.frame()

    def frame(self) -> int:
        """The frame number in words."""
        return int(self.text("frame").split("/")[0])

    def expect(self, frame: int) -> None:
        """Both pictures and the words come to show this frame of the shot, and nothing else.

        The browser paints a frame some time after it says that it has arrived there.
        """
        wanted = (Job.first + frame, Job.first + frame, frame)
        limit = time.monotonic() + 60
        while self.shown() != wanted and time.monotonic() < limit:
            self.page.wait_for_timeout(50)
        assert self.shown() == wanted

    def text(self, name: str) -> str:
        return str(self.page.inner_text(f"#{name}"))


@pytest.fixture
def viewer(browser: sync_api.Browser, built: Path) -> Iterator[Viewer]:
    opened = Viewer(browser, built)
    opened.settle()
    yield opened
    opened.page.close()
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file:", "data:"))] == []


def test_both_pictures_step_together(viewer: Viewer) -> None:
    viewer.press("Home")
    viewer.expect(0)
    viewer.press("ArrowRight", "ArrowRight", "ArrowRight")
    viewer.expect(3)
    viewer.press("Shift+ArrowRight", "ArrowLeft")
    viewer.expect(12)
    viewer.press("End")
    viewer.expect(39)
    viewer.press("ArrowRight")
    assert viewer.frame() == 39
    viewer.page.click("#back")
    viewer.settle()
    viewer.expect(38)


def test_playing_and_stopping_leaves_both_on_one_frame(viewer: Viewer) -> None:
    viewer.press("Home")
    viewer.page.keyboard.press("l")
    viewer.page.wait_for_function("() => parseInt(document.querySelector('#frame').value) > 8")
    viewer.press("k")
    frame = viewer.frame()
    viewer.expect(frame)
    assert frame > 8
    viewer.page.keyboard.press("j")
    viewer.page.wait_for_function(
        f"() => parseInt(document.querySelector('#frame').value) < {frame - 3}"
    )
    viewer.press("k")
    assert viewer.frame() < frame - 3
    viewer.expect(viewer.frame())


def test_it_opens_on_the_frame_that_changed_most(viewer: Viewer) -> None:
    frame = viewer.frame()
    viewer.expect(frame)
    viewer.press("Home", "m")
    viewer.expect(frame)


def test_timecode_is_drop_frame_and_exact(viewer: Viewer, job: Job) -> None:
    viewer.press("Home")
    plate = Timecode.parse("00:59:58;00", job.rate)
    clip = Timecode.parse("01:00:59;28", job.rate)  # record in-point
    seen = []
    for k in range(job.frames):
        assert viewer.text("source-tc") == str(plate + job.first + k)
        assert viewer.text("record-tc") == str(clip + (k - job.head))
        seen.append(viewer.text("record-tc"))
        viewer.page.keyboard.press("ArrowRight")
    assert seen[5:7] == ["01:00:59;29", "01:01:00;02"], "two numbers are dropped here"


def test_the_wipe_shows_one_beside_the_other(viewer: Viewer) -> None:
    viewer.press("Home", *["ArrowRight"] * 9)
    viewer.expect(9)
    viewer.press("2")  # plate frame 15: bits 0-3, the left half
    reds = {}
    for split in (0, 25, 100):
        viewer.page.focus("#divider")
        viewer.page.keyboard.press("Home")
        for _ in range(split // 10):
            viewer.page.keyboard.press("Shift+ArrowRight")
        for _ in range(split % 10 // 2):
            viewer.page.keyboard.press("ArrowRight")
        if split % 2:
            viewer.page.evaluate("document.activeElement.blur()")
        row = viewer.pixels(".before .frame")
        row = row[row.shape[0] // 4]
        reds[split] = float((row[:, 0] > row[:, 2].astype(int) + 60).mean())
        assert viewer.frame() == 9, "the divider's arrows step no frames"
    assert reds[0] == pytest.approx(0, abs=0.02)
    assert reds[25] == pytest.approx(0.24, abs=0.04)
    assert reds[100] == pytest.approx(0.5, abs=0.02)


def test_the_wipe_follows_the_mouse(viewer: Viewer) -> None:
    viewer.press("2")
    box = viewer.page.locator(".before .frame").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    viewer.page.mouse.move(box["x"] + box["width"] / 2, middle)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=4)
    viewer.page.mouse.up()
    assert viewer.page.get_attribute("#divider", "aria-valuenow") == "80"


def test_flip_and_difference(viewer: Viewer) -> None:
    viewer.press("Home", *["ArrowRight"] * 9)
    viewer.expect(9)
    viewer.press("3")
    first = viewer.pixels(".after .frame")[20, 20].astype(int)
    viewer.press("x")
    second = viewer.pixels(".after .frame")[20, 20].astype(int)
    assert first[2] > first[0] + 60, "blue: after"
    assert second[0] > second[2] + 60, "red: before"
    viewer.press("4")
    difference = viewer.pixels(".after .frame")
    height, width = difference.shape[:2]
    assert difference[height // 4, width // 4].max() > 200, "set bits differ"
    assert difference[height * 9 // 10, width // 2].max() < 60, "the ground is equal"


def test_zoom_enlarges_what_changed(browser: sync_api.Browser, built: Path, job: Job) -> None:
    row = row_of(job.clips[0], job.results)
    record = built.parent / row.folder / "proxy.json"
    media = load(ShotMedia, record.read_bytes())
    middle = replace(media.proxies, region=(400, 400, 600, 600))
    row = replace(row, media=replace(media, proxies=middle))
    page = built.parent / "zoomed.html"
    page.write_text(render_page(job.plan(), [row], job_command(job.out)), "utf-8")
    opened = Viewer(browser, page)
    opened.press("Home", *["ArrowRight"] * 9)  # plate frame 15: bits 0 to 3
    opened.expect(9)
    opened.press("z")
    for name, ink in (("before", 0), ("after", 2)):
        picture = opened.pixels(f".{name} .frame").astype(int)
        height, width = picture.shape[:2]
        left, right = picture[height // 10, width // 20], picture[height // 10, -width // 20]
        assert left[ink] > 150, "bit 2 stands at the left edge"
        assert right.max() < 60, "bit 5 stands at the right edge"
    opened.page.close()


def test_hostile_names_are_text(viewer: Viewer) -> None:
    viewer.press("n")
    assert viewer.page.evaluate("window.broken") is None
    assert viewer.page.locator("img[src=x]").count() == 0
    shown = " ".join(viewer.text("shot-name").split())
    assert shown == " ".join(f"2. {HOSTILE}".split())
    assert "{{7*7}}" in viewer.page.title()
    assert viewer.page.evaluate("location.hash") == "#shot-2"
    assert viewer.page.locator("#clips a[aria-current]").count() == 1


def test_sound_is_one_or_the_other(viewer: Viewer) -> None:
    muted = "[...document.querySelectorAll('video')].map((v) => v.muted)"
    assert viewer.page.evaluate(muted) == [True, False]
    assert viewer.page.locator("#sound option[value=original]").is_disabled()
    viewer.press("s")
    assert viewer.page.input_value("#sound") == "off"
    assert viewer.page.evaluate(muted) == [True, True]


def test_filter_and_find(viewer: Viewer) -> None:
    rows = viewer.page.locator("#clips li:visible")
    assert rows.count() == 3
    viewer.page.click(".chip.rendered")
    assert rows.count() == 1
    viewer.page.click(".chip.rendered")
    viewer.page.fill("#find", "no dub")
    assert rows.all_inner_texts()[0].split("\n")[1] == "titles"


def test_another_face_gives_its_command(viewer: Viewer, job: Job) -> None:
    assert viewer.text("command") == job_command(job.out)(job.clips[0], None)
    viewer.page.click(".candidate >> nth=0")
    assert viewer.text("command") == job_command(job.out)(job.clips[0], 0)


def test_everything_to_press_has_a_name(viewer: Viewer) -> None:
    nameless = viewer.page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, video, [role=slider]")]
            .filter((e) => !(e.ariaLabel || e.textContent.trim() || (e.labels && e.labels.length)))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    viewer.page.focus("#strip")
    viewer.press("Home", "ArrowRight")
    spoken = viewer.page.get_attribute("#strip", "aria-valuetext")
    assert spoken == f"frame 1, {viewer.text('record-tc')}, plate"


def test_three_hundred_shots_stay_quick(
    browser: sync_api.Browser, built: Path, job: Job, tmp_path: Path
) -> None:
    shot, result = job.clips[0].shot, job.results["shot1"]
    assert shot is not None
    clips = [replace(job.clips[0], index=k + 1, shot=shot, name=f"clip {k}") for k in range(300)]
    plan = replace(job.plan(), clips=tuple(clips))
    row = row_of(clips[0], {shot.key: replace(result, face=FaceChoice(0, "largest"))})
    page = built.parent / "many.html"
    rows = [replace(row, clip=clip) for clip in clips]
    page.write_text(render_page(plan, rows, job_command(job.out)), "utf-8")
    opened = Viewer(browser, page)
    opened.page.wait_for_selector("#clips a[aria-current]")
    opened.page.evaluate(
        """() => {
            window.drawn = 0;
            new MutationObserver((all) => all.forEach((m) => (window.drawn += m.addedNodes.length)))
                .observe(document.querySelector("#clips"), { childList: true, subtree: true });
        }"""
    )
    for _ in range(20):
        opened.page.keyboard.press("n")
    assert opened.text("shot-name") == "21. clip 20"
    assert opened.page.evaluate("window.drawn") == 0, "the list of shots is drawn anew"
    assert opened.page.locator("video").count() == 2
    assert opened.complaints == []
    opened.page.close()
