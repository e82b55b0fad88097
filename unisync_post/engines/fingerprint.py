"""What an engine's weights are, by content: hashed once, remembered while a file stays as it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import xxhash

from ..records import write_atomic

_CHUNK = 1 << 24


def fingerprint(words: Iterable[str], files: Mapping[str, Path]) -> str:
    """Hash of everything that decides an engine's pixels.

    Args:
        words: its settings, as text.
        files: its weights and configurations by what they are to it; where they lie on this
            machine makes no difference.
    """
    digest = hashlib.sha256("\0".join(words).encode())
    known = _Hashes()
    for name, path in sorted(files.items()):
        digest.update(f"\0{name}\0{known(path)}".encode())
    known.save()
    return digest.hexdigest()


class _Hashes:
    """Content hashes of files, remembered while a file keeps its size and time.

    Hashing 30 GB takes as long as reading them, and every worker that starts asks for it.
    """

    def __init__(self) -> None:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self._path = Path(home) / "unisync" / "weights.json"
        self._new: dict[str, list[Any]] = {}
        self._known = self._read()

    def __call__(self, path: Path) -> str:
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        key = str(path.resolve())
        known = self._known.get(key)
        if isinstance(known, list) and known[:2] == stamp:
            return str(known[2])
        digest = xxhash.xxh3_128()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        self._new[key] = [*stamp, digest.hexdigest()]
        return digest.hexdigest()

    def save(self) -> None:
        """Keep what was learnt; a home that cannot be written only costs the next opening time."""
        if self._new:
            text = json.dumps({**self._read(), **self._new}, indent=1)
            try:
                write_atomic(self._path, text.encode())
            except OSError:
                return

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
