"""Floating-point operations of a training: what energy, carbon and the law's classes of models are computed from.

Where a route reads tokens: 6 · parameters · tokens (Kaplan et al. 2020, 2001.08361), which counts embedding tables as if they
computed, and frozen weights as if they learned: an upper figure. Elsewhere one forward pass of the trained module is counted, operation by
operation, and a training pass taken as three of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.base.nouns import Row
from modelwright.models import registry
from modelwright.spec.routes.route import GradientRoute, Route
from modelwright.tasks.contract import load_task
from modelwright.train.route import CHECKPOINT

_ROWS = 16


@dataclass(frozen=True)
class Operations:
    """An estimate, and how it was made."""

    value: float
    note: str


def operations(folder: Path, route: Route, result: Mapping[str, Any], rows: Sequence[Row]) -> Operations | None:
    """Of a finished training; None where nobody can count them (a solver's own steps, or operations that are only look-ups).

    Args:
        folder: a train folder with its checkpoint.
        result: its result.json.
        rows: some training rows.
    """
    if not isinstance(route, GradientRoute) or not result["rows"]:
        return None
    seconds = result["rows"] / result["samples_per_second"]
    if result.get("tokens_per_second"):
        tokens = result["tokens_per_second"] * seconds
        return Operations(6 * result["parameters"] * tokens, f"6 · {result['parameters']:,} parameters · {tokens:,.0f} tokens")
    each = forward(folder, rows[:_ROWS])
    return Operations(3 * each * result["rows"], f"3 · {each:,.3g} of a forward pass · {result['rows']:,} rows") if each else None


def forward(folder: Path, rows: Sequence[Row]) -> float:
    """Operations of one row through the saved module, counted by torch (matrix products, convolutions, attention)."""
    from torch.utils.flop_counter import FlopCounterMode

    task = load_task(folder)
    module = registry.load(folder / CHECKPOINT)
    batch = task.collate(task.encode_many(rows))
    with FlopCounterMode(display=False) as counter:
        registry.outputs(module, batch.inputs)
    return counter.get_total_flops() / len(rows)
