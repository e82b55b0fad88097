"""A real Slurm cluster of one node with two fake GPUs, in a folder and on ports of its own.

Debian's packages are enough (``slurm-wlm`` and ``munge``); nothing of the machine's own Slurm, if
it has one, is read or touched. Where they are missing, ``UNISYNC_TEST_APT=1`` lets root install
them.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

_PACKAGES = ("slurm-wlm", "munge")
_DEVICES = (Path("/dev/tty10"), Path("/dev/tty11"))
"""Slurm numbers GPUs by device files, and takes any character device for one."""

_CONF = """\
ClusterName=unisync
SlurmctldHost=localhost
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
NodeName=node1 NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=4 Gres=gpu:h100:2 State=UNKNOWN
PartitionName=gpu Nodes=node1 Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


@dataclass(frozen=True)
class Task:
    """One job, or one task of an array, as the controller knows it."""

    name: str
    fields: dict[str, str]

    @property
    def state(self) -> str:
        return self.fields["JobState"]

    @property
    def restarts(self) -> int:
        return int(self.fields["Restarts"])


@dataclass(frozen=True)
class SlurmCluster:
    """A running cluster.

    Attributes:
        folder: configuration, state and logs.
    """

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """This process's, and with it Slurm's commands talk to this cluster and no other."""
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def run(self, *command: str, check: bool = True) -> str:
        """What one of Slurm's commands, or a script of them, prints."""
        said = subprocess.run(
            command, capture_output=True, text=True, env=self.environment, check=False
        )
        assert not check or said.returncode == 0, f"{command}: {said.stdout}{said.stderr}"
        return said.stdout

    def task(self, name: str) -> Task:
        """A job, or ``JOB_NUMBER`` of an array; ended ones stay known for five minutes."""
        said = self.run("scontrol", "--oneliner", "show", "job", name)
        return Task(name, dict(re.findall(r"(\S+?)=(\S*)", said)))

    def wait(self, what: str, happened: Callable[[], bool], seconds: float = 300.0) -> None:
        """Wait until something happened; fails with the controller's view of things."""
        end = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > end:
                raise AssertionError(f"Not within {seconds:.0f} s: {what}\n{self.told()}")
            time.sleep(0.2)

    def told(self) -> str:
        """Jobs, and the last words of each daemon, for whoever has to find out why."""
        told = [self.run("scontrol", "--oneliner", "show", "job", check=False)]
        for log in sorted((*self.folder.glob("*.log"), *self.folder.glob("*.out"))):
            lines = log.read_text(errors="replace").splitlines()
            told.append("\n".join((f"-- {log.name}", *lines[-20:])))
        return "\n".join(told)


def why_not() -> str:
    """Why no cluster can be started here; empty if one can."""
    missing = [name for name in ("slurmctld", "slurmd", "munged", "sbatch") if not _program(name)]
    if missing and not _install():
        return f"{' and '.join(missing)} not installed (Debian: {' '.join(_PACKAGES)})"
    if not all(path.is_char_device() for path in _DEVICES):
        return f"no character devices to name GPUs by: {' '.join(map(str, _DEVICES))}"
    return ""


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _install() -> bool:
    if os.environ.get("UNISYNC_TEST_APT") != "1" or os.geteuid() != 0:
        return False
    if shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *_PACKAGES]):
        said = subprocess.run(
            ["apt-get", "-qq", *command], env=environment, capture_output=True, check=False
        )
        if said.returncode:
            return False
    return True


@contextmanager
def slurm_cluster() -> Iterator[SlurmCluster]:
    """Start munged, slurmctld and slurmd, and end them."""
    folder = Path(mkdtemp(prefix="slurm-"))  # short: a socket's path has 107 characters
    cluster = SlurmCluster(folder)
    _configure(folder)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        munge = [f"--{name}={folder}/munge.{end}" for name, end in _MUNGE.items()]
        stack.enter_context(_daemon(cluster, "munged", "--foreground", "--force", *munge))
        cluster.wait("munged listens", (folder / "munge.socket").exists)
        stack.enter_context(_daemon(cluster, "slurmctld", "-D", "-i"))
        stack.enter_context(_daemon(cluster, "slurmd", "-D", "-N", "node1"))
        stack.callback(_cancel_all, cluster)
        cluster.wait("node1 is idle", lambda: "idle" in _node(cluster))
        yield cluster


_MUNGE = {
    "socket": "socket",
    "key-file": "key",
    "pid-file": "pid",
    "log-file": "log",
    "seed-file": "seed",
}


def _configure(folder: Path) -> None:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    user = pwd.getpwuid(os.geteuid()).pw_name
    ctld, slurmd = _free_port(), _free_port()
    conf = _CONF.format(folder=folder, user=user, ctld=ctld, slurmd=slurmd)
    (folder / "slurm.conf").write_text(conf)
    devices = "".join(f"Name=gpu Type=h100 File={path} Flags=nvidia_gpu_env\n" for path in _DEVICES)
    (folder / "gres.conf").write_text(devices)
    (folder / "cgroup.conf").write_text("CgroupPlugin=autodetect\n")


def _free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _daemon(cluster: SlurmCluster, name: str, *arguments: str) -> Iterator[None]:
    program = _program(name)
    assert program is not None
    with (cluster.folder / f"{name}.out").open("wb") as log:
        process = subprocess.Popen(
            [program, *arguments], stdout=log, stderr=log, env=cluster.environment
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _node(cluster: SlurmCluster) -> str:
    return cluster.run("sinfo", "--noheader", "--format=%T", check=False)


def _cancel_all(cluster: SlurmCluster) -> None:
    """Before the daemons go: what runs in a job is a child of nobody afterwards."""
    cluster.run("scancel", "--state=PENDING,RUNNING,SUSPENDED", "--full", check=False)
    cluster.run("scancel", "--user", pwd.getpwuid(os.geteuid()).pw_name, check=False)
    with suppress(AssertionError):
        cluster.wait("nothing runs", lambda: not cluster.run("squeue", "--noheader"), 15)
