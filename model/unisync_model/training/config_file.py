"""A run's configuration as TOML: read with every key and type checked, written back resolved."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ..settings import fits, in_words
from .config import TrainConfig, flat
from .errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

T = TypeVar("T")


def load_config(path: str | Path) -> TrainConfig:
    """A run's configuration; paths in it are relative to the file.

    Raises:
        ConfigError: a file that cannot be read, a key that does not exist (the nearest one is
            named), a value of another type or out of range.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the configuration: {error}", file=path) from error
    config = config_of(values, path)
    beside = path.absolute().parent

    def placed(name: str) -> str:
        return str(beside / name) if name else ""

    return replace(
        config,
        model=replace(config.model, base=placed(config.model.base)),
        data=replace(config.data, manifest=placed(config.data.manifest)),
    )


def config_of(values: Mapping[str, Any], file: Path | None = None) -> TrainConfig:
    """From plain nested values; raises as :func:`load_config`."""
    try:
        return _record(TrainConfig, values, "")
    except ConfigError as error:
        raise ConfigError(error.what, file=file, remedy=error.remedy) from None


def save_config(config: TrainConfig, path: str | Path) -> None:
    """Every setting, defaults included, as TOML that :func:`load_config` reads."""
    top = [f"{f.name} = {_toml(getattr(config, f.name))}" for f in fields(config) if not _table(f)]
    tables = [
        "\n".join([f"[{f.name}]", *(f"{key} = {_toml(value)}" for key, value in part.items())])
        for f in fields(config)
        if _table(f) and (part := flat(getattr(config, f.name)))
    ]
    Path(path).write_text("\n\n".join(["\n".join(top), *tables]) + "\n", encoding="utf-8")


def _record(kind: type[T], values: Mapping[str, Any], prefix: str) -> T:
    """One table, its keys and types checked."""
    hints = get_type_hints(kind)
    taken: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(f"no setting is called {prefix}{key}", remedy=_nearest(prefix + key))
        taken[key] = _value(hints[key], value, prefix + key)
    return kind(**taken)


def _value(hint: Any, value: Any, name: str) -> Any:
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} = {value!r}", remedy=f"Write a table [{name}]")
        return _record(hint, value, f"{name}.")  # type: ignore[arg-type]
    plain = tuple(value) if isinstance(value, list) else value
    if not fits(plain, hint):
        raise ConfigError(f"{name} = {value!r}", remedy=f"Give {in_words(hint)}")
    return plain


def _nearest(name: str) -> str:
    known = [*flat(TrainConfig()), *(f.name for f in fields(TrainConfig) if _table(f))]
    # a key may also have been written into the wrong table
    last = {key.rpartition(".")[2]: key for key in reversed(known)}
    whole = difflib.get_close_matches(name, known, 1, 0.6)
    bare = [last[key] for key in difflib.get_close_matches(name.rpartition(".")[2], last, 1, 0.5)]
    table = name.rpartition(".")[0]
    same = [key for key in known if table and key.startswith(f"{table}.")]
    if near := whole or bare:
        return f"The nearest is {near[0]}"
    return f"There are {', '.join(same or known)}"


def _table(f: Any) -> bool:
    return f.default_factory is not None and is_dataclass(f.default_factory)


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)
