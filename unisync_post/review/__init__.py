"""The review page: before and after of every shot, side by side, from a file on disk."""

from __future__ import annotations

from .options import ReviewOptions
from .page import build_review
from .proxies import Proxies, write_proxies

__all__ = ["Proxies", "ReviewOptions", "build_review", "write_proxies"]
