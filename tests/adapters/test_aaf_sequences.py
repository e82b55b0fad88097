"""AAF: image sequences, by a pattern or their first frame, read and relinked."""

from __future__ import annotations

from pathlib import Path

import pytest
from aaf_samples import Media, Sample, Shot
from test_aaf_patch import patched, possible, relink
from test_aaf_read import read, refusal

NEW = Path("/Volumes/unisync/FR/plate_fr/plate_fr.[1003-1076].exr")


def edit(url: str, length: int = 100) -> Sample:
    return Sample(tracks=[[Shot(0, 20, 50)]], media=[Media("plate", url, length=length)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("file:///plates/plate.1001.exr", "plate_fr.1003.exr"),
        ("file:///plates/plate.[1001-1100].exr", "plate_fr.[1003-1076].exr"),
        ("file:///C%3a/plates/plate.%5b1001-1100%5d.exr", "plate_fr.%5b1003-1076%5d.exr"),
        ("file:///plates/plate.%04d.exr", "plate_fr.%04d.exr"),
        ("file:///plates/plate.####.dpx", "plate_fr.%23%23%23%23.exr"),
    ],
)
def test_a_sequence_of_an_aaf_is_relinked_in_the_form_of_the_old(old: str, new: str) -> None:
    document = read(edit(old).data())
    (key,) = possible(document)
    (clip,) = document.timeline.find_clips()
    assert clip.media_reference.metadata["unisync"]["sequence"] is True
    after = patched(document, relink(document, key, path=NEW, duration=74))
    (clip,) = after.timeline.find_clips()
    facts = clip.media_reference.metadata["unisync"]
    assert clip.media_reference.target_url.endswith(f"/FR/plate_fr/{new}")
    assert facts["sequence"] is True
    assert "still" not in facts


@pytest.mark.parametrize(
    ("url", "length"),
    [("file:///stills/card.png", 250), ("file:///stills/IMG_0042.tif", 1)],
)
def test_a_still_of_an_aaf_is_none(url: str, length: int) -> None:
    sample = Sample(tracks=[[Shot(0, 0, 1)]], media=[Media("card", url, length=length)])
    (clip,) = read(sample.data()).timeline.find_clips()
    facts = clip.media_reference.metadata["unisync"]
    assert (facts.get("still"), facts.get("sequence")) == (True, None)


def test_a_folder_of_pictures_is_refused_with_the_export_to_make() -> None:
    (clip,) = read(edit("file:///plates/shot010/").data()).timeline.find_clips()
    assert "export FCP7 XML or OTIO instead" in refusal(clip)
