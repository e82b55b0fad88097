"""An edit that cannot be read leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from generated import FRENCH, WRITERS, Line, Shot, Story, Voice
from whole_kit import Case, digests

from unisync_adapters.errors import UniSyncError
from unisync_adapters.timebase import Rate

STORY = Story(
    (Shot(0, 4, 6, gap=2), Shot(1, 8, 5)),
    (Voice(*FRENCH, (Line(1, 9, 24),)),),
    FRENCH[1],
    Rate.of(24),
)


@pytest.mark.parametrize("name", WRITERS)
def test_a_truncated_edit_writes_nothing(name: str, footage: Path, tmp_path: Path) -> None:
    case = Case(name, footage, tmp_path)
    edit = case.write(STORY)
    # an EDL within an event, anything else anywhere
    data = edit.read_bytes()
    kept = data.rindex(b"01:00:00:") + 3 if name == "avid.edl" else len(data) * 7 // 10
    edit.write_bytes(data[:kept])
    before = digests(edit.parent, footage)
    with pytest.raises(UniSyncError) as caught:
        case.planned(edit, case.options())
    assert caught.value.file == str(edit)
    assert caught.value.remedy
    assert digests(edit.parent, footage) == before
    assert not (tmp_path / "out").exists()
