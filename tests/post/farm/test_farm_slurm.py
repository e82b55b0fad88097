"""The exported scripts, on a real cluster of one node with two fake GPUs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from farm_kit import media_of, until
from slurm_cluster import SlurmCluster, Task, slurm_cluster, why_not

from unisync_post.cli import main
from unisync_post.farm.plan import load_farm_plan, write_farm_plan
from unisync_post.farm.slurm import SlurmOptions, export_slurm
from unisync_post.job.assemble import is_ours, read_sidecar
from unisync_post.job.folder import JobFolder

MakeJob = Callable[..., JobFolder]
TWO_GPUS = SlurmOptions(slots=2, gres="gpu:h100:1", cpus=1, time="20")


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    if reason := why_not():
        pytest.skip(reason)
    with slurm_cluster() as running:
        yield running


@dataclass(frozen=True)
class Submitted:
    """What ``submit.sh`` started."""

    cluster: SlurmCluster
    to: Path
    pilots: str
    assembly: str

    def task(self, slot: int) -> Task:
        return self.cluster.task(f"{self.pilots}_{slot}")

    def log(self, slot: int) -> str:
        (path,) = self.to.glob(f"logs/*_{self.pilots}_{slot}.log")
        return path.read_text()

    def back_at_once(self, slot: int) -> None:
        """Slurm lets a requeued task wait for two minutes: its last life must be over by then, and
        what that was allowed to run revoked, by clocks of whole seconds. A test sees to that
        itself."""
        self.cluster.wait("it is requeued", lambda: self.task(slot).state == "PENDING")
        step = f"slurmstepd: [{self.task(slot).fields['JobId']}.batch]"
        self.cluster.wait("its last life is over", lambda: not processes(step))
        name = f"JobId={self.task(slot).name}"
        self.cluster.run("scontrol", "update", name, "StartTime=now+5seconds")

    def assembled(self, seconds: float = 600) -> str:
        """State in which the assembly ended."""
        ended = ("COMPLETED", "FAILED", "CANCELLED")
        state = lambda: self.cluster.task(self.assembly).state  # noqa: E731
        self.cluster.wait("the assembly ends", lambda: state() in ended, seconds)
        return state()


def submit(cluster: SlurmCluster, job: JobFolder, to: Path, *options: str) -> Submitted:
    said = cluster.run(str(export_slurm(job, to, TWO_GPUS)), *options)
    pilots, assembly = re.findall(r": +(\d+)$", said, re.M)
    return Submitted(cluster, to, pilots, assembly)


def processes(words: str) -> list[psutil.Process]:
    """Those with these words in their command line."""
    known = psutil.process_iter(["cmdline"])
    return [process for process in known if words in " ".join(process.info["cmdline"] or ())]


def pilot_of(job: JobFolder, slot: int) -> psutil.Process:
    (pilot,) = processes(f"farm worker {job.path} --slot {slot}")
    return pilot


def takes(trouble: Path) -> int:
    path = trouble / "takes"
    return path.stat().st_size if path.exists() else 0


def test_a_killed_pilot_costs_nothing(
    cluster: SlurmCluster,
    farm_job: MakeJob,
    plain: dict[str, str],
    trouble: Path,
    tmp_path: Path,
) -> None:
    (trouble / "gate").touch()
    job = farm_job("farm_engines:Gated")
    farm = submit(cluster, job, tmp_path / "slurm")
    until(lambda: takes(trouble) == 2)  # both are in the middle of a shot
    gpus = [re.search(r", GPU (\S+)", farm.log(slot)) for slot in (0, 1)]
    assert {found[1] for found in gpus if found} == {"0", "1"}
    shown = cluster.run(str(farm.to / "status.sh"))
    assert (shown.count("RUNNING"), shown.count("PENDING")) == (2, 1)

    pilot_of(job, 0).kill()
    until(lambda: "left with status 137: requeued" in farm.log(0))
    (trouble / "gate").unlink()
    cluster.wait("the other one ends", lambda: farm.task(1).state == "COMPLETED")
    assert media_of(job.out) == plain  # it took up the killed one's shot, too

    assert cluster.task(farm.assembly).state == "PENDING"  # the first pilot comes back before
    farm.back_at_once(0)
    assert farm.assembled() == "COMPLETED"
    assert (farm.task(0).state, farm.task(0).restarts) == ("COMPLETED", 1)
    assert is_ours(job)
    assert len(read_sidecar(job.sidecar).changed) == 6


def test_a_pilot_told_to_leave_gives_its_shot_back_and_is_requeued(
    cluster: SlurmCluster, farm_job: MakeJob, plain: dict[str, str], trouble: Path, tmp_path: Path
) -> None:
    (trouble / "gate").touch()
    job = farm_job("farm_engines:Gated")
    farm = submit(cluster, job, tmp_path / "slurm", "--array=0")
    until(lambda: takes(trouble) == 1)
    # what Slurm sends two minutes before the time limit, and to whom
    cluster.run("scancel", "--batch", "--signal=TERM", f"{farm.pilots}_0")
    until(lambda: "requeued" in farm.log(0))
    assert "given back" in farm.log(0)
    (trouble / "gate").unlink()
    farm.back_at_once(0)
    assert farm.assembled() == "COMPLETED"
    assert farm.log(0).count("start 2") == 1
    assert media_of(job.out) == plain


@pytest.mark.slow
def test_a_cancelled_job_stays_cancelled_and_leaves_an_edit_of_what_there_is(
    cluster: SlurmCluster, farm_job: MakeJob, plain: dict[str, str], trouble: Path, tmp_path: Path
) -> None:
    job = farm_job("farm_engines:Gated")
    farm = submit(cluster, job, tmp_path / "slurm", "--array=0")
    until(lambda: any(job.out.glob("shots/*/result.json")))
    (trouble / "gate").touch()
    cluster.run("scancel", f"{farm.pilots}_0")
    assert farm.assembled() == "FAILED"  # shots are missing
    assert (farm.task(0).state, farm.task(0).restarts) == ("CANCELLED", 0)
    done = read_sidecar(job.sidecar)
    assert 0 < len(done.changed) < 6
    assert {clip.reason for clip in done.unchanged} == {"not rendered yet"}

    (trouble / "gate").unlink()
    again = cluster.run(str(farm.to / "submit.sh"))  # takes up what is left
    farm = Submitted(cluster, farm.to, *re.findall(r": +(\d+)$", again, re.M))
    assert farm.assembled() == "COMPLETED"
    assert media_of(job.out) == plain


@pytest.mark.slow
def test_the_time_limit_costs_no_shot(
    cluster: SlurmCluster, farm_job: MakeJob, plain: dict[str, str], trouble: Path, tmp_path: Path
) -> None:
    """Slurm's own signal before the limit, and its own two minutes before it starts again."""
    (trouble / "gate").touch()
    job = farm_job("farm_engines:Gated")
    limit = ("--array=0", "--time=2", "--signal=B:TERM@60")
    farm = submit(cluster, job, tmp_path / "slurm", *limit)
    until(lambda: "requeued" in farm.log(0) if takes(trouble) else False)
    (trouble / "gate").unlink()
    assert farm.assembled(seconds=240) == "COMPLETED"
    assert farm.task(0).restarts == 1
    assert media_of(job.out) == plain


# -- the scripts by themselves -------------------------------------------------------------------


def exported(job: JobFolder, to: Path, *words: str) -> dict[str, str]:
    """Texts of the scripts, each one known to be a script."""
    done = CliRunner().invoke(
        main, ["farm", "export", "slurm", str(job.path), "--to", str(to), *words]
    )
    assert done.exit_code == 0, done.output
    for path in to.iterdir():
        subprocess.run(["bash", "-n", str(path)], check=True)
        assert path.stat().st_mode & 0o111
    return {path.name: path.read_text() for path in to.iterdir()}


def test_pilots_are_as_many_as_slots_not_as_shots(farm_job: MakeJob, tmp_path: Path) -> None:
    job = farm_job()
    assert "--array=0-3\n" in exported(job, tmp_path / "a")["shots.sh"]  # of six shots
    assert "--array=0-15\n" in exported(job, tmp_path / "b", "--slots", "16")["shots.sh"]


def test_only_pilots_of_an_engine_that_needs_a_gpu_ask_for_one(
    farm_job: MakeJob, tmp_path: Path
) -> None:
    job = farm_job()
    assert "--gres" not in "".join(exported(job, tmp_path / "cpu").values())
    plan = load_farm_plan(job.path)
    groups = tuple(replace(group, gpu_memory=40960) for group in plan.groups)
    write_farm_plan(job, replace(plan, groups=groups))
    scripts = exported(job, tmp_path / "gpu")
    assert "#SBATCH --gres=gpu:1\n" in scripts["shots.sh"]
    assert "--gres" not in scripts["assemble.sh"]


def test_what_a_site_needs_is_in_both_scripts(farm_job: MakeJob, tmp_path: Path) -> None:
    container = "apptainer exec --nv '/opt/uni sync.sif' unisync"
    words = ["--partition", "gpu", "--assemble-partition", "cpu", "--account", "ep101"]
    setup = "module load ffmpeg"
    scripts = exported(
        farm_job(), tmp_path / "to", *words, "--setup", setup, "--unisync", container
    )
    for name, partition in (("shots.sh", "gpu"), ("assemble.sh", "cpu")):
        assert f"#SBATCH --partition={partition}\n" in scripts[name]
        assert "#SBATCH --account=ep101\n" in scripts[name]
        assert f"\n{setup}\n" in scripts[name]
        assert f"\nunisync=({container})\n" in scripts[name]


def test_a_path_with_anything_in_it_is_one_word(farm_job: MakeJob, tmp_path: Path) -> None:
    job = farm_job(out="it's $HOME `ls`")
    to = tmp_path / "to"
    exported(job, to, "--unisync", "printf '<%s>'")
    said = subprocess.run([str(to / "assemble.sh")], capture_output=True, text=True, check=True)
    assert said.stdout == f"<assemble><{job.path}>"


@pytest.mark.parametrize(
    "words",
    [
        ("--partition", "gpu\n#SBATCH --uid=0"),
        ("--gres", "gpu 1"),
        ("--time", "soon"),
        ("--slots", "0"),
    ],
)
def test_what_no_sbatch_line_can_hold_is_refused(
    words: tuple[str, str], farm_job: MakeJob, tmp_path: Path
) -> None:
    job = str(farm_job().path)
    done = CliRunner().invoke(main, ["farm", "export", "slurm", job, "--to", str(tmp_path), *words])
    assert done.exit_code == 2
    assert words[0] in done.output
