"""docs/editorial.md says what is true: a row for each case, and every test it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "editorial.md").read_text("utf-8")
ROWS = [(int(m[1]), m[0]) for m in re.finditer(r"^\| (\d+) \|.*\|$", PAGE, re.MULTILINE)]
CASES = range(1, 43)


def named_under(folder: Path) -> set[str]:
    """Names of all test functions under a folder."""
    return {
        node.name
        for path in folder.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_case_has_one_row_that_names_a_test() -> None:
    assert [number for number, _ in ROWS] == list(CASES)
    for number, row in ROWS:
        assert "`test_" in row.split(" | ")[3], number


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert not named - named_under(ROOT / "tests")


def test_every_planners_test_of_a_case_is_named_in_its_rows() -> None:
    rows = dict(ROWS)
    for name in named_under(ROOT / "tests" / "post" / "plan"):
        match = re.match(r"test_((?:\d\d_)+)", name)
        for number in match[1].split("_")[:-1] if match else ():
            assert f"`{name}`" in rows[int(number)], name
