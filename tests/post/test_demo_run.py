"""`unisync demo` in full, in a process of its own, as a newcomer runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from unisync_adapters.document import open_edit
from unisync_post.demo import layout
from unisync_post.media.probe import probe


@pytest.mark.slow
def test_the_demo_comes_back_relinked(tmp_path: Path) -> None:
    program = "from unisync_post.cli import main; main()"
    folder = tmp_path / "demo"
    ran = subprocess.run(
        [sys.executable, "-c", program, "demo", str(folder)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "3 rendered, 1 kept" in ran.stdout
    assert (folder / "out" / "review" / "index.html").is_file()
    original = (folder / "edit" / "the_valley.xml").read_bytes()
    (returned,) = (folder / "out").glob("the_valley_UNISYNC_FR_v*.xml")
    media = _media(returned)
    before = _media(folder / "edit" / "the_valley.xml")
    assert set(media) == set(before)
    moved = [key for key in before if media[key] != before[key]]
    assert len(moved) == 3
    for key in moved:
        assert media[key].parent == folder / "out" / "media"
        info = probe(media[key])
        assert (info.width, info.height) == (layout.WIDTH, layout.HEIGHT)
        assert info.rate == layout.RATE
    assert (folder / "edit" / "the_valley.xml").read_bytes() == original


def _media(edit: Path) -> dict[str, Path]:
    """Where each picture clip's media is, by the clip's key in the document."""
    document = open_edit(edit)
    found = {}
    for clip in document.timeline.find_clips():
        key = clip.metadata.get("unisync", {}).get("origin")
        if key is not None and key in document.origins:
            url = clip.media_reference.target_url
            found[key] = Path(url.removeprefix("file://localhost").removeprefix("file://"))
    return found
