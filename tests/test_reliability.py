"""docs/reliability.md says what is true: every fault has its row, every test it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
ROWS = {int(match[1]): match[0] for match in re.finditer(r"^\| (\d+) \|.*\|$", PAGE, re.MULTILINE)}


def named_tests() -> set[str]:
    """Names of all test functions."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_fault_has_a_row_with_a_test_or_says_that_it_is_not_covered() -> None:
    assert sorted(ROWS) == list(range(1, 27))
    for number, row in ROWS.items():
        assert ("`test_" in row) != row.endswith("| not covered |"), number


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named
    assert not named - named_tests()


def test_every_test_of_a_row_is_named_in_it() -> None:
    for name in named_tests():
        if match := re.match(r"test_rows?_(\d+)_", name):
            assert f"`{name}`" in PAGE, name
            assert int(match[1]) in ROWS
