"""Whole edits there and back: every file of a folder, ours beside OpenTimelineIO's adapters.

    python bench/roundtrip.py [FOLDER]        FOLDER: $UNISYNC_TIMELINES

Ours: read; returned unchanged byte for byte; then all picture clips that the reader does not refuse
are relinked at once, and the result is proven by a fresh read. A file is *proven* when all of that
held, *refused* when it ended in an error that names what to do, and *wrong* otherwise.

Theirs, for the same files, as far as the adapters are installed (the extra ``bench``): read,
written and read again without an exception, with as many clips as before.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from unisync_adapters.document import Document, Relink, open_edit
from unisync_adapters.errors import EditError, UniSyncError
from unisync_adapters.otiotime import exact_frames
from unisync_adapters.timebase import Rate

HANDLE = 12
RATES = (Rate.of(24), Rate.of(25), Rate.of(Fraction(30000, 1001)), Rate.of(30))
"""What an EDL that does not state its rate is read at: the first that it does not contradict."""
THEIRS = {
    "FCP7 XML": ("fcp_xml", ".xml"),
    "FCPXML": ("fcpx_xml", ".fcpxml"),
    "EDL": ("cmx_3600", ".edl"),
    "AAF": ("AAF", ".aaf"),
    "OTIO JSON": ("otio_json", ".otio"),
}


@dataclass
class Row:
    """One format's figures."""

    files: int = 0
    proven: int = 0
    clips: int = 0
    relinked: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    theirs: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Print a row for each format, then every refusal and every failure."""
    logging.disable()
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("UNISYNC_TIMELINES", "")
    if not named:
        print("no folder of edits: name one, or set UNISYNC_TIMELINES")
        return
    folder = Path(named)
    rows: defaultdict[str, Row] = defaultdict(Row)
    for path in files(folder):
        ours(path, rows)
    print(f"{'':<12}{'files':>6}{'proven':>8}{'refused':>9}{'wrong':>7}", end="")
    print(f"{'clips':>8}{'relinked':>10}   OTIO adapter: read, round trip")
    for name, row in sorted(rows.items()):
        print(f"{name:<12}{row.files:>6}{row.proven:>8}{len(row.refused):>9}", end="")
        print(f"{len(row.wrong):>7}{row.clips:>8}{row.relinked:>10}", end="")
        installed = THEIRS[name][0] in otio.adapters.available_adapter_names()
        theirs_did = f"{row.theirs['read']}, {row.theirs['round trip']}"
        print(f"   {theirs_did if installed else 'not installed'}")
    for name, row in sorted(rows.items()):
        print(f"\n{name}")
        for reason, count in row.kept.most_common():
            print(f"  {count:>5} clips kept: {reason}")
        for text in (*row.refused, *(f"WRONG {wrong}" for wrong in row.wrong)):
            print(f"  {text}")
    sys.exit(any(row.wrong for row in rows.values()))


def files(folder: Path) -> Iterator[Path]:
    """Every file that could be an edit; what lies in a bundle is the bundle's."""
    for path in sorted(folder.rglob("*")):
        bundle = any(parent.suffix in (".fcpxmld", ".otiod") for parent in path.parents)
        if path.name != "manifest.json" and not bundle and (path.is_file() or path.suffix):
            yield path


def ours(path: Path, rows: dict[str, Row]) -> None:
    """Read, return unchanged, relink everything, prove."""
    kind = next((k for k, (_, s) in THEIRS.items() if s == path.suffix.lower()), "OTIO JSON")
    row = rows[kind]
    row.files += 1
    row.theirs.update(theirs(path, THEIRS[kind][0]))
    try:
        document = opened(path)
    except UniSyncError as error:
        row.refused.append(f"{path.name}: {error.what}. {error.remedy or ''}")
        return
    except Exception as error:
        row.wrong.append(f"{path.name}: {type(error).__name__}: {error}")
        return
    try:
        prove(document, row)
    except Exception as error:
        row.wrong.append(f"{path.name}: {type(error).__name__}: {error}")
    else:
        row.proven += 1


def opened(path: Path) -> Document:
    """The edit; at a rate it could have, where it must be told one."""
    try:
        return open_edit(path)
    except EditError:
        if path.suffix.lower() != ".edl":
            raise
    for rate in RATES[:-1]:
        try:
            return open_edit(path, rate=rate)
        except EditError:
            continue
    return open_edit(path, rate=RATES[-1])


def prove(document: Document, row: Row) -> None:
    """The identity and relink-only laws of one document.

    Raises:
        EditError: the proof failed.
        AssertionError: other bytes came back.
    """
    assert document.patch([]) == document.data, "patching nothing changed the bytes"
    document.verify(document.data, [])
    relinks = []
    for clip in picture_clips(document):
        row.clips += 1
        refuse = clip.metadata["unisync"].get("refuse")
        if refuse or isinstance(clip.media_reference, otio.schema.GeneratorReference):
            row.kept[_generic(str(refuse)) if refuse else "it has no media"] += 1
            continue
        one = relink(document, clip)
        if one.origin in {other.origin for other in relinks}:
            continue  # a nest used twice is patched once
        try:
            document.patch([one], name="RETURNED")
        except EditError as error:
            row.kept[_generic(error.what)] += 1
        else:
            relinks.append(one)
    document.verify(document.patch(relinks, name="RETURNED"), relinks, name="RETURNED")
    row.relinked += len(relinks)


def _generic(reason: str) -> str:
    """A reason without its names and numbers, to be counted."""
    reason = re.sub(r"'[^']*'|“[^”]*”", "…", re.sub(r"\d[\d.]*", "#", reason))
    return reason if len(reason) <= 90 else f"{reason[:87]}…"


def picture_clips(document: Document) -> Iterator[otio.schema.Clip]:
    """Clips on picture tracks that can be named in a relink."""
    for clip in document.timeline.tracks.find_clips():
        track = clip.parent()
        audio = isinstance(track, otio.schema.Track) and track.kind != "Video"
        if not audio and clip.metadata.get("unisync", {}).get("origin") in document.origins:
            yield clip


def relink(document: Document, clip: otio.schema.Clip) -> Relink:
    """New media with handles over just the range that the clip plays."""
    baked = any(isinstance(effect, otio.schema.TimeEffect) for effect in clip.effects)
    noted = clip.media_reference.metadata.get("unisync", {}).get("rate")
    played = clip.trimmed_range()
    rate = document.rate if baked or not noted else Rate.of(noted)
    first = max(HANDLE, int(exact_frames(played.start_time, rate)))
    duration = int(exact_frames(played.duration, rate)) + 1 + 2 * HANDLE
    name = "unisync_fr_0123456789abcdef"
    frames = isinstance(clip.media_reference, otio.schema.ImageSequenceReference)
    suffix = f".[1001-{1000 + duration}].exr" if frames else ".mov"
    return Relink(
        origin=clip.metadata["unisync"]["origin"],
        path=Path("/unisync/media", name + suffix),
        source_in=HANDLE,
        duration=duration,
        rate=rate,
        start_frame=first - HANDLE,
        baked=baked,
        language="fr",
    )


def theirs(path: Path, adapter: str) -> Iterator[str]:
    """Which of ``read`` and ``round trip`` OpenTimelineIO's adapter manages."""
    if adapter not in otio.adapters.available_adapter_names():
        return
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            before = otio.adapters.read_from_file(str(path), adapter_name=adapter)
            yield "read"
            copy = str(Path(folder) / f"copy{path.suffix}")
            otio.adapters.write_to_file(before, copy, adapter_name=adapter)
            after = otio.adapters.read_from_file(copy, adapter_name=adapter)
            if _count(before) == _count(after):
                yield "round trip"
    except Exception:  # whatever it is, the file did not come back
        return


def _count(read: object) -> int:
    """Clips in what an adapter returned: a timeline, or a collection of them."""
    return len(list(read.find_clips())) if hasattr(read, "find_clips") else 0


if __name__ == "__main__":
    main()
