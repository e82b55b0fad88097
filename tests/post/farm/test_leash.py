"""When a daemon that nobody waits for ends by itself; and its socket in a deep folder."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from unisync_post.farm.address import NAME, connect_in, listen_in
from unisync_post.farm.leash import Leash


@dataclass
class Process:
    """One further up."""

    alive: bool = True
    state: str = psutil.STATUS_SLEEPING

    def is_running(self) -> bool:
        return self.alive

    def status(self) -> str:
        return self.state


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_it_holds_while_folder_owner_and_work_are_there(tmp_path: Path) -> None:
    start, farm = Process(), Process()
    leash = Leash(tmp_path, 1000, [start, farm], Clock())
    start.alive = False
    assert [leash.broken() for _ in range(200)] == [""] * 200


def test_the_folder_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    leash = Leash(folder, 1000, [Process()], Clock())
    assert leash.broken() == ""
    moved = folder.rename(tmp_path / "elsewhere")
    assert "folder is gone" in leash.broken()
    moved.rename(folder)
    assert "folder is gone" in leash.broken()  # once broken, it stays broken


def test_another_sessions_folder_under_the_same_name(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    leash = Leash(folder, 1000, [Process()], Clock())
    folder.rename(tmp_path / "old")
    folder.mkdir()
    assert "folder is gone" in leash.broken()


def test_nothing_was_asked_for_long(tmp_path: Path) -> None:
    clock = Clock()
    leash = Leash(tmp_path, 50, [Process()], clock)
    clock.now += 40
    leash.worked()
    clock.now += 40
    assert leash.broken() == ""
    clock.now += 20
    assert leash.broken() == "nothing was asked for 50 s"


def test_the_owner_is_who_outlives_the_command_and_its_helpers(tmp_path: Path) -> None:
    clock = Clock()
    start, sudo, farm, shell = (Process() for _ in range(4))
    leash = Leash(tmp_path, 1000, [start, sudo, farm, shell], clock)
    assert leash.broken() == ""
    start.alive = False
    assert leash.broken() == ""
    sudo.alive = False  # within the time that helpers have
    clock.now += 10
    assert leash.broken() == ""
    shell.alive = False  # further up: not whose session it is
    assert leash.broken() == ""
    farm.state = psutil.STATUS_ZOMBIE  # killed, and its parent has not looked yet
    assert "owned the session" in leash.broken()


def test_it_does_not_look_at_every_call(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    leash = Leash(folder, 1000, [Process()], clock=lambda: 7.0)
    assert leash.broken() == ""
    folder.rmdir()
    assert leash.broken() == ""


def test_its_own_ancestors(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from unisync_post.farm.leash import Leash\n"
        "print(Leash(Path(sys.argv[1]), 9)._above[0].pid)"
    )
    said = subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True)
    assert int(said) == psutil.Process().pid


@pytest.mark.parametrize("depth", [1, 40])
def test_a_socket_however_deep_the_folder(tmp_path: Path, depth: int) -> None:
    folder = tmp_path.joinpath(*["deeper"] * depth)
    folder.mkdir(parents=True)
    with listen_in(folder) as listener:
        assert (folder / NAME).stat().st_mode & 0o077 == 0
        with connect_in(folder) as there:
            here, _ = listener.accept()
            with here:
                there.sendall(b"shots")
                there.shutdown(socket.SHUT_WR)
                assert here.makefile("rb").read() == b"shots"
        with pytest.raises(OSError, match="in use"):
            listen_in(folder)
    with pytest.raises(ConnectionRefusedError):
        connect_in(folder)
