"""Real Ray: actors killed inside a shot, nodes lost, a head lost, nodes that must not take part."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import psutil
import pytest
from farm_kit import ended, media_of, start, until

from unisync_post.errors import EngineError, JobCancelledError, JobError
from unisync_post.exit_codes import ExitCode
from unisync_post.farm import ray as farm_ray
from unisync_post.farm.on import crew_on
from unisync_post.farm.ray import RayCrew, Slot, slots_of
from unisync_post.farm.remote import FarmLostError, UnreachableAddressError
from unisync_post.job.events import Event
from unisync_post.job.faults import RetryPolicy
from unisync_post.job.folder import JobFolder
from unisync_post.job.run import render_job
from unisync_post.lease import Observer

os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_ENABLE_AUTO_CONNECT="0")
ray = pytest.importorskip("ray", reason="Ray is not installed")

MakeJob = Callable[..., JobFolder]


@pytest.fixture(scope="module")
def head() -> Iterator[object]:
    """A cluster whose head does no work: each test adds the nodes that it wants."""
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": farm_ray.OBJECT_STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    yield cluster
    cluster.shutdown()


@pytest.fixture
def cluster(head, trouble: Path) -> Iterator[Callable[..., object]]:
    """Adds a node for one worker, with these environment variables of its own."""
    nodes = []

    def node(**variables: str) -> object:
        nodes.append(
            head.add_node(num_cpus=1, object_store_memory=farm_ray.OBJECT_STORE, env_vars=variables)
        )
        return nodes[-1]

    node.head = head
    yield node
    for one in nodes:
        if one in head.worker_nodes:
            head.remove_node(one)


def render(job: JobFolder, address: str, **more) -> tuple[dict[str, int], list[Event]]:
    heard: list[Event] = []
    with crew_on(f"ray:{address}", gpu_memory=0) as crew:
        counts = render_job(job, crew=crew, listen=heard.append, **more)
    return counts, heard


def said(heard: list[Event], kind: str = "warning") -> str:
    return "\n".join(event.message for event in heard if event.kind == kind)


def test_a_ray_of_our_own_whose_actor_is_killed_inside_a_shot(farm_job, plain) -> None:
    job = farm_job("farm_engines:Struck")
    code, out = ended(start("render", job.out, "--on", "ray", "--workers", "2", "--json"))
    assert code == ExitCode.OK, out
    events = [json.loads(line) for line in out.splitlines()]  # and nothing of Ray's between them
    assert [e["message"] for e in events if e.get("status") == "died"], out
    tried = [e["attempt"] for e in events if e["kind"] == "shot" and "attempt" in e]
    assert tried == [2]
    assert {e["step"] for e in events if e["kind"] == "step"} >= {"faces", "lips"}
    assert media_of(job.out) == plain


@pytest.mark.slow
def test_a_lost_node_costs_its_shot_another_try(cluster, farm_job, trouble, plain) -> None:
    (trouble / "gate").touch()
    nodes = [cluster(), cluster()]
    job = farm_job("farm_engines:Gated")

    def lose() -> None:
        until(lambda: (trouble / "takes").exists() and (trouble / "takes").stat().st_size == 2)
        cluster.head.remove_node(nodes[0], allow_graceful=False)
        (trouble / "gate").unlink()

    thread = Thread(target=lose)
    thread.start()
    counts, heard = render(job, cluster.head.address)
    thread.join()
    assert counts["rendered"] == 6
    assert "lost its node" in said(heard, "worker")
    assert media_of(job.out) == plain


@pytest.mark.slow
def test_nodes_that_must_not_take_part_are_left_out_by_name(
    cluster, farm_job, tmp_path: Path, plain
) -> None:
    other = tmp_path / "other" / "soxr-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: soxr\nVersion: 9.9\n")
    path = os.pathsep.join((str(other.parent), os.environ["PYTHONPATH"]))
    cluster(PYTHONPATH=path)
    cluster(TINT="90")
    cluster(WEIGHTS="away")
    cluster(UNWELL="full")
    cluster()
    counts, heard = render(farm_job("farm_engines:Unwell"), cluster.head.address)
    assert counts["rendered"] == 6
    warnings = said(heard)
    assert "has soxr 9.9 instead of" in warnings
    assert "is another one (painter-(90" in warnings
    assert "no model folder" in warnings
    assert "gave shot" in warnings
    assert "disk is full" in warnings


@pytest.mark.slow
def test_where_no_node_can_open_the_engine_the_reason_is_said(cluster, farm_job, plain) -> None:
    cluster(WEIGHTS="away")
    with pytest.raises(EngineError, match="no model folder"):
        render(farm_job(), cluster.head.address)


@pytest.mark.slow
def test_a_shot_that_kills_its_workers_is_set_aside(cluster, farm_job, trouble) -> None:
    cluster()
    job = farm_job("farm_engines:Deadly")
    counts, _ = render(job, cluster.head.address, shots={1}, policy=RetryPolicy(deaths=2))
    assert counts["failed"] == 1
    result = job.result(job.plan.to_render[0])
    assert result is not None
    assert result.fault == "poison"
    assert (trouble / "deaths").stat().st_size == 2


@pytest.mark.slow
def test_pilots_and_ray_leave_each_others_shots_alone(cluster, farm_job, plain) -> None:
    cluster()
    job = farm_job()
    first = job.lease_folder(job.render_key(job.plan.to_render[0]))
    pilot = Observer().claim(first)
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        if sum(e.kind == "done" for e in heard) == 5:
            pilot.release()

    with crew_on(f"ray:{cluster.head.address}", gpu_memory=0) as crew:
        render_job(job, crew=crew, listen=hear)
    assert [e.shot for e in heard if e.kind == "done"][-1] == 1
    assert Observer().claim(first) is not None  # Ray's own lease was released
    assert media_of(job.out) == plain


@pytest.mark.slow
def test_a_cancelled_job_stops_and_goes_on(cluster, farm_job, trouble, plain) -> None:
    (trouble / "gate").touch()
    cluster()
    job = farm_job("farm_engines:Gated")

    def cancel() -> None:
        until(lambda: (trouble / "takes").exists())
        job.cancel()

    thread = Thread(target=cancel)
    thread.start()
    with pytest.raises(JobCancelledError):  # the gate is down: nothing else could end it
        render(job, cluster.head.address)
    (trouble / "gate").unlink()
    counts, _ = render(job, cluster.head.address)
    assert counts["rendered"] == 6
    assert media_of(job.out) == plain


@pytest.mark.slow
def test_a_lost_head_is_said_and_the_job_goes_on_without_it(
    trouble, farm_job, plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(farm_ray, "PATIENCE", 4.0)
    (trouble / "gate").touch()
    job = farm_job("farm_engines:Gated")
    small = {"object_store_memory": farm_ray.OBJECT_STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **small})
    head = cluster.head_node.all_processes["gcs_server"][0].process

    def lose() -> None:
        until(lambda: (trouble / "takes").exists())
        psutil.Process(head.pid).kill()

    thread = Thread(target=lose)
    thread.start()
    try:
        with pytest.raises(FarmLostError, match="has not answered"):
            render(job, cluster.address)
    finally:
        (trouble / "gate").unlink()
        cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
    counts = render_job(job, workers=1)
    assert counts["rendered"] == 6
    assert media_of(job.out) == plain


def test_a_ray_that_cannot_be_started_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/ray/session")

    monkeypatch.setattr(ray, "init", full)
    with pytest.raises(JobError, match="could not be started here") as caught:
        RayCrew("", workers=1)
    assert "RAY_TMPDIR" in (caught.value.remedy or "")
    printing = ray._private.worker.listen_error_messages
    assert printing.__module__ == "ray._private.worker", "a function of ours would stay in Ray"


def test_nobody_at_the_address(farm_job, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = ended(start("render", farm_job().out, "--on", "ray:127.0.0.1:9"))
    assert code == ExitCode.JOB
    assert "Nobody answers at 127.0.0.1:9" in out
    # Ray itself, which would go on trying for minutes, is not even asked
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray was asked"))
    with (
        pytest.raises(UnreachableAddressError, match=r"Nobody answers at 127\.0\.0\.1:9"),
        crew_on("ray:127.0.0.1:9"),
    ):
        pass
    with (
        pytest.raises(UnreachableAddressError, match="no address of a Ray head"),
        crew_on("ray:http://head"),
    ):
        pass
    with pytest.raises(JobError, match="no 'slurm' to render on"), crew_on("slurm"):
        pass


def _node(CPU: float = 8, **resources: float) -> dict[str, object]:  # noqa: N803
    return {"Resources": {"CPU": CPU, **resources}}


def test_a_worker_for_each_gpu_that_is_large_enough() -> None:
    large, small = _node(GPU=2, vram80=2, CPU=64), _node(GPU=4, vram24=4)
    assert slots_of([large, small], 40_000) == (Slot(1, "vram80"),) * 2
    both = slots_of([large, small], 20_000)
    assert both == (Slot(1, "vram24"),) * 4 + (Slot(1, "vram80"),) * 2
    assert slots_of([_node(GPU=3), _node(CPU=8)], 40_000) == (Slot(1),) * 3
    assert slots_of([large, small], 0) == (Slot(),) * 2
    assert slots_of([_node(CPU=8), _node(CPU=0)], None) == (Slot(),)
    with pytest.raises(JobError, match="the largest GPUs of this Ray cluster are vram24"):
        slots_of([small], 40_000)
