from __future__ import annotations

from pathlib import Path

import pytest
from plan_kit import Desk, loud_spans


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A folder where every non-silent sound counts as speech and media are facts."""
    made = Desk(tmp_path)
    monkeypatch.setattr("unisync_post.plan.media.probe", made.probe)
    monkeypatch.setattr("unisync_post.plan.listen.speech_spans", loud_spans)
    return made
