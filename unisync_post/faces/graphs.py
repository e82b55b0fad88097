"""MediaPipe's graphs, run quietly and without state.

The models come inside the MediaPipe 0.10.14 wheel (Apache-2.0); nothing is fetched. Its C++ side
writes to file descriptor 2 while a graph starts, whatever the log level: that stretch is caught,
and shown only if the start fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FaceError


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Python warnings and whatever C++ writes to stderr; replay it after an error."""
    try:
        keep = os.dup(2)
    except OSError:  # no stderr at all: nothing to silence
        yield
        return
    with tempfile.TemporaryFile() as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(ValueError, AttributeError):
            sys.stderr.flush()
        os.dup2(caught.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(keep, 2)
            caught.seek(0)
            os.write(2, caught.read())
            raise
        finally:
            os.dup2(keep, 2)
            os.close(keep)


class Graph:
    """One MediaPipe graph; ``run`` returns the named output streams, None where empty.

    Args:
        config: the graph in protobuf text form.
        outputs: streams to observe; inner ones are allowed.
        side: side packets.
        warm: one set of inputs to run at once, so that late start-up logging is caught too.

    Raises:
        FaceError: MediaPipe is not installed in a version that carries these models.
    """

    def __init__(
        self,
        config: str,
        outputs: tuple[str, ...],
        side: Mapping[str, bool],
        warm: Mapping[str, Any],
    ) -> None:
        self._outputs = outputs
        os.environ.setdefault("GLOG_minloglevel", "2")
        with _quiet():
            try:
                # face_mesh registers the option messages that the sub-graphs hold
                from mediapipe.python import solution_base
                from mediapipe.python.solutions import face_detection, face_mesh  # noqa: F401
            except ImportError as error:
                raise FaceError(
                    f"MediaPipe's face models cannot be loaded: {error}",
                    remedy="Install mediapipe==0.10.14, the release whose wheel holds them.",
                ) from error
            self._graph = solution_base.SolutionBase(
                graph_config=config, side_inputs=dict(side) or None, outputs=list(outputs)
            )
            self.run(warm)

    def run(self, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
        with warnings.catch_warnings():
            # MediaPipe 0.10.14 calls a protobuf function that is deprecated since protobuf 4.25
            warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")
            found = self._graph.process(dict(inputs))
        return tuple(getattr(found, name) for name in self._outputs)

    def close(self) -> None:
        self._graph.close()


def blank(side: int) -> NDArray[np.uint8]:
    """A grey picture to start a graph with."""
    return np.full((side, side, 3), 128, np.uint8)
