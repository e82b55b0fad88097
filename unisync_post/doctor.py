"""What can run on this machine, and what to install where something cannot."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import platform
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .errors import EngineError

PYTHONS = ((3, 10), (3, 12))
CODECS = ("prores_ks", "dnxhd", "libx264", "pcm_s24le")
FREE_LEAST = 10
"""GB below which a short reel of ProRes may not fit."""
FACE_MODELS = (
    "modules/face_detection/face_detection_full_range_sparse.tflite",
    "modules/face_detection/face_detection_short_range.tflite",
    "modules/face_landmark/face_landmark_with_attention.tflite",
)


class Health(str, Enum):
    """How a check ended."""

    GOOD = "good"
    OPTIONAL = "optional"
    """Not here; something that not everyone needs is switched off."""
    BAD = "bad"
    """`unisync dub` cannot work here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        health: how it is.
        text: what was found, for people.
        remedy: what to do about it; empty when good.
    """

    name: str
    health: Health
    text: str
    remedy: str = ""


def _good(name: str, text: str) -> Finding:
    return Finding(name, Health.GOOD, text)


def check_python() -> Finding:
    """The interpreter's version."""
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return _good("Python", text)
    return Finding("Python", Health.BAD, text, "Use Python 3.10, 3.11 or 3.12.")


def check_codecs() -> Finding:
    """PyAV, and the encoders that new media needs."""
    import av
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    missing = []
    for name in CODECS:
        try:
            Codec(name, "w")
        except UnknownCodecError:
            missing.append(name)
    text = f"PyAV {av.__version__} with {', '.join(c for c in CODECS if c not in missing)}"
    if not missing:
        return _good("codecs", text)
    lacking = f"{text}; without {', '.join(missing)}"
    return Finding("codecs", Health.BAD, lacking, "Reinstall PyAV from its wheel: pip install av.")


def check_opencv() -> Finding:
    """OpenCV; the build with windows needs libGL."""
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        return Finding(
            "OpenCV",
            Health.BAD,
            str(error),
            "Without a display: pip uninstall opencv-contrib-python, then pip install --no-deps "
            "--force-reinstall opencv-python-headless. Or install libGL: apt install libgl1.",
        )
    return _good("OpenCV", str(cv2.__version__))


def check_faces() -> Finding:
    """MediaPipe and the face models inside its wheel."""
    found = importlib.util.find_spec("mediapipe")
    remedy = 'Install it: pip install "mediapipe==0.10.14" "protobuf<5".'
    if found is None or found.origin is None:
        return Finding("faces", Health.BAD, "MediaPipe is not installed", remedy)
    root = Path(found.origin).parent
    missing = [name for name in FACE_MODELS if not (root / name).is_file()]
    text = f"MediaPipe {version('mediapipe')}"
    if missing:
        return Finding("faces", Health.BAD, f"{text} without {missing[0]}", remedy)
    return _good("faces", f"{text} with {len(FACE_MODELS)} face models")


def check_speech() -> Finding:
    """The speech detector and its model."""
    try:
        found = version("silero-vad")
    except PackageNotFoundError:
        return Finding(
            "speech", Health.BAD, "silero-vad is not installed", "pip install silero-vad"
        )
    return _good("speech", f"silero-vad {found}")


def check_torch() -> Finding:
    """torch, and whether it can use a GPU here."""
    torch = importlib.import_module("torch")
    with warnings.catch_warnings():
        # probing a machine whose driver is absent or old warns; the answer is what matters here
        warnings.simplefilter("ignore")
        if torch.cuda.is_available():
            return _good("torch", f"{torch.__version__}, {torch.cuda.get_device_name(0)}")
    text = f"{torch.__version__}, CPU with {torch.get_num_threads()} threads"
    return Finding("torch", Health.OPTIONAL, text, "The draft engine needs no GPU.")


def draft_files() -> tuple[Path, ...]:
    """The weights that the draft engine reads."""
    from .engines.draft import engine, speech

    return speech.WEIGHTS, engine.TABLE


def check_draft_weights() -> Finding:
    """The weights of the draft engine, by hash."""
    files = draft_files()
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        remedy = "Reinstall the package, or train them from a checkout: make draft-weights."
        return Finding("draft engine", Health.BAD, f"no {', no '.join(missing)}", remedy)
    hashes = [f"{f.name} sha256 {hashlib.sha256(f.read_bytes()).hexdigest()[:16]}" for f in files]
    return _good("draft engine", "; ".join(hashes))


def check_unisync() -> Finding:
    """The network's model folder, by its headers: mode, memory profile, and what it will need."""
    from .engines import best
    from .engines.unisync import MODEL_VARIABLE, open_unisync

    if best() != "unisync":
        text = f"{MODEL_VARIABLE} names no model folder"
        remedy = "Previews need none. For final pictures: docs/model.md says how to get weights."
        return Finding("unisync engine", Health.OPTIONAL, text, remedy)
    try:
        return _good("unisync engine", open_unisync().about)
    except EngineError as error:
        remedy = error.remedy or f"Or unset {MODEL_VARIABLE}, and work with previews."
        return Finding("unisync engine", Health.BAD, error.what, remedy)


def check_tiny() -> Finding:
    """The small network that comes with the package."""
    from .engines.unisync import open_tiny

    try:
        return _good("unisync-tiny", open_tiny().about)
    except EngineError as error:
        return Finding("unisync-tiny", Health.OPTIONAL, error.what, "Reinstall the package.")


def check_space(folder: Path) -> Finding:
    """Room for new media."""
    free = shutil.disk_usage(folder).free / 1e9
    text = f"{free:.0f} GB free in {folder}"
    if free >= FREE_LEAST:
        return _good("disk", text)
    remedy = "ProRes 422 HQ takes about 1.6 GB a minute at UHD; make room, or use another --out."
    return Finding("disk", Health.OPTIONAL, text, remedy)


def check_demo_speech() -> Finding:
    """eSpeak NG: only to make the demo's recordings anew."""
    from unisync_model.characters.speech import SpeechError, require_library

    try:
        require_library()
    except SpeechError as error:
        return Finding("eSpeak NG", Health.OPTIONAL, "absent; only `make demo-speech` needs it",
                       str(error))  # fmt: skip
    return _good("eSpeak NG", "present")


def _guarded(check: Callable[[], Finding]) -> Finding:
    """A check that itself fails is a finding too."""
    try:
        return check()
    except (ImportError, OSError) as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        remedy = "Reinstall: pip install --force-reinstall unisync-post."
        return Finding(name, Health.BAD, f"{type(error).__name__}: {error}", remedy)


def examine(folder: Path) -> tuple[Finding, ...]:
    """Look at everything; ``folder`` is where new media would go."""
    checks: Sequence[Callable[[], Finding]] = (
        check_python,
        check_codecs,
        check_opencv,
        check_faces,
        check_speech,
        check_torch,
        check_draft_weights,
        check_unisync,
        check_tiny,
        check_demo_speech,
    )
    return (*(_guarded(check) for check in checks), check_space(folder))


def can_dub(findings: Sequence[Finding]) -> bool:
    """Whether `unisync dub` can work here."""
    return all(finding.health is not Health.BAD for finding in findings)


def as_json(findings: Sequence[Finding]) -> dict[str, object]:
    """For programs."""
    return {"can_dub": can_dub(findings), "findings": [asdict(f) for f in findings]}
