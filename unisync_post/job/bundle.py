"""Jobs whose edit is an OTIO bundle: its media, and the bundle that is given back."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from unisync_adapters.document import PathMap
from unisync_adapters.otio_bundle import (
    fingerprint,
    is_bundle,
    is_zip_bundle,
    media_map,
    read_content,
    unpack_media,
    write_bundle,
)

from ..plan.options import PlanOptions
from ..records import clear_stale, sync_folder, temporary_for, write_atomic


def with_bundle_media(edit: Path, out: Path, options: PlanOptions) -> PlanOptions:
    """The options with the media of a bundle on this machine; unchanged for any other edit.

    Those of a zip file are unpacked, once, to ``OUT/bundles/<what it holds>``.

    Raises:
        EditError: a damaged or hostile bundle, or one that does not fit on the disk.
    """
    if not is_zip_bundle(edit):
        return options
    folder = out.absolute() / "bundles" / fingerprint(edit)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        clear_stale(folder.parent)
        part = temporary_for(folder)
        try:
            unpack_media(edit, part)
            part.replace(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        sync_folder(folder.parent)
    roots = (*options.media_roots, folder) if options.media_roots else ()
    return replace(options, path_map=media_map(folder, options.path_map), media_roots=roots)


def returned_map(edit: Path, media: Path, path_map: PathMap) -> PathMap:
    """The path map to patch with: in a bundle, new media are named as its own are."""
    return media_map(media, path_map) if is_bundle(edit) else path_map


def write_returned(source: Path, target: Path, data: bytes, media: Iterable[Path]) -> None:
    """Write the returned edit atomically, in a bundle with the new media if it came in one.

    Raises:
        EditError: the bundle that came in is gone or damaged.
    """
    if not is_bundle(source):
        write_atomic(target, data)
        return
    part = temporary_for(target)
    try:
        write_bundle(source, part, data, media)
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(part, target)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
    sync_folder(target.parent)


def edit_digest(edit: Path) -> str:
    """SHA-256 of an edit's bytes; of a bundle, of the edit in it."""
    data = read_content(edit) if is_bundle(edit) else edit.read_bytes()
    return hashlib.sha256(data).hexdigest()
