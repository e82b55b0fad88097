"""Two faces of one shot, each dubbed with its own character's file; and when nobody is told apart.

The plate is drawn, the engine paints each mouth as bright as the sound that it is given.
"""

from __future__ import annotations

import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from job_kit import FRAMES, RATE, Cut, write_edit

from unisync_adapters.timebase import Rate
from unisync_model.characters.film import Scene, Seat, render
from unisync_model.characters.speech import mouth_curve
from unisync_post.demo.layout import ANNA, BRUNO
from unisync_post.demo.script import recording
from unisync_post.driver import build_driver
from unisync_post.engines.base import Driver, EngineInfo, Generated, Take
from unisync_post.errors import PlanError
from unisync_post.faces.track import track_faces
from unisync_post.job.dub import plan_job
from unisync_post.job.folder import JobFolder
from unisync_post.job.result import FaceChoice, ShotResult
from unisync_post.job.run import render_job
from unisync_post.measure import speaking_face
from unisync_post.media.frames import read_frames, read_played
from unisync_post.media.pixels import planes_of
from unisync_post.media.probe import probe
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.shots import DubClip

Pair = tuple[Path, tuple[DubFile, ...]]

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT = slice(0, WIDTH // 2), slice(WIDTH // 2, WIDTH)
BOTH = "ANNA:left,BRUNO:right"


def write_pair(path: Path) -> Path:
    """A ProRes plate: Anna at the left says one line, Bruno, a little nearer, another."""
    seats = (Seat(ANNA, 0.22, size=0.20), Seat(BRUNO, 0.78, size=0.22))
    scene = Scene(seats, WIDTH, HEIGHT, seed=3, rate=RATE)
    lines = [recording(name, "en").phonemes for name in ("help", "met")]
    mouths = np.stack([mouth_curve(line, RATE, FRAMES) for line in lines])
    with av.open(str(path), "w") as container:
        container.metadata["timecode"] = "01:00:00:00"
        stream = container.add_stream("prores_ks", rate=RATE, options={"profile": "standard"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv422p10le"
        for index, rgb in enumerate(render(scene, mouths)):
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv422p10le")
            frame.pts, frame.time_base = index, 1 / RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_line(path: Path, line: str, begins: float, language: str = "fr") -> Path:
    """A character's own file from the sequence start: silent, then this line."""
    spoken = recording(line, language)
    silence = np.zeros(round(begins * spoken.sample_rate), np.float32)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spoken.sample_rate)
        sound = np.concatenate([silence, spoken.samples])
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


def level(driver: Driver, rate: Rate, k: int) -> float:
    """Mean of the sound's absolute samples over frame ``k``."""
    first, last = (round((rate.seconds(n) - driver.start) * driver.sample_rate) for n in (k, k + 1))
    return float(np.abs(driver.samples[first:last]).mean())


class Meter:
    """Paints the mouth as bright as the sound over each frame is loud."""

    def __init__(self) -> None:
        self.info = EngineInfo("meter", "1", "meter", True, 256, window=12, overlap=4)
        self.takes = 0

    def generate(self, take: Take) -> Generated:
        self.takes += 1
        frames = take.frames.copy()
        for k in np.flatnonzero(take.generate):
            loud = level(take.driver, take.rate, int(k))
            frames[k][take.mouth[k] > 0] = np.uint8(min(255, 60 + 600 * loud))
        return Generated(frames, take.generate.copy())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The plate, and a file for each of the two; Bruno's line begins while Anna's runs."""
    folder = tmp_path_factory.mktemp("pair")
    files = (
        write_line(folder / "EP1_FR_DX_ANNA.wav", "met", 0.1),
        write_line(folder / "EP1_FR_DX_BRUNO.wav", "memory", 0.6),
    )
    return write_pair(folder / "two.mov"), tuple(DubFile(path, "fr") for path in files)


def planned(pair: Pair, folder: Path, engine: Meter, face: str | None = None) -> JobFolder:
    plate, files = pair
    edit = write_edit(folder / "in" / "Reel.xml", [Cut(plate, 3, 32)], (WIDTH, HEIGHT))
    return plan_job(edit, folder / "out", PlanOptions(dub=files, handles=2, face=face), engine)


def dubbed(
    pair: Pair, folder: Path, engine: Meter, face: str | None = None
) -> tuple[JobFolder, ShotResult]:
    job = planned(pair, folder, engine, face)
    render_job(job, engine=engine)
    (clip,) = job.plan.to_render
    result = job.result(clip)
    assert result is not None
    assert result.status == "rendered", result.reason
    return job, result


def delivered(job: JobFolder) -> tuple[np.ndarray, np.ndarray]:
    """Luma of the plate and of the new media, each (F, H, W), as played."""
    (clip,) = job.plan.to_render
    result = job.result(clip)
    assert clip.shot is not None
    assert result is not None
    new = probe(job.out / str(result.media))
    plates = read_played(probe(clip.shot.media), clip.shot.played())
    pictures = (picture for _, picture in read_frames(new, 0, new.frames))
    return tuple(  # type: ignore[return-value]
        np.stack([planes_of(frame)[0].astype(int) for frame in frames])
        for frames in (plates, pictures)
    )


def loudness(job: JobFolder, *speakers: str) -> np.ndarray:
    """(F,) of these characters' files over each frame of the new media, read from the WAVs."""
    (clip,) = job.plan.to_render
    shot = clip.shot
    assert shot is not None
    pieces = [piece for piece in shot.dub if piece.speaker in speakers]
    driver = build_driver(pieces, shot.dub_start, shot.rate.seconds(shot.length))
    return np.array([level(driver, shot.rate, k) for k in range(shot.length)])


def follows(job: JobFolder, side: slice, *speakers: str) -> float:
    """How well the painted mouth of this side follows these characters' sound, -1..1."""
    plate, new = delivered(job)
    off = np.abs(new - plate)[:, :, side].mean(axis=0)
    painted = np.median(new[:, :, side][:, off > off.max() / 2], axis=1)
    return float(np.corrcoef(painted, loudness(job, *speakers))[0, 1])


@pytest.fixture(scope="module")
def apart(
    pair: Pair, tmp_path_factory: pytest.TempPathFactory
) -> tuple[JobFolder, ShotResult, Meter]:
    """Each has a face."""
    engine = Meter()
    face = "bruno:right, Anna:left"
    return *dubbed(pair, tmp_path_factory.mktemp("apart"), engine, face), engine


@pytest.fixture(scope="module")
def together(
    pair: Pair, tmp_path_factory: pytest.TempPathFactory
) -> tuple[JobFolder, ShotResult, Meter]:
    """Nobody said who is who."""
    engine = Meter()
    return *dubbed(pair, tmp_path_factory.mktemp("together"), engine), engine


def test_each_face_follows_its_own_character(apart) -> None:
    job, result, engine = apart
    assert result.face is not None
    assert result.face.characters == {"ANNA": 0, "BRUNO": 1}
    assert result.face.reason == "asked for: ANNA is face 0, BRUNO is face 1"
    assert follows(job, LEFT, "ANNA") > 0.99 > 0.5 > follows(job, LEFT, "BRUNO")
    assert follows(job, RIGHT, "BRUNO") > 0.99 > 0.5 > follows(job, RIGHT, "ANNA")
    # the one door, once a face and window; one file of the length that was promised
    (clip,) = job.plan.to_render
    assert clip.shot is not None
    assert engine.takes == 2 * 4
    assert result.frames == result.changed == clip.shot.length == 36
    assert result.states == "g" * 36
    assert len(list((job.out / "media").iterdir())) == 1


def test_nothing_outside_the_two_mattes_changes(apart) -> None:
    job, result, _ = apart
    assert result.outside_composite == 0
    plate, new = delivered(job)
    off = np.abs(new - plate).max(axis=0)
    assert off[:, LEFT].max() > 100 < off[:, RIGHT].max()
    eyes, floor = slice(0, 110), slice(200, HEIGHT)
    assert off[eyes].max() == off[floor].max() == 0
    # the ProRes slices between the two mouths are the plate's own as well
    assert off[:, 256:384].max() == 0


def test_nobody_assigned_is_as_before_and_says_how(together) -> None:
    job, result, engine = together
    assert result.face is not None
    assert not result.face.characters
    assert result.face.track == 1
    assert "2 characters speak here (ANNA and BRUNO) and this face follows them all" in (
        result.face.reason
    )
    assert f"unisync:face={BOTH}" in result.face.reason
    assert any(f"unisync:face={BOTH}" in warning for warning in job.plan.clips[0].warnings)
    assert engine.takes == 4
    assert follows(job, RIGHT, "ANNA", "BRUNO") > 0.99
    plate, new = delivered(job)
    assert (plate[:, :, LEFT] == new[:, :, LEFT]).all()


def test_who_has_no_face_is_said_and_not_heard(pair: Pair, tmp_path: Path) -> None:
    job, result = dubbed(pair, tmp_path, Meter(), face="ANNA:right")
    assert result.face is not None
    assert result.face.reason.endswith("no face is known of BRUNO, heard here, too")
    assert "No face is given to BRUNO, heard under it, too" in job.plan.clips[0].warnings
    assert follows(job, RIGHT, "ANNA") > 0.99
    plate, new = delivered(job)
    assert (plate[:, :, LEFT] == new[:, :, LEFT]).all()


def test_their_own_original_lines_tell_them_apart(together, tmp_path: Path) -> None:
    """Held against the lips of the plate, which were drawn for the English lines."""
    shot = together[0].plan.to_render[0].shot
    info = probe(shot.media)
    tracks = track_faces(
        (frame.to_ndarray(format="rgb24") for frame in read_played(info, shot.played())), shot.rate
    )
    begins = shot.rate.seconds(shot.source.start)

    def choice(**spoken: str) -> FaceChoice:
        original = []
        for who, line in spoken.items():
            path = write_line(tmp_path / f"{line}.wav", line, 0, "en")
            original.append(DubClip(path, shot.dub_start, begins, Fraction(2), speaker=who))
        known = replace(shot, original=tuple(original))
        return speaking_face(tracks, None, known, info, tmp_path)

    told = choice(Anna="help", Bruno="met")
    assert told.characters == {"ANNA": 0, "BRUNO": 1}
    assert told.reason.startswith("the lips follow the original lines: ANNA is face 0")
    assert choice(Anna="met", Bruno="help").characters == {"ANNA": 1, "BRUNO": 0}
    assert choice(Bruno="met").characters == {"BRUNO": 1}
    assert choice(Anna="memory", Bruno="memory").characters == {}


def test_a_mix_of_both_is_one_face_s_as_ever(pair: Pair, tmp_path: Path) -> None:
    plate, files = pair
    job, result = dubbed((plate, files[:1]), tmp_path, Meter())
    (clip,) = job.plan.to_render
    assert clip.shot is not None
    assert clip.shot.characters == ()
    assert not clip.warnings
    assert result.face is not None
    assert not result.face.characters
    assert result.face.reason == "the largest of 2 faces; there is no original speech to go by"


@pytest.mark.parametrize(
    ("face", "said"),
    [
        ("CARLA:left", "no character CARLA with a file or track; its characters are ANNA, BRUNO"),
        ("ANNA:left,BRUNO:left", "names a character or a face twice"),
        ("ANNA:up", "gives no character a face"),
    ],
)
def test_a_cast_that_cannot_be_is_named_with_the_remedy(
    pair: Pair, tmp_path: Path, face: str, said: str
) -> None:
    with pytest.raises(PlanError, match=said) as error:
        planned(pair, tmp_path, Meter(), face=face)
    assert error.value.remedy
    job = planned(pair, tmp_path, Meter())
    with pytest.raises(PlanError, match=said):
        job.choose_face(job.plan.to_render, face)


def test_two_characters_on_one_face_fail_with_the_faces_named(pair: Pair, tmp_path: Path) -> None:
    job = planned(pair, tmp_path, Meter(), face="ANNA:largest,BRUNO:right")
    render_job(job, engine=Meter())
    result = job.result(job.plan.to_render[0])
    assert result is not None
    assert result.status == "failed"
    assert "ANNA:largest is face 1, BRUNO:right is face 1" in result.reason


def test_a_face_given_after_planning_renders_anew(together) -> None:
    job, before, _ = together
    job.choose_face(job.plan.to_render, "anna:0,bruno:1")
    render_job(job, engine=Meter())
    after = job.result(job.plan.to_render[0])
    assert after is not None
    assert after.key != before.key
    assert after.face is not None
    assert after.face.characters == {"ANNA": 0, "BRUNO": 1}
