"""An edit of fifty thousand clips (fault table, row 13)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from xmeml import Edit, Item, Media

CLIPS = 50_000
_READ = """
import resource, sys
from pathlib import Path
from unisync_adapters.document import open_edit
document = open_edit(Path(sys.argv[1]))
assert document.patch([]) == document.data
assert document.patch([], name="FR") != document.data
used = resource.getrusage(resource.RUSAGE_SELF)
print(len(document.origins), used.ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux counts it")
def test_row_13_fifty_thousand_clips_in_bounded_memory(tmp_path: Path) -> None:
    media = [Media(f"A{n:03d}.mov") for n in range(500)]
    items = [Item(media[n % 500], 40 * n, 40 * n + 40, entry=n % 4000) for n in range(CLIPS)]
    path = tmp_path / "feature.xml"
    path.write_text(Edit([items]).text())
    run = subprocess.run(
        [sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, check=True
    )
    clips, kibibytes = map(int, run.stdout.split())
    assert clips == CLIPS
    assert kibibytes << 10 < 16 * path.stat().st_size
