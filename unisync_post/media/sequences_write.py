"""New image sequences: the plate's own files, and beside them those whose mouth is new."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from unisync_adapters.timebase import Timecode

from .. import crashpoints
from ..errors import MediaError
from ..records import make_folder, sync_folder
from .info import MediaInfo
from .mux import Picture, boxes_of
from .pixels import Box, around
from .sequences import ImageSequence
from .sequences_files import format_of
from .sequences_frame import read_bytes, word_of

_SCRATCH = ".scratch"
PROVENANCE = "provenance.json"
"""What a sequence's folder says of itself; DPX and TIFF headers have no room for it."""


@dataclass
class SequenceWriter:
    """Writes one sequence, a file at a time.

    Attributes:
        info: the plate.
        start: timecode of the first new frame, at the new rate.
        copied: frames that are the plate's own files; ``encoded``: those that are changed.
    """

    info: MediaInfo
    start: Timecode
    marks: Mapping[str, str]
    copied: int = 0
    encoded: int = 0

    def write(self, pictures: Iterable[Picture], out: Path, count: int) -> None:
        """Write all frames into the folder of ``out``; it appears whole or not at all.

        Args:
            pictures: as for a movie (:func:`.write.write_media`).
            out: the new sequence in Resolve's form, alone in its folder.
            count: frames that it must have.

        Raises:
            MediaError: fewer or more pictures than ``count``, or one that cannot be written.
        """
        plate, new = ImageSequence.of(self.info.path), ImageSequence.of(out)
        if plate is None or new is None or new.count != count:
            raise MediaError(f"{out.name!r} is no name for {count} new frames", file=out)
        folder = out.parent
        make_folder(folder.parent)
        for killed in folder.parent.glob(f".{folder.name}.*.part"):
            shutil.rmtree(killed)
        part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        part.mkdir()
        try:
            self._frames(plate, ImageSequence(part, new.name), pictures)
            (part / PROVENANCE).write_text(json.dumps(dict(self.marks), indent=1) + "\n")
            _publish(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _frames(
        self, plate: ImageSequence, new: ImageSequence, pictures: Iterable[Picture]
    ) -> None:
        done = 0
        crashpoints.reached("media opened")
        for shown, picture, changed in pictures:
            source = plate.file(shown)
            form = format_of(source)
            if changed and picture is None:
                raise MediaError(f"There is no picture for plate frame {shown}", file=source)
            if changed and picture is not None:
                whole = Box(0, 0, picture.width, picture.height)
                box = around(boxes_of(changed) or [whole])
                scratch = new.folder / f"{_SCRATCH}{source.suffix}"
                mark = self.marks.get("comment", "")
                data = form.changed(source, picture, box, scratch, mark)
                self.encoded += 1
            else:
                data = read_bytes(source)
                self.copied += 1
            word = self._word(form.facts(source).timecode, shown, done)
            with new.file(done).open("wb") as file:
                file.write(data if word is None else form.stamped(data, source, word))
                file.flush()
                os.fsync(file.fileno())
            done += 1
        if done != new.count:
            raise MediaError(
                f"{done} frames came for a sequence of {new.count}", file=self.info.path
            )
        for scratch in new.folder.glob(f"{_SCRATCH}*"):
            scratch.unlink()

    def _word(self, old: int | None, shown: int, done: int) -> int | None:
        """The new frame's time address, where it is not the one that the plate's frame has."""
        start = self.start
        if old is None or not self.info.has_timecode:
            return None
        if start.rate == self.info.rate and start.frame + done == self.info.start_frame + shown:
            return None
        return word_of(Timecode(start.frame + done, start.rate, start.drop), old)


def _publish(part: Path, folder: Path) -> None:
    crashpoints.reached("media written")
    sync_folder(part)
    crashpoints.reached("media synced")
    if folder.exists():
        shutil.rmtree(folder)
    part.replace(folder)
    crashpoints.reached("media renamed")
    sync_folder(folder.parent)
    crashpoints.reached("media folder synced")
