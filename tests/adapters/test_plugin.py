"""Our readers, reached through OpenTimelineIO's own plug-in machinery."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
import pytest
from fcpxmls import Edit, Item
from otio_samples import clip, dump, timeline, track

XMEML = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xmeml>
<xmeml version="4"><sequence id="s1"><name>cut</name><duration>50</duration>
<rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate>
<media><video><track><clipitem id="c1"><name>sh010</name><duration>100</duration>
<rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate>
<start>0</start><end>50</end><in>10</in><out>60</out>
<file id="f1"><name>a.mov</name><pathurl>file://localhost/m/a.mov</pathurl>
<rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate><duration>100</duration>
<media><video/></media></file>
</clipitem></track></video></media></sequence></xmeml>
"""


@pytest.mark.parametrize(
    ("adapter", "data"),
    [
        ("unisync_otio_json", dump(timeline(track(clip())))),
        ("unisync_fcp7", XMEML),
        ("unisync_fcpxml", Edit([Item("video", name="sh010")]).data()),
    ],
)
def test_otio_reads_through_our_adapter(tmp_path: Path, adapter: str, data: bytes) -> None:
    path = tmp_path / "cut.any"
    path.write_bytes(data)
    read = otio.adapters.read_from_file(str(path), adapter_name=adapter)
    assert isinstance(read, otio.schema.Timeline)
    assert [c.name for c in read.find_clips()] == ["sh010"]
    assert "origin" in read.find_clips()[0].metadata["unisync"]


@pytest.mark.parametrize("adapter", ["unisync_otio_json", "unisync_fcp7", "unisync_fcpxml"])
def test_our_adapters_only_read(adapter: str) -> None:
    found = otio.adapters.from_name(adapter)
    assert found.has_feature("read")
    assert not found.has_feature("write")


def test_no_suffix_is_taken_from_otios_own_adapters() -> None:
    assert otio.adapters.from_filepath("cut.otio").name == "otio_json"
