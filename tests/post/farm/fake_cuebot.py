"""A Cuebot that reads job specifications as the real one does, and starts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from lxml import etree
from opencue_proto import cue_pb2, cue_pb2_grpc, job_pb2, job_pb2_grpc


@dataclass
class FakeCuebot:
    """What was submitted to it.

    Attributes:
        dtd: what a specification must be valid against; None: only well-formed.
    """

    address: str
    dtd: etree.DTD | None
    specs: list[etree._Element] = field(default_factory=list)


class _Cue(cue_pb2_grpc.CueInterfaceServicer):  # type: ignore[misc]
    def GetSystemStats(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802
        return cue_pb2.CueGetSystemStatsResponse()


class _Jobs(job_pb2_grpc.JobInterfaceServicer):  # type: ignore[misc]
    def __init__(self, cuebot: FakeCuebot) -> None:
        self.cuebot = cuebot

    def LaunchSpecAndWait(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802
        spec = etree.fromstring(request.spec.encode())
        if self.cuebot.dtd is not None and not self.cuebot.dtd.validate(spec):
            errors = str(self.cuebot.dtd.error_log)
            context.abort(grpc.StatusCode.INTERNAL, f"Failed to parse job spec XML, {errors}")
        if spec.findtext("user") == "root" or spec.findtext("show") == "nowhere":
            context.abort(grpc.StatusCode.INTERNAL, "Failed to launch spec")
        self.cuebot.specs.append(spec)
        words = (spec.findtext("show"), spec.findtext("shot"), spec.findtext("user"))
        name = spec.find("job").get("name").replace("-", "_").lower()
        job = job_pb2.Job(name=f"{'-'.join(words)}_{name}")
        return job_pb2.JobLaunchSpecAndWaitResponse(jobs=job_pb2.JobSeq(jobs=[job]))


@contextmanager
def fake_cuebot(dtd: etree.DTD | None) -> Iterator[FakeCuebot]:
    """Serve on a port of its own."""
    server = grpc.server(ThreadPoolExecutor(2))
    cuebot = FakeCuebot(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", dtd)
    cue_pb2_grpc.add_CueInterfaceServicer_to_server(_Cue(), server)
    job_pb2_grpc.add_JobInterfaceServicer_to_server(_Jobs(cuebot), server)
    server.start()
    try:
        yield cuebot
    finally:
        server.stop(None).wait()
