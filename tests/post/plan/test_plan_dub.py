"""Which audio is the dub: named files, named tracks, track rules; and when to stop and ask."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from plan_kit import SOUND_RATE, Desk, audio, clip, gap, reference, span, track

from unisync_post.errors import PlanError
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.plan import Decision
from unisync_post.plan.rules import same_language, speakers, track_rules

Track = otio.schema.Track


def add_time_reference(path: Path, samples: int) -> None:
    """Make a WAV a BWF: a bext chunk (EBU Tech 3285) with this time reference."""
    data = path.read_bytes()
    bext = bytes(256 + 32 + 32 + 10 + 8) + struct.pack("<Q", samples) + bytes(602 - 346)
    chunk = b"bext" + struct.pack("<I", len(bext)) + bext
    body = data[8:12] + chunk + data[12:]
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def spoken(desk: Desk, name: str, *bursts: tuple[float, float]) -> otio.schema.Clip:
    path = desk.sound(name, *(bursts or ((0, 8),)))
    return clip(Path(name).stem, 0, 200, media=reference(str(path)))


@pytest.fixture
def picture(desk: Desk) -> Track:
    desk.plate("A.mov")
    made: Track = track(clip("A", 0, 100))
    return made


@pytest.mark.parametrize(
    ("name", "stem", "language", "role"),
    [
        ("A3 FR DX", "dialogue", "fr", None),
        ("DX_FR", "dialogue", "fr", None),
        ("FRA 2.0", "mix", "fr", None),
        ("Dub_de", None, "de", "dub"),
        ("VF", None, "fr", "dub"),
        ("dialogue.french", "dialogue", "fr", None),
        ("M&E", "m&e", None, None),
        ("Français", None, "fr", None),
        ("pt-BR ADR", "dialogue", "pt-BR", None),
        ("A2 ORIG EN", None, "en", "original"),
        ("SHOW_101_IT_DX_Anna", "dialogue", "it", None),
        ("Audio 1", None, None, None),
        ("no problem", None, None, None),
        ("Dan", None, None, None),
        ("espeak_de", None, "de", None),
        ("Me and you", None, None, None),
    ],
)
def test_01_02_names_are_read_as_people_write_them(
    name: str, stem: str | None, language: str | None, role: str | None
) -> None:
    label = track_rules().read(name)
    assert (label.stem, label.language, label.role) == (stem, language, role)


def test_01_vo_is_the_original_beside_a_vf_and_voice_over_elsewhere() -> None:
    rules = track_rules()
    assert rules.read("VO", ["VF", "VO"]).role == "original"
    assert rules.read("VO", ["DX", "VO"]).stem == "voice-over"


def test_languages_meet_with_and_without_region() -> None:
    assert same_language("fr", "fr-CA")
    assert not same_language("pt-BR", "pt-PT")
    assert not same_language("und", "und")


def test_01_the_dub_is_found_by_the_track_rules(desk: Desk, picture: Track) -> None:
    plan = desk.plan(
        picture,
        audio(spoken(desk, "o.wav"), name="A1 EN DX ORIG"),
        audio(spoken(desk, "m.wav"), name="A2 M&E"),
        audio(spoken(desk, "f.wav"), name="A3 FR DX"),
    )
    assert plan.dub.language == "fr"
    assert [c.path.name for c in plan.dub.clips] == ["f.wav"]
    assert "A3 FR DX" in plan.dub.reason
    shot = plan.clips[0].shot
    assert shot is not None
    assert [c.path.name for c in shot.original] == ["o.wav"]


def test_01_two_languages_without_an_original_stop_and_list(desk: Desk, picture: Track) -> None:
    tracks = [
        audio(spoken(desk, "f.wav"), name="FR DX"),
        audio(spoken(desk, "g.wav"), name="DE DX"),
    ]
    with pytest.raises(PlanError) as stopped:
        desk.plan(picture, *tracks)
    text = str(stopped.value)
    assert "A1 FR DX (dialogue, fr)" in text
    assert "A2 DE DX (dialogue, de)" in text
    assert "--dub-track 1" in text
    assert "--language fr or de" in text
    plan = desk.plan(*(t.clone() for t in (picture, *tracks)), language="de")
    assert plan.dub.clips[0].path.name == "g.wav"
    plan = desk.plan(*(t.clone() for t in (picture, *tracks)), orig_track="DE DX")
    assert plan.dub.language == "fr"


def test_01_no_dub_stops_and_lists(desk: Desk, picture: Track) -> None:
    with pytest.raises(PlanError, match=r"--dub FILE\.wav, or --dub-track NAME.*A1"):
        desk.plan(picture, audio(spoken(desk, "x.wav"), name="Audio 1"))


@pytest.mark.parametrize("wanted", ["A2", "2", "Voices", "a2 voices"])
def test_01_a_track_is_named_by_number_or_name(desk: Desk, picture: Track, wanted: str) -> None:
    plan = desk.plan(
        picture,
        audio(spoken(desk, "o.wav")),
        audio(spoken(desk, "d.wav"), name="Voices"),
        dub_track=wanted,
    )
    assert plan.dub.clips[0].path.name == "d.wav"
    assert plan.dub.language == "und"


def test_01_an_unknown_track_lists_those_there_are(desk: Desk, picture: Track) -> None:
    with pytest.raises(PlanError, match=r"names no audio track.*A1 FR DX"):
        desk.plan(picture, audio(spoken(desk, "o.wav"), name="FR DX"), dub_track="A7")


def test_02_a_mix_or_a_wrong_stem_is_warned_of(desk: Desk, picture: Track) -> None:
    plan = desk.plan(picture, audio(spoken(desk, "m.wav"), name="M&E"), dub_track="1")
    assert "named as m&e" in plan.dub.warnings[0]
    stereo = desk.sound("FR.wav", (0, 8), channels=2)
    plan = desk.plan(picture.clone(), dub=stereo)
    assert "stereo" in plan.dub.warnings[0]


def test_04_one_long_dub_is_cut_by_record_time(desk: Desk) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    dub = desk.sound("dub.wav", (2.5, 3.5))
    plan = desk.plan(track(clip("A", 700, 50), clip("B", 10, 50)), dub=dub)
    assert [c.decision for c in plan.clips] == [Decision.LEAVE, Decision.RENDER]
    assert plan.clips[1].speech == 1.0


def test_04_a_bwf_time_stamp_places_the_dub(desk: Desk, picture: Track) -> None:
    dub = desk.sound("dub_FR.wav", (0, 8))
    add_time_reference(dub, (3600 + 2) * SOUND_RATE)
    plan = desk.plan(picture, dub=dub, start=90_000)
    (piece,) = plan.dub.clips
    assert (piece.record, piece.source) == (Fraction(2), Fraction(0))
    assert "01:00:02:00 (its BWF time stamp)" in plan.dub.reason
    assert plan.clips[0].speech == 2.0


def test_04_a_dub_that_starts_before_the_sequence_keeps_its_place(
    desk: Desk, picture: Track
) -> None:
    dub = desk.sound("dub_FR.wav", (0, 8))
    add_time_reference(dub, (3600 - 3) * SOUND_RATE)
    (piece,) = desk.plan(picture, dub=dub, start=90_000).dub.clips
    assert (piece.record, piece.source, piece.duration) == (0, 3, 4)


def test_04_a_time_stamp_elsewhere_stops(desk: Desk, picture: Track) -> None:
    dub = desk.sound("dub_FR.wav", (0, 8))
    add_time_reference(dub, 7200 * SOUND_RATE)
    with pytest.raises(PlanError, match="--dub-start"):
        desk.plan(picture, dub=dub, start=90_000)
    plan = desk.plan(picture.clone(), dub=dub, start=90_000, dub_start="01:00:01:00")
    assert plan.dub.clips[0].record == 1


def test_05_a_file_per_character_is_one_dub_with_speakers(desk: Desk, picture: Track) -> None:
    files = [
        desk.sound("EP1_FR_DX_ANNA.wav", (0, 1)),
        desk.sound("EP1_FR_DX_BOB.wav", (2, 3), seed=1),
    ]
    plan = desk.plan(picture, **_files(*files))
    assert [c.speaker for c in plan.dub.clips] == ["ANNA", "BOB"]
    (made,) = plan.clips
    assert made.speech == 2.0
    assert made.reason == "2.0 s of dub speech by ANNA and BOB."
    assert any("2 voices" in w for w in made.warnings)


def test_05_a_marker_gives_each_character_a_face(desk: Desk) -> None:
    said = {
        "both": ["unisync:face=anna:left, Old_Bob:right; please"],
        "apart": ["unisync:face=old-bob:right. unisync:face=ANNA:left"],
        "stranger": ["unisync:face=CARLA:left"],
        "unclear": ["unisync:face=ANNA:left;OLD_BOB:right"],
        "twice": ["unisync:face=ANNA:left", "unisync:face=ANNA:right"],
        "skipped": ["unisync:face=ANNA:left, unisync:skip"],
        "nobody": [],
    }
    items = [
        clip(name, number * 50, 50, media=reference("P.mov"), markers=markers)
        for number, (name, markers) in enumerate(said.items())
    ]
    desk.plate("P.mov")
    files = [
        desk.sound("EP1_FR_DX_ANNA.wav", (0, 14), length=14),
        desk.sound("EP1_FR_DX_OLD_BOB.wav", (0, 14), length=14, seed=1),
    ]
    plan = desk.plan(track(*items), **_files(*files))
    found = {made.name: made for made in plan.clips}
    for name in ("both", "apart"):
        shot = found[name].shot
        assert shot is not None
        assert shot.face == "ANNA:left,OLD BOB:right"
        assert shot.characters == ("ANNA", "OLD BOB")
        assert not found[name].warnings
    assert "no character carla" in found["stranger"].reason
    assert "its characters are ANNA, OLD BOB" in found["stranger"].reason
    assert "unisync:face=anna:left;old_bob:right, which is not known" in found["unclear"].reason
    assert "twice" in found["twice"].reason
    refused = [name for name, made in found.items() if made.decision is Decision.REFUSE]
    assert refused == ["stranger", "unclear", "twice"]
    assert found["skipped"].decision is Decision.LEAVE
    assert "unisync:face=ANNA:left,OLD_BOB:right" in found["nobody"].warnings[0]


def test_05_names_are_in_the_key_only_where_they_decide(desk: Desk, picture: Track) -> None:
    def key(one: str, two: str, **said: object) -> str:
        files = [
            desk.sound(f"EP1_FR_DX_{one}.wav", (0, 1)),
            desk.sound(f"EP1_FR_DX_{two}.wav", (1, 2), seed=1),
        ]
        (made,) = desk.plan(picture.clone(), **_files(*files), **said).clips
        assert made.shot is not None
        return made.shot.key

    assert key("ANNA", "BOB") == key("CARLA", "DORA")
    cast = {"face": "ANNA:left,BOB:right"}
    assert len({key("ANNA", "BOB"), key("ANNA", "BOB", **cast), key("BOB", "ANNA", **cast)}) == 3


def _files(*files: Path | str) -> dict[str, object]:
    return {"dub_files": files}


def test_05_lines_on_character_tracks_are_one_dub(desk: Desk, picture: Track) -> None:
    plan = desk.plan(
        picture,
        audio(spoken(desk, "l1.wav", (0, 1)), name="FR DX Anna"),
        audio(gap(25), spoken(desk, "l2.wav", (1, 2)), name="FR DX Bob"),
    )
    assert sorted(str(c.speaker) for c in plan.dub.clips) == ["Anna", "Bob"]
    assert plan.clips[0].speech == 2.0


def test_07_an_exploded_stereo_pair_is_one_mix(desk: Desk, picture: Track) -> None:
    path = desk.sound("dub.wav", (0, 8), channels=2)
    sides = [
        audio(clip("d", 0, 100, media=reference(str(path)), source_track=n), name="FR DX")
        for n in (1, 2)
    ]
    plan = desk.plan(picture, *sides)
    assert [(c.stream, c.channel) for c in plan.dub.clips] == [(0, None)]
    one = desk.plan(picture.clone(), sides[1].clone(), dub_track="1")
    assert one.dub.clips[0].channel == 1


def test_audio_clips_are_placed_by_their_own_offsets_exactly(desk: Desk, picture: Track) -> None:
    path = desk.sound("dub.wav", (0, 8))
    ref = reference(str(path), 200, 24000 / 1001, 86_400)
    item = otio.schema.Clip("d", ref, span(86_437, 50, 24000 / 1001, 25))
    (piece,) = desk.plan(picture, audio(gap(10), item, name="FR DX")).dub.clips
    assert piece.source == Fraction(37 * 1001, 24_000)
    assert (piece.record, piece.duration) == (Fraction(10, 25), Fraction(2))


def test_through_edits_in_the_dub_are_one_piece(desk: Desk, picture: Track) -> None:
    path = str(desk.sound("dub.wav", (0, 8)))
    items = [clip(f"d{n}", n * 10, 10, media=reference(path)) for n in range(5)]
    (piece,) = desk.plan(picture, audio(*items, name="FR DX")).dub.clips
    assert (piece.source, piece.duration) == (0, 2)


def test_an_offline_line_refuses_only_the_shots_under_it(desk: Desk) -> None:
    desk.plate("A.mov")
    desk.plate("B.mov")
    line = clip("line", 0, 50, media=reference(str(desk.sound("l.wav", (0, 8)))))
    gone = clip("gone", 0, 50, media=reference("/gone/l2.wav"))
    plan = desk.plan(track(clip("A"), clip("B")), audio(line, gone, name="FR DX"))
    assert [c.decision.value for c in plan.clips] == ["render", "refuse"]
    assert "offline" in plan.clips[1].reason
    assert "/gone/l2.wav" in plan.clips[1].reason


def test_36_files_in_two_languages_need_a_choice(desk: Desk, picture: Track) -> None:
    files = [desk.sound("a.wav", (0, 8)), desk.sound("b.wav", (0, 8))]
    tagged = _files(f"{files[0]}@fr", f"{files[1]}@pt_BR")
    with pytest.raises(PlanError, match="--language fr"):
        desk.plan(picture, **tagged)
    plan = desk.plan(picture.clone(), **tagged, language="pt-BR")
    assert plan.dub.language == "pt-BR"
    assert plan.new_name == "Cut_UNISYNC_PT-BR_v001"


def test_the_pictures_own_sound_is_the_original(desk: Desk, picture: Track) -> None:
    sync = desk.sound("A.mov.wav", (0, 8))
    item = clip("s", 0, 100, media=reference("A.mov"))
    item.media_reference.target_url = "A.mov"
    (desk.folder / "A.mov").write_bytes(sync.read_bytes())
    plan = desk.plan(picture, audio(item), audio(spoken(desk, "x_FR.wav"), name="Audio 2"))
    assert plan.dub.clips[0].path.name == "x_FR.wav"
    assert plan.clips[0].shot is not None
    assert plan.clips[0].shot.original[0].path.name == "A.mov"


def test_speakers_are_the_words_that_differ() -> None:
    assert speakers({1: ("Show", "Anna"), 2: ("Show", "Bob")}) == {1: "Anna", 2: "Bob"}
    assert speakers({1: ("Show", "Anna")}) == {1: None}


def test_options_that_contradict_are_refused(tmp_path: Path) -> None:
    odd = tmp_path / "mail@home"
    odd.write_bytes(b"")
    assert DubFile.parse(str(odd)) == DubFile(odd)
    assert DubFile.parse("x.wav@fr_CA") == DubFile(Path("x.wav"), "fr-CA")
    with pytest.raises(PlanError, match="no language tag"):
        DubFile.parse("x.wav@home address")
    with pytest.raises(PlanError, match="twice"):
        PlanOptions(dub=(DubFile(odd),), dub_track="A1")
    with pytest.raises(PlanError, match="--dub FILE"):
        PlanOptions(dub_start="01:00:00:00")
