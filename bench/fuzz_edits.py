"""Damaged edits by the thousand: each must end in a proven patch or in an error with a remedy.

    python bench/fuzz_edits.py [FOLDER] [--cases 10000] [--seed 0] [--only N]

A case is an edit of FOLDER ($UNISYNC_TIMELINES) or one that hypothesis generated, damaged up to
four times: bytes changed, lost, doubled, cut off or taken from another edit; numbers made absurd;
elements taken out, doubled or swapped; another encoding declared. Then it is read, given back
unchanged, a few of its clips are relinked, a dub is laid where the format takes one, and all that
is proven by a fresh read.

Good ends are *proven*, and an error of our family that names the file and what to do: at reading,
or (*no proof*) where the proof finds that the damage would show, so that nothing is written.
Everything else is a failure: another exception, an error without a remedy, other bytes from an
empty patch, more than the CPU time or memory a case may have, a dead process. The number of a
failed case is its seed: ``--only N`` runs it again and shows where it came from.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import random
import resource
import signal
import sys
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import opentimelineio as otio

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "adapters"))

from damage import damaged
from generated import some_documents
from roundtrip import RATES, files, picture_clips, relink

from unisync_adapters.document import Document, Lay, Layer, adapters, read_edit
from unisync_adapters.errors import EditError, UniSyncError
from unisync_adapters.otio_bundle import is_bundle

CPU_SECONDS = 20
WALL_SECONDS = 240
"""A case that hangs where no signal reaches it; the machine may be busy with other work."""
MEMORY = 1 << 30
RELINKED = 4
"""Clips relinked in a case."""
GENERATED = 60
"""Generated edits of each kind."""


DUB = Lay(
    path=Path("/unisync/dub_fr.wav"),
    track="DUB FR",
    language="fr",
    start=10,
    duration=100,
    source_in=0,
    media_duration=100,
    start_frame=0,
    channels=1,
    sample_rate=48_000,
)


@dataclass(frozen=True)
class Source:
    """An edit before it is damaged."""

    path: Path
    data: bytes
    kind: str


@dataclass(frozen=True)
class End:
    """How a case ended: ``proven``, ``refused``, ``no proof`` or ``FAILED``."""

    case: int
    kind: str
    outcome: str
    detail: str = ""


class TooLong(BaseException):
    """A case has used up its CPU time; no ``except Exception`` may swallow that."""


def main() -> None:
    """Run the cases, print a row a format, and every failure; exit 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("folder", nargs="?", default=os.environ.get("UNISYNC_TIMELINES", ""))
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run one case here, and say how it ended")
    said = parser.parse_args()
    logging.disable()
    known = sources(Path(said.folder) if said.folder else None, said.seed)
    if said.only is not None:
        print(run(said.only, known, said.seed, trace=True))
        return
    ends: list[End] = []
    try:
        for end in all_cases(known, said.seed, range(said.cases)):
            ends.append(end)
            if len(ends) % 500 == 0:
                print(f"{len(ends)} cases …", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("stopped; what was done until then:")
    sys.exit(report(ends))


class _Plain(argparse.RawDescriptionHelpFormatter):
    """The module's text as it stands."""


def sources(folder: Path | None, seed: int) -> dict[str, list[Source]]:
    """Edits by format: the folder's, and generated ones."""
    known: defaultdict[str, list[Source]] = defaultdict(list)
    for path in files(folder) if folder is not None else ():
        if path.is_file() and not is_bundle(path):
            _add(known, path, path.read_bytes(), "")
    for name, data in some_documents(GENERATED, seed):
        _add(known, Path(f"/generated/{name}"), data, " generated")
    return dict(sorted(known.items()))


def _add(known: dict[str, list[Source]], path: Path, data: bytes, note: str) -> None:
    adapter = next((a for a in adapters() if a.sniff(data, path)), None)
    kind = f"{adapter.name if adapter else 'of no format'}{note}"
    known[kind].append(Source(path, data, kind))


def all_cases(known: dict[str, list[Source]], seed: int, cases: Sequence[int]) -> Iterator[End]:
    """Every case, in processes of their own: one that dies or hangs costs only its own case."""
    context = get_context("fork")
    left = list(cases)
    while left:
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_work, args=(theirs, known, seed, left))
        child.start()
        theirs.close()
        done = 0
        try:
            while done < len(left) and ours.poll(WALL_SECONDS):
                yield ours.recv()
                done += 1
        except EOFError:
            pass
        finally:
            if done < len(left):
                child.kill()
            child.join()
        if done < len(left):
            kind = pick(left[done], known, seed)[1].kind
            what = f"the process ended or hung (exit {child.exitcode})"
            yield End(left[done], kind, "FAILED", what)
            done += 1
        left = left[done:]


def _work(pipe: Connection, known: dict[str, list[Source]], seed: int, cases: list[int]) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for case in cases:
        gc.collect()  # the limit is a case's: what the last one left in cycles is not its own
        pipe.send(run(case, known, seed))
    pipe.close()


def pick(
    case: int, known: dict[str, list[Source]], seed: int
) -> tuple[random.Random, Source, list[Source]]:
    """A case's randomness, its edit, and the others of its format."""
    draw = random.Random(f"{seed}/{case}")
    alike = known[draw.choice(list(known))]
    weights = [1 / (len(source.data) + 50_000) for source in alike]
    return draw, draw.choices(alike, weights)[0], alike


def run(case: int, known: dict[str, list[Source]], seed: int, *, trace: bool = False) -> End:
    """One case, to its end."""
    draw, source, alike = pick(case, known, seed)
    data = damaged(source.data, draw.choice(alike).data, draw)
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        outcome, detail = attempt(data, source.path, draw)
    except TooLong:
        outcome, detail = "FAILED", f"more than {CPU_SECONDS} s of CPU time"
    except BaseException as error:
        outcome, detail = "FAILED", _where(error)
        if trace:
            traceback.print_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if trace:
        Path(f"case-{case}{source.path.suffix}").write_bytes(data)
    return End(case, source.kind, outcome, f"{source.path.name}: {detail}" if detail else "")


def _stop(*_: Any) -> None:
    raise TooLong


def _where(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:160]} ({Path(last.filename).name}:{last.lineno})"


def attempt(data: bytes, path: Path, draw: random.Random) -> tuple[str, str]:
    """Read, give back unchanged, relink a few clips, prove.

    Raises:
        Exception: what a person should never see.
    """
    try:
        document = _opened(data, path)
    except UniSyncError as error:
        return _named(error, "refused")
    if document.patch([]) != data:
        return "FAILED", "an empty patch gave other bytes"
    clips = [
        clip
        for clip in picture_clips(document)
        if not clip.metadata["unisync"].get("refuse")
        and not isinstance(clip.media_reference, otio.schema.GeneratorReference)
    ]
    try:
        return _proven(document, draw.sample(clips, min(len(clips), RELINKED)))
    except UniSyncError as error:
        return _named(error, "no proof")


def _proven(document: Document, clips: list[otio.schema.Clip]) -> tuple[str, str]:
    relinks = {}
    for clip in clips:
        try:
            one = relink(document, clip)
            document.patch([one], name="RETURNED")
        except UniSyncError as error:
            if not str(error):
                return "FAILED", "an error without a word"
            continue
        relinks[one.origin] = one
    chosen = list(relinks.values())
    lays = [DUB] if isinstance(document.adapter, Layer) else []
    data = document.patch(chosen, name="RETURNED", lays=lays)
    document.verify(data, chosen, name="RETURNED", lays=lays)
    return "proven", ""


def _named(error: UniSyncError, outcome: str) -> tuple[str, str]:
    lacks = [name for name in ("file", "remedy") if not getattr(error, name)]
    if lacks:
        return "FAILED", f"no {' and no '.join(lacks)}: {error}"
    return outcome, ""


def _opened(data: bytes, path: Path) -> Document:
    """The edit; at a rate it could have, where it must be told one."""
    try:
        return read_edit(data, path)
    except EditError as error:
        if "--rate" not in (error.remedy or ""):
            raise
        first = error
    for rate in RATES:
        try:
            return read_edit(data, path, rate=rate)
        except EditError:
            continue
    raise first


def report(ends: Sequence[End]) -> int:
    """Print what came of it; 1 if something failed."""
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for end in ends:
        table[end.kind][end.outcome] += 1
    outcomes = ("proven", "refused", "no proof", "FAILED")
    print(f"{'':<24}{'cases':>8}" + "".join(f"{name:>10}" for name in outcomes))
    for kind, counts in sorted(table.items()):
        row = "".join(f"{counts[name]:>10}" for name in outcomes)
        print(f"{kind:<24}{counts.total():>8}{row}")
    failed = [end for end in ends if end.outcome == "FAILED"]
    for end in failed:
        print(f"  case {end.case} ({end.kind}): {end.detail}")
    print(f"{len(ends)} cases, {len(failed)} failed")
    return int(bool(failed))


if __name__ == "__main__":
    main()
