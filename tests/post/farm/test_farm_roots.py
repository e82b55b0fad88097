"""A job written on one system and opened on another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unisync_post.errors import JobError
from unisync_post.farm.roots import Root, Roots, UnmappedPathError, mapped, read_roots
from unisync_post.job.folder import JobFolder, open_job

ROOTS = Roots(
    (
        Root(linux="/mnt/shows", macos="/Volumes/shows", windows="P:\\"),
        Root(linux="/mnt/shows", windows="\\\\nas\\shows"),
        Root(linux="/mnt/shows_audio", macos="/Volumes/shows/audio", windows="P:\\audio"),
    )
)


@pytest.mark.parametrize(
    ("theirs", "here"),
    [
        ("P:\\ep1\\a.mov", "/mnt/shows/ep1/a.mov"),
        ("p:/EP1/a.mov", "/mnt/shows/EP1/a.mov"),
        ("\\\\NAS\\shows\\ep1\\a.mov", "/mnt/shows/ep1/a.mov"),
        ("/Volumes/shows/ep1/a.mov", "/mnt/shows/ep1/a.mov"),
        ("/Volumes/shows/audio/a.wav", "/mnt/shows_audio/a.wav"),
        ("P:\\audio\\é\\a.wav", "/mnt/shows_audio/é/a.wav"),
        ("/mnt/shows/ep1/a.mov", "/mnt/shows/ep1/a.mov"),
        ("/Volumes/showsreel/a.mov", "/Volumes/showsreel/a.mov"),
    ],
)
def test_paths_lead_here_from_every_system(theirs: str, here: str) -> None:
    assert mapped(theirs, ROOTS, "linux") == Path(here)


def test_an_unmapped_path_is_named() -> None:
    with pytest.raises(UnmappedPathError, match=r"Q:\\other\\a\.mov .* linux"):
        mapped("Q:\\other\\a.mov", ROOTS, "linux")


def test_macs_have_a_column_of_their_own() -> None:
    assert mapped("P:\\ep1\\a.mov", ROOTS, "macos") == Path("/Volumes/shows/ep1/a.mov")


def test_a_roots_file(tmp_path: Path) -> None:
    path = tmp_path / "roots.toml"
    path.write_text("[[root]]\nlinux = '/mnt/p'\nwindows = 'P:\\'\n")
    assert read_roots(path) == Roots((Root(linux="/mnt/p", windows="P:\\"),))
    path.write_text("[[root]]\nbeos = '/boot'\n")
    with pytest.raises(JobError, match="beos"):
        read_roots(path)


def test_a_job_written_on_windows_opens_here(
    farm_job: Callable[..., JobFolder],
    stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = farm_job()
    here = str(stage.anna.parent)
    plan = job.path / "plan.json"
    plan.write_text(plan.read_text().replace(f"{here}/", "P:\\\\reel\\\\"))
    shot = open_job(job.path).plan.to_render[0].shot
    assert shot is not None
    assert str(shot.media) == "P:\\reel\\anna.mov"
    roots = tmp_path / "roots.toml"
    roots.write_text(f"[[root]]\nlinux = '{here}'\nwindows = 'P:\\reel'\n")
    monkeypatch.setenv("UNISYNC_ROOTS", str(roots))
    opened = open_job(job.path)
    shot = opened.plan.to_render[0].shot
    assert shot is not None
    assert shot.media == stage.anna
    assert shot.dub[0].path == stage.dub
    assert opened.job.options.path_map.pairs == (("P:\\reel", here),)
    assert opened.render_key(opened.plan.to_render[0]) == job.render_key(job.plan.to_render[0])
