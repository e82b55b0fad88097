"""Image sequences of an edit: which files a clip's media names, and at which rate they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import opentimelineio as otio

from unisync_adapters.cutlist import Clip
from unisync_adapters.from_otio import facts
from unisync_adapters.image_sequence import SequenceName
from unisync_adapters.timebase import Rate

from ..media.sequences import SUFFIXES, find_sequence
from .exact import frames, rate_of

_FEWEST = 2
"""Numbered pictures of one name that are taken for a sequence."""


def sequence_url(media: otio.core.MediaReference) -> str | None:
    """What an ``ImageSequenceReference`` plays, as one URL or path in Resolve's form.

    Without a range it names no last frame: then its printf pattern. None for other references.
    """
    if not isinstance(media, otio.schema.ImageSequenceReference):
        return None
    first, available = media.start_frame, media.available_range
    name = SequenceName(media.name_prefix, media.name_suffix, media.frame_zero_padding)
    text = f"{name.prefix}%0{name.padding}d{name.suffix}"
    if available is not None and first >= 0:
        count = round(frames(available.duration, rate_of(media.rate)))
        edges = (f"{n:0{name.padding}d}" for n in (first, first + max(1, count) - 1))
        text = f"{name.prefix}[{'-'.join(edges)}]{name.suffix}"
    base = str(media.target_url_base)
    if base.lower().startswith("file:"):
        text = quote(text, safe="[]")
    separator = "\\" if "\\" in base and "/" not in base else "/"
    return f"{base.rstrip('/' + chr(92))}{separator}{text}" if base else text


def rate_of_media(clip: Clip) -> Rate:
    """The rate that the edit says its clip's pictures run at."""
    media = clip.media
    stated = facts(media).get("rate")
    if isinstance(stated, str):
        return rate_of(stated)
    if isinstance(media, otio.schema.ImageSequenceReference) and media.rate > 1:
        return rate_of(media.rate)
    span = media.available_range
    return clip.clock if span is None else rate_of(span.duration.rate)


def sequence_here(clip: Clip, path: Path) -> Path | None:
    """The image sequence that a clip plays, in Resolve's form; None for any other media.

    Args:
        clip: the clip.
        path: where this machine would find its media, as the edit names it.

    Raises:
        MediaError: its files cannot be told apart.
    """
    media = clip.media
    begins = facts(media).get("sequence") is True
    if not begins and SequenceName.parse(path.name) is None:
        return None
    available = media.available_range
    count = None
    if available is not None:
        count = round(frames(available.duration, rate_of_media(clip)))
    return find_sequence(path, frame=begins, count=count or None)


def sequences_among(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Every sequence whose files lie in a folder, from its first number to its last."""
    numbers: dict[tuple[str, str, int], list[int]] = {}
    for name in names:
        found = SequenceName.of_frame(name) if Path(name).suffix.lower() in SUFFIXES else None
        if found is not None and found.first is not None:
            digits = found.padding if name == found.of(found.first) else 0
            numbers.setdefault((found.prefix, found.suffix, digits), []).append(found.first)
    for (prefix, suffix, padding), known in sorted(numbers.items()):
        if len(known) >= _FEWEST:
            yield folder / str(SequenceName(prefix, suffix, padding, min(known), max(known)))


def named_alike(sequences: Sequence[Path], name: str) -> list[Path]:
    """Those of these sequences that an edit calls by this name, whatever frames it says."""
    wanted = SequenceName.read(name)
    if wanted is None:
        return []
    key = (wanted.prefix.casefold(), wanted.suffix.casefold())
    found = ((path, SequenceName.parse(path.name)) for path in sequences)
    return [p for p, s in found if s and (s.prefix.casefold(), s.suffix.casefold()) == key]
