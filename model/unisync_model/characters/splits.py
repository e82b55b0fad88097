"""Which characters, voices and words may be learned from: train, val and test never share one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count
from typing import Literal, get_args

from ..errors import InputError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

_SHARES = {"train": 80, "val": 90, "test": 100}


def require_split(split: str) -> None:
    """Raise unless ``split`` is one of :data:`SPLITS`.

    Raises:
        InputError: it is not.
    """
    if split not in SPLITS:
        raise InputError(f"No split {split!r}. There are {', '.join(SPLITS)}.")


def split_of(kind: str, key: object) -> Split:
    """The split a thing belongs to: by a hash of its name alone, so it never moves.

    Args:
        kind: what it is (``character``, ``word``); each kind is dealt out anew.
        key: its seed or spelling.
    """
    digest = hashlib.blake2b(f"{kind}:{key}".encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") % 100
    return next(split for split in SPLITS if place < _SHARES[split])


def character_seeds(split: Split, start: int = 0) -> Iterator[int]:
    """Endless seeds, from ``start`` up, whose characters belong to ``split``.

    Raises:
        InputError: there is no such split.
    """
    require_split(split)
    return (seed for seed in count(start) if split_of("character", seed) == split)
