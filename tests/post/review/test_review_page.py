"""The page lists every clip, redoes only what changed, and takes text from edits as text."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from review_kit import Job, stamps, write_wav

from unisync_adapters.timebase import Rate
from unisync_post.job.events import Event
from unisync_post.job.result import FaceChoice
from unisync_post.plan.plan import Decision
from unisync_post.plan.shots import DubClip
from unisync_post.review import build_review
from unisync_post.review.clock import record_clock, source_clock
from unisync_post.review.data import job_command
from unisync_post.review.figures import figures
from unisync_post.review.page import inline_json
from unisync_post.review.shots import SourceClock, media_folder
from unisync_post.review.sound import dub_sound


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def data_of(page: Path) -> dict[str, list[dict[str, object]]]:
    found = re.search(r'id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    loaded: dict[str, list[dict[str, object]]] = json.loads(found[1])
    return loaded


def test_every_clip_is_listed_with_its_reason(job: Job) -> None:
    job.add("talks")
    job.leave("titles", Decision.LEAVE, "No dub under it.")
    job.leave("ramp", Decision.REFUSE, "A speed ramp cannot be baked.")
    kept = job.add("profile")
    job.change(kept, status="kept", media=None, reason="Turned away throughout.")
    failed = job.add("broken")
    job.change(failed, status="failed", media=None, reason="The plate is cut short.")
    waiting = job.add("later")
    del job.results[waiting.key]
    text = build_review(job.out, job.plan(), job.results).read_text("utf-8")
    states = re.findall(r'<li class="clip (\w+)"', text)
    assert states == ["rendered", "left", "refused", "kept", "failed", "pending"]
    for reason in ("No dub under it.", "A speed ramp", "Turned away throughout.", "cut short."):
        assert reason in text
    assert "Not for delivery" in text


def test_final_pictures_are_not_called_draft(job: Job) -> None:
    job.change(job.add("talks"), draft=False)
    page = build_review(job.out, job.plan(), job.results)
    assert "Not for delivery" not in page.read_text("utf-8")
    assert data_of(page)["shots"][0]["draft"] is False


def test_only_what_changed_is_made_again(job: Job) -> None:
    job.add("one")
    two = job.add("two")
    review = job.out / "review"
    build_review(job.out, job.plan(), job.results)
    (review / "notes.txt").write_text("mine")
    first = stamps(review / "media")
    build_review(job.out, job.plan(), job.results)
    assert stamps(review / "media") == first

    job.change(two, sha256="cd" * 32)
    build_review(job.out, job.plan(), job.results)
    folder = media_folder(job.results[two.key])
    second = stamps(review / "media")
    assert {name for name in first if second[name] != first[name]} == {
        name for name in first if name.startswith(folder)
    }
    (review / "media" / folder / "after.jpg").unlink()
    build_review(job.out, job.plan(), job.results, burn_in=True)
    assert (review / "media" / folder / "after.jpg").exists()
    assert (review / "notes.txt").read_text() == "mine"
    assert not [name for name in stamps(review) if name.endswith(".tmp")]


def test_burn_in_can_be_left_out_and_put_back(job: Job) -> None:
    shot = job.add("one")
    after = job.out / "review" / "media" / media_folder(job.results[shot.key]) / "after.mp4"
    made = []
    for burn_in in (True, False, True):
        build_review(job.out, job.plan(), job.results, burn_in=burn_in)
        made.append(after.read_bytes())
    assert made[0] == made[2] != made[1]


def test_a_shot_without_pictures_does_not_stop_the_others(job: Job) -> None:
    broken, fine = job.add("broken"), job.add("fine")
    job.change(broken, media="media/gone.mov")
    heard: list[Event] = []
    page = build_review(job.out, job.plan(), job.results, events=heard.append)
    shots = data_of(page)["shots"]
    assert "gone.mov" in str(shots[0]["trouble"])
    assert shots[0]["view"] is None
    assert shots[1]["view"] is not None
    assert [event.kind for event in heard] == ["warning", "step", "step"]
    assert heard[0].key == job.results[broken.key].key
    assert (heard[-1].done, heard[-1].total) == (2, 2)
    assert fine.key in job.results


def test_face_pictures_come_from_the_shots_folder_only(job: Job, tmp_path: Path) -> None:
    shot = job.add("profile")
    key = job.results[shot.key].key
    own = job.out / "shots" / key
    own.mkdir(parents=True)
    (own / "face0.jpg").write_bytes(b"jpeg")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    names = ("face0.jpg", "../../../secret.jpg", "none.jpg")
    candidates = tuple({"id": k, "thumbnail": name} for k, name in enumerate(names))
    face = FaceChoice(0, "the largest", candidates)
    job.change(shot, status="kept", media=None, face=face)
    page = build_review(job.out, job.plan(), job.results)
    shown = [c["picture"] for c in data_of(page)["shots"][0]["face"]["candidates"]]  # type: ignore[index]
    assert shown == [f"media/{media_folder(job.results[shot.key])}/face-0.jpg", None, None]
    assert (page.parent / shown[0]).read_bytes() == b"jpeg"


def test_each_character_s_face_is_named(job: Job) -> None:
    shot = job.add("two")
    candidates = tuple({"id": k} for k in range(3))
    face = FaceChoice(2, "asked for: ANNA is face 2", candidates, {"ANNA": 2, "BRUNO": 0})
    job.change(shot, status="kept", media=None, face=face)
    page = build_review(job.out, job.plan(), job.results)
    shown = data_of(page)["shots"][0]["face"]["candidates"]  # type: ignore[index]
    assert [(c["chosen"], c["character"]) for c in shown] == [
        (True, "BRUNO"),
        (False, None),
        (True, "ANNA"),
    ]


def test_inline_data_cannot_leave_its_element() -> None:
    hostile = {"name": "</script><!--<script>&\u2028\u2029\"'"}
    text = inline_json(hostile)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == hostile


def test_commands_are_quoted(job: Job) -> None:
    job.add("one")
    words = ["unisync", "render", "/jobs/it's here; rm", "--shots", "1", "--face", "2"]
    command = job_command(Path("/jobs/it's here; rm"))
    assert shlex.split(command(job.clips[0], 2)) == words
    assert shlex.split(command(job.clips[0], None)) == [*words[:-2], "--again"]


@pytest.mark.parametrize("rate", ["24000/1001", "1350/61", "60", "25"])
@pytest.mark.parametrize("begin", [Fraction(0), Fraction(-7, 30), Fraction(1001, 24000) * 86399])
def test_record_frames_are_counted_in_integers(job: Job, rate: str, begin: Fraction) -> None:
    shot = replace(job.add("one"), rate=Rate.of(rate), dub_start=begin)
    plan = job.plan()
    clock = record_clock(plan, shot)
    at, step, unit = (int(str(clock[name])) for name in ("at", "step", "unit"))
    for k in (0, 1, 39, 1000):
        seconds = begin + shot.rate.seconds(k)
        assert plan.start_frame + (at + k * step) // unit == job.start + plan.rate.frame_at(seconds)


def test_a_retimed_plate_is_counted_as_it_is_played(job: Job) -> None:
    shot = replace(job.add("one"), speed=Fraction(-2), start=Fraction(45), length=5)
    clock = SourceClock(100, job.rate, False, True)
    assert source_clock(shot, clock)["played"] == [45, 43, 41, 39, 37]
    straight = source_clock(replace(shot, speed=Fraction(1), start=Fraction(6)), clock)
    assert (straight["first"], straight["played"], straight["start"]) == (6, None, 100)


def test_the_dub_lies_where_the_edit_has_it(job: Job, tmp_path: Path) -> None:
    click = np.zeros(48_000 * 3, np.int16)
    click[48_000 * 2] = 20_000  # one second into the piece
    path = write_wav(tmp_path / "click.wav", click)
    piece = DubClip(path, Fraction(3, 2), Fraction(1), Fraction(2))
    shot = replace(job.add("one"), dub=(piece,), dub_start=Fraction(2))
    sound = dub_sound(shot)
    assert sound is not None
    assert len(sound) == round(job.rate.seconds(shot.length) * 48_000)
    assert int(np.abs(sound).argmax()) == 24_000
    assert dub_sound(replace(shot, dub_start=Fraction(9))) is None


def test_figures_say_what_they_mean(job: Job) -> None:
    shot = job.add("one")
    rows = {row.name: row for row in figures(job.results[shot.key])}
    assert rows["Frames changed"].value == "30 of 40"
    assert rows["Outside matte, composite"].tone == "good"
    assert rows["Lips to dub, before"].value == "5 frames late"
    assert rows["Lips to dub, after"].value == "in step"
    job.change(shot, outside_composite=1.0, offset_before=-1, offset_after=None)
    rows = {row.name: row for row in figures(job.results[shot.key])}
    assert rows["Outside matte, composite"].tone == "bad"
    assert rows["Lips to dub, before"].value == "1 frame early"
    assert rows["Lips to dub, after"].value == "too little speech to tell"
