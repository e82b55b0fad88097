"""What `unisync prepare` left in a folder, for tests to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from unisync_post.cli import main

LIMITS = 'shortest = "5/4"\naside = "1/4"\nfit = 0.6\n'


def unisync(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@dataclass(frozen=True)
class Prepared:
    """What the command left, and what it said.

    Attributes:
        stamps: of the shards that were finished when it was cut off.
        words: the command's own.
    """

    data: Path
    model: Path
    cut_off: Result
    done: Result
    stamps: dict[str, int]
    words: tuple[str | Path, ...]


def shards(data: Path) -> dict[str, int]:
    """When each shard was written."""
    return {p.name: p.stat().st_mtime_ns for p in data.glob("sets/*/clips/*.safetensors")}
