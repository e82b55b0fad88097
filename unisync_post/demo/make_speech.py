"""Speak the demo's lines anew: ``python -m unisync_post.demo.make_speech [FOLDER]``.

Needs eSpeak NG. Each line is spoken in a process of its own, so that every run gives the same
samples. FOLDER is the package's own ``data`` unless another is named.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np

from unisync_model.characters.speech import Utterance, synthesise

from ..media.open import create_media
from .script import DATA, LANGUAGES, LINES, VOICES, file_name


def speak(text: str, voice: str, speed: int, pitch: int) -> Utterance:
    """Synthesise in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(synthesise, text, voice, speed=speed, pitch=pitch).result()


def write_flac(path: Path, utterance: Utterance) -> None:
    """16-bit mono FLAC."""
    samples = np.clip(np.round(utterance.samples * 32768), -32768, 32767).astype(np.int16)
    with create_media(path, "flac") as container:
        stream = container.add_stream("flac", rate=utterance.sample_rate, layout="mono")
        for start in range(0, len(samples), 4096):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 4096], "s16", "mono")
            frame.sample_rate, frame.pts = utterance.sample_rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def make_speech(folder: Path) -> None:
    """Write every line in every language, and ``phonemes.json`` with their times in samples."""
    folder.mkdir(parents=True, exist_ok=True)
    timings = {}
    for line in LINES:
        for language in LANGUAGES:
            spoken = speak(line.text[language], *VOICES[line.speaker, language])
            name = file_name(line, language)
            write_flac(folder / name, spoken)
            timings[name] = [
                (p.symbol, int(p.start * spoken.sample_rate), int(p.end * spoken.sample_rate))
                for p in spoken.phonemes
            ]
            print(f"{name}: {len(spoken.samples) / spoken.sample_rate:.2f} s")
    lines = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in timings.items())
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (folder / "phonemes.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    make_speech(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
