"""The dub as editors lay it: channels, muted tracks, line by line, several languages."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import opentimelineio as otio
import pytest
from plan_kit import SOUND_RATE, Desk, audio, clip, gap, nest, reference, sound_in, track
from test_plan_dub import add_time_reference, spoken

from unisync_post.driver import CONTEXT, SAMPLE_RATE, build_driver


@pytest.fixture
def picture(desk: Desk) -> otio.schema.Track:
    desk.plate("A.mov")
    made: otio.schema.Track = track(clip("A", 0, 100))
    return made


def voices(desk: Desk, name: str, channels: int, speaking: int) -> Path:
    """A WAV where only this channel (from 1) speaks, for one second."""
    samples = np.zeros((8 * SOUND_RATE, channels), np.int16)
    voice = sound_in(desk.sound("voice.wav", (0, 1)))
    samples[: len(voice), speaking - 1] = voice[:, 0]
    return desk.samples(name, samples)


def test_04_a_bwf_time_stamp_counts_real_time_at_29_97(desk: Desk) -> None:
    """01:00:00:00 non-drop is 3603.6 s after midnight, 01:00:00;00 is 3599.9964 s."""
    desk.plate("A.mov")
    for frame, drop in ((108_000, False), (107_892, True)):
        dub = desk.sound("dub_FR.wav", (0, 8))
        add_time_reference(dub, round(Fraction(frame * 1001, 30_000) * SOUND_RATE))
        edit = track(clip("A", 0, 100, record_rate=30000 / 1001))
        plan = desk.plan(edit, dub=dub, rate="30000/1001", start=frame, drop=drop)
        (piece,) = plan.dub.clips
        assert abs(piece.record) < Fraction(1, SOUND_RATE)
        assert f"01:00:00{':;'[drop]}00 (its BWF time stamp)" in plan.dub.reason


@pytest.mark.parametrize(("played", "seconds"), [(3, 1.0), (1, 0)])
def test_07_the_channel_that_the_track_plays_drives(
    desk: Desk, picture: otio.schema.Track, played: int, seconds: float
) -> None:
    poly = voices(desk, "poly.wav", channels=4, speaking=3)
    item = clip("d", 0, 100, media=reference(str(poly)), source_track=played)
    plan = desk.plan(picture, audio(item, name="FR DX"))
    assert plan.dub.clips[0].channel == played - 1
    assert plan.clips[0].speech == seconds


def test_07_a_channel_that_the_file_lacks_refuses_the_shot(
    desk: Desk, picture: otio.schema.Track
) -> None:
    line = clip("l", 0, 50, media=reference(str(desk.sound("l.wav", (0, 1)))))
    wrong = clip("d", 0, 50, media=reference(str(desk.sound("d.wav", (0, 1)))), source_track=3)
    (made,) = desk.plan(picture, audio(line, wrong, name="FR DX")).clips
    assert made.decision.value == "refuse"
    assert "a channel that its file does not have" in made.reason


@pytest.mark.parametrize(("speaking", "seconds"), [(3, 1.0), (4, 0)])
def test_08_of_an_exploded_5_1_the_centre_drives(
    desk: Desk, picture: otio.schema.Track, speaking: int, seconds: float
) -> None:
    """Six tracks of one channel each are the 5.1 that they were."""
    poly = voices(desk, "poly.wav", channels=6, speaking=speaking)
    surround = named_5_1(poly, desk.folder / "surround.wav")
    sides = [
        audio(clip("d", 0, 100, media=reference(str(surround)), source_track=n), name="FR DX")
        for n in range(1, 7)
    ]
    plan = desk.plan(picture, *sides)
    assert [piece.channel for piece in plan.dub.clips] == [None]
    assert plan.clips[0].speech == seconds


def named_5_1(poly: Path, path: Path) -> Path:
    """The same six channels in a WAV that says which is which."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=SOUND_RATE, layout="5.1")
        samples = np.ascontiguousarray(sound_in(poly).reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="5.1")
        frame.sample_rate = SOUND_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    return path


def test_09_the_next_shots_speech_is_heard_as_context(desk: Desk) -> None:
    """A line that begins ten frames before its picture (a J cut) is the earlier shot's, too."""
    desk.plate("A.mov")
    desk.plate("B.mov")
    lines = [desk.sound("one_FR.wav", (0, 8)), desk.sound("two_FR.wav", (0, 8), seed=1)]
    one, two = (
        clip(path.stem, 0, count, media=reference(str(path)))
        for path, count in zip(lines, (40, 60), strict=True)
    )
    plan = desk.plan(track(clip("A", 100), clip("B", 200)), audio(one, two, name="FR DX"))
    first, second = (made.shot for made in plan.clips)
    assert first is not None
    assert second is not None
    assert [piece.path for piece in first.dub] == lines
    assert [piece.path for piece in second.dub] == lines  # the end of line one, as context
    driver = build_driver(first.dub, first.dub_start, first.rate.seconds(first.length))
    last = -1 - int((CONTEXT - Fraction(20, 25)) * SAMPLE_RATE)
    assert np.abs(driver.samples[last - SAMPLE_RATE : last]).max() > 0.1  # beyond its last frame


def test_17_a_dub_inside_a_nest_refuses_the_shots_under_it(desk: Desk) -> None:
    for name in "AB":
        desk.plate(f"{name}.mov")
    inside = nest("Mixed", audio(spoken(desk, "n.wav")), duration=50)
    line = clip("l", 0, 50, media=reference(str(desk.sound("l.wav", (0, 8)))))
    plan = desk.plan(track(clip("A"), clip("B")), audio(line, inside, name="FR DX"))
    assert [made.decision.value for made in plan.clips] == ["render", "refuse"]
    assert "it lies in a nest" in plan.clips[1].reason
    assert "Decompose the nest" in plan.clips[1].reason


def test_20_a_disabled_sound_clip_is_silent(desk: Desk) -> None:
    for name in "AB":
        desk.plate(f"{name}.mov")
    lines = [
        clip(f"l{n}", 0, 50, media=reference(str(desk.sound("l.wav", (0, 8))))) for n in (1, 2)
    ]
    lines[0].enabled = False
    plan = desk.plan(track(clip("A"), clip("B")), audio(*lines, name="FR DX"))
    assert [made.decision.value for made in plan.clips] == ["leave", "render"]


def test_20_a_muted_track_may_be_the_dub(desk: Desk, picture: otio.schema.Track) -> None:
    """Editors mute the language that they do not listen to."""
    muted = audio(spoken(desk, "f.wav"), name="FR DX")
    muted.enabled = False
    plan = desk.plan(picture, audio(spoken(desk, "o.wav"), name="EN DX ORIG"), muted)
    assert [piece.path.name for piece in plan.dub.clips] == ["f.wav"]
    assert plan.dub.warnings == (
        "A2 FR DX is switched off in the edit; it is the dub all the same.",
    )


def test_36_one_edit_in_two_languages_is_one_job_for_each(
    desk: Desk, picture: otio.schema.Track
) -> None:
    tracks = [
        audio(spoken(desk, "o.wav"), name="EN DX ORIG"),
        audio(spoken(desk, "f.wav"), name="FR DX"),
        audio(gap(25), spoken(desk, "g.wav"), name="DE DX"),
    ]
    french, german = (
        desk.plan(*(t.clone() for t in (picture, *tracks)), language=tag) for tag in ("fr", "de")
    )
    assert [plan.new_name for plan in (french, german)] == [
        "Cut_UNISYNC_FR_v001",
        "Cut_UNISYNC_DE_v001",
    ]
    shots = [plan.clips[0].shot for plan in (french, german)]
    assert [shot.dub[0].path.name for shot in shots if shot] == ["f.wav", "g.wav"]
    assert [shot.original[0].path.name for shot in shots if shot] == ["o.wav", "o.wav"]
    assert len({shot.key for shot in shots if shot}) == 2


def test_36_a_shot_that_sounds_the_same_in_two_languages_is_one_shot(desk: Desk) -> None:
    """A song that nobody translates: rendered once, for both timelines."""
    for name in "AB":
        desk.plate(f"{name}.mov")
    song = sound_in(desk.sound("song.wav", (0, 2), length=2))
    rest = np.zeros((SOUND_RATE * 2, 1), np.int16)
    plans = []
    for seed, tag in enumerate(("fr", "de")):
        line = sound_in(desk.sound("line.wav", (0, 2), length=2, seed=seed + 1))
        dub = desk.samples(f"dub_{tag}.wav", np.concatenate([song, rest, line, rest]))
        plans.append(desk.plan(track(clip("A"), gap(50), clip("B")), dub=f"{dub}@{tag}"))
    french, german = plans
    assert french.new_name != german.new_name
    keys = [[made.shot.key for made in plan.clips if made.shot] for plan in plans]
    assert keys[0][0] == keys[1][0]
    assert keys[0][1] != keys[1][1]
    tagged = [made.shot.language for plan in plans for made in plan.clips if made.shot]
    assert tagged == ["fr", "fr", "de", "de"]
