"""Edits damaged at random end in a proven patch or a named error; ``bench/fuzz_edits.py`` does
the same to thousands, and to real edits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

import pytest
from damage import damaged
from generated import WRITERS, Story, stories
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from fuzz_edits import Source, all_cases, attempt, report, sources

ENDS = ("proven", "refused", "no proof")


def _ends_well(story: Story, name: str, number: int) -> None:
    data = WRITERS[name](story)
    draw = Random(number)
    assert attempt(damaged(data, data, draw), Path("/cuts") / name, draw)[0] in ENDS


@settings(max_examples=25)
@given(stories(), st.sampled_from(list(WRITERS)), st.integers(0, 2**32))
def test_a_damaged_edit_ends_well(story: Story, name: str, number: int) -> None:
    _ends_well(story, name, number)


@pytest.mark.slow
@settings(max_examples=3000)
@given(stories(), st.sampled_from(list(WRITERS)), st.integers(0, 2**32))
def test_many_damaged_edits_end_well(story: Story, name: str, number: int) -> None:
    _ends_well(story, name, number)


@given(stories(), st.sampled_from(list(WRITERS)))
@settings(max_examples=8)
def test_an_edit_without_damage_is_proven(story: Story, name: str) -> None:
    assert attempt(WRITERS[name](story), Path("/cuts") / name, Random(0))[0] == "proven"


class _Numbered(Random):
    """The number of its case, where a case's randomness should be."""

    @classmethod
    def pick(cls, case: int, known: dict[str, list[Source]]) -> tuple[Random, Source, list[Source]]:
        draw, alike = cls(case), next(iter(known.values()))
        draw.case = case
        return draw, alike[0], alike

    case = 0


def _misbehave(data: bytes, path: Path, draw: _Numbered) -> tuple[str, str]:
    if draw.case == 0:
        os._exit(9)
    if draw.case == 1:
        raise KeyError("never seen")
    while draw.case == 2:
        pass
    return "proven", ""


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_the_bench_counts_and_names_what_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One case dies, one raises what nobody should see, one takes too long, one is well."""
    monkeypatch.setattr("fuzz_edits.GENERATED", 1)
    monkeypatch.setattr("fuzz_edits.CPU_SECONDS", 1)
    known = sources(None, 0)
    monkeypatch.setattr("fuzz_edits.damaged", lambda data, other, draw: data)
    monkeypatch.setattr("fuzz_edits.attempt", _misbehave)
    monkeypatch.setattr("fuzz_edits.pick", lambda case, known, seed: _Numbered.pick(case, known))
    ends = list(all_cases(known, 0, range(4)))
    assert [end.outcome for end in ends] == ["FAILED", "FAILED", "FAILED", "proven"]
    assert report(ends) == 1
    said = capsys.readouterr().out
    assert "exit 9" in said
    assert "KeyError: 'never seen'" in said
    assert "more than 1 s" in said
    assert "4 cases, 3 failed" in said
