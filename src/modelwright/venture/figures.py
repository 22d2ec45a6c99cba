"""`Figure`: a number with unit, basis and interval, and the algebra of how far a result can be trusted.

The weakest basis of the inputs wins: measured > estimated > assumed > fallback. A figure computed from measured ones is
no measurement: it is estimated. Missing is None, never zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from math import isfinite
from typing import Any

from modelwright.base.evidence import Basis

STRENGTH: tuple[Basis, ...] = ("measured", "estimated", "assumed", "fallback")
"""From the most to the least trusted."""


@dataclass(frozen=True)
class Figure:
    """One number.

    Args:
        value: finite.
        unit: "USD", "USD/h", "kWh", "1/s", "month", "1" for a pure ratio.
        basis: how far it can be trusted.
        low, high: its interval; None where none was made. What it means (95 %, P10 to P90) stands in `note`.
        note: method or caveat.
        source: where the number was read, or the setting that states it.

    Raises:
        ValueError: not finite, or an interval that leaves the value out.
    """

    value: float
    unit: str
    basis: Basis
    low: float | None = None
    high: float | None = None
    note: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for number in (self.value, self.low, self.high):
            if number is not None and not isfinite(number):
                raise ValueError(f"{number} is no figure; leave it out")
        if (self.low is not None and self.low > self.value) or (self.high is not None and self.high < self.value):
            raise ValueError(f"{self.value} lies outside its own interval [{self.low}, {self.high}]")

    def noted(self, note: str) -> Figure:
        """The same with one more caveat."""
        return replace(self, note="; ".join(part for part in (self.note, note) if part))

    def as_json(self, name: str) -> dict[str, Any]:
        """As `plan.json` holds it."""
        return {
            "name": name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "basis": self.basis,
            "note": self.note,
        }


def weakest(*bases: Basis) -> Basis:
    """The basis of something computed from inputs of these bases; at best "estimated"."""
    return max(("estimated", *bases), key=STRENGTH.index)


def derive(formula: Callable[..., float], *inputs: Figure, unit: str, note: str = "") -> Figure:
    """A figure computed from others.

    Args:
        formula: of the inputs' values in order; monotonic in each of them inside their intervals.
        inputs: an input without an interval counts as exact.
        note: goes before the inputs' own notes.

    Returns:
        The interval is that of interval arithmetic, every input at its worst end together: wider than one drawn from
        independent inputs, never too narrow.
    """
    value = formula(*(item.value for item in inputs))
    low = high = None
    if any(item.low is not None or item.high is not None for item in inputs):
        ends = [{item.value if end is None else end for end in (item.low, item.high)} for item in inputs]
        reached = [formula(*corner) for corner in product(*ends)]
        low, high = min(*reached, value), max(*reached, value)
    notes = dict.fromkeys(part for part in (note, *(item.note for item in inputs)) if part)
    sources = dict.fromkeys(item.source for item in inputs if item.source)
    basis = weakest(*(item.basis for item in inputs))
    return Figure(value, unit, basis, low, high, note="; ".join(notes), source="; ".join(sources))
