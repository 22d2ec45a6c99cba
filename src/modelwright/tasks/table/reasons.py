"""Reason codes: which columns spoke for an answer, and how much, from the contributions that the graph gives when asked.

Linear models: weight × (value − mean), exactly (Štrumbelj & Kononenko 2014 for independent columns). Trees: SHAP values along the trees'
own paths (Lundberg et al. 2020, 10.1038/s42256-019-0138-9). A contribution speaks for the label given: its logit against the mean of
the others; for numbers it is in their own unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Outputs
from modelwright.tasks.table.reader import TableReader

MOST = 8
"""Reasons given at most."""


def asked(outputs: Outputs) -> np.ndarray:
    """Rows whose reasons were asked for."""
    return np.flatnonzero(np.asarray(outputs["explained"]) > 0.5) if "explained" in outputs else np.zeros(0, np.int64)


def listed(reader: TableReader, outputs: Outputs, row: int, contributions: Sequence[float]) -> tuple[dict[str, Any], ...]:
    """The strongest reasons of one row, strongest first.

    Args:
        contributions: of each column that is read.
    """
    seen, numbers = np.asarray(outputs["seen"])[row], sum(column.numbers for column in reader.columns)
    cells = reader.shown(seen[:numbers], seen[numbers:])
    found = [
        {"feature": column.name, "value": cell, "contribution": float(f"{amount:.6g}")}
        for column, cell, amount in zip(reader.columns, cells, contributions, strict=True)
    ]
    found.sort(key=lambda one: -abs(one["contribution"]))
    return tuple(one for one in found[:MOST] if one["contribution"] != 0)
