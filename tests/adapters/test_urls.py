"""Media URLs: every form an NLE writes, read, rewritten and mapped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from unisync_adapters.document import PathMap
from unisync_adapters.errors import UrlError
from unisync_adapters.urls import LocalUrls, MediaUrl, map_from_local, map_to_local

FORMS = [
    # (as written, the path it names, the same form with a POSIX path or a drive path)
    ("file://localhost/Users/me/a%20b.mov", "/Users/me/a b.mov", "file://localhost/v/n%20w.mov"),
    ("file:///Users/me/a%20b.mov", "/Users/me/a b.mov", "file:///v/n%20w.mov"),
    ("file:/Users/me/a.mov", "/Users/me/a.mov", "file:/v/n%20w.mov"),
    ("FILE://LOCALHOST/Users/a.mov", "/Users/a.mov", "FILE://LOCALHOST/v/n%20w.mov"),
    ("/Users/me/a%20b.mov", "/Users/me/a%20b.mov", "/v/n w.mov"),
    ("media/a b.mov", "media/a b.mov", "/v/n w.mov"),
    ("file:media/a.mov", "media/a.mov", "file:/v/n%20w.mov"),
    ("file:///Users/me/a b.mov", "/Users/me/a b.mov", "file:///v/n w.mov"),
    ("file:///a#1?b.mov", "/a#1?b.mov", "file:///v/n%20w.mov"),
    ("file:///100%.mov", "/100%.mov", "file:///v/n%20w.mov"),
    ("file:///50%25.mov", "/50%.mov", "file:///v/n%20w.mov"),
]
DRIVE_FORMS = [
    ("file://localhost/C%3a/cut/a.mov", "C:/cut/a.mov", "file://localhost/D%3a/n%20w.mov"),
    ("file://localhost/C%3A/cut/a.mov", "C:/cut/a.mov", "file://localhost/D%3A/n%20w.mov"),
    ("file://localhost/C:/cut/a.mov", "C:/cut/a.mov", "file://localhost/D:/n%20w.mov"),
    ("file:///C:/cut/a.mov", "C:/cut/a.mov", "file:///D:/n%20w.mov"),
    ("file:///C|/cut/a.mov", "C:/cut/a.mov", "file:///D:/n%20w.mov"),
    ("file://C:/cut/a.mov", "C:/cut/a.mov", "file://D:/n%20w.mov"),
    ("file:///C:\\cut\\a.mov", "C:/cut/a.mov", "file:///D:/n%20w.mov"),
    ("C:\\cut\\a.mov", "C:\\cut\\a.mov", "D:\\n w.mov"),
    ("C:/cut/a.mov", "C:/cut/a.mov", "D:/n w.mov"),
]
UNC_FORMS = [
    ("file://nas/vol/a.mov", "//nas/vol/a.mov", "file://san/n%20w.mov"),
    ("file:////nas/vol/a.mov", "//nas/vol/a.mov", "file:////san/n%20w.mov"),
    ("file://///nas/vol/a.mov", "//nas/vol/a.mov", "file://///san/n%20w.mov"),
    ("file://localhost//nas/vol/a.mov", "//nas/vol/a.mov", "file://localhost//san/n%20w.mov"),
    ("\\\\nas\\vol\\a.mov", "\\\\nas\\vol\\a.mov", "\\\\san\\n w.mov"),
    ("//nas/vol/a.mov", "//nas/vol/a.mov", "//san/n w.mov"),
]
ALL_FORMS = [form[0] for form in FORMS + DRIVE_FORMS + UNC_FORMS]


@pytest.mark.parametrize(("text", "path", "_"), FORMS + DRIVE_FORMS + UNC_FORMS)
def test_every_form_is_read(text: str, path: str, _: str) -> None:
    assert MediaUrl.parse(text).path == path


@pytest.mark.parametrize(("text", "_", "written"), FORMS)
def test_posix_paths_keep_the_form(text: str, _: str, written: str) -> None:
    assert MediaUrl.parse(text).replace("/v/n w.mov") == written


@pytest.mark.parametrize(("text", "_", "written"), DRIVE_FORMS)
def test_drive_paths_keep_the_form(text: str, _: str, written: str) -> None:
    assert MediaUrl.parse(text).replace("D:\\n w.mov") == written


@pytest.mark.parametrize(("text", "_", "written"), UNC_FORMS)
def test_unc_paths_keep_the_form(text: str, _: str, written: str) -> None:
    assert MediaUrl.parse(text).replace("\\\\san\\n w.mov") == written


@pytest.mark.parametrize("text", ALL_FORMS)
def test_replacing_a_path_by_itself_names_the_same_file(text: str) -> None:
    url = MediaUrl.parse(text)
    assert MediaUrl.parse(url.replace(url.path)).path == url.path


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # hex case, and what is encoded at all, follow the author
        ("file:///a%c3%a9.mov", "file:///%c3%a9%5b1%5d%20%23.mov"),
        ("file:///a%C3%A9.mov", "file:///%C3%A9%5B1%5D%20%23.mov"),
        ("file:///é x[2].mov", "file:///é[1] %23.mov"),
        ("file:///é.mov", "file:///é%5B1%5D%20%23.mov"),
        ("/a%20.mov", "/é[1] #.mov"),
    ],
)
def test_encoding_follows_the_author(text: str, written: str) -> None:
    assert MediaUrl.parse(text).replace("/é[1] #.mov") == written


def test_bytes_that_are_not_utf8_survive() -> None:
    url = MediaUrl.parse("file:///caf%E9.mov")
    assert url.path == "/caf\udce9.mov"
    assert url.replace("/d\udce9j\udce0.mov") == "file:///d%E9j%E0.mov"
    assert MediaUrl.parse("file:///é.mov").replace("/é\udce9.mov") == "file:///é%E9.mov"


@pytest.mark.parametrize(
    "text",
    ["", "   ", "http://x/a.mov", "https://x/a.mov", "s3://b/a.mov", "data:video/mp4;base64,AA",
     "file:///a%00b.mov", "/a\0b.mov"],
)  # fmt: skip
def test_what_is_no_file_is_refused(text: str) -> None:
    with pytest.raises(UrlError):
        MediaUrl.parse(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("C:\\cut\\a b.mov", "a b.mov"),
        ("/x/a\\b.mov", "a\\b.mov"),
        ("file:///x/a%20b.mov", "a b.mov"),
    ],
)
def test_the_files_own_name(text: str, name: str) -> None:
    assert MediaUrl.parse(text).name == name


letters = st.characters(exclude_categories=["Cs"], exclude_characters="/\\\0")
components = st.text(letters, min_size=1, max_size=12).filter(
    lambda c: c not in (".", "..") and c.strip() == c
)
posix_paths = st.lists(components, min_size=1, max_size=4).map(lambda p: "/" + "/".join(p))
drive_paths = st.tuples(st.sampled_from("CDz"), st.lists(components, min_size=1, max_size=3)).map(
    lambda p: f"{p[0]}:/" + "/".join(p[1])
)
unc_paths = st.tuples(
    st.from_regex(r"[a-z][a-z0-9-]{1,8}", fullmatch=True),
    st.lists(components, min_size=1, max_size=3),
).map(lambda p: f"//{p[0]}/" + "/".join(p[1]))


@given(st.sampled_from(ALL_FORMS), posix_paths | drive_paths | unc_paths)
@example("file://nas/vol/a.mov", "//localhost/vol/a.mov")
@example("/Users/a.mov", "/é%20#?.mov")
def test_any_path_in_any_form_is_read_back(form: str, path: str) -> None:
    # a POSIX folder called "C:" cannot be told from a drive in a URL, and is refused
    assume(not re.match(r"/[A-Za-z][:|](/|$)", path))
    again = MediaUrl.parse(MediaUrl.parse(form).replace(path)).path
    assert again.replace("\\", "/") == path


def test_a_path_that_would_be_read_otherwise_is_refused() -> None:
    with pytest.raises(UrlError, match="cannot be written"):
        MediaUrl.parse("file:///a.mov").replace("/C:/a.mov")
    with pytest.raises(UrlError, match="cannot be written"):
        MediaUrl.parse("a.mov").replace("http://x/a.mov")


HERE = Path("/projects/edit")


def mapped(text: str, *pairs: tuple[str, str]) -> Path:
    return map_to_local(text, PathMap(pairs), HERE)


@pytest.mark.parametrize(
    ("text", "pairs", "local"),
    [
        ("file:///Volumes/Media/a.mov", (("/Volumes/Media", "/mnt/m"),), "/mnt/m/a.mov"),
        ("file:///Volumes/Media2/a.mov", (("/Volumes/Media", "/mnt/m"),), "/Volumes/Media2/a.mov"),
        ("file:///volumes/media/a.mov", (("/Volumes/Media", "/mnt/m"),), "/volumes/media/a.mov"),
        ("file:///V/x/a.mov", (("/V", "/mnt/v"), ("/V/x", "/mnt/x")), "/mnt/x/a.mov"),
        ("file:///V/x/a.mov", (("/V/x/", "/mnt/x/"), ("/V", "/mnt/v")), "/mnt/x/a.mov"),
        ("file://localhost/D%3a/Media/A b.mov", (("d:\\media", "/mnt/m"),), "/mnt/m/A b.mov"),
        ("D:\\Media\\A b.mov", (("D:/", "/mnt/d"),), "/mnt/d/Media/A b.mov"),
        ("\\\\NAS\\Vol\\a.mov", (("//nas/vol", "/mnt/nas"),), "/mnt/nas/a.mov"),
        ("file://nas/Vol/a.mov", (("\\\\nas\\vol", "/mnt/nas"),), "/mnt/nas/a.mov"),
        ("file:///a/b.mov", (("/", "/mnt/san"),), "/mnt/san/a/b.mov"),
        ("file:///V/a%23b.mov", (("file:///V", "/mnt/v"),), "/mnt/v/a#b.mov"),
        ("media/a b.mov", (), "/projects/edit/media/a b.mov"),
        ("media\\a b.mov", (), "/projects/edit/media/a b.mov"),
        ("/x/a%20b.mov", (), "/x/a%20b.mov"),
        ("C:\\x\\STRASSE\\ß\\a.mov", (("c:/X/strasse", "/m"),), "/m/ß/a.mov"),
    ],
)
def test_paths_are_mapped_to_this_machine(
    text: str, pairs: tuple[tuple[str, str], ...], local: str
) -> None:
    assert mapped(text, *pairs) == Path(local)


@pytest.mark.parametrize(
    ("like", "pairs", "written"),
    [
        ("file://localhost/D%3a/Media/a.mov", (("D:\\Media", "/mnt/m"),),
         "file://localhost/D%3a/Media/out/n%20w.mov"),
        ("D:\\Media\\a.mov", (("D:\\Media", "/mnt/m"),), "D:\\Media\\out\\n w.mov"),
        ("D:/Media/a.mov", (("D:\\Media", "/mnt/m"),), "D:/Media/out/n w.mov"),
        ("\\\\nas\\v\\a.mov", (("//nas/v", "/mnt/m"),), "\\\\nas\\v\\out\\n w.mov"),
        ("file:///V/a.mov", (("/V", "/mnt"), ("/W", "/mnt/m")), "file:///W/out/n%20w.mov"),
        ("file:///W/a.mov", (("/V", "/mnt/m"), ("/W", "/mnt/m")), "file:///W/out/n%20w.mov"),
        ("file:///V/a.mov", (("/V", "/elsewhere"),), "file:///mnt/m/out/n%20w.mov"),
        ("media/a.mov", (), "/mnt/m/out/n w.mov"),
    ],
)  # fmt: skip
def test_paths_are_mapped_back(like: str, pairs: tuple[tuple[str, str], ...], written: str) -> None:
    url = MediaUrl.parse(like)
    assert map_from_local(Path("/mnt/m/out/n w.mov"), PathMap(pairs), url) == written


@given(st.sampled_from(ALL_FORMS), st.lists(components, min_size=1, max_size=3))
def test_mapping_back_and_forth_is_the_same_file(form: str, parts: list[str]) -> None:
    url = MediaUrl.parse(form)
    path_map = PathMap((("Q:\\edit" if url.is_windows else "/Volumes/edit", "/mnt/edit"),))
    local = Path("/mnt/edit").joinpath(*parts)
    written = map_from_local(local, path_map, url)
    assert map_to_local(written, path_map, HERE) == local


@given(
    st.sampled_from(ALL_FORMS),
    st.lists(st.tuples(st.sampled_from(["", "out", "a b"]), components), min_size=2, max_size=6),
)
def test_many_files_are_written_as_each_would_be_alone(
    form: str, files: list[tuple[str, str]]
) -> None:
    url = MediaUrl.parse(form)
    folders = [("Q:\\edit" if url.is_windows else "/Volumes/edit", "/mnt/edit")]
    moved = [(f"/elsewhere/{number}", f"/mnt/edit/out/{number}") for number in range(3)]
    path_map = PathMap(tuple(folders + moved))
    urls = LocalUrls(path_map, url)
    names = [*files, ("out", "A001.mov"), ("out", "A002.mov"), ("out", "1")]
    for path in (Path("/mnt/edit", folder, name) for folder, name in names):
        assert urls.of(path) == map_from_local(path, path_map, url)
