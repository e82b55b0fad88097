"""Import an edit that UniSync Post gave back into the project open in DaVinci Resolve.

    Workspace > Scripts > resolve_import            in Resolve; it asks for the returned edit
    python3 resolve_import.py RETURNED_EDIT         beside a running Resolve Studio

The edit becomes a new timeline under a name that no other timeline has. New media go into the bin
"UniSync"; clips that play them get a colour, and the new timeline a marker over each. Timelines,
bins and clips that are there already are not touched.

It needs Python 3.6 or later, nothing else, and no network. It is written to the scripting API as
Blackmagic documents it (README.txt of May 2025) and was tested with a model of that API. It has
NOT been run in the application.
"""

import importlib
import json
import os
import re
import sys
from typing import Any

BIN = "UniSync"
CLIP_COLOUR = "Orange"
MARKER_COLOUR = "Purple"
RECORD = ".unisync.json"
READABLE = (".xml", ".fcpxml", ".aaf", ".edl", ".otio")

# names that UniSync Post gives to media: the language, then a hash
_OURS = re.compile(r"unisync_[a-z0-9_-]+_[0-9a-f]{16}")
# a frame range as it stands in the record: name.[1001-1100].exr
_FRAMES = re.compile(r"\[(\d+)-(\d+)\]")


class ImportFailedError(Exception):
    """Why nothing was imported, and what to do."""


def import_returned(resolve: Any, path: str) -> "list[str]":
    """Import a returned edit.

    Args:
        resolve: Resolve's scripting object.
        path: the returned edit, or the NAME.unisync.json beside it.

    Returns:
        What was done, in sentences.

    Raises:
        ImportFailedError: no project is open, files are missing, or Resolve does not take the edit.
    """
    edit, record = read_record(path)
    media = [os.path.join(os.path.dirname(edit), *m.split("/")) for m in new_media(record)]
    check_media(media)
    project = resolve.GetProjectManager().GetCurrentProject()
    if project is None:
        raise ImportFailedError("No project is open. Open the project that the edit belongs to.")
    name = free_name(str(record["timeline"]), timeline_names(project))
    pool = project.GetMediaPool()
    before = pool.GetCurrentFolder()
    try:
        target = our_bin(pool, name)
        pool.SetCurrentFolder(target)
        brought = import_media(pool, media)
        timeline = pool.ImportTimelineFromFile(edit, import_options(pool, target, edit, name))
    finally:
        if before is not None:
            pool.SetCurrentFolder(before)
    if timeline is None:
        raise ImportFailedError(
            f"Resolve did not take {os.path.basename(edit)}. Try File > Import > Timeline, which "
            f"says why; new media are in the bin {BIN}."
        )
    marked, offline = mark(timeline)
    return report(timeline.GetName(), brought, marked, offline, record)


def read_record(path: str) -> "tuple[str, dict[str, Any]]":
    """The returned edit and what was written beside it of how it was made."""
    path = os.path.abspath(path)
    beside = path if path.endswith(RECORD) else os.path.splitext(path)[0] + RECORD
    try:
        with open(beside, encoding="utf-8") as file:
            record = json.load(file)
        edit = os.path.join(os.path.dirname(beside), os.path.basename(record["returned"]))
        record["timeline"], record["changed"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImportFailedError(
            f"{beside} cannot be read ({error}). Choose the edit that UniSync Post returned; its "
            f"{RECORD} must lie beside it."
        ) from error
    if not os.path.exists(edit):
        raise ImportFailedError(f"{edit} is not there. Copy the whole folder that came back.")
    if not edit.lower().endswith(READABLE):
        raise ImportFailedError(
            f"Resolve's scripts cannot import {os.path.basename(edit)}. Use File > Import > "
            f"Timeline, or dub an edit that is one of: {' '.join(READABLE)}."
        )
    return edit, record


def new_media(record: "dict[str, Any]") -> "list[str]":
    """The new media of the edit, each once, relative to its folder."""
    named = [one["new_media"] for one in record["changed"]]
    return sorted({name for name in named if name})


def check_media(media: "list[str]") -> None:
    """Every file of the new media is here; of a sequence, its first and last frame."""
    missing = []
    for path in media:
        frames = _FRAMES.search(path)
        ends = [_FRAMES.sub(end, path) for end in frames.groups()] if frames else [path]
        missing += [end for end in ends if not os.path.exists(end)]
    if missing:
        raise ImportFailedError(
            f"New media is missing: {', '.join(missing[:5])}. Copy the folder media together "
            "with the edit."
        )


def timeline_names(project: Any) -> "set[str]":
    """Names of all timelines of the project."""
    count = project.GetTimelineCount()
    return {project.GetTimelineByIndex(index).GetName() for index in range(1, count + 1)}


def free_name(wanted: str, taken: "set[str]") -> str:
    """The name, numbered if a timeline has it: Resolve imports nothing under a name twice."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def our_bin(pool: Any, name: str) -> Any:
    """A bin for this import in the bin UniSync, which is made when it is not there."""
    parent = child_of(pool.GetRootFolder(), BIN) or pool.AddSubFolder(pool.GetRootFolder(), BIN)
    target = (child_of(parent, name) or pool.AddSubFolder(parent, name)) if parent else None
    if target is None:
        raise ImportFailedError("Resolve made no bin. Is the project open for reading only?")
    return target


def child_of(folder: Any, name: str) -> Any:
    """The bin of this name in a bin, or None."""
    return next((one for one in folder.GetSubFolderList() if one.GetName() == name), None)


def all_folders(folder: Any) -> "list[Any]":
    """A bin and all bins in it."""
    found = [folder]
    for child in folder.GetSubFolderList():
        found += all_folders(child)
    return found


def import_media(pool: Any, media: "list[str]") -> int:
    """Bring media that the project does not have yet into the current bin; how many came."""
    clips = [clip for folder in all_folders(pool.GetRootFolder()) for clip in folder.GetClipList()]
    known = {our_name(clip) for clip in clips}
    wanted = [path for path in media if name_in(path) not in known]
    if wanted and not pool.ImportMedia([as_import(path) for path in wanted]):
        raise ImportFailedError(
            "Resolve took none of the new media. Check that it may read the folder "
            f"{os.path.dirname(wanted[0])}."
        )
    return len(wanted)


def as_import(path: str) -> Any:
    """A path as ImportMedia wants it: a sequence by its pattern, first and last frame."""
    frames = _FRAMES.search(path)
    if frames is None:
        return path
    first, last = frames.groups()
    pattern = _FRAMES.sub(f"%0{len(first)}d", path)
    return {"FilePath": pattern, "StartIndex": int(first), "EndIndex": int(last)}


def import_options(pool: Any, target: Any, edit: str, name: str) -> "dict[str, Any]":
    """Media is taken from the project, new media first. Resolve does not look there for OTIO: it
    imports the media anew."""
    if edit.lower().endswith(".otio"):
        return {
            "timelineName": name,
            "importSourceClips": True,
            "sourceClipsPath": os.path.dirname(edit),
        }
    others = [one for one in all_folders(pool.GetRootFolder()) if one is not target]
    return {
        "timelineName": name,
        "importSourceClips": False,
        "sourceClipsFolders": [target, *others],
    }


def mark(timeline: Any) -> "tuple[int, list[str]]":
    """Colour the clips that play new media and put a marker over each.

    Returns:
        How many there are, and the names of clips without media.
    """
    marked, offline = 0, []
    for track in range(1, timeline.GetTrackCount("video") + 1):
        for item in timeline.GetItemListInTrack("video", track) or []:
            clip = item.GetMediaPoolItem()
            if clip is None:  # a title or a generator, or a clip that is offline
                offline.append(item.GetName())
            elif our_name(clip):
                item.SetClipColor(CLIP_COLOUR)
                frame = item.GetStart() - timeline.GetStartFrame()
                note = "Lips re-synced by UniSync Post"
                # one marker a frame: where another lies, the colour has to do
                timeline.AddMarker(frame, MARKER_COLOUR, "UniSync", note, 1, "unisync")
                marked += 1
    return marked, offline


def our_name(clip: Any) -> "str | None":
    """The name that a clip's media has from UniSync Post; None for any other clip."""
    return name_in(clip.GetClipProperty("File Path") or "")


def name_in(path: str) -> "str | None":
    """The name in a path that UniSync Post gives to media; None for any other path."""
    found = _OURS.search(os.path.basename(path.replace("\\", "/")))
    return found.group() if found else None


def report(
    name: str, brought: int, marked: int, offline: "list[str]", record: "dict[str, Any]"
) -> "list[str]":
    """What was done, and what to look at."""
    wanted = len(record["changed"])
    said = [
        f"Timeline: {name}",
        f"New media in the bin {BIN}: {brought}",
        f"Clips that play new media: {marked} of {wanted}",
    ]
    if marked < wanted:
        said.append(
            "CHECK: some clips do not play their new media. Clips in compound clips are not "
            f"counted; relink others from the bin {BIN}."
        )
    if offline:
        said.append(f"Without media (titles, generators, offline): {', '.join(offline)}")
    if any(one.get("draft") for one in record["changed"]):
        said.append("These are DRAFT pictures, not for delivery.")
    return said


def connect() -> Any:
    """Resolve's scripting object: given in its own menu, asked for from outside."""
    given = globals().get("resolve")
    if given is not None:
        return given
    try:
        found = importlib.import_module("DaVinciResolveScript").scriptapp("Resolve")
    except ImportError:
        found = None
    if found is None:
        raise ImportFailedError(
            "Resolve is not to be had. Start Resolve Studio, allow external scripting in "
            "Preferences > System > General, and set PYTHONPATH as its scripting README says; or "
            "run this from Workspace > Scripts."
        )
    return found


def main(arguments: "list[str]") -> int:
    """Import the edit that was named, or ask for one; 0 when it is in the project."""
    try:
        resolve = connect()
        path = arguments[0] if arguments else resolve.Fusion().RequestFile()
        if not path:
            print("Nothing was chosen.")
            return 1
        for line in import_returned(resolve, path):
            print(line)
    except ImportFailedError as error:
        print(f"Nothing was imported. {error}")
        return 1
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    if code and globals().get("resolve") is None:  # in Resolve's menu, exit() would end nothing
        sys.exit(code)
