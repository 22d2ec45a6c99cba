"""Exact numbers for shares and payouts: nothing is rounded before the end."""

from __future__ import annotations

from fractions import Fraction

Number = int | str | float | Fraction


def exact(value: Number) -> Fraction:
    """The fraction that a person means: 0.2 and "0.2" are one fifth, not the nearest binary number.

    Raises:
        ValueError: no finite number.
    """
    return Fraction(repr(float(value)) if isinstance(value, float) else value)
