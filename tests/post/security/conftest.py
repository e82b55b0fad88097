from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import Spec, make_clip
from traps import Web, web_server


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        yield web


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """Five ProRes pictures of 128 x 96."""
    return make_clip(tmp_path / "good.mov", Spec(frames=5))
