"""How review proxies are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """Settings of the review page's media.

    Attributes:
        height: most lines of a proxy picture; smaller plates keep their own.
        gop: frames between key frames: small, so that a browser steps to a frame at once.
        crf: x264's quality; lower is better.
        burn_in: write "DRAFT" into the after picture of draft engines. Delivered media never
            carries it.
    """

    height: int = 540
    gop: int = 6
    crf: int = 19
    burn_in: bool = True
