"""What must agree between the machines of a job, and the refusal where it does not.

Two versions of a decoder or of the network draw two mouths. A machine that has another one renders
nothing of the job: its shots go back, to machines that agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from ..errors import NodeError
from ..job.folder import PIPELINE

PACKAGES = (
    "unisync-post",
    "av",
    "numpy",
    "opencv-contrib-python",
    "mediapipe",
    "torch",
    "diffusers",
    "transformers",
    "soxr",
    "silero-vad",
)
"""Whatever decides pixels, or which frames and sounds there are."""


class MixedVersionsError(NodeError):
    """This machine would draw other pixels than the others."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What draws the pictures.

    Attributes:
        pipeline: version of the picture path.
        packages: public versions; ``+cu126`` and its like say how torch was built, and a machine
            that only plans has another build than one that renders.
    """

    pipeline: str = PIPELINE
    packages: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def here(cls) -> Versions:
        return cls(PIPELINE, {name: _version(name) for name in PACKAGES})

    def differences(self, other: Versions) -> tuple[str, ...]:
        """``torch 2.13.0 instead of 2.12.1`` for each that is not ``other``'s."""
        ours = {"picture path": self.pipeline, **self.packages}
        theirs = {"picture path": other.pipeline, **other.packages}
        return tuple(
            f"{name} {ours.get(name, 'missing')} instead of {wanted}"
            for name, wanted in theirs.items()
            if ours.get(name) != wanted
        )


def refuse_mixed(planned: Versions) -> None:
    """
    Raises:
        MixedVersionsError: this machine is not what the job was planned for; it names each.
    """
    wrong = Versions.here().differences(planned)
    if wrong:
        raise MixedVersionsError(
            f"This machine has {', '.join(wrong)}",
            remedy="Install the versions that the job was planned with, or plan the farm again "
            "(`unisync farm plan`) if every machine has the new ones.",
        )


def _version(package: str) -> str:
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return "missing"
