"""Edits that are bundles: whether all of one is here, and its media where they can be read."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from unisync_adapters.otio_bundle import CONTENT

from ..errors import DiskFullError, EditError
from ..job.bundle import with_bundle_media
from ..job.faults import is_full
from ..plan.options import PlanOptions
from .names import folded

_FINAL_CUT = "Info.fcpxml"
_ZIP = b"PK\x03\x04"


def unfinished(edit: Path) -> str | None:
    """What of a bundle is not here yet, as a sentence; None: it may be opened, or is no bundle.

    A copy that stalls looks settled, and one that is named when it begins looks renamed. But the
    list of what a zip file holds is its end, and a folder is no edit before the edit lies in it.
    """
    if edit.is_dir():
        inside = _FINAL_CUT if folded(edit.suffix) == ".fcpxmld" else CONTENT
        return None if (edit / inside).is_file() else f"There is no {inside} in it yet."
    if folded(edit.suffix) != ".otioz":
        return None
    with edit.open("rb") as file:
        begun = file.read(len(_ZIP)) == _ZIP
    if begun and not zipfile.is_zipfile(edit):
        return "Its end, which lists what the zip file holds, is not here yet."
    return None


def link_in(edit: Path) -> str | None:
    """The first link in an edit that is a directory, relative to it; None where there is none.

    A copy of the directory may be given back, and what is written there would go through the link.
    """
    for top, folders, files in os.walk(edit):
        for name in sorted((*folders, *files)):
            if os.path.islink(os.path.join(top, name)):
                return os.path.relpath(os.path.join(top, name), edit)
    return None


def with_media(edit: Path, folder: Path, options: PlanOptions) -> PlanOptions:
    """The options with a bundle's media on this machine, unpacked below ``folder`` where need be.

    Raises:
        DiskFullError: there is no room for the media; EditError: a damaged or hostile bundle.
    """
    try:
        return with_bundle_media(edit, folder, options)
    except (EditError, OSError) as error:
        if is_full(error):
            what = error.what if isinstance(error, EditError) else "There is no room for its media"
            raise DiskFullError(what, file=edit.name) from error
        raise
