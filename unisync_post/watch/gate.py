"""What an edit from elsewhere refers to: hostile text, and media that is not here yet.

Text alone decides what is hostile. Whether a file exists outside the roots is never asked, so that
nobody learns that by dropping an edit in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import opentimelineio as otio

from unisync_adapters.document import Document
from unisync_adapters.urls import MediaUrl

from ..errors import MediaError, PlanError, UniSyncError, UrlError
from ..media.probe import probe
from ..media.roots import admits, confined
from ..media.sequences import MISSING
from ..plan.dialogue import find_dialogue
from ..plan.media import MediaFinder
from ..plan.options import PlanOptions
from ..plan.plan import ClipPlan, Decision, Plan
from ..plan.shots import Shot
from ..plan.walk import Placement, placements
from .names import shown

_PROTOCOL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:|subfile,", re.IGNORECASE)
"""What FFmpeg would take for a protocol, were it given the text: ``concat:``, ``subfile,,`` …"""
_SYSTEM = {"bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "usr"}


_LISTED = 5


def refuse_hostile(document: Document, roots: Sequence[Path]) -> None:
    """Make sure that no reference of the edit tries to lead somewhere it must not.

    Args:
        document: the edit.
        roots: folders that media may be in.

    Raises:
        PlanError: a URL that is no plain file, ``..``, a NUL or another control character, a link
            that leaves the roots, or a file outside of them that is no media; with its text.
    """
    with confined(roots):
        found = [
            f"{shown(repr(text))} (clip “{shown(name)}”), {reason}"
            for name, text in _references(document)
            if (reason := _offence(text, document, roots)) is not None
        ]
    if found:
        more = f"; and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise PlanError(
            f"It refers to {'; to '.join(found[:_LISTED])}{more}",
            file=document.path.name,
            remedy="Relink these clips to media under the media roots, and export again.",
        )


def _references(document: Document) -> Iterator[tuple[str, str]]:
    """Clip name and URL of every media reference, each URL once."""
    seen = set()
    for clip in document.timeline.find_clips():
        for media in clip.media_references().values():
            for text in _urls(media):
                if text not in seen:
                    seen.add(text)
                    yield clip.name, text


def _urls(media: otio.core.MediaReference) -> Iterator[str]:
    url = getattr(media, "target_url", None)
    if url:
        yield url
    base = getattr(media, "target_url_base", None)
    if base:
        # an image sequence: its files are base + prefix + number + suffix
        yield f"{base.rstrip('/')}/{media.name_prefix}0{media.name_suffix}"


def _offence(text: str, document: Document, roots: Sequence[Path]) -> str | None:
    try:
        url = MediaUrl.parse(text)
    except UrlError as error:
        return f"which is no plain file: {error.what}"
    if _PROTOCOL.match(text) or _PROTOCOL.match(url.path):
        return "which is no plain file but a protocol"
    if ".." in url.path.replace("\\", "/").split("/"):
        return "which climbs out of its folder with “..”"
    if any(ord(char) < 32 for char in url.path):
        return "which holds a control character"
    local = MediaFinder(document).local(otio.schema.ExternalReference(text))
    if local is None or admits(local):
        return None
    lexically = any(local.is_relative_to(root) for root in roots)
    if lexically:
        return "which is a link that leads outside the media roots"
    if url.path.lstrip("/").split("/")[0] in _SYSTEM:
        return "which lies outside the media roots, in a folder of the system"
    return None


def missing_media(document: Document, plan: Plan, options: PlanOptions) -> dict[str, Path | None]:
    """Media that the plan wants and that is not here, or not whole, yet.

    Returns:
        One sentence for each, and where the file is expected on this machine.
    """
    lacking: dict[str, Path | None] = {}
    finder = MediaFinder(document, options.media)
    with confined(options.readable()):
        faults = find_dialogue(document, options, finder).faults
        for written in finder.offline:
            if any(written in why for _, _, why in faults):
                lacking[f"{shown(written)} (dub)"] = None
        for placement, clip in zip(placements(document), plan.clips, strict=True):
            sentence = _lacking(finder, placement, clip)
            if sentence is not None:
                lacking[sentence] = _expected(finder, placement)
    return lacking


def _expected(finder: MediaFinder, placement: Placement) -> Path | None:
    """Where the file would be, if it may be there at all."""
    path = finder.local(placement.clip.media)
    return path if path is not None and admits(path) else None


def _lacking(finder: MediaFinder, placement: Placement, clip: ClipPlan) -> str | None:
    """What this clip of the edit waits for; None for nothing."""
    if clip.shot is not None:
        needed = _needed(clip.shot)
        there = clip.shot.length - clip.shot.head - clip.shot.tail
        if there >= needed:
            return None
        name = shown(clip.shot.media.name)
        return f"{name}: {needed - there} of the {needed} frames that “{clip.name}” plays"
    if clip.decision is not Decision.REFUSE or not clip.media:
        return None
    try:
        info = finder.picture(placement.clip)
    except UniSyncError as error:
        return _not_here(finder, placement, clip, error)
    if MISSING in clip.reason:
        return f"{shown(info.path.name)}: {clip.reason}"
    outside = "lies outside its media" in clip.reason and placement.clip.length > 0
    return f"{shown(info.path.name)}: it has only {info.frames} frames" if outside else None


def _not_here(
    finder: MediaFinder, placement: Placement, clip: ClipPlan, error: UniSyncError
) -> str | None:
    """Media that is offline or damaged may still come; what else is wrong with it stays so."""
    path = finder.local(placement.clip.media)
    if path is None or not admits(path):
        missing = "several files fit" not in error.what
        note = "" if path is None else " (it lies outside the media roots; a copy is looked for)"
        return f"{shown(clip.media)}{note}" if missing else None
    if not path.is_file():
        return shown(clip.media) if "several files fit" not in error.what else None
    try:
        probe(path)
    except MediaError as damage:
        return f"{shown(path.name)}: {damage.what}"
    return None


def _needed(shot: Shot) -> int:
    """Frames of the new media that the clip itself plays."""
    if shot.speed != 1:
        return shot.record.count
    return int(shot.record.count * shot.rate.fps / shot.record.rate.fps)
