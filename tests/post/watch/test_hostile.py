"""Drops of strangers: refused with the text that offends, before anything of it is opened."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from watch_kit import Bench, Cut, write_edit


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A loopback HTTP server: its address, and what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", asked
    listening.shutdown()
    thread.join()
    listening.server_close()


def hostile_drop(bench: Bench, stage, reference: str) -> str:
    """An edit of two clips, one as it should be and one that refers to something else."""
    edit = write_edit(
        bench.folder / "Reel.xml", [Cut(stage.anna, length=20), Cut(Path("/offending"), length=20)]
    )
    edit.write_text(edit.read_text().replace("file:///offending", reference))
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    status = bench.until("Reel.xml", "rejected")
    assert not bench.renderer.submitted
    assert not list(bench.out.glob("*/*/jobs"))
    assert "export again" in status.remedy
    return status.reason


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("file:///dev/zero", "file:///dev/zero"),
        ("file:///srv/%2e%2e/%2e%2e/etc/shadow.mov", "%2e%2e"),
        ("..\\..\\secret\\a.mov", "..\\"),
        ("file://server/share/../../a.mov", "file://server"),
        ("file:///a%00.mov", "file:///a%00.mov"),
        ("file:///a%0a.mov", "file:///a%0a.mov"),
        ("concat:/etc/passwd|/etc/hosts", "concat:/etc/passwd"),
        ("data:video/mp4;base64,AAAA", "data:video/mp4"),
        ("rtmp://127.0.0.1/a.mov", "rtmp://127.0.0.1/a.mov"),
        ("subfile,,start,0,end,9,,:/etc/passwd", "subfile"),
    ],
)
def test_rows_14_and_15_hostile_references_are_named(
    bench: Bench, stage, reference: str, text: str
) -> None:
    reason = hostile_drop(bench, stage, reference)
    assert text in reason.replace("\\\\", "\\")


def test_every_offence_of_an_edit_is_listed(bench: Bench, stage) -> None:
    wrong = [f"file:///etc/{number}" for number in range(7)]
    cuts = [Cut(Path(f"/etc/{number}"), length=4) for number in range(7)]
    write_edit(bench.folder / "Reel.xml", cuts)
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    reason = bench.until("Reel.xml", "rejected").reason
    assert all(text in reason for text in wrong[:5])
    assert "; and 2 more" in reason


def test_row_15_nothing_is_fetched(
    bench: Bench, stage, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, asked = server
    assert f"{address}/a.mov" in hostile_drop(bench, stage, f"{address}/a.mov")
    assert asked == []


def test_row_14_a_link_that_leaves_the_roots_is_refused(
    bench: Bench, stage, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.mov"
    shutil.copy(stage.anna, secret)
    (bench.folder / "link.mov").symlink_to(secret)
    reason = hostile_drop(bench, stage, (bench.folder / "link.mov").as_uri())
    assert "a link that leads outside the media roots" in reason


@pytest.mark.parametrize("which", ["Reel.xml", "Reel_FR.wav"])
def test_row_14_an_edit_or_a_dub_that_is_such_a_link_is_refused(
    bench: Bench, stage, tmp_path: Path, which: str
) -> None:
    shutil.copy(stage.edit, bench.folder / "Reel.xml")
    shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
    away = tmp_path / "elsewhere"
    (bench.folder / which).rename(away)
    (bench.folder / which).symlink_to(away)
    status = bench.until("Reel.xml", "rejected")
    assert status.reason.startswith(f"{which} is a link that leads outside the media roots")


def test_media_elsewhere_is_not_opened_and_not_even_asked_for(
    bench: Bench, stage, tmp_path: Path
) -> None:
    secret = Path(shutil.copy(stage.anna, tmp_path / "secret.mov"))
    said = []
    for _ in range(2):
        write_edit(bench.folder / "Reel.xml", [Cut(secret, length=20)])
        shutil.copy(stage.fr, bench.folder / "Reel_FR.wav")
        said.append(bench.until("Reel.xml", "waiting").waiting_for)
        secret.unlink(missing_ok=True)
        bench.restart()
    assert said[0] == said[1], "whether a file exists outside the roots would be told"
    assert "it lies outside the media roots" in said[0][0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '<?xml version="1.0"?><!DOCTYPE xmeml [<!ENTITY a "b">]><xmeml version="5">&a;</xmeml>',
            "",
        ),
        ('<?xml version="1.0"?><!DOCTYPE xmeml><xmeml version="5"><sequence>', ""),
        ("", "0 bytes"),
    ],
)
def test_row_11_damaged_and_hostile_edits_are_rejected(
    bench: Bench, stage, text: str, reason: str
) -> None:
    (bench.folder / "Reel.xml").write_text(text)
    status = bench.until("Reel.xml", "rejected")
    assert reason in status.reason
    assert status.reason


def test_a_pipe_in_the_folder_holds_nothing_up(bench: Bench, stage) -> None:
    os.mkfifo(bench.folder / "Reel.xml")
    os.mkfifo(bench.folder / "Other_FR.wav")
    shutil.copy(stage.edit, bench.folder / "Other.xml")
    assert bench.until("Other.xml", "waiting").waiting_for == ("a dub, such as Other_FR.wav",)
    assert bench.status("Reel.xml") is None


def test_settings_that_nest_without_end_are_refused(bench: Bench, stage) -> None:
    shutil.copy(stage.edit, bench.folder / "Reel.xml")
    (bench.folder / "Reel.unisync.toml").write_text("language = " + "[" * 100_000)
    status = bench.until("Reel.xml", "rejected")
    assert "Reel.unisync.toml" in status.reason
