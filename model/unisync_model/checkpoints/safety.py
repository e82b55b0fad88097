"""Which files are weights that may be opened: safetensors and GGUF, and nothing that runs code.

A `.pt`, `.pth`, `.ckpt` or `.bin` file is a Python pickle: loading it can execute what its author
put there. The suffix is not trusted; the first bytes decide.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from ..errors import CheckpointError

PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle"})
_ZIP = b"PK\x03\x04"  # torch.save since 1.6
_PICKLE_PROTOCOLS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
# Published pickles that have a safe twin, by a word in their name.
_TWINS = (
    ("vae", "wan2.1-vae", "the `vae/` folder of Wan-AI/Wan2.1-T2V-1.3B-Diffusers"),
    ("t5", "wan2.1-text-encoder", "`text_encoder/` of Wan-AI/Wan2.1-T2V-1.3B-Diffusers"),
)


class Container(str, Enum):
    """What a weights file is, by its content."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"
    PICKLE = "pickle"


def container_of(file: Path) -> Container:
    """What `file` is, judged by its first bytes and, for pickles, by its suffix as well.

    Raises:
        CheckpointError: it is missing, empty or no weights file.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(9)
    except OSError as error:
        raise CheckpointError(
            f"cannot be read: {error.strerror}", file=file, remedy="Check the path."
        ) from error
    if head.startswith(b"GGUF"):
        return Container.GGUF
    if head.startswith((_ZIP, *_PICKLE_PROTOCOLS)) or file.suffix.lower() in PICKLE_SUFFIXES:
        return Container.PICKLE
    # A safetensors file starts with the length of its JSON header, then the header itself.
    if len(head) == 9 and head[8:] == b"{":
        return Container.SAFETENSORS
    raise CheckpointError(
        "this is neither a safetensors nor a GGUF file",
        file=file,
        remedy="Fetch it again, or point at the folder that holds the weights.",
    )


def refusal(file: Path, remedy: str | None = None) -> CheckpointError:
    """Why a pickle is not opened, and what to use instead."""
    name = file.name.lower()
    remedy = remedy or (
        "Convert it once, if you trust its source: "
        f"unisync weights convert {file} {file.with_suffix('.safetensors')} --allow-pickle."
    )
    for word, entry, folder in _TWINS:
        if word in name:
            remedy = (
                f"Use {folder} instead, which holds the same weights as safetensors: "
                f"unisync weights pull {entry}."
            )
    return CheckpointError(
        "this is a Python pickle, and opening one can run code that its author put there",
        file=file,
        remedy=remedy,
    )
