"""`unisync prepare`: everything is kept or accounted for, and nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from data_set import Prepared, shards, unisync
from reel import RATE, SHOT

from unisync_model.training.config import PairsConfig
from unisync_model.training.pairs import build
from unisync_model.training.prompts import Prompts
from unisync_model.training.samples import Manifest, Sample
from unisync_post.engines.base import Driver, EngineInfo, Generated, Take
from unisync_post.errors import EngineError, FaceError
from unisync_post.exit_codes import ExitCode
from unisync_post.faces import crop_window, mouth_matte, to_crop
from unisync_post.media.probe import probe
from unisync_post.records import load
from unisync_post.training import kinds, prepare
from unisync_post.training.clips import landmarks_file, read_crops, read_track
from unisync_post.training.kinds import Made, Source
from unisync_post.training.relip import relipped
from unisync_post.training.rows import stretched


def rejected(data: Path) -> dict[str, str]:
    """Reason by source."""
    lines = (data / "rejected.jsonl").read_text().splitlines()
    return {line["source"]: line["reason"] for line in map(json.loads, lines)}


def samples(data: Path) -> list[Sample]:
    held = Manifest.open(data / "manifest.jsonl")
    return [held.load(k) for k in range(len(held))]


def made(data: Path) -> list[Made]:
    paths = sorted(data.glob("sets/*/clips/*.json"))
    return [load(Made, path.read_bytes()) for path in paths]


def test_every_source_is_kept_or_has_its_reason(prepared: Prepared) -> None:
    assert prepared.done.exit_code == ExitCode.OK
    assert rejected(prepared.data) == {
        "silent.mov": kinds.NO_SPEECH,
        "mute.mov": kinds.SILENT_FILE,
        "wrong_voice.mov": kinds.NO_FIT,
        "short.mov": kinds.SHORT,
        "small.mov": "too small",
        "no_face.mov": kinds.NO_FACE,
        "empty.mov": kinds.BROKEN,
        "broken.mov": kinds.BROKEN,
    }
    for reason in rejected(prepared.data).values():
        assert reason in prepared.done.stdout
    assert "kept:      2 clips" in prepared.done.stdout


def test_the_film_is_cut_where_its_shots_change(prepared: Prepared) -> None:
    sources = [load(Source, p.read_bytes()) for p in prepared.data.glob("sets/*/sources/*.json")]
    (film,) = [source for source in sources if source.path.name == "film.mov"]
    assert film.shots == ((0, SHOT), (SHOT, 2 * SHOT))
    assert sorted(one.clip.start for one in made(prepared.data)) == [0, SHOT]


def test_cut_off_and_started_again_it_keeps_what_is_finished(prepared: Prepared) -> None:
    assert prepared.cut_off.exit_code == ExitCode.INTERRUPTED
    assert "run the same command again" in prepared.cut_off.stderr
    assert len(prepared.stamps) == 1
    after = shards(prepared.data)
    assert len(after) == 2
    assert prepared.stamps.items() <= after.items()


def test_a_row_is_a_sample_with_its_own_voice_and_rate(prepared: Prepared) -> None:
    found = samples(prepared.data)
    # 24 is not told beside 23.976
    assert sorted(s.rate for s in found) == sorted([Fraction(16), RATE, Fraction(25)] * 2)
    by_clip: dict[str, dict[Fraction, Sample]] = {}
    for sample in found:
        by_clip.setdefault(sample.name.partition("@")[0], {})[sample.rate] = sample
    for rates in by_clip.values():
        own = rates[RATE]
        assert own.altered == "relip"
        assert own.domain == "3d"
        for other in (rates[Fraction(16)], rates[Fraction(25)]):
            assert torch.equal(own.x0, other.x0)
            assert own.video is not None
            assert other.video is not None
            assert torch.equal(own.video, other.video)
            assert not torch.equal(own.audio, other.audio)
            assert other.audio.shape == own.audio.shape
    one, two = (rates[RATE] for rates in by_clip.values())
    assert not torch.equal(one.audio, two.audio)


def test_the_condition_differs_in_the_mouth_alone(prepared: Prepared) -> None:
    for sample in samples(prepared.data):
        condition = build("relip", sample, PairsConfig(), torch.Generator())
        outside = sample.mask.expand_as(sample.x0) == 0
        assert torch.equal(condition[outside], sample.x0[outside])
        assert not torch.equal(condition[~outside], sample.x0[~outside])


def test_sound_is_stretched_as_the_pictures_are() -> None:
    """A clap stays under its picture."""
    clap = np.zeros(32_000, np.float32)
    clap[8_000] = 1
    for rate in (Fraction(16), Fraction(24), Fraction(30), Fraction(30000, 1001)):
        ratio = RATE / rate
        slower = stretched(Driver(clap, 16_000, Fraction(-1)), ratio)
        assert slower.start == -ratio
        assert len(slower.samples) == pytest.approx(32_000 * ratio, abs=1)
        assert int(slower.samples.argmax()) == pytest.approx(8_000 * ratio, abs=1)


class Painter:
    """An engine that paints over everything."""

    info = EngineInfo("painter", "1", "0", False, size=96)

    def generate(self, take: Take) -> Generated:
        noise = np.random.default_rng(0).integers(0, 255, take.frames.shape).astype(np.uint8)
        return Generated(noise, np.ones(take.count, np.bool_))


class Idler(Painter):
    """One that does nothing."""

    def generate(self, take: Take) -> Generated:
        return Generated(take.frames, np.zeros(take.count, np.bool_))


def test_no_engine_reaches_beyond_the_mouth(prepared: Prepared) -> None:
    one, two = made(prepared.data)
    clip = one.clip
    (home,) = (prepared.data / "sets").iterdir()
    track = read_track(landmarks_file(home / "faces", clip))
    # as if nothing had been set aside
    clip = replace(clip, aside=0, frames=clip.aside + clip.frames)
    window = crop_window(track, 64)
    info = probe(clip.source)
    frames = read_crops(info, clip.first, window, None)
    out = relipped(clip, track, info, Painter(), two.clip, frames, window)
    points = to_crop(track.landmarks, window)
    mattes = [mouth_matte(p, 64) for p in points]
    changed = (out != frames).any(-1)
    assert not changed[np.stack([m.soft for m in mattes]) == 0].any()
    assert changed[np.stack([m.soft for m in mattes]) == 1].mean() > 0.9
    with pytest.raises(EngineError, match=r"only 0 of \d+ mouths were changed"):
        relipped(clip, track, info, Idler(), two.clip, frames, window)


def test_portraits_lie_outside_the_clip(prepared: Prepared) -> None:
    for one in made(prepared.data):
        assert one.clip.aside == 6
        assert one.clip.first + one.clip.frames <= one.clip.start + SHOT
    assert {s.reference.shape[1] for s in samples(prepared.data)} == {3}


def test_licence_consent_and_measures_are_recorded(prepared: Prepared) -> None:
    digest = hashlib.sha256(b"All who are seen are drawn.").hexdigest()
    for line in (prepared.data / "manifest.jsonl").read_text().splitlines():
        info: dict[str, Any] = json.loads(line)["info"]
        assert info["source"] == "film.mov"
        assert info["licence"] == "CC0-1.0"
        assert (info["consent_file"], info["consent_sha256"]) == ("consent.txt", digest)
        assert info["measures"]["fit"] > 0.6
        assert info["engine"] == "draft"
        assert info["voice"].startswith("film.mov")
    assert len(Prompts.open(prepared.data / "prompts.safetensors").positive) == 1


def test_again_with_another_licence_nothing_is_encoded_anew(
    prepared: Prepared, tmp_path: Path
) -> None:
    data = shutil.copytree(prepared.data, tmp_path / "moved")
    words = [data if word == prepared.data else word for word in prepared.words]
    words[words.index("CC0-1.0")] = "CC-BY-4.0"
    before = shards(data)
    result = unisync(*words, "--hold-out", "1", "--json")
    assert result.exit_code == ExitCode.OK
    assert shards(data) == before
    end = json.loads(result.stdout.splitlines()[-1])
    assert (end["event"], end["rows"], end["held_out"]) == ("end", 3, 3)
    assert {line["reason"] for line in end["reasons"]} == set(rejected(data).values())
    train, aside = (Manifest.open(data / f"{name}.jsonl").rows for name in ("manifest", "held_out"))
    assert not {row.shard for row in train} & {row.shard for row in aside}
    assert {row.info["licence"] for row in (*train, *aside)} == {"CC-BY-4.0"}
    assert unisync(*words).exit_code == ExitCode.OK
    assert Manifest.open(data / "held_out.jsonl").rows == aside


def test_nothing_to_keep_is_said_and_coded(prepared: Prepared, tmp_path: Path) -> None:
    mute = prepared.data.parent / "bad" / "mute.mov"
    words = ("--out", tmp_path / "none", "--model", prepared.model)
    result = unisync("prepare", mute, *words)
    assert result.exit_code == ExitCode.NONE_RENDERED
    assert kinds.SILENT_FILE in result.stdout
    missing = unisync("prepare", tmp_path / "gone.mov", *words)
    assert missing.exit_code == ExitCode.INPUT
    assert "there is no such file" in missing.stderr
    (tmp_path / "none.toml").write_text("fits = 1\n")
    unknown = unisync("prepare", mute, *words, "--limits", tmp_path / "none.toml")
    assert "fits" in unknown.stderr


def test_what_went_wrong_once_is_tried_again(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = prepared.data.parent / "bad" / "short.mov"
    words = ("prepare", short, "--out", tmp_path, "--model", prepared.model)

    def fails(*_: object) -> None:
        raise FaceError("the face models cannot be loaded")

    with monkeypatch.context() as patch:
        patch.setattr(prepare, "look_at_shot", fails)
        assert unisync(*words).exit_code == ExitCode.NONE_RENDERED
    assert rejected(tmp_path) == {"short.mov": kinds.FAILED}
    unisync(*words)
    assert rejected(tmp_path) == {"short.mov": kinds.SHORT}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_it_ends_with_the_same_bytes(prepared: Prepared, tmp_path: Path) -> None:
    """With workers of their own, which may not outlive it."""
    words = [tmp_path / "DATA" if word == prepared.data else word for word in prepared.words]
    command = [sys.executable, "-c", "from unisync_post.cli import main; main()"]
    command += [*map(str, words), "--workers", "2", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("step") == "clips":
                workers = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGKILL)
                break
    assert len(workers) >= 2
    assert not psutil.wait_procs(workers, timeout=60)[1]
    finished = shards(tmp_path / "DATA")
    assert finished
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert finished.items() <= shards(tmp_path / "DATA").items()
    for name in ("manifest.jsonl", "held_out.jsonl", "prompts.safetensors"):
        assert (tmp_path / "DATA" / name).read_bytes() == (prepared.data / name).read_bytes()
    for path in prepared.data.glob("sets/*/clips/*.safetensors"):
        assert (tmp_path / "DATA" / path.relative_to(prepared.data)).read_bytes() == (
            path.read_bytes()
        )


@pytest.mark.slow
def test_a_real_clip(model: Path, tmp_path: Path) -> None:
    folder = os.environ.get("UNISYNC_FOOTAGE")
    if not folder:
        pytest.skip("UNISYNC_FOOTAGE names no folder")
    clip = Path(folder) / "faces" / "green_screen_glasses.mov"
    result = unisync("prepare", clip, "--out", tmp_path, "--model", model, "--relip", "draft")
    assert result.exit_code == ExitCode.OK, result.stdout
    rows = Manifest.open(tmp_path / "manifest.jsonl").rows
    assert all(row.info["measures"]["fit"] > 0.3 for row in rows)
