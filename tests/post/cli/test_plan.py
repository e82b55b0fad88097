"""`unisync plan` as a person and as a script meet it."""

from __future__ import annotations

import json
import os
import wave
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from click.testing import CliRunner, Result
from clips import Spec, make_clip

from unisync_post.exit_codes import ExitCode
from unisync_post.plan.plan import Plan
from unisync_post.records import load

FOOTAGE = os.environ.get("UNISYNC_FOOTAGE")


def write_wav(path: Path, seconds: float) -> Path:
    """Silence: no model is needed to hear that nobody speaks."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(np.zeros(round(seconds * 48_000), "<i2").tobytes())
    return path


def write_edit(folder: Path, media: Path, frames: int = 12) -> Path:
    def span(count: float) -> otio.opentime.TimeRange:
        zero = otio.opentime.RationalTime(0, 25)
        return otio.opentime.TimeRange(zero, otio.opentime.RationalTime(count, 25))

    timeline = otio.schema.Timeline("Reel [1]")
    track = otio.schema.Track("V1")
    reference = otio.schema.ExternalReference(str(media), span(frames))
    track.append(otio.schema.Clip("talk [bold]", reference, span(frames)))
    timeline.tracks.append(track)
    path = folder / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    return path


def run(*arguments: str | Path) -> Result:
    from unisync_post.cli import main

    return CliRunner().invoke(main, ["plan", *map(str, arguments)])


@pytest.fixture
def edit(tmp_path: Path) -> Path:
    return write_edit(tmp_path, make_clip(tmp_path / "a.mov", Spec(frames=12)))


def listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.read_bytes())
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_nothing_is_written(edit: Path) -> None:
    dub = write_wav(edit.parent / "FR.wav", 1)
    before = listing(edit.parent)
    result = run(edit, "--dub", dub)
    assert result.exit_code == ExitCode.OK, result.output
    assert listing(edit.parent) == before


def test_without_a_terminal_it_prints_plain_lines(edit: Path) -> None:
    result = run(edit, "--dub", write_wav(edit.parent / "FR.wav", 1))
    lines = result.output.splitlines()
    assert lines[0].split("\t")[:4] == ["#", "Record", "Track", "Clip"]
    assert lines[1].split("\t") == [
        "1",
        "00:00:00:00",
        "V1",
        "talk [bold]",
        "a.mov",
        "FR.wav",
        "leave",
        "No dub speech under it.",
    ]
    assert "New timeline: Reel [1]_UNISYNC_FR_v001" in lines
    assert "1 clips: 0 to render (0 frames), 1 left, 0 refused" in lines
    assert "\x1b" not in result.output


def test_json_is_the_record_itself(edit: Path) -> None:
    result = run(edit, "--dub", write_wav(edit.parent / "x.wav", 1), "--language", "fr", "--json")
    plan = load(Plan, result.output.encode())
    assert plan.clips[0].name == "talk [bold]"
    assert json.loads(result.output)["rate"] == {"fps": "25"}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--dub", "gone.wav"], ExitCode.INPUT, "gone.wav"),
        ([], ExitCode.INPUT, "--dub-track"),
        (["--dub-track", "A9"], ExitCode.INPUT, "A9"),
        (["--dub-start", "01:00:00:00"], ExitCode.INPUT, "--dub FILE"),
        (["--path-map", "nothing"], ExitCode.USAGE, "THEIRS=HERE"),
        (["--face", "nose"], ExitCode.USAGE, "left, right, largest"),
        (["--handles", "-1"], ExitCode.USAGE, "--handles"),
    ],
)
def test_exit_codes_and_messages(
    edit: Path, arguments: list[str], code: ExitCode, says: str
) -> None:
    result = run(edit, *arguments)
    assert result.exit_code == code
    assert says in result.output
    assert "Traceback" not in result.output


@pytest.mark.skipif(FOOTAGE is None, reason="UNISYNC_FOOTAGE is not set")
def test_real_footage_with_a_real_dub(tmp_path: Path) -> None:
    footage = Path(str(FOOTAGE))
    edit = write_edit(tmp_path, footage / "faces" / "address_a.mp4", 60)
    result = run(edit, "--dub", f"{footage / 'audio' / 'espeak_fr.wav'}@fr", "--json")
    assert result.exit_code == ExitCode.OK, result.output
    (clip,) = load(Plan, result.output.encode()).clips
    assert clip.shot is not None
    assert clip.shot.language == "fr"
    assert clip.speech is not None
    assert 1.5 < clip.speech < 2.4
