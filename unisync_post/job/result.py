"""What became of one shot: the record written last, as ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FaceChoice:
    """Which face was dubbed, and why that one.

    Attributes:
        track: id of the chosen track (the first, where there are several), or None.
        reason: one sentence.
        candidates: per track: ``{"id", "thumbnail", "frames", "width", "score"}``; the thumbnail
            is a path relative to the shot's folder.
        characters: id of the track that follows each character alone; empty where one face
            follows the whole dub.
    """

    track: int | None
    reason: str
    candidates: tuple[Mapping[str, object], ...] = ()
    characters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ShotResult:
    """One rendered shot, or one that keeps its original media, with the reason.

    Attributes:
        key: the shot's key.
        status: ``rendered``, ``kept`` (nothing to re-animate: original media stays), or ``failed``
            (original media stays, too).
        reason: why it was kept or failed; empty when rendered.
        fault: what kind of failure: transient, permanent or poison
            (:class:`~unisync_post.job.faults.Fault`); empty unless failed.
        media: new media file, relative to the output folder; None when kept.
        frames: frames in the new media; ``changed``: how many of them differ from the plate.
        states: one character a frame: ``g`` generated, ``b`` bridged, ``.`` passed.
        reasons: why frames were passed: reason -> count.
        outside_composite: largest difference outside the matte after compositing, in code values
            of the plate's depth (0 by law).
        outside_delivered: the same, decoded from the delivered file; the codec's own loss on
            re-encoded frames.
        offset_before, offset_after: estimated lead of the lips over the dub in frames (positive:
            lips late), None where there is too little speech to tell; ``fit_*``: the correlation
            at that offset. Of several faces, those of the one that fits least.
        engine: name, version, fingerprint; ``draft``: True = not a final picture.
        colour: how the plate's values were read: as a display shows them, or which encoding was
            viewed, and who says so.
        face: which face.
        remarks: the engine's figures.
        seconds: time spent per step.
        sha256: of the new media file.
    """

    key: str
    status: str
    reason: str = ""
    fault: str = ""
    media: str | None = None
    frames: int = 0
    changed: int = 0
    states: str = ""
    reasons: Mapping[str, int] = field(default_factory=dict)
    outside_composite: float | None = None
    outside_delivered: float | None = None
    offset_before: int | None = None
    offset_after: int | None = None
    fit_before: float | None = None
    fit_after: float | None = None
    engine: Mapping[str, str] = field(default_factory=dict)
    draft: bool = True
    colour: str = ""
    face: FaceChoice | None = None
    remarks: Mapping[str, float | int | str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    sha256: str | None = None
