"""Job specifications: as pyoutline would write them, valid, and taken by a Cuebot over gRPC."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from farm_kit import media_of
from lxml import etree

from unisync_post.cli.farm_opencue import opencue_command
from unisync_post.errors import JobError
from unisync_post.farm.opencue import SPEC, CueOptions, specification, submit_opencue
from unisync_post.farm.plan import FarmPlan, ShotGroup, load_farm_plan, write_farm_plan
from unisync_post.job.assemble import read_sidecar
from unisync_post.job.folder import JobFolder

MakeJob = Callable[..., JobFolder]
OPTIONS = CueOptions(show="ep101", user="lena", memory="64g", tags=("gpu", "h100"))
BIG = ShotGroup("draft", 3840, 2160, 81920, (40, 3, 7), (9.0, 6.0, 3.0))
SMALL = ShotGroup("draft", 1920, 1080, 40960, (1, 2), (2.0, 1.0))


def planned(job: JobFolder, *groups: ShotGroup, measured: bool = True) -> FarmPlan:
    return replace(load_farm_plan(job.path), groups=groups, measured=measured)


@pytest.fixture(scope="module")
def dtd() -> etree.DTD | None:
    """Cuebot's own cjsl-1.15.dtd, which is not ours to ship."""
    path = os.environ.get("UNISYNC_OPENCUE_DTD")
    return etree.DTD(path) if path else None


@pytest.fixture
def layers(farm_job: MakeJob, tmp_path: Path) -> dict[str, ET.Element]:
    """Of a job with two sizes of plates, by name."""
    job = farm_job()
    spec = ET.fromstring(specification(job, planned(job, BIG, SMALL), tmp_path, OPTIONS))
    return {layer.attrib["name"]: layer for layer in spec.iterfind("job/layers/layer")}


def test_it_is_valid_for_cuebot(farm_job: MakeJob, tmp_path: Path, dtd: etree.DTD | None) -> None:
    if dtd is None:
        pytest.skip("UNISYNC_OPENCUE_DTD does not name Cuebot's cjsl-1.15.dtd")
    job = farm_job()
    for options in (OPTIONS, CueOptions(user="lena", facility="local", service="unisync")):
        spec = specification(job, planned(job, BIG, SMALL), tmp_path, options)
        assert dtd.validate(etree.fromstring(spec.encode())), dtd.error_log


def test_it_says_what_pyoutline_would_say(farm_job: MakeJob, tmp_path: Path) -> None:
    job = farm_job()
    spec = specification(job, planned(job, BIG, SMALL), tmp_path, OPTIONS)
    theirs = _by_pyoutline(ET.fromstring(spec), str(tmp_path / "frame.sh"))
    assert _said(ET.fromstring(spec)) == _said(ET.fromstring(theirs))
    doctype = theirs.partition("<spec>")[0].removeprefix('<?xml version="1.0"?>')
    assert doctype in spec


def _by_pyoutline(spec: ET.Element, frame: str) -> str:
    """The same job, serialized by the library that OpenCue's own submitters use."""
    outline = pytest.importorskip("outline")
    from outline.cuerun import OutlineLauncher
    from outline.modules.shell import Shell

    made = outline.Outline(spec.find("job").get("name"), show="ep101", shot="dub", user="lena")  # type: ignore[union-attr]
    common = {"chunk": 8, "cores": 4, "memory": "64g", "gpus": 1, "timeout_llu": 30}
    command, tags = [frame, "#IFRAME#", "8"], ["gpu", "h100"]
    shots = [
        Shell(f"shots_{size}", range=frames, timeout=minutes, gpu_memory=gpu,
              command=command, tags=tags, service="default", **common)
        for size, frames, minutes, gpu in (
            ("3840x2160", "1-3", 102, "81920m"), ("1920x1080", "4-5", 42, "40960m")
        )
    ]  # fmt: skip
    last = [spec.findtext("job/layers/layer[@name='assemble']/cmd")]
    assemble = Shell("assemble", command=last, range="1", cores=1, service="default", type="Util")
    for layer in (*shots, assemble):
        made.add_layer(layer)
    for layer in shots:
        assemble.depend_all(layer)
    launcher = OutlineLauncher(made, user="lena", nomail=True, maxretries=1)
    return str(launcher.serialize(use_pycuerun=False))


def _said(element: ET.Element) -> object:
    """Names, texts and attributes, in order; without what is empty, and who is logged in here."""
    children = [_said(child) for child in element if child.tag not in ("facility", "uid")]
    text = (element.text or "").strip()
    said = [child for child in children if child is not None]
    return (element.tag, dict(element.attrib), text, said) if said or text else None


def test_a_size_of_plates_is_a_layer_with_its_own_gpu_memory(
    layers: dict[str, ET.Element],
) -> None:
    assert [*layers] == ["shots_3840x2160", "shots_1920x1080", "assemble"]
    assert [layer.findtext("range") for layer in layers.values()] == ["1-3", "4-5", "1"]
    gpus = [layer.findtext("gpu_memory") for layer in layers.values()]
    assert gpus == ["81920m", "40960m", None]
    assert layers["shots_1920x1080"].findtext("tags") == "gpu | h100"


def test_a_guessed_time_kills_no_frame(farm_job: MakeJob, tmp_path: Path) -> None:
    job = farm_job()
    spec = specification(job, planned(job, BIG, measured=False), tmp_path, OPTIONS)
    layer = ET.fromstring(spec).find("job/layers/layer")
    assert layer is not None
    assert layer.find("timeout") is None
    assert layer.findtext("timeout_llu") == "30"


def test_an_engine_of_the_cpu_asks_for_no_gpu(farm_job: MakeJob, tmp_path: Path) -> None:
    job = farm_job()
    spec = specification(job, planned(job, replace(BIG, gpu_memory=0)), tmp_path, OPTIONS)
    assert "gpu" not in {element.tag for element in ET.fromstring(spec).iter()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CueOptions(user="root"), "no jobs from root"),
        (CueOptions(user="lena", tags=("gpu,h100",)), "no tag called 'gpu,h100'"),
        (CueOptions(user="lena", show="e1"), "no show called 'e1'"),
        (CueOptions(user="lena", unisync="'unisync"), "No closing quotation"),
    ],
)
def test_what_cuebot_would_refuse_is_refused_before(
    options: CueOptions, message: str, farm_job: MakeJob, tmp_path: Path
) -> None:
    job = farm_job()
    with pytest.raises(JobError, match=message):
        specification(job, load_farm_plan(job.path), tmp_path, options)


def test_a_cuebot_takes_it_and_its_commands_finish_the_job(
    farm_job: MakeJob, plain: dict[str, str], tmp_path: Path, dtd: etree.DTD | None
) -> None:
    pytest.importorskip("opencue")
    from fake_cuebot import fake_cuebot

    job = farm_job()
    to = tmp_path / "it's a share"  # commands are shell text on the hosts
    words = [str(job.path), "--to", str(to), "--show", "ep101", "--user", "lena", "--chunk", "4"]
    with fake_cuebot(dtd) as cuebot:
        done = CliRunner().invoke(opencue_command, [*words, "--submit", "--cuebot", cuebot.address])
    assert done.exit_code == 0, done.output
    assert "job:  ep101-dub-lena_unisync_" in done.output

    (spec,) = cuebot.specs
    for layer in spec.iterfind("job/layers/layer"):
        first, _, last = layer.findtext("range").partition("-")
        for frame in range(int(first), int(last or first) + 1, int(layer.findtext("chunk"))):
            command = layer.findtext("cmd").replace("#IFRAME#", str(frame))
            said = subprocess.run(
                ["/bin/sh", "-c", command],
                capture_output=True,
                text=True,
                env={**os.environ, "CUE_GPU_CORES": "1"},
                check=False,
            )
            assert said.returncode == 0, said.stdout + said.stderr
            if layer.get("type") == "Render":
                assert said.stdout.startswith("shots ")
                assert ", GPU 1\n" in said.stdout
    assert media_of(job.out) == plain
    assert len(read_sidecar(job.sidecar).changed) == 6


def test_lines_of_the_list_are_shots(farm_job: MakeJob, tmp_path: Path) -> None:
    """A chunk counts on from its first frame; clip numbers have gaps and come long ones first."""
    job = farm_job()
    group = replace(load_farm_plan(job.path).groups[0], shots=(5, 1, 3), minutes=(1.0, 1.0, 1.0))
    write_farm_plan(job, planned(job, group))
    to = tmp_path / "cue"
    words = [str(job.path), "--to", str(to), "--user", "lena", "--unisync", "echo"]
    assert CliRunner().invoke(opencue_command, words).exit_code == 0
    said = subprocess.run(
        [str(to / "frame.sh"), "2", "8"], capture_output=True, text=True, check=True
    )
    assert f"render {job.path} --shots 1,3 --progress opencue" in said.stdout


def test_nobody_at_the_address_is_said(farm_job: MakeJob, tmp_path: Path) -> None:
    pytest.importorskip("opencue")
    job = farm_job()
    to = tmp_path / "cue"
    words = [str(job.path), "--to", str(to), "--user", "lena"]
    assert CliRunner().invoke(opencue_command, words).exit_code == 0
    with pytest.raises(JobError, match=r"Cuebot at 127\.0\.0\.1:9 did not take the job"):
        submit_opencue(to / SPEC, "127.0.0.1:9")


def test_what_cuebot_says_is_passed_on(farm_job: MakeJob, tmp_path: Path) -> None:
    pytest.importorskip("opencue")
    from fake_cuebot import fake_cuebot

    job = farm_job()
    to = tmp_path / "cue"
    words = [str(job.path), "--to", str(to), "--user", "lena", "--show", "nowhere"]
    assert CliRunner().invoke(opencue_command, words).exit_code == 0
    with fake_cuebot(None) as cuebot, pytest.raises(JobError, match="Failed to launch spec"):
        submit_opencue(to / SPEC, cuebot.address)


def test_a_frame_ends_as_its_pilot_does(farm_job: MakeJob, tmp_path: Path) -> None:
    to = tmp_path / "cue"
    words = [str(farm_job().path), "--to", str(to), "--user", "lena", "--unisync", "sh -c 'exit 7'"]
    assert CliRunner().invoke(opencue_command, words).exit_code == 0
    assert subprocess.run([str(to / "frame.sh"), "1", "8"], check=False).returncode == 7
