"""Which file of a drop is its edit, and whether the drop may be opened at all."""

from __future__ import annotations

from pathlib import Path

from unisync_adapters.document import adapters
from unisync_adapters.otio_bundle import is_bundle

from ..errors import PlanError
from ..media.audio import audio_info
from ..media.roots import admits, confined
from .bundles import link_in
from .config import WatchConfig
from .names import is_edit_folder, is_readable_edit, shown, unusable
from .pairing import Pairing
from .scan import Found

_HEAD = 1 << 16


def check_names(found: Found) -> None:
    for name in (found.name, *found.files):
        reason = unusable(name)
        if reason is not None:
            raise PlanError(reason, file=shown(name), remedy="Rename it.")


def the_edit(found: Found) -> str:
    """The one edit of a drop; of several files named like edits, the only one that is an edit."""
    readable = [name for name in found.edits if is_readable_edit(name)] or list(found.edits)
    if len(readable) > 1:
        readable = [name for name in readable if _is_edit(found.home / name)] or readable
    if len(readable) > 1:
        raise PlanError(
            f"It holds {len(readable)} edits: {', '.join(map(shown, sorted(readable)))}",
            file=shown(found.name),
            remedy="Keep one edit at the top of the directory.",
        )
    return readable[0]


def _is_edit(path: Path) -> bool:
    """Whether its beginning is that of an edit: cameras write XML, too."""
    if is_edit_folder(path.name) or is_bundle(path):
        return True
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return any(adapter.sniff(head, path) for adapter in adapters())


def check_confined(found: Found, edit: str, pairing: Pairing, config: WatchConfig) -> None:
    """An edit or a dub that is a link may not lead out of the roots either.

    Raises:
        PlanError: it does. MediaError: a dub that is damaged or cut short.
    """
    link = link_in(found.home / edit)
    if link is not None:
        raise PlanError(
            f"{shown(edit)} holds a link: {shown(link)}",
            file=shown(found.name),
            remedy="Copy the file itself.",
        )
    with confined(config.allowed):
        for path in (edit, *(path for pair in pairing.pairs for path in pair.dub)):
            if not admits(found.home / path):
                raise PlanError(
                    f"{shown(path)} is a link that leads outside the media roots",
                    file=shown(found.name),
                    remedy="Copy the file itself.",
                )
        for pair in pairing.pairs:
            for path in pair.dub:
                audio_info(found.home / path)
