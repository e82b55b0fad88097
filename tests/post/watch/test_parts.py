"""The parts: names, looks, pairing, hash lists, settings."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import xxhash

from unisync_post.errors import JobError, PlanError
from unisync_post.watch.config import (
    DropSettings,
    Tracks,
    WatchConfig,
    check_folders,
    load_preset,
    presets,
    read_config,
    settings_of,
)
from unisync_post.watch.hashlist import disagreements
from unisync_post.watch.names import family_key, is_temporary, shown, without_temporary
from unisync_post.watch.pairing import Pair, pair_dubs
from unisync_post.watch.ready import Looks
from unisync_post.watch.scan import Mark, scan
from unisync_post.watch.storage import Storage
from unisync_post.watch.toml import read_settings
from unisync_templates import read_template

NOTHING = DropSettings()


# names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a.wav.part", "a.xml.tmp", "a.mov.crdownload", "A.WAV.FILEPART", "~$a.xml", "a.hlock"]
)
def test_names_of_copies_under_way(name: str) -> None:
    assert is_temporary(name)
    assert not is_temporary(without_temporary(name)) or name.startswith("~$")


def test_versions_of_one_edit_share_their_folder_and_reels_do_not() -> None:
    assert family_key("EP101_v2.xml") == family_key("EP101 V13.otio") == family_key("EP101.xml")
    assert family_key("Reel 1.xml") != family_key("Reel 2.xml")
    assert family_key("a/../b") != family_key("a_b")
    assert "/" not in family_key("../../etc/passwd")


def test_what_a_terminal_gets_is_one_printable_line() -> None:
    assert shown("a\nb\x1b[31m\u202e\udcff") == "a\\nb\\x1b[31m\\u202e\\xff"


# looking ---------------------------------------------------------------------------------------


def test_files_settle_after_three_looks_and_the_settle_time() -> None:
    files, looks = {"a": Mark(1, 2, 3)}, Looks()
    looks.look(files, 0.0)
    looks.look(files, 100.0)
    assert not looks.settled(10), "two looks, however far apart"
    looks.look(files, 100.1)
    assert not looks.settled(10), "a look at once after another is the same look"
    looks.look(files, 101.0)
    assert looks.settled(10)
    looks.look({"a": Mark(1, 2, 4)}, 102.0)
    assert not looks.settled(10), "the same size and time, another file"


def test_a_dub_belongs_to_the_longest_edit_name(tmp_path: Path) -> None:
    for name in ("R1.xml", "R1_v2.xml", "R1_FR.wav", "R1_v2_FR.wav", "R10_FR.wav", "notes.txt"):
        (tmp_path / name).touch()
    found = {drop.name: set(drop.files) for drop in scan(tmp_path)}
    assert found == {
        "R1.xml": {"R1.xml", "R1_FR.wav"},
        "R1_v2.xml": {"R1_v2.xml", "R1_v2_FR.wav"},
    }


def test_what_is_no_drop_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.mov").touch()
    (tmp_path / ".DS_Store").touch()
    (tmp_path / "._R1.xml").touch()
    (tmp_path / "R1.xml.unisync.json").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.xml").symlink_to(tmp_path / "nowhere")
    assert scan(tmp_path) == []


def test_a_trigger_is_no_change_of_content(tmp_path: Path) -> None:
    (tmp_path / "R1.xml").touch()
    (before,) = scan(tmp_path)
    (tmp_path / "R1.xml.ready").touch()
    (after,) = scan(tmp_path)
    assert after.triggers() == ("R1.xml.ready",)
    assert before.digest() == after.digest()


# pairing ---------------------------------------------------------------------------------------


def pairs(
    files: list[str], preset: str = "beside", settings: DropSettings = NOTHING, tag: str = ""
) -> tuple[Pair, ...]:
    return pair_dubs("Reel1.xml", files, load_preset(preset), settings, tag or None).pairs


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["Reel1_FR.wav"], {"fr": 1}),
        (["reel1.pt-BR.WAV", "Reel1@de.wav"], {"pt-BR": 1, "de": 1}),
        (["Reel1_FR_DX.wav", "Reel1_ME.wav", "Reel1_MX.wav"], {"fr": 1}),
        (["Reel1_FR.wav", "Reel1_EN_orig.wav"], {"fr": 1}),
        (["Reel1.wav"], {"und": 1}),
        (["Reel1_FR.wav", "Reel1_boom.wav"], {"fr": 1}),
        (["Reel1_FR.wav.part"], {"und": 0}),
        ([], {"und": 0}),
    ],
)
def test_dubs_beside_an_edit(files: list[str], expected: dict[str, int]) -> None:
    assert {pair.language: len(pair.dub) for pair in pairs(files)} == expected


def test_a_language_that_no_name_says_comes_from_the_settings() -> None:
    assert pairs(["Reel1.wav"], tag="sv") == (Pair("sv", ("Reel1.wav",)),)
    assert pairs(["Reel1.wav"], settings=DropSettings("it"), tag="sv")[0].language == "it"


def test_of_several_languages_the_settings_choose_one() -> None:
    both = ["Reel1_FR.wav", "Reel1_DE.wav"]
    assert [p.language for p in pairs(both, settings=DropSettings("de"))] == ["de"]


def test_stems_are_characters_only_where_the_preset_says_so() -> None:
    stems = ["Reel1_FR_ANNA.wav", "Reel1_FR_BEN.wav"]
    assert pairs(stems, "stems") == (Pair("fr", tuple(stems)),)
    with pytest.raises(PlanError, match=r"Two dub files are in one language \(fr\)"):
        pairs(stems)


def test_a_package_takes_its_dub_folder_before_anything_else() -> None:
    files = ["dub/FR_ANNA.wav", "dub/FR_BEN.wav", "A001.wav", "sound/EN.wav"]
    assert pairs(files, "package") == (Pair("fr", tuple(files[:2])),)
    assert pairs(files[2:], "package") == (Pair("und", ("A001.wav",)),)


def test_a_track_named_by_the_settings_is_the_dub() -> None:
    settings = DropSettings(tracks=Tracks(dub="A3"))
    assert pairs(["Reel1_FR.wav"], settings=settings) == (Pair("und"),)


# hash lists ------------------------------------------------------------------------------------

_MHL = """<?xml version="1.0" encoding="UTF-8"?>
<hashlist version="2.0" xmlns="urn:ASC:MHL:v2.0"><hashes><hash>
<path size="5">a b.wav</path><xxh64 action="original">{hash}</xxh64></hash></hashes></hashlist>"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.md5", f"{hashlib.md5(b'sound').hexdigest()}  a b.wav\n"),
        ("l.md5", f"{hashlib.md5(b'sound').hexdigest().upper()} *a b.wav\r\n"),
        ("l.xxh", f"{xxhash.xxh64_hexdigest(b'sound')}  a b.wav\n"),
        ("l.xxh", f"{xxhash.xxh128_hexdigest(b'sound')}  a b.wav\n"),
        ("l.xxh", f"XXH64 (a b.wav) = {xxhash.xxh64_hexdigest(b'sound')}\n"),
        ("l.mhl", _MHL.format(hash=xxhash.xxh64_hexdigest(b"sound"))),
    ],
)
def test_hash_lists_of_the_usual_tools(tmp_path: Path, name: str, text: str) -> None:
    listing, file = tmp_path / name, tmp_path / "a b.wav"
    listing.write_bytes(text.encode())
    assert disagreements(listing) == ["a b.wav is not here yet"]
    file.write_bytes(b"soumd")
    (wrong,) = disagreements(listing)
    assert wrong.startswith("a b.wav is not what its ")
    file.write_bytes(b"sound")
    assert disagreements(listing) == []


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("l.md5", "nothing\n", "holds no hash"),
        ("l.md5", f"{'0' * 32}  ../../etc/passwd\n", "not below its own folder"),
        ("l.md5", f"{'0' * 32}  C:\\a.wav\n", "not below its own folder"),
        ("l.mhl", "<hashlist", "no MHL"),
        ("l.mhl", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "no MHL"),
    ],
)
def test_hash_lists_that_cannot_be_used(tmp_path: Path, name: str, text: str, match: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(JobError, match=match):
        disagreements(tmp_path / name)


# settings --------------------------------------------------------------------------------------


def test_the_shipped_examples_are_valid() -> None:
    for name in ("beside", "stems", "package"):
        assert load_preset(name).about
    config = read_settings(WatchConfig, read_template("watch/watch.toml"))
    assert settings_of(read_template("watch/drop.toml"), config).priority == 10


@pytest.mark.parametrize(
    ("folder", "out", "match"),
    [
        ("in", "in/out", "lies inside the watched folder"),
        ("in", "in", "lies inside the watched folder"),
        ("in", "link/out", "lies inside the watched folder"),
        ("out/in", "out", "lies inside out"),
    ],
)
def test_results_cannot_come_back_in(tmp_path: Path, folder: str, out: str, match: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    (tmp_path / "watch.toml").write_text(f'folder = "{folder}"\nout = "{out}"\n')
    with pytest.raises(JobError, match=match):
        read_config(tmp_path / "watch.toml")


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("setle = 3", "setle: "),
        ("settle = -1", "settle: "),
        ('language = "french!"', "is no language"),
        ('status = "in/status"', "lies inside the watched folder"),
        ('ready = "magic"', "ready: "),
        ("poll = ", "no TOML"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, line: str, match: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "watch.toml").write_text(f'folder = "in"\nout = "out"\n{line}\n')
    with pytest.raises(JobError, match=match):
        read_config(tmp_path / "watch.toml")


def test_two_presets_for_one_kind_of_drop_are_refused(tmp_path: Path) -> None:
    config = WatchConfig(tmp_path / "in", tmp_path / "out", presets=("beside", "stems"))
    with pytest.raises(JobError, match="Two presets"):
        presets(config)
    with pytest.raises(JobError, match="There is no preset 'x'"):
        load_preset("x")


# storage ---------------------------------------------------------------------------------------


def test_a_folder_that_may_not_be_written_to_is_known_by_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    config = WatchConfig(folder, tmp_path / "out")
    check_folders(config)
    monkeypatch.setattr("unisync_post.watch.storage._write_mark", lambda _folder: "")
    storage = Storage(config)
    assert storage.offline() is None
    assert storage.disk is not None
    storage.disk = replace(storage.disk, device=storage.disk.device + 1)
    assert "another device is there" in str(storage.offline())


def test_a_media_root_that_is_away_is_storage_offline(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    config = WatchConfig(tmp_path / "in", tmp_path / "out", media=(tmp_path / "media",))
    storage = Storage(config)
    assert str(storage.offline()).startswith(f"{tmp_path / 'media'} is offline")
    (tmp_path / "media").mkdir()
    assert storage.offline() is None
