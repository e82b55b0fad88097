"""AAF, patched: the relinked clip plays the new media, and nothing else differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from aaf2 import components, mobs
from aaf_samples import (
    Below,
    Blend,
    Cut,
    Fast,
    Filler,
    Layers,
    Media,
    Muted,
    Nest,
    Ramp,
    Sample,
    Shot,
    Wrapped,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_aaf_read import PATH, read

from unisync_adapters.aaf import ADAPTER
from unisync_adapters.aaf.container import changed, opened
from unisync_adapters.aaf.patch import place_in
from unisync_adapters.aaf.read import AafDocument
from unisync_adapters.aaf.segments import ClipItem
from unisync_adapters.document import PathMap, Relink
from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate

HANDLES = 12
NEW = Path("/Volumes/unisync/FR/A001C003_fr_v001.mov")
FULL = Sample(
    tracks=[
        [
            Shot(0, 10, 50),
            Cut(8, 4),
            Shot(0, 100, 60),
            Filler(5),
            Fast(Shot(0, 0, 50), 25, Fraction(2)),
            Ramp(),
            Muted(),
            Nest(0, 3, 20),
            Layers(),
            Wrapped(),
        ],
        [Filler(50), Shot(1)],
    ],
    media=[Media(), Media("B007", "file:///C%3a/My%20media/B007.mxf", reel=None, embedded=True)],
    nests=[[Shot(0, 0, 10), Shot(0, 50, 100)]],
    sound=[[Shot()]],
    markers=[(3, "unisync:skip")],
)


@lru_cache
def full() -> bytes:
    return FULL.data()


def relink(document: AafDocument, key: str, number: int = 0, **more: Any) -> Relink:
    """New media with handles for this clip, its speed baked."""
    item = document.items[key]
    assert item.media is not None
    clip = clip_of(document, key)
    baked = bool(clip.effects) and isinstance(clip.effects[0], otio.schema.LinearTimeWarp)
    rate = Rate(item.record) if baked else item.media.rate
    seconds = Fraction(clip.source_range.duration.value) / item.record
    facts: dict[str, Any] = {
        "origin": key,
        "path": NEW.with_stem(f"{NEW.stem}_{number}"),
        "source_in": HANDLES,
        "duration": -(-(seconds * rate.fps) // 1) + 2 * HANDLES,
        "rate": rate,
        "start_frame": item.media.start,
        "drop": item.media.drop,
        "reel": item.media.reel,
        "baked": baked,
        "old_path": item.media.url,
    }
    return Relink(**(facts | more))


def clip_of(document: AafDocument, key: str) -> otio.schema.Clip:
    found = [
        clip
        for clip in document.timeline.find_clips()
        if clip.metadata.get("unisync", {}).get("origin") == key
    ]
    return found[0]


def possible(document: AafDocument) -> list[str]:
    return [key for key, item in document.items.items() if item.refuse is None]


def patched(document: AafDocument, *relinks: Relink, name: str | None = None) -> AafDocument:
    """The patch, proven and read again."""
    data = document.patch(relinks, name=name)
    document.verify(data, relinks, name=name)
    again = ADAPTER.read(data, PATH, document.path_map, name or document.timeline.name)
    assert isinstance(again, AafDocument)
    return again


def test_nothing_patched_is_the_same_bytes() -> None:
    document = read(full())
    assert document.patch([]) is document.data
    document.verify(document.data, [])


def test_a_patch_is_the_same_bytes_every_time() -> None:
    document = read(full())
    relinks = [relink(document, key, n) for n, key in enumerate(possible(document))]
    assert document.patch(relinks, name="a") == document.patch(relinks, name="a")


@pytest.mark.parametrize("number", [0, 2, 3, 4, 6, 8])
def test_one_clip_of_a_full_edit(number: int) -> None:
    document = read(full())
    keys = possible(document)
    assert len(keys) == 9
    after = patched(document, relink(document, keys[number]), name="cut_v1_FR")
    assert after.timeline.name == "cut_v1_FR"
    for key, item in after.items.items():
        assert item.media is not None
        assert (NEW.stem in str(item.media.url)) == (key == keys[number])
    assert list(after.items) == list(document.items)


def test_the_new_media_says_all_that_the_old_said() -> None:
    document = read(Sample(tracks=[[Shot(start=100)]]).data())
    (key,) = document.items
    new = relink(document, key, start_frame=90_088)
    media = patched(document, new).items[key].media
    old = document.items[key].media
    assert media is not None
    assert old is not None
    assert (media.start, media.length, media.reel) == (90_088, new.duration, "A001")
    assert (media.rate, media.raster, media.name) == (old.rate, old.raster, old.name)
    assert media.url == f"file://{NEW.with_stem(NEW.stem + '_0')}"
    assert {media.master, media.file, media.tape}.isdisjoint({old.master, old.file, old.tape})


def test_the_bin_tells_what_the_clip_was() -> None:
    document = read(Sample().data())
    (key,) = document.items
    data = document.patch([relink(document, key)])
    with opened(data, PATH) as aaf:
        comments = [dict(mob.comments.items()) for mob in aaf.content.mastermobs()]
    old = "file:///Volumes/media/A001C003.mov"
    assert {"Scene": "12A", "UniSync source": old} in comments
    assert {"Scene": "12A"} in comments


def test_the_url_keeps_its_authors_form() -> None:
    document = ADAPTER.read(full(), PATH, PathMap((("C:/My media", "/mnt/media"),)))
    assert isinstance(document, AafDocument)
    key = next(k for k, i in document.items.items() if i.media and i.media.name == "B007")
    new = relink(document, key, path=Path("/mnt/media/FR dub/B007_fr.mxf"))
    media = patched(document, new).items[key].media
    assert media is not None
    assert media.url == "file:///C%3a/My%20media/FR%20dub/B007_fr.mxf"


def test_the_same_new_media_is_one_clip_in_the_bin() -> None:
    document = read(Sample(tracks=[[Shot(), Shot(start=10)]]).data())
    relinks = [relink(document, key) for key in document.items]
    after = patched(document, *relinks)
    assert len({item.media.master for item in after.items.values() if item.media}) == 1


def test_one_new_file_for_two_clips_leaves_them_their_names() -> None:
    media = [Media(), Media("B007", "file:///Volumes/b/B007.mov")]
    document = read(Sample(tracks=[[Shot(0), Shot(1)]], media=media).data())
    relinks = [relink(document, key) for key in document.items]
    after = patched(document, *relinks)
    assert [clip.name for clip in after.timeline.find_clips()] == ["A001C003", "B007"]


def test_a_baked_speed_leaves_with_its_effect() -> None:
    document = read(Sample(tracks=[[Wrapped(Fast(Shot(length=50), 25)), Shot()]]).data())
    key = next(iter(document.items))
    after = patched(document, relink(document, key))
    assert after.items[key].group is None
    assert [e.schema_name() for e in clip_of(after, key).effects] == ["Effect"]


def test_a_speed_may_stay() -> None:
    document = read(Sample(tracks=[[Fast(Shot(start=100, length=50), 25)]]).data())
    (key,) = document.items
    after = patched(document, relink(document, key, baked=False, duration=90, source_in=20))
    assert clip_of(after, key).effects[0].time_scalar == 2
    assert clip_of(after, key).source_range.start_time.value == 90_020


def test_a_reverse_speed_may_not_stay() -> None:
    document = read(Sample(tracks=[[Fast(Shot(length=50), 25, Fraction(-2))]]).data())
    (key,) = document.items
    with pytest.raises(EditError, match="Bake its speed"):
        document.patch([relink(document, key, baked=False)])
    patched(document, relink(document, key))


def test_a_clip_begins_under_its_transition() -> None:
    document = read(Sample(tracks=[[Shot(), Cut(8, 6), Shot(start=100)]]).data())
    _, second = document.items
    data = document.patch([relink(document, second)])
    document.verify(data, [relink(document, second)])
    with opened(data, PATH) as aaf:
        clip = aaf.manager.read_object(document.items[second].path)
        assert (clip.start, clip.length) == (HANDLES - 6, 50)
    with pytest.raises(EditError, match="longer handles"):
        document.patch([relink(document, second, source_in=3)])


@pytest.mark.parametrize("media", ["24000/1001", "60", "25", "30000/1001", "48"])
@pytest.mark.parametrize("record", ["24", "25", "24000/1001"])
def test_every_frame_of_media_of_another_rate_can_be_named(media: str, record: str) -> None:
    theirs, ours = Rate.of(media).fps, Rate.of(record).fps
    item = ClipItem("", None, None, ours, ours, Fraction(0), 0, Fraction(1), None)
    for frame in range(60):
        new = Relink("", NEW, frame, 99, Rate(theirs), 0)
        start, skip = place_in(new, item)
        assert start * theirs / ours // 1 + skip == frame
        assert 0 <= skip <= -(-theirs // ours)


@pytest.mark.parametrize(("fps", "source_in"), [("60", 13), ("24000/1001", 12)])
def test_media_of_another_rate_begins_on_its_frame(fps: str, source_in: int) -> None:
    document = read(Sample(media=[Media(rate=Rate.of(fps).fps, start=0)]).data())
    (key,) = document.items
    patched(document, relink(document, key, source_in=source_in))


@pytest.mark.parametrize(
    ("pieces", "why"),
    [([Ramp()], "speed changes"), ([Wrapped(rendered=True)], "clear the renders")],
)
def test_a_refused_clip_is_not_patched(pieces: list[Any], why: str) -> None:
    document = read(Sample(tracks=[pieces]).data())
    (key,) = document.items
    with pytest.raises(EditError, match=why) as caught:
        document.patch([relink(document, key)])
    assert caught.value.clip == "A001C003"


def test_a_returned_edit_can_be_patched_again() -> None:
    document = read(Sample().data())
    (key,) = document.items
    again = patched(document, relink(document, key))
    third = patched(again, relink(again, key))
    masters = {d.items[key].media.master for d in (document, again, third) if d.items[key].media}
    assert len(masters) == 3


def test_a_version_3_file_counts_no_directory_sectors() -> None:
    data = bytearray(Sample(sector=512).data())
    data[26], data[40:44] = 3, bytes(4)  # as Premiere and Pro Tools write them
    document = read(bytes(data))
    (key,) = document.items
    result = document.patch([relink(document, key)])
    assert (result[26], result[40:44]) == (3, bytes(4))


# --- what the proof must catch


@lru_cache
def harmless() -> tuple[AafDocument, list[Relink], bytes]:
    """A patch that is proven, to be harmed."""
    document = read(full())
    relinks = [relink(document, possible(document)[0])]
    good = document.patch(relinks)
    document.verify(good, relinks)
    return document, relinks, good


def _segments(aaf: Any, kind: type) -> list[Any]:
    return [
        thing
        for mob in aaf.content.mobs
        if isinstance(mob, mobs.CompositionMob)
        for thing, _ in mob.walk_references()
        if isinstance(thing, kind)
    ]


def _other_clip(aaf: Any) -> None:
    _segments(aaf, components.SourceClip)[-1].start = 77


def _marker(aaf: Any) -> None:
    _segments(aaf, components.DescriptiveMarker)[0]["Comment"].value = "gone"


def _effect(aaf: Any) -> None:
    group = _segments(aaf, components.OperationGroup)[-1]
    group["Length"].value = 51


def _keyframe(aaf: Any) -> None:
    group = next(g for g in _segments(aaf, components.OperationGroup) if "Parameters" in g)
    next(iter(group.parameters))["PointList"].value[0].value = 3


def _old_file(aaf: Any) -> None:
    files = [m for m in aaf.content.sourcemobs() if "Locator" in m.descriptor]
    files[0].descriptor["Locator"].value[0]["URLString"].value = "file:///elsewhere.mov"


def _column(aaf: Any) -> None:
    next(iter(aaf.content.mastermobs())).comments["Scene"] = "13"


def _extra_mob(aaf: Any) -> None:
    aaf.content.mobs.append(aaf.create.MasterMob("stowaway"))


def _essence(aaf: Any) -> None:
    next(iter(aaf.content.essencedata)).open("rw").write(b"PICTURES")


def _lost_mob(aaf: Any) -> None:
    sound = next(m for m in aaf.content.sourcemobs() if m.name == "A001")
    aaf.content.mobs.pop(sound.mob_id)


def _definition(aaf: Any) -> None:
    aaf.dictionary.lookup_operationdef("Mask")["Name"].value = "Blur"


def _enabled(aaf: Any) -> None:
    selector = _segments(aaf, components.Selector)[0]
    selector["Selected"].value = aaf.create.Filler("picture", 49)


@pytest.mark.parametrize(
    "harm",
    [
        _other_clip,
        _marker,
        _effect,
        _keyframe,
        _old_file,
        _column,
        _extra_mob,
        _essence,
        _lost_mob,
        _definition,
        _enabled,
    ],
)
def test_the_proof_catches(harm: Callable[[Any], None]) -> None:
    document, relinks, good = harmless()
    with changed(good, PATH) as (aaf, bad):
        harm(aaf)
    with pytest.raises(EditError, match="would"):
        document.verify(bad[0], relinks)


def test_the_proof_catches_another_frame() -> None:
    document = read(full())
    good = relink(document, possible(document)[0])
    for wrong in (
        replace(good, source_in=13),
        replace(good, duration=99),
        replace(good, start_frame=1),
        replace(good, path=Path("/elsewhere.mov")),
    ):
        with pytest.raises(EditError, match="would change"):
            document.verify(document.patch([wrong]), [good])


def test_the_proof_catches_another_name() -> None:
    document = read(full())
    with pytest.raises(EditError):
        document.verify(document.patch([], name="a"), [], name="b")
    with pytest.raises(EditError):
        document.verify(document.patch([], name="a"), [])


# --- any edit

SHOTS = st.builds(Shot, st.integers(0, 1), st.integers(20, 100), st.integers(20, 60))
PIECES = st.one_of(
    SHOTS,
    SHOTS,
    st.builds(Filler, st.integers(20, 40)),
    st.builds(Muted, SHOTS),
    st.builds(Wrapped, SHOTS),
    st.builds(
        Blend,
        st.one_of(
            SHOTS.map(lambda shot: (shot,)),
            SHOTS.map(lambda shot: (Below(1, shot.length), shot)),
            SHOTS.map(lambda shot: (Below(2, shot.length), Below(1, shot.length), shot)),
        ),
        st.sampled_from(["SBlend_v2", "Picture-In-Picture_v2", "MatteKey_2", "Video Scale"]),
        st.sampled_from([(), (("AFX_SCALE_X_U", 40),), (("Scale X", Fraction(1, 2)),)]),
    ),
    st.builds(
        Fast,
        st.just(Shot(0, 50, 100)),
        st.integers(20, 25),
        st.sampled_from([Fraction(n, d) for n, d in ((1, 2), (2, 1), (-1, 1), (4, 3), (0, 1))]),
        st.booleans(),
    ),
    st.builds(Nest, st.just(0), st.integers(0, 9), st.integers(20, 30)),
    st.builds(Layers, st.tuples(st.tuples(SHOTS), st.tuples(st.just(Filler(20))))),
)


@st.composite
def tracks(draw: Any) -> list[Any]:
    """Pieces, some of them with transitions between."""
    pieces = draw(st.lists(PIECES, min_size=1, max_size=5))
    found: list[Any] = []
    for piece in pieces:
        if found and draw(st.booleans()):
            length = draw(st.integers(1, 8))
            found.append(Cut(length, draw(st.integers(0, length))))
        found.append(piece)
    return found


PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
EDITS = {
    "picture": st.lists(tracks(), min_size=1, max_size=2),
    "rate": st.sampled_from([Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001)]),
    "other": st.sampled_from([Fraction(25), Fraction(24), Fraction(60)]),
    "sector": st.sampled_from([512, 4096]),
    "chosen": st.sets(st.integers(0, 9), max_size=4),
}


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow], phases=PHASES)
@given(**EDITS)
def test_relink_only(**edit: Any) -> None:
    relink_only(**edit)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], phases=PHASES)
@given(**EDITS)
def test_relink_only_of_many(**edit: Any) -> None:
    relink_only(**edit)


def relink_only(
    picture: list[Any], rate: Fraction, other: Fraction, sector: int, chosen: set[int]
) -> None:
    """Whatever is relinked: it is proven, and every other clip plays what it played."""
    sample = Sample(
        tracks=picture,
        rate=rate,
        sector=sector,
        media=[Media(rate=rate), Media("B007", "file:///Volumes/b/B007.mov", other, reel="B")],
        nests=[[Shot(0, 0, 40), Shot(1, 0, 40)]],
    )
    document = read(sample.data())
    keys = possible(document)
    relinks = [relink(document, keys[n], n) for n in chosen if n < len(keys)]
    after = patched(document, *relinks, name="returned")
    wanted = {r.origin for r in relinks}
    assert list(after.items) == list(document.items)
    for key, item in document.items.items():
        new = after.items[key]
        assert (new.media != item.media) == (key in wanted)
        if key not in wanted:
            assert new == item
