"""The demo: an edit of drawn people who talk, made by code, and dubbed like real work."""

from __future__ import annotations

from .make import DemoEdit, make_demo_edit

__all__ = ["DemoEdit", "make_demo_edit"]
