"""Figures and records of a running pool, as Prometheus and a log collector read them."""

from __future__ import annotations

import json
import logging
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from unisync_post.job.events import Event
from unisync_post.telemetry import metrics as metrics_module
from unisync_post.telemetry.logs import close_log, logging_to, open_log
from unisync_post.telemetry.metrics import Metrics
from unisync_post.telemetry.report import reported

RUN = (
    Event("worker", status="loaded", message="Worker 1 opened draft in 2.0 s"),
    Event("job", total=24, job="/out/jobs/a", message="a"),
    Event("shot", 1, "k1", total=12, job="/out/jobs/a"),
    Event("step", 1, "k1", step="lips", done=3, total=12, job="/out/jobs/a"),
    Event("shot", 1, "k1", total=12, job="/out/jobs/b"),
    Event("done", 1, "k1", done=12, total=12, status="rendered", job="/out/jobs/a"),
    Event("worker", status="hung", message="Worker 1 stood still for 900 s"),
    Event("done", 1, "k1", status="failed", message="bad\n\x1b[31mmedia", job="/out/jobs/b"),
    Event("end", status="finished", job="/out/jobs/a", message="1 rendered"),
)


def value(text: str, name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    raise KeyError(name)


def test_figures_of_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = [50.0]
    monkeypatch.setattr(metrics_module.time, "monotonic", lambda: now[0])
    metrics = Metrics()
    assert value(metrics.text(), "unisync_shots_total", state="rendered") == 0
    for event in RUN:
        metrics(event)
        now[0] += 7
    metrics.depth.set(4)
    metrics.last_scan.set(1_795_000_000)
    path = tmp_path / "unisync.prom"
    metrics.write(path)
    text = path.read_text()
    assert value(text, "unisync_shots_total", state="rendered") == 1
    assert value(text, "unisync_shots_total", state="failed") == 1
    assert value(text, "unisync_shot_seconds_count") == 2
    assert value(text, "unisync_shot_seconds_sum") == 21 + 21
    assert value(text, "unisync_shot_seconds_bucket", le="20.0") == 0
    assert value(text, "unisync_shot_seconds_bucket", le="30.0") == 2
    assert value(text, "unisync_model_loads_total") == 1
    assert value(text, "unisync_worker_restarts_total", cause="hung") == 1
    assert value(text, "unisync_queue_depth") == 4
    assert value(text, "unisync_watch_last_scan_timestamp_seconds") == 1_795_000_000
    assert [p.name for p in tmp_path.iterdir()] == ["unisync.prom"]


def test_figures_are_served_on_this_machine_only() -> None:
    metrics = Metrics()
    metrics(RUN[0])
    with (
        metrics.serving(0) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        text = answer.read().decode()
    assert value(text, "unisync_model_loads_total") == 1


def test_records_name_job_and_shot_and_cannot_be_forged(tmp_path: Path) -> None:
    logger = open_log(tmp_path / "log" / "unisync.jsonl", name="unisync.test")
    try:
        listen = logging_to(logger)
        for event in RUN:
            listen(event)
        try:
            raise ValueError("of all things")
        except ValueError:
            logger.exception("It broke")
    finally:
        close_log(logger)
    text = (tmp_path / "log" / "unisync.jsonl").read_bytes()
    assert text.isascii()
    records = [json.loads(line) for line in text.splitlines()]
    assert len(records) == len(RUN)  # no progress, one traceback
    done = records[4]
    assert (done["job"], done["shot"], done["key"]) == ("/out/jobs/a", 1, "k1")
    assert (done["kind"], done["status"], done["level"]) == ("done", "rendered", "info")
    assert done["time"].endswith("+00:00")
    failed = records[6]
    assert (failed["level"], failed["message"]) == ("error", "bad\n\x1b[31mmedia")
    assert "ValueError: of all things" in records[-1]["traceback"]


def test_records_rotate(tmp_path: Path) -> None:
    path = tmp_path / "unisync.jsonl"
    logger = open_log(path, max_bytes=2000, backups=2, name="unisync.rotating")
    for number in range(100):
        logger.info("record %d", number)
    close_log(logger)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["unisync.jsonl", "unisync.jsonl.1", "unisync.jsonl.2"]
    assert all(p.stat().st_size <= 2000 for p in tmp_path.iterdir())
    assert json.loads(path.read_text().splitlines()[-1])["message"] == "record 99"


def test_a_command_reports_to_both_and_to_the_user(tmp_path: Path) -> None:
    heard: list[Event] = []
    log, figures = tmp_path / "a.jsonl", tmp_path / "a.prom"
    with reported(heard.append, log=log, metrics=figures) as listen:
        for event in RUN:
            listen(event)
    assert heard == list(RUN)
    assert len(log.read_text().splitlines()) == len(RUN) - 1
    assert value(figures.read_text(), "unisync_shots_total", state="failed") == 1
    assert not logging.getLogger("unisync").handlers
    with reported(heard.append) as listen:
        assert listen == heard.append
