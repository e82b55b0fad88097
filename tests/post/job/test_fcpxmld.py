"""An .fcpxmld is a folder; what comes back is the file that would lie in it, by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from job_kit import Painter, plan_for, write_dub

from unisync_post.job.assemble import assemble

_INFO = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.11"><resources>
<format id="r1" frameDuration="1/25s" width="64" height="64"/>
<asset id="r2" name="a" start="0s" duration="9s" hasVideo="1" format="r1">
<media-rep kind="original-media" src="file:///away/a.mov"/></asset>
</resources><project name="Reel 1"><sequence format="r1" duration="1s" tcStart="0s"><spine>
<asset-clip ref="r2" offset="0s" name="sh010" start="1s" duration="1s"/>
</spine></sequence></project></fcpxml>
"""


@pytest.mark.parametrize("named", ["Reel 1.fcpxmld", "Reel 1.fcpxmld/Info.fcpxml"])
def test_the_returned_edit_bears_the_folders_name(tmp_path: Path, named: str) -> None:
    bundle = tmp_path / "Reel 1.fcpxmld"
    bundle.mkdir()
    (bundle / "Info.fcpxml").write_bytes(_INFO)
    dub = write_dub(tmp_path / "dub.wav")
    job = plan_for(tmp_path / named, dub, tmp_path / "out", Painter())
    returned = assemble(job).edit
    assert returned.name == "Reel_1_UNISYNC_FR_v001.fcpxml"
    assert b'name="Reel 1_UNISYNC_FR_v001"' in returned.read_bytes()
