"""How long a very long edit takes: read it, walk it as a planner does, relink every picture clip.

    python bench/edit_patch.py [--clips 10000] [--repeat 3]

The yardstick is lxml parsing the same bytes; the budget is three times that. Times are CPU
seconds of this process, the best of the repeats, so that a busy machine does not decide.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
from lxml import etree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.adapters.xmeml import FINAL_CUT, PREMIERE, RESOLVE, Dub, Edit, Media, cutting
from unisync_adapters.document import Document, PathMap, Relink
from unisync_adapters.fcp7 import ADAPTER

BUDGET = 3.0
STYLES = {style.name: style for style in (PREMIERE, RESOLVE, FINAL_CUT)}


def document(clips: int, style: str, sound: bool) -> bytes:
    """An edit of so many picture clips over one long dub.

    Each clip has four effects of three parameters: as many as the clips of real finished edits.
    """
    edit = Edit(
        [cutting(clips, media=max(1, clips // 20), filters=4)],
        style=STYLES[style],
        sound=sound,
        dubs=[Dub(Media("DX_FR.wav", clips * 48, 0), 0, clips * 48, track_name="DX FR")],
    )
    return edit.data()


def walk(document: Document) -> list[tuple[Any, ...]]:
    """What a planner looks at: of every clip its place, source, media and metadata."""
    seen = []
    for track in document.timeline.tracks:
        places = track.range_of_all_children()
        for clip in track.find_clips():
            media = clip.media_reference
            if not isinstance(media, otio.schema.ExternalReference) or not clip.enabled:
                continue
            origin = clip.metadata.get("unisync", {}).get("origin")
            seen.append(
                (origin, clip.name, places.get(clip), clip.source_range, media.target_url,
                 media.available_range)
            )
    return seen


def relinks(document: Document, seen: list[tuple[Any, ...]]) -> list[Relink]:
    handle = 12
    return [
        Relink(
            origin=origin,
            path=Path(f"/out/{index:05d}_fr.mov"),
            source_in=handle,
            duration=int(place.duration.value) + 2 * handle,
            rate=document.rate,
            start_frame=int(source.start_time.value) - handle,
        )
        for index, (origin, _, place, source, _, _) in enumerate(seen)
        if origin is not None
    ]


def best(repeat: int, work: Callable[[], Any]) -> tuple[float, Any]:
    times, result = [], None
    for _ in range(repeat):
        result = None
        begin = time.process_time()
        result = work()
        times.append(time.process_time() - begin)
    return min(times), result


def measure(data: bytes, repeat: int) -> float:
    """Print the figures of one document; the ratio of our total to lxml's parse."""
    parser = etree.XMLParser(huge_tree=True)
    lxml, _ = best(repeat, lambda: etree.fromstring(data, parser))
    reading, edit = best(
        repeat, lambda: ADAPTER.read(data, Path("edit.xml"), PathMap())
    )
    planning, seen = best(repeat, lambda: walk(edit))
    todo = relinks(edit, seen)
    patching, patched = best(repeat, lambda: edit.patch(todo, name="Reel 1 FR"))
    verifying, _ = best(1, lambda: edit.verify(patched, todo, name="Reel 1 FR"))
    total = reading + planning + patching
    print(
        f"  {len(data) / 1e6:6.1f} MB, {data.count(b'<clipitem ')} clipitems, "
        f"{len(todo)} relinked -> {len(patched) / 1e6:.1f} MB\n"
        f"  lxml parse {lxml:.3f} s | read {reading:.3f}  walk {planning:.3f}  "
        f"patch {patching:.3f}  total {total:.3f} s | {total / lxml:.2f}x lxml"
        f"   (verify, not counted: {verifying:.3f} s)"
    )
    return total / lxml


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clips", type=int, default=10_000)
    arguments.add_argument("--repeat", type=int, default=3)
    options = arguments.parse_args()
    ratios = {}
    for style in STYLES:
        for sound in (False, True):
            label = f"{style}, {'with linked sound' if sound else 'picture and dub'}"
            print(f"{options.clips} picture clips, {label}")
            ratios[label] = measure(document(options.clips, style, sound), options.repeat)
    worst = max(ratios, key=lambda label: ratios[label])
    print(f"worst: {ratios[worst]:.2f}x lxml ({worst}); budget {BUDGET:.0f}x")
    return 0 if ratios[worst] <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
