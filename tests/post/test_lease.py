"""The lease: one holder at a time, judged by the observer's own clock."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from unisync_post import lease as lease_module
from unisync_post.lease import Holder, Lease, LeaseLostError, Observer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def elsewhere() -> Holder:
    """A holder whose process table is not ours: only its heartbeat can be judged."""
    return replace(Holder.this_process(), host="other", place="")


def held(folder: Path) -> Lease:
    lease = Observer(holder=elsewhere()).claim(folder)
    assert lease is not None
    return lease


def test_a_second_claim_waits_and_a_release_lets_it_in(tmp_path: Path) -> None:
    first = held(tmp_path / "drop")
    observer = Observer()
    assert observer.claim(tmp_path / "drop") is None
    assert str(observer.holder_of(tmp_path / "drop")).endswith("on other")
    first.release()
    second = observer.claim(tmp_path / "drop")
    assert second is not None
    assert second.fence > first.fence


def test_only_silence_on_the_observers_clock_makes_a_holder_dead(tmp_path: Path) -> None:
    lease, clock = held(tmp_path), Clock()
    observer = Observer(patience=30, clock=clock)
    for _ in range(20):
        clock.now += 9
        lease.beat()
        assert observer.claim(tmp_path) is None
    taken = None
    for _ in range(4):
        assert taken is None
        clock.now += 9
        taken = observer.claim(tmp_path)
    assert taken is not None
    with pytest.raises(LeaseLostError, match="taken over"):
        lease.beat()


def test_an_observer_that_was_asleep_does_not_blame_the_holder(tmp_path: Path) -> None:
    lease, clock = held(tmp_path), Clock()
    observer = Observer(patience=30, clock=clock)
    assert observer.claim(tmp_path) is None
    clock.now += 8 * 3600
    assert observer.claim(tmp_path) is None
    lease.beat()
    clock.now += 29
    assert observer.claim(tmp_path) is None


def test_a_zombie_that_writes_late_takes_nothing_back(tmp_path: Path) -> None:
    zombie, clock = held(tmp_path), Clock()
    observer = Observer(patience=3, clock=clock)
    new = None
    while new is None:
        clock.now += 1
        new = observer.claim(tmp_path)
    zombie._write()  # its check had passed before it was paused
    new.confirm()
    with pytest.raises(LeaseLostError):
        zombie.confirm()
    zombie.release()
    assert Observer(holder=elsewhere()).claim(tmp_path) is None


def test_a_claim_cut_short_counts_until_the_patience_ends(tmp_path: Path) -> None:
    (tmp_path / "00000004").write_bytes(b'{"holder"')
    clock = Clock()
    observer = Observer(patience=3, clock=clock)
    fences = []
    for _ in range(5):
        lease = observer.claim(tmp_path)
        fences.append(lease.fence if lease else None)
        clock.now += 1
    assert fences == [None, None, None, 5, None]


def test_a_process_that_died_here_is_replaced_at_once(tmp_path: Path) -> None:
    claim = (
        "import sys; from pathlib import Path; from unisync_post.lease import Observer; "
        "assert Observer().claim(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", claim, str(tmp_path)], check=True)
    assert Observer().claim(tmp_path) is not None


def test_of_many_claimants_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, looking, own = threading.Barrier(4), lease_module._newest, threading.local()

    def newest(folder: Path) -> int:
        """Nobody goes on before all have seen that the lease is free."""
        found = looking(folder)
        if own.first:
            own.first = False
            start.wait()
        return found

    def race() -> list[int]:
        observer, won = Observer(holder=elsewhere()), []
        for number in range(40):
            own.first = True
            if observer.claim(tmp_path / str(number)) is not None:
                won.append(number)
        return won

    monkeypatch.setattr(lease_module, "_newest", newest)
    with ThreadPoolExecutor(4) as pool:
        won = [pool.submit(race) for _ in range(4)]
    assert sorted(n for racer in won for n in racer.result()) == list(range(40))
