"""TOML files as frozen dataclasses: an unknown key or a wrong type is an error with its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ..errors import JobError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

Settings = TypeVar("Settings")
LARGEST = 1 << 20
"""Bytes: nobody writes a megabyte of settings."""


def read_settings(kind: type[Settings], text: str, file: Path | None = None) -> Settings:
    """Read settings; ``kind`` forbids unknown keys by its pydantic configuration.

    Raises:
        JobError: no TOML, or not these settings; it names the key.
    """
    try:
        return TypeAdapter(kind).validate_python(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise JobError(f"This is no TOML: {error}", file=file, remedy="Correct it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise JobError(
            f"{where}: {first['msg']}", file=file, remedy="Correct it; see the example."
        ) from error


def settings_text(path: Path) -> str:
    """The text of a settings file.

    Raises:
        JobError: it cannot be read, is no UTF-8 or is absurdly large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise JobError("This settings file is too large", file=path, remedy="Shorten it.")
        return data.decode()
    except OSError as error:
        raise JobError(f"It cannot be read: {error.strerror}", file=path) from error
    except UnicodeDecodeError as error:
        raise JobError("It is not UTF-8 text", file=path, remedy="Save it as UTF-8.") from error
