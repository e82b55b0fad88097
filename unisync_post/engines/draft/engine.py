"""The draft engine: no weights to fetch, no GPU, honest about what it is."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ...errors import EngineError
from ..base import EngineInfo, Generated, Take
from .control import MouthRange, mouth_range, voiced, wanted_mouth
from .render import Plate, Texture, render
from .retrieve import PathConfig
from .shapes import Shapes, pose_free, response, target_shapes
from .speech import SpeechModel, mouth_curves, shipped_model
from .textures import Library, choose, describe, taps

VERSION = "2"
"""Raised with every change that alters a pixel."""
TABLE = Path(__file__).parent / "weights" / "generic_response.safetensors"
_STILL_SECONDS = 0.25
_HAND_OVER = 3
"""Frames over which the new mouth gives way to a frame that is passed through."""
_DRAWN = 0.35
"""Share of the opening from which a frame counts as a placeholder."""


@dataclass(frozen=True)
class DraftConfig:
    """Settings of the draft engine.

    Attributes:
        max_yaw: degrees of head turn beyond which a frame is passed through.
        path: of the texture search.
    """

    max_yaw: float = 35.0
    path: PathConfig = field(default_factory=PathConfig)


@dataclass(frozen=True)
class _Plan:
    """Everything about a take that is decided before a pixel moves."""

    shapes: Shapes
    wanted: NDArray[np.float64]
    active: NDArray[np.float64]
    targets: NDArray[np.float64]
    library: Library
    path: NDArray[np.int64]
    mouth: MouthRange


class DraftEngine:
    """Moves the mouth of a shot with textures of the same shot.

    Args:
        config: settings.
        model: the speech networks; the shipped ones if None.
        table: (2, 478, 3) generic response of a face to opening and width; the shipped one if
            None.
    """

    def __init__(
        self,
        config: DraftConfig | None = None,
        model: SpeechModel | None = None,
        table: NDArray[np.float64] | None = None,
    ) -> None:
        self._config = config or DraftConfig()
        self._model = model or shipped_model()
        self._table = generic_table() if table is None else table
        self._fingerprint = _fingerprint(self._config, self._model, self._table)

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(
            name="draft",
            version=VERSION,
            fingerprint=self._fingerprint,
            draft=True,
        )

    def generate(self, take: Take) -> Generated:
        """Re-animate the mouth of a take.

        Raises:
            EngineError: the take's parts do not fit together.
        """
        _check(take)
        reasons = self._refusals(take)
        usable = np.array([k not in reasons for k in range(take.count)]) & take.generate
        if not usable.any():
            return Generated(
                take.frames.copy(), np.zeros(take.count, bool), reasons, _nothing(take)
            )
        plan = self._plan(take, usable)
        return self._render(take, plan, usable, reasons)

    def _refusals(self, take: Take) -> dict[int, str]:
        """Why frames that were asked for cannot be made."""
        reasons: dict[int, str] = {}
        for k in np.flatnonzero(take.generate):
            if not np.isfinite(take.landmarks[k]).all():
                reasons[int(k)] = "face not seen"
            elif abs(take.yaw[k]) > self._config.max_yaw:
                reasons[int(k)] = f"turned away {abs(take.yaw[k]):.0f}°"
            elif not take.mouth[k].any():
                reasons[int(k)] = "mouth outside the picture"
        return reasons

    def _plan(self, take: Take, usable: NDArray[np.bool_]) -> _Plan:
        lendable = take.landmarks.copy()
        turned = np.abs(take.yaw) > self._config.max_yaw
        lendable[turned] = np.nan
        shapes = pose_free(lendable)
        fps = float(take.rate.fps)
        mouth = mouth_range(shapes.controls, fps)
        heard = voiced(take.driver, take.rate, take.count)
        curves = mouth_curves(take.driver, take.rate, take.count, self._model)
        wanted = wanted_mouth(curves, heard, mouth, self._model)
        active = _activity(shapes, wanted, heard, usable, take.generate, fps)
        current = np.where(shapes.seen[:, None], shapes.controls, wanted)
        wanted = current + active[:, None] * (wanted - current)
        table = response(shapes, self._table)
        targets = target_shapes(shapes, table, wanted, fps)
        library = describe(take.frames, lendable, shapes)
        rows = library.frames
        path = choose(library, wanted[rows], 1 - active[rows], self._config.path)
        return _Plan(shapes, wanted, active, targets, library, path, mouth)

    def _render(
        self,
        take: Take,
        plan: _Plan,
        usable: NDArray[np.bool_],
        reasons: dict[int, str],
    ) -> Generated:
        frames = take.frames.copy()
        changed = np.zeros(take.count, bool)
        drawn = np.zeros(take.count)
        points = np.full(plan.targets.shape, np.nan)
        for k in plan.library.frames:
            pose = plan.shapes.poses[k]
            if pose is not None:
                points[k] = pose.place(plan.shapes.points[k])
        mixes = taps(plan.path, plan.library.controls[:, 0])
        for row, k in enumerate(plan.library.frames):
            if not usable[k]:
                continue
            if plan.active[k] == 0:
                reasons[int(k)] = "silent, and the lips are closed already"
                continue
            target = points[k] + plan.active[k] * (plan.targets[k] - points[k])
            textures = [
                Texture(take.frames[plan.library.frames[r]], points[plan.library.frames[r]], w)
                for r, w in mixes[row]
            ]
            plate = Plate(take.frames[k], points[k], take.mouth[k])
            frames[k], drawn[k] = render(plate, target, textures)
            changed[k] = True
        return Generated(frames, changed, reasons, _remarks(take, plan, changed, drawn))


def _activity(
    shapes: Shapes,
    wanted: NDArray[np.float64],
    heard: NDArray[np.float64],
    usable: NDArray[np.bool_],
    asked: NDArray[np.bool_],
    fps: float,
) -> NDArray[np.float64]:
    """(F,) 1 where the mouth is made anew, 0 where the plate can stay, ramps between.

    The plate stays where nothing is said and its lips are closed for a quarter of a second, and
    the mouth is handed over softly to frames that were asked for but cannot be made.
    """
    closed = np.nan_to_num(shapes.controls[:, 0], nan=1.0) < 0.03
    quiet = (heard < 0.02) & closed
    still = np.zeros(len(quiet), bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    for start, end in edges.reshape(-1, 2):
        still[start:end] = end - start >= _STILL_SECONDS * fps
    still |= asked & ~usable
    distance = np.full(len(still), float(_HAND_OVER))
    for k in np.flatnonzero(still):
        low, high = max(0, k - _HAND_OVER), min(len(still), k + _HAND_OVER + 1)
        distance[low:high] = np.minimum(distance[low:high], np.abs(np.arange(low, high) - k))
    active: NDArray[np.float64] = distance / _HAND_OVER
    return active


def _remarks(
    take: Take, plan: _Plan, changed: NDArray[np.bool_], drawn: NDArray[np.float64]
) -> dict[str, float | int | str]:
    """Coverage: what the shot's own mouths could offer to this dub."""
    opening = plan.library.controls[:, 0]
    share = float((drawn[changed] > _DRAWN).mean()) if changed.any() else 0.0
    jumps = int((np.diff(plan.path) != 1).sum())
    remarks: dict[str, float | int | str] = {
        "opening_p5": round(float(np.percentile(opening, 5)), 3),
        "opening_p95": round(float(np.percentile(opening, 95)), 3),
        "opening_wanted_p95": round(float(np.percentile(plan.wanted[:, 0], 95)), 3),
        "placeholder_share": round(share, 3),
        "max_yaw": round(_max_yaw(take), 1),
        "texture_jumps": jumps,
    }
    if share > 0.1:
        remarks["placeholder"] = "the shot hardly shows this mouth open; its inside is drawn"
    return remarks


def _max_yaw(take: Take) -> float:
    yaw = np.abs(take.yaw[np.isfinite(take.yaw)])
    return float(yaw.max()) if len(yaw) else 0.0


def _nothing(take: Take) -> dict[str, float | int | str]:
    return {"placeholder_share": 0.0, "max_yaw": round(_max_yaw(take), 1)}


def _check(take: Take) -> None:
    count, size = take.frames.shape[:2]
    shapes = {
        "landmarks": (take.landmarks.shape, (count, 478, 3)),
        "mouth": (take.mouth.shape, (count, size, size)),
        "generate": (take.generate.shape, (count,)),
        "yaw": (take.yaw.shape, (count,)),
    }
    for name, (found, wanted) in shapes.items():
        if found != wanted:
            raise EngineError(f"the take's {name} are {found}, its frames ask for {wanted}")


@lru_cache(maxsize=1)
def generic_table() -> NDArray[np.float64]:
    """(2, 478, 3) how a face moves with opening and width, averaged over the training footage.

    Raises:
        EngineError: the file is missing.
    """
    try:
        table: NDArray[np.float64] = load_file(TABLE)["response"].astype(np.float64)
    except (OSError, SafetensorError, KeyError) as error:
        raise EngineError(
            f"the table of face movements cannot be loaded: {error}",
            file=TABLE,
            remedy="Install the package again, or make the weights with `make draft-weights`.",
        ) from error
    return table


def _fingerprint(config: DraftConfig, model: SpeechModel, table: NDArray[np.float64]) -> str:
    """Hash of all that decides a pixel besides the take."""
    digest = hashlib.sha256(f"draft {VERSION} {asdict(config)}".encode())
    for net in model.nets:
        for name, tensor in net.state_dict().items():
            digest.update(name.encode() + tensor.numpy().tobytes())
    for values in (model.heard, model.spoken, np.array(model.width_deviation), table):
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]
