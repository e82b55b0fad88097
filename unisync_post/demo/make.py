"""Make the demo's edit with all its media, in a folder of the user's choice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import JobError
from . import layout
from .layout import Camera
from .media import write_camera, write_dub, write_music
from .premiere import premiere_xml
from .script import LANGUAGES

EDIT_NAME = "The Valley v01"
_MARK = "unisync-demo.txt"
_MARK_TEXT = """This folder was made by `unisync demo`. Everything in it can be deleted.

edit/   the edit, as Premiere Pro would export it
media/  its camera files, music and effects (drawn people, synthetic voices)
dub/    the same dialogue in French and German
out/    what UniSync Post made of it
"""


@dataclass(frozen=True, slots=True)
class DemoEdit:
    """The demo's files.

    Attributes:
        folder: holds everything.
        edit: the FCP7 XML.
        media: folder of the camera files.
        dubs: dub by language, broadcast waves.
        out: where the result belongs (not made here).
    """

    folder: Path
    edit: Path
    media: Path
    dubs: dict[str, Path]
    out: Path


def make_demo_edit(folder: Path, *, tell: Callable[[str], None] = lambda text: None) -> DemoEdit:
    """Draw, speak and write the demo; what an earlier call finished is kept.

    Args:
        folder: a new or empty folder, or one that an earlier call made.
        tell: hears one line for each file.

    Raises:
        JobError: the folder holds something else.
    """
    folder = folder.resolve()
    _claim(folder)
    demo = DemoEdit(
        folder,
        folder / "edit" / "the_valley.xml",
        folder / "media",
        {
            language: folder / "dub" / f"the_valley_{language.upper()}_DX.wav"
            for language in LANGUAGES[1:]
        },
        folder / "out",
    )
    for path in (demo.edit.parent, demo.media, folder / "dub"):
        path.mkdir(parents=True, exist_ok=True)
    music = demo.media / "the_valley_ME.wav"
    # two files at a time: drawing and encoding leave the interpreter free most of the time
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda camera: _camera(camera, demo.media, tell), layout.CAMERAS))
    _once(music, write_music, tell)
    for language, path in demo.dubs.items():
        _once(path, partial(write_dub, language), tell)
    document = premiere_xml(demo.media, music, EDIT_NAME)
    _once(demo.edit, lambda part: part.write_bytes(document), tell)
    return demo


def _claim(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise JobError("This is a file", file=folder, remedy="Name a folder for the demo.")
    mark = folder / _MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise JobError(
            "This folder holds other things", file=folder, remedy="Name a new folder for the demo."
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(_MARK_TEXT, encoding="utf-8")


def _camera(camera: Camera, media: Path, tell: Callable[[str], None]) -> None:
    _once(media / camera.file, partial(write_camera, camera), tell)


def _once(path: Path, write: Callable[[Path], object], tell: Callable[[str], None]) -> None:
    """Write a file under another name, then rename it: a file that exists is whole."""
    if path.exists():
        return
    part = path.with_name(f".{path.name}.part")
    write(part)
    part.replace(path)
    tell(str(path.name))
