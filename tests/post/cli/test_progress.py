"""What is said of a running job: honest time left, a line for each shot, JSON for programs."""

from __future__ import annotations

import json

import pytest

from unisync_post.cli import progress
from unisync_post.cli.progress import clock, following
from unisync_post.job.events import Event
from unisync_post.job.forecast import Forecast


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_time_left_follows_the_frames_done(ticking: list[float]) -> None:
    forecast = Forecast()
    forecast.hear(Event("job", total=200))
    ticking[0] += 60  # the engine opens: that says nothing about a frame
    forecast.hear(Event("shot", 1, total=100))
    assert forecast.left is None
    ticking[0] += 30
    forecast.hear(Event("step", 1, step="faces", done=100, total=100))
    forecast.hear(Event("step", 1, step="lips", done=40, total=100))
    assert forecast.frames == pytest.approx(42)
    assert forecast.left == pytest.approx(30 * 158 / 42)
    forecast.hear(Event("done", 1, total=100, status="rendered"))
    assert forecast.left == pytest.approx(30)


def test_shots_found_ready_are_no_progress(ticking: list[float]) -> None:
    forecast = Forecast()
    forecast.hear(Event("job", total=100))
    forecast.hear(Event("done", 1, total=500, status="ready"))
    assert forecast.frames == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (4.4, "0:04"), (65, "1:05"), (3723, "1:02:03")]
)
def test_clock(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


def test_events_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with following(as_json=True) as listen:
        listen(Event("step", 3, "k", step="lips", done=2, total=9))
        listen(Event("done", 3, "k", status="failed", message="no “face”\nfound"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"kind": "step", "shot": 3, "key": "k", "step": "lips", "done": 2, "total": 9},
        {"kind": "done", "shot": 3, "key": "k", "status": "failed", "message": "no “face”\nfound"},
    ]


def test_plain_lines_without_a_terminal(
    ticking: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with following(as_json=False) as listen:
        listen(Event("job", total=80, done=2, message="Reel"))
        listen(Event("shot", 3, total=80))
        listen(Event("step", 3, step="faces", done=10, total=80))
        ticking[0] += 11
        listen(Event("step", 3, step="lips", done=40, total=80))
        listen(Event("done", 3, total=80, status="kept", message="no face was found"))
    assert capsys.readouterr().err.splitlines() == [
        "job Reel: 80 frames to render, 2 shots ready",
        "shot 3: 80 frames",
        "shot 3: lips 40/80, 0:12 left",
        "shot 3: kept: no face was found, 0:00 left",
    ]
