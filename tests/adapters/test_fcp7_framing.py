"""FCP7 XML: which motion lets one see what lies below a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from xmeml import RESOLVE, Edit, Item, Media

from unisync_adapters.document import PathMap
from unisync_adapters.fcp7 import ADAPTER

HD, UHD = (1920, 1080), (3840, 2160)


FRAME = (
    "<format><samplecharacteristics><width>1920</width><height>1080</height>"
    "</samplecharacteristics></format>"
)


def motion(kind: str, enabled: bool = True, **parameters: str) -> str:
    """A fixed effect with these parameters: a number, or the inside of a parameter."""
    inside = "".join(
        f"<parameter><parameterid>{name}</parameterid>"
        + (value if "<" in value else f"<value>{value}</value>")
        + "</parameter>"
        for name, value in parameters.items()
    )
    return (
        f"<filter><enabled>{str(enabled).upper()}</enabled><effect><effectid>{kind}</effectid>"
        f"<effecttype>motion</effecttype>{inside}</effect></filter>"
    )


def keys(*values: int) -> str:
    return "<value>100</value>" + "".join(
        f"<keyframe><when>{when}</when><value>{value}</value></keyframe>"
        for when, value in enumerate(values)
    )


def through(effects: Sequence[Any]) -> list[bool]:
    return [effect.metadata["unisync"]["see_through"] for effect in effects]


POINT = "<value><horiz>0</horiz><vert>0.08</vert></value>"


@pytest.mark.parametrize(
    ("raster", "extra", "expected"),
    [
        (HD, "", False),
        (HD, motion("basic", scale="100", center=POINT), False),
        (HD, motion("basic", scale="124", center=POINT), False),
        (HD, motion("basic", scale="40"), True),
        (HD, motion("basic", scale="40", enabled=False), False),
        (HD, motion("basic", scale=keys(100, 60)), True),
        (HD, motion("basic", scale=keys(100, 130)), False),
        (UHD, motion("basic", scale="50"), False),
        (UHD, motion("basic", scale="49.95"), False),
        (UHD, motion("basic", scale="25"), True),
        (HD, motion("opacity", opacity="100"), False),
        (HD, motion("opacity", opacity="35"), True),
        (HD, motion("opacity", opacity=keys(100, 0)), True),
        (HD, motion("crop", left="0", right="0", top="0", bottom="0"), False),
        (HD, motion("crop", left="0", right="50"), True),
        (HD, motion("Color Corrector 3-way", scale="40"), False),
        (HD, motion("basic", scale="much"), False),
        (HD, "<compositemode>normal</compositemode>", False),
        (HD, "<compositemode>multiply</compositemode>", True),
    ],
)
def test_what_lets_through(raster: tuple[int, int], extra: str, expected: bool) -> None:
    item = Item(Media("b.mov", raster=raster), 0, 50, extra=extra)
    text = Edit([[item]], RESOLVE).text().replace("<video>", "<video>" + FRAME, 1)
    document = ADAPTER.read(text.encode(), Path("cut.xml"), PathMap(), None)
    (clip,) = document.timeline.tracks[0].find_clips()
    assert through(clip.effects) == [True] * expected


@pytest.mark.parametrize(("scale", "expected"), [("100", []), ("40", [True])])
def test_a_nest_lets_through(scale: str, expected: list[bool]) -> None:
    inside = [[Item(Media("b.mov"), 0, 50)]]
    nest = Item(None, 0, 50, nest="n1", extra=motion("basic", scale=scale))
    document = ADAPTER.read(
        Edit([[nest]], RESOLVE, nests={"n1": inside}).data(), Path("cut.xml"), PathMap(), None
    )
    (stack,) = document.timeline.tracks[0]
    assert through(stack.effects) == expected
