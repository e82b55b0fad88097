"""Data that a facility may replace: track rules, presets, templates. No code but this loader."""

from __future__ import annotations

from importlib.resources import files


def read_template(name: str) -> str:
    """The text of one template, such as ``track_rules.toml``."""
    return (files(__name__) / name).read_text(encoding="utf-8")
