"""The rows of the tables: each is the whole model but for one thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...settings import SamplingSettings
from ..folder import SETTINGS
from .variants import CONTROL, LITERAL, NO_PAFS

OWN = ""
"""The model's own adapter."""
TAUS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Table 4."""
COMMON: Mapping[str, Any] = {
    "steps": 10,
    "shift": 3.0,
    "tau": 0.8,
    "tau_sigma": None,
    "copy_error": 0.0,
}
"""The paper's best ratio and the backbone's levels, steps enough to tell six ratios apart, and
nothing that is not in the paper; the rest is as it ships."""
_PRINTED: Mapping[str, Any] = {"level": "vp", "index": "literal", "resample": True}


@dataclass(frozen=True)
class Way:
    """How windows are sampled; rows of the same way share their pictures.

    Attributes:
        adapter: a variant's name, or ``OWN``.
        posed: the network is told the pose.
    """

    adapter: str
    posed: bool
    settings: SamplingSettings


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        against: name of the row that it differs from in one thing; its own where it is that row.
        adapter, posed: as in :class:`Way`.
        changes: sampling settings that differ from what all rows have in common.
        shipped: the model's own settings instead.
        hard: pasted with a hard edge instead of eq. 12's soft one.
    """

    name: str
    against: str
    adapter: str = OWN
    posed: bool = True
    changes: Mapping[str, Any] = field(default_factory=dict)
    shipped: bool = False
    hard: bool = False

    def way(self, settings: SamplingSettings) -> Way:
        """How it is sampled, where ``settings`` are the model's own."""
        if not self.shipped:
            settings = replace(settings, **{**COMMON, **self.changes})
        return Way(self.adapter, self.posed, settings)


@dataclass(frozen=True)
class Table:
    """Rows to be read together."""

    title: str
    rows: tuple[Row, ...]


WHOLE = Row("UniSync", "UniSync")
BRIEF = Row("UniSync, trained as briefly", "UniSync, trained as briefly", CONTROL)
_AT_ONE = Row("corrected, tau 1", "corrected, tau 1", changes={"tau": 1.0})

TABLES = (
    Table(
        "Table 3: parts left out",
        (
            WHOLE,
            Row("w/o TALI", WHOLE.name, changes={"tau": 0.0}),
            Row("w/o Gaussian", WHOLE.name, hard=True),
            Row("sampled as it ships", WHOLE.name, shipped=True),
            BRIEF,
            Row("w/o PAFS", BRIEF.name, NO_PAFS, posed=False),
        ),
    ),
    Table(
        "Table 4: injection ratio",
        tuple(Row(f"tau {tau:.1f}", WHOLE.name, changes={"tau": tau}) for tau in TAUS),
    ),
    Table(
        "TALI as printed",
        (
            WHOLE,
            Row("as printed", WHOLE.name, changes=_PRINTED),
            Row("printed level: variance preserving", WHOLE.name, changes={"level": "vp"}),
            Row("printed index: a step noisier", WHOLE.name, changes={"index": "literal"}),
            Row("printed noise: drawn anew", WHOLE.name, changes={"resample": True}),
            _AT_ONE,
            Row("as printed, tau 1", _AT_ONE.name, changes={**_PRINTED, "tau": 1.0}),
        ),
    ),
    Table(
        "What is not in the paper",
        (WHOLE, Row("copies settled", WHOLE.name, changes={"copy_error": SETTINGS.copy_error})),
    ),
    Table(
        "Training as printed",
        (BRIEF, Row("literal: the target is the condition", BRIEF.name, LITERAL)),
    ),
)


def rows_of(tables: tuple[Table, ...]) -> tuple[Row, ...]:
    """Every row once, in the tables' order."""
    return tuple({row.name: row for table in tables for row in table.rows}.values())
