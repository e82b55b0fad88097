"""OpenImageIO is there for image sequences alone, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from sequence_kit import write_exr, write_raster

JOB_KIT = Path(__file__).parents[1] / "job"

EVERY_MODULE = """
import pkgutil, sys
from importlib import import_module
import unisync_post.cli, unisync_post.media
for module in pkgutil.iter_modules(unisync_post.media.__path__, "unisync_post.media."):
    import_module(module.name)
"""

JOB = """
import sys
from pathlib import Path
from job_kit import Cut, Painter, plan_for, write_dub, write_edit, write_plate
from unisync_post.job.run import render_job
here = Path(sys.argv[1])
edit = write_edit(here / "Reel.xml", [Cut(write_plate(here / "anna.mov", 3), length=24)])
job = plan_for(edit, write_dub(here / "dub_fr.wav"), here / "out", Painter())
assert render_job(job, engine=Painter())["rendered"] == 1
"""

READS = """
import ctypes, sys
from pathlib import Path
from unisync_post.media import sequences_exr, sequences_raster
for module, name in ((sequences_exr, "a.exr"), (sequences_raster, "a.png")):
    path = Path(sys.argv[1], name)
    picture = module.read(path)
    box = module.Box(4, 4, 12, 12)
    path.write_bytes(module.changed(path, picture, box, path.with_name("scratch"), "marked"))
    # as another library does that never lets go
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(module.read))
"""


def ran(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own, warnings off: other libraries have theirs."""
    path = os.pathsep.join(filter(None, (str(JOB_KIT), os.environ.get("PYTHONPATH", ""))))
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_what_has_no_sequence_does_not_load_it(tmp_path: Path) -> None:
    for program in (EVERY_MODULE, JOB):
        done = ran(program + "\nprint('OpenImageIO' in sys.modules)", tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "False"


def test_a_process_that_read_a_sequence_ends_without_a_word(tmp_path: Path) -> None:
    """nanobind reports what outlives the interpreter."""
    rgb = np.linspace(0, 1, 16 * 16 * 3, dtype=np.float32).reshape(16, 16, 3)
    write_exr(tmp_path / "a.exr", rgb)
    write_raster(tmp_path / "a.png", np.uint8(rgb * 255))
    done = ran(READS, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
