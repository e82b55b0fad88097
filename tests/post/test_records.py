"""Records on disk: whole or not at all, and nothing of a killed process stays."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unisync_post.records import clear_stale, make_folder, temporary_for, write_atomic


def test_an_old_file_survives_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    write_atomic(path, b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def test_only_what_dead_processes_of_this_machine_left_is_cleared(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    ours = temporary_for(tmp_path / "ours.json")
    ours.touch()
    theirs = ours.name.replace(f"-{os.getpid()}.tmp", f"-{dead.pid}.tmp")
    (tmp_path / theirs).touch()
    folder = tmp_path / theirs.replace("ours.json", "job")
    make_folder(folder / "deep")
    elsewhere = tmp_path / f".ours.json.0badcafe-{dead.pid}.tmp"
    user = tmp_path / ".notes.tmp"
    elsewhere.touch()
    user.touch()
    clear_stale(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {ours.name, elsewhere.name, user.name}


def test_a_folder_is_made_with_those_above_it_once(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")
