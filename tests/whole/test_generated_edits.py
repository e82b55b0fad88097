"""Any edit in the manner of Premiere, Resolve or Avid: planned, rendered, given back, every law.

The edits are generated (:mod:`generated`), the speakers drawn, the engine paints the mouth; the
planning, the faces, the composite, the writing of media and the patch are the real ones.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from generated import FRENCH, MUSIC, WRITERS, Line, Shot, Story, Voice, stories
from hypothesis import HealthCheck, Phase, given, settings
from whole_kit import Case, corner, digests, finished, packets

from unisync_adapters.otiotime import exact_seconds
from unisync_adapters.timebase import Rate
from unisync_post.errors import PlanError
from unisync_post.job.folder import JobFolder
from unisync_post.media.probe import probe

_KEEP = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
}
_NUMBERS = count()


def every_law(story: Story, case: Case) -> str:
    """What became of it; a law that is broken is an assertion that fails."""
    edit = case.write(story)
    before = digests(case.footage, edit.parent)
    options = case.options()
    document = case.opened(edit, options)
    assert document.patch([]) == document.data
    if case.name != "avid.edl" and not _tells(case.name, story):
        with pytest.raises(PlanError, match="Several tracks could be the dub") as stopped:
            case.planned(edit, options)
        assert "FR" in stopped.value.what or "fr" in stopped.value.what
        assert stopped.value.remedy
        options = case.options(language="fr")
    job = case.planned(edit, options)
    wanted = "dub_fr.wav" if case.name == "avid.edl" else story.dub or "dub_fr.wav"
    assert {clip.path.name for clip in job.plan.dub.clips} == {wanted}
    for clip, shot in zip(job.plan.clips, story.shots, strict=True):
        assert not (shot.off and clip.shot) or case.name == "avid.edl"
    returned = finished(job)
    statuses = [(result.status, result.reason) for result in map(job.result, job.plan.to_render)]
    assert [why for status, why in statuses if status == "failed"] == []
    rendered = [clip for clip in job.plan.to_render if _media(job, clip) is not None]
    for clip in rendered:
        _media_laws(job, clip, story)
    after = case.opened(returned.edit, options)
    assert after.timeline.name == job.plan.new_name
    pairs = zip(_clips(document.timeline), _clips(after.timeline), strict=True)
    new = {clip.origin: _media(job, clip) for clip in rendered}
    for old, now in pairs:
        assert exact_seconds(old.duration()) == exact_seconds(now.duration())
        media = new.get(old.metadata["unisync"].get("origin"))
        if media is None:
            assert now.media_reference.is_equivalent_to(old.media_reference)
        elif case.name == "avid.edl":
            assert list(now.media_reference.metadata["unisync"]["names"]) == [media.name]
        else:
            assert now.media_reference.target_url.endswith(f"/media/{media.name}")
    assert {path: digests(path.parent)[path] for path in before} == before
    return f"{len(rendered)} of {len(story.shots)} rendered"


def _tells(name: str, story: Story) -> bool:
    """Whether the edit says which of its tracks is the dub.

    Final Cut's roles do not say which language was first.
    """
    spoken = {voice.file for voice in story.voices} - {"music.wav"}
    return story.dub is not None and (len(spoken) == 1 or name != "resolve.fcpxml")


def _clips(timeline: otio.schema.Timeline) -> list[otio.schema.Clip]:
    """Picture clips, nests included."""
    return [
        clip
        for track in timeline.tracks
        if track.kind == otio.schema.TrackKind.Video
        for clip in track.find_clips()
    ]


def _media(job: JobFolder, clip) -> Path | None:
    result = job.result(clip)
    return job.out / result.media if result is not None and result.media else None


def _media_laws(job: JobFolder, clip, story: Story) -> None:
    """Frame count, rate, timecode and raster; pictures outside the matte."""
    result, shot, path = job.result(clip), clip.shot, _media(job, clip)
    info, plate = probe(path), probe(shot.media)
    assert info.frames == shot.length == result.frames
    assert (info.width, info.height, info.pixel_format) == (
        plate.width,
        plate.height,
        plate.pixel_format,
    )
    assert info.rate == shot.rate == story.rate
    assert result.outside_composite == 0
    played = shot.played()
    if shot.speed == 1:
        assert info.start_frame == plate.start_frame + shot.source.start
    old, new = packets(shot.media), packets(path)
    for index, state in enumerate(result.states):
        if state == ".":
            assert new[index] == old[played[index]]
    shown, pictures = corner(shot.media), corner(path)
    for index, picture in enumerate(pictures):
        assert np.abs(picture - shown[played[index]]).mean() < 400  # of 65 535: the codec's own


@pytest.mark.parametrize("name", WRITERS)
def test_a_nest_a_speed_and_a_split_line_are_all_dubbed(
    name: str, footage: Path, tmp_path: Path
) -> None:
    """Somebody speaks from the file's frames 20 to 90 on: nothing may be left or refused."""
    lines = (Line(1, 10, 24), Line(10, 17, 40))
    shots = (Shot(0, 6, 6, nested=True, gap=2), Shot(1, 4, 6, Fraction(2)))
    rate = Rate.of(24)
    story = Story(shots, (Voice(*MUSIC, lines), Voice(*FRENCH, lines)), FRENCH[1], rate)
    assert every_law(story, Case(name, footage, tmp_path)) == "2 of 2 rendered"


@pytest.mark.parametrize("name", WRITERS)
def test_a_few_edits_keep_every_law(name: str, footage: Path, tmp_path: Path) -> None:
    """Speeds, nests, J and L cuts in every manner; each run draws a few."""
    _draw(name, 1, 2, footage, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_many_edits_keep_every_law(name: str, footage: Path, tmp_path: Path) -> None:
    _draw(name, 12, 4, footage, tmp_path)


def _draw(name: str, examples: int, most: int, footage: Path, folder: Path) -> None:
    @settings(max_examples=examples, **_KEEP)
    @given(stories(most=most))
    def draw(story: Story) -> None:
        every_law(story, Case(name, footage, folder / str(next(_NUMBERS))))

    draw()
