"""An EDL in a watch folder: its rate comes with the drop, or is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

from watch_kit import Bench

EDL = (
    "TITLE: REEL 1\r\nFCM: NON-DROP FRAME\r\n"
    "001  AX  V  C  01:00:00:05 01:00:00:13 01:00:00:00 01:00:00:08\r\n"
    "* FROM CLIP NAME: anna.mov\r\n"
)


def test_the_rate_of_an_edl_stands_in_the_settings_of_its_drop(bench: Bench, stage) -> None:
    package = bench.folder / "EP101"
    (package / "media").mkdir(parents=True)
    shutil.copy(stage.anna, package / "media" / "anna.mov")
    (package / "cut.edl").write_bytes(EDL.encode())
    shutil.copy(stage.fr, package / "cut_FR.wav")
    status = bench.until("EP101", "rejected")
    assert "does not state its frame rate" in str(status)
    (package / "unisync.toml").write_text("rate = 24\n")
    (output,) = bench.until("EP101", "done").outputs
    assert output.done == 1
    assert Path(output.edit).suffix == ".edl"
