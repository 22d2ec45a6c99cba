"""A share of few items, with Wilson's 95 % interval (Wilson 1927): it holds where nothing or everything was right, too."""

from __future__ import annotations

from math import sqrt

_Z = 1.959963984540054


def share(hits: int, items: int) -> dict[str, float | None]:
    """{"value", "low", "high"}; None throughout where there are no items."""
    if not items:
        return {"value": None, "low": None, "high": None}
    value, square = hits / items, _Z * _Z
    middle = (value + square / (2 * items)) / (1 + square / items)
    half = _Z / (1 + square / items) * sqrt(value * (1 - value) / items + square / (4 * items * items))
    return {"value": value, "low": max(0.0, middle - half), "high": min(1.0, middle + half)}
