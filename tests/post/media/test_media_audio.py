"""Sound: the same sample at the same time, however the stretch is cut."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import Spec, make_clip, tone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unisync_post.errors import MediaError
from unisync_post.media.audio import audio_info, read_mono


def write_sound(
    path: Path,
    channels: NDArray[np.float32],
    *,
    rate: int = 48000,
    codec: str = "pcm_s24le",
    layout: str = "mono",
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """(C, N) float32 to a file, by its suffix."""
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout)
        for start in range(0, channels.shape[1], 1024):
            block = np.ascontiguousarray(channels[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, start
            for part in resampler.resample(frame):
                container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def ramp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of 48 kHz in which sample n has the value n / 2**20."""
    values = (np.arange(96000, dtype=np.float32) / (1 << 20))[None]
    return write_sound(tmp_path_factory.mktemp("sound") / "ramp.wav", values)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.integers(-3000, 99000), count=st.integers(1, 5000))
def test_every_sample_is_in_its_place(ramp: Path, start: int, count: int) -> None:
    read = read_mono(ramp, Fraction(start, 48000), Fraction(count, 48000), sample_rate=48000)
    place = np.arange(start, start + count)
    truth = np.where((place >= 0) & (place < 96000), place / (1 << 20), 0)
    assert read.dtype == np.float32
    assert len(read) == count
    assert np.abs(read - truth).max() < 2**-22


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.wav", "pcm_s16le", 44100),
        ("a.flac", "flac", 48000),
        ("a.mov", "pcm_s24le", 48000),
        ("a.m4a", "aac", 44100),
        ("a.mp3", "mp3", 48000),
    ],
)
def test_stretches_agree_with_the_whole(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, 5 * rate // 8 + 1)
    clock = np.arange(5 * rate) / 8
    sound = np.interp(clock, np.arange(len(noise)), noise).astype(np.float32)
    path = write_sound(tmp_path / name, sound[None], rate=rate, codec=codec)
    native = read_mono(path, Fraction(0), Fraction(5), sample_rate=rate)
    lags = range(-20, 21)
    fits = [float(np.dot(native[100:-100], np.roll(sound, lag)[100:-100])) for lag in lags]
    assert lags[int(np.argmax(fits))] == 0
    whole = read_mono(path, Fraction(0), Fraction(5))
    for start in (Fraction(1, 3), Fraction(1237, 1000), Fraction(4)):
        part = read_mono(path, start, Fraction(1, 2))
        first = round(start * 16000)
        off = np.abs(part - whole[first : first + len(part)]).max()
        assert off < (0.03 if codec == "aac" else 1e-5)


def test_the_centre_of_5_1_and_the_mean_of_stereo(tmp_path: Path) -> None:
    parts = np.stack([tone(k, 4800, 48000) for k in range(6)])
    surround = write_sound(tmp_path / "51.wav", parts, layout="5.1")
    second = Fraction(1, 10)
    mono = read_mono(surround, Fraction(0), second, sample_rate=48000)
    assert np.abs(mono - parts[2]).max() < 1e-6
    picked = read_mono(surround, Fraction(0), second, sample_rate=48000, channel=5)
    assert np.abs(picked - parts[5]).max() < 1e-6
    stereo = write_sound(tmp_path / "20.wav", parts[:2], layout="stereo")
    mono = read_mono(stereo, Fraction(0), second, sample_rate=48000)
    assert np.abs(mono - parts[:2].mean(0)).max() < 1e-6
    with pytest.raises(MediaError, match="Channel 3"):
        read_mono(stereo, Fraction(0), second, channel=2)
    with pytest.raises(MediaError, match="stream 2"):
        read_mono(stereo, Fraction(0), second, stream=1)


def test_time_0_is_the_first_picture(tmp_path: Path) -> None:
    spec = Spec(frames=25, audio=("pcm_s24le", "aac"))
    path = make_clip(tmp_path / "clip.mov", spec)
    for stream in (0, 1):
        read = read_mono(path, Fraction(1, 4), Fraction(1, 2), sample_rate=48000, stream=stream)
        truth = tone(stream, 48000, 48000)[12000:36000]
        assert np.median(np.abs(read - truth)) < (1e-6, 0.02)[stream]


def test_what_a_bwf_says(tmp_path: Path) -> None:
    metadata = {"time_reference": "172800000", "originator": "Dub Stage 2"}
    path = write_sound(
        tmp_path / "dub.wav",
        tone(0, 48000, 48000)[None],
        options={"write_bext": "1"},
        metadata=metadata,
    )
    ixml = (
        b"<BWFXML><TRACK_LIST><TRACK_COUNT>1</TRACK_COUNT><TRACK><CHANNEL_INDEX>1</CHANNEL_INDEX>"
        b"<INTERLEAVE_INDEX>1</INTERLEAVE_INDEX><NAME>DX FR</NAME></TRACK></TRACK_LIST></BWFXML>"
    )
    ixml += b" " * (len(ixml) % 2)
    data = path.read_bytes() + b"iXML" + len(ixml).to_bytes(4, "little") + ixml
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    info = audio_info(path)
    assert (info.sample_rate, info.channels, info.duration) == (48000, 1, Fraction(1))
    assert (info.time_reference, info.originator) == (172800000, "Dub Stage 2")
    assert info.tracks == ("DX FR",)


def test_a_plain_wav_and_a_movie_say_less(tmp_path: Path) -> None:
    plain = tmp_path / "plain.wav"
    with wave.open(str(plain), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    info = audio_info(plain)
    assert (info.duration, info.time_reference, info.tracks) == (Fraction(1, 10), None, ())
    clip = make_clip(tmp_path / "clip.mov", Spec(frames=25, audio=("aac", "pcm_s16le")))
    info = audio_info(clip)
    assert [s.codec for s in info.streams] == ["aac", "pcm_s16le"]
    with pytest.raises(MediaError, match="has 0"):
        audio_info(make_clip(tmp_path / "mute.mov", Spec()))
