"""The daemon of a session, in real processes: one model load, and whatever kills whom."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from farm_kit import ended, until
from farm_kit import start as start_unisync

from unisync_post.errors import NodeError
from unisync_post.farm.address import connect_in
from unisync_post.farm.daemon import PID
from unisync_post.farm.leash import lives
from unisync_post.farm.session import LOG, DaemonError, render_in, start, stop_daemon
from unisync_post.job.folder import JobFolder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="unix sockets")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path.joinpath(*["deep"] * 30)  # beyond what a socket's address has room for
    folder.mkdir(parents=True)
    yield folder
    stop_daemon(folder)


def shots(job: JobFolder) -> list[int]:
    """Two of them: what is tested here is not the rendering."""
    return [clip.index for clip in job.plan.to_render][:2]


def count(trouble: Path, what: str) -> int:
    path = trouble / what
    return path.stat().st_size if path.exists() else 0


def process_of(session: Path) -> psutil.Process:
    return psutil.Process(int((session / PID).read_text()))


def test_two_tasks_and_one_model(
    farm_job: Callable[..., JobFolder], session: Path, trouble: Path
) -> None:
    job = farm_job("farm_engines:Counted")
    start(session, job)
    with pytest.raises(DaemonError, match="has a daemon"):
        start(session, job)
    first, second = shots(job)
    assert render_in(session, job, [first])["rendered"] == 1
    for nonsense in (b"", b"\n", b"{]\n", b'{"shots": "all"}\n', b"x" * 4096):
        with connect_in(session) as client:
            client.sendall(nonsense)
    assert render_in(session, job, [first, second])["rendered"] == 2
    assert count(trouble, "takes") == 2
    assert count(trouble, "opened") == 2  # by the test, to plan the job, and by the daemon
    daemon = process_of(session)
    assert stop_daemon(session)
    assert not lives(daemon)
    assert not stop_daemon(session)
    assert [path.name for path in session.iterdir()] == [LOG]


def test_shots_are_given_back_and_the_daemon_ends_with_its_session(
    farm_job: Callable[..., JobFolder], session: Path, trouble: Path
) -> None:
    job = farm_job("farm_engines:Gated")
    start(session, job)
    daemon = process_of(session)
    (trouble / "gate").touch()
    words = ("farm", "daemon", "run", job.path, "--shots", "1-2", "--progress", "openjd")
    task = start_unisync(*words, "--session", session)
    until(lambda: count(trouble, "takes"))
    task.terminate()
    status, said = ended(task)
    assert (status, job.results()) == (130, {})
    assert "openjd_fail: 2 shots were given back" in said
    with connect_in(session) as client:  # as on SIGKILL
        request = {"job": str(job.path), "shots": shots(job)}
        client.sendall(json.dumps(request).encode() + b"\n")
        until(lambda: count(trouble, "takes") > 1)
    (trouble / "gate").unlink()
    assert render_in(session, job, shots(job))["rendered"] == len(shots(job))
    assert process_of(session) == daemon
    family = [daemon, *daemon.children(recursive=True)]
    shutil.rmtree(session)
    _gone, alive = psutil.wait_procs(family, timeout=300)
    assert not alive


def test_a_killed_daemon_is_replaced(
    farm_job: Callable[..., JobFolder], session: Path, trouble: Path
) -> None:
    job = farm_job("farm_engines:Gated")
    start(session, job)
    (trouble / "gate").touch()
    first = process_of(session)
    said: list[str] = []
    with ThreadPoolExecutor(1) as tasks:
        task = tasks.submit(
            render_in, session, job, shots(job), listen=lambda event: said.append(event.message)
        )
        until(lambda: count(trouble, "takes"))
        workers = first.children()
        first.kill()
        first.wait()
        (trouble / "gate").unlink()
        assert task.result(300)["rendered"] == len(shots(job))
    assert any("Another one is started" in message for message in said)
    assert process_of(session) != first
    psutil.wait_procs(workers, timeout=300)
    assert not any(worker.is_running() for worker in workers)


def test_what_cannot_be_started_is_named(farm_job: Callable[..., JobFolder], session: Path) -> None:
    job = farm_job("farm_engines:Counted")
    absent = replace(job, job=replace(job.job, engine="farm_engines:Absent"))
    with pytest.raises(NodeError, match="Absent"):
        start(session, absent)
    other = replace(job, job=replace(job.job, fingerprint="f" * 64))
    with pytest.raises(NodeError, match="another one than the job's"):
        start(session, other)
    assert [path.name for path in session.iterdir()] == [LOG]
    with pytest.raises(DaemonError, match="no such session"):
        start(session / "elsewhere", job)


def test_another_process_under_its_number_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / PID).write_text(str(os.getpid()))
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("it was told to end"))
    try:
        assert not stop_daemon(tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)
