"""For whom is it good? The same figures on parts of the rows: by length always, by any column that the project names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.base.errors import SpecError
from modelwright.base.nouns import Column, Row
from modelwright.evaluate.intervals import Draws, Score, bounds, draw

SMALL = 10
"""Fewer rows than this give no interval, and the slice is marked."""

MOST_VALUES = 12
"""Values of a column shown at most, the most frequent first; the rest are shown together."""

OTHERS = "…"


def slice_rows(rows: Sequence[Row], columns: Sequence[Column], named: Sequence[str]) -> list[tuple[str, str, np.ndarray]]:
    """Parts of the rows as (column, value, indices).

    Args:
        columns: the task's; rows are sliced by the characters in its text inputs.
        named: columns to slice by as well. Numbers with many values are cut into terciles; other values stand for themselves.

    Raises:
        SpecError: no row has a named column.
    """
    parts: list[tuple[str, str, np.ndarray]] = []
    texts = [column.role for column in columns if column.input and column.kind == "text"]
    if texts and rows:
        lengths = np.array([sum(len(str(row.values.get(role) or "")) for role in texts) for row in rows], dtype=float)
        parts += [("length", value, where) for value, where in _terciles(lengths)]
    for name in named:
        if not any(name in row.values for row in rows):
            raise SpecError(
                f"evaluate.slices names {name!r}, which no row has",
                expected=f"one of: {', '.join(sorted({key for row in rows for key in row.values}))}",
                where="evaluate.slices",
                remedy="Name a column of the data, or leave it out.",
            )
        parts += [(name, value, where) for value, where in _values([row.values.get(name) for row in rows])]
    return parts


@dataclass(frozen=True)
class Slice:
    """A part of the rows, scored.

    Args:
        small: fewer than `SMALL` rows: no interval.
    """

    column: str
    value: str
    rows: int
    small: bool
    drawn: Draws

    def as_json(self) -> dict[str, Any]:
        about = {"column": self.column, "value": self.value, "rows": self.rows, "small": self.small}
        return {**about, "metrics": self.drawn.figures()}


def score_slices(
    parts: Sequence[tuple[str, str, np.ndarray]],
    score: Score,
    aligned: Mapping[str, np.ndarray],
    row_ids: Sequence[str],
    resamples: int,
    seed: int,
) -> list[Slice]:
    """Every metric on every part, with intervals where there are `SMALL` rows or more. Parts are resampled independently."""
    found = []
    for number, (column, value, where) in enumerate(parts):
        mine = {name: array[where] for name, array in aligned.items()}
        small = len(where) < SMALL
        drawn = draw(score, mine, [row_ids[index] for index in where], 0 if small else resamples, seed + number)
        found.append(Slice(column, value, len(where), small, drawn))
    return found


def gaps(slices: Sequence[Slice], columns: Sequence[str], metric: str) -> list[dict[str, Any]]:
    """How far the best and the worst part of each column lie apart; none where fewer than two parts are large enough.

    Returns:
        [{"column", "value", "low", "high", "best", "worst", "left_out": parts that are too small}]. The bounds are those of the
        difference between these two parts, resampled; that they were picked for being the ends is not corrected for.
    """
    found = []
    for column in dict.fromkeys(columns):
        mine = [part for part in slices if part.column == column and metric in part.drawn.values]
        sure = [part for part in mine if not part.small and part.value != OTHERS]
        if len(sure) < 2:
            continue
        worst, best = (pick(sure, key=lambda part: part.drawn.values[metric]) for pick in (min, max))
        apart = best.drawn.resampled[metric] - worst.drawn.resampled[metric]
        gap = best.drawn.values[metric] - worst.drawn.values[metric]
        ends = {"best": best.value, "worst": worst.value, "left_out": [part.value for part in mine if part not in sure]}
        found.append({"column": column, "value": gap, **bounds(apart), **ends})
    return found


def _terciles(numbers: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Three parts of about equal size, named by the range they hold; fewer where values repeat."""
    edges = np.unique(np.quantile(numbers, [1 / 3, 2 / 3], method="inverted_cdf"))
    parts = np.searchsorted(edges, numbers, side="left")
    found = []
    for part in range(len(edges) + 1):
        where = np.flatnonzero(parts == part)
        if len(where):
            low, high = numbers[where].min(), numbers[where].max()
            found.append((f"{low:,.6g}" if low == high else f"{low:,.6g}–{high:,.6g}", where))
    return found


def _values(values: Sequence[Any]) -> list[tuple[str, np.ndarray]]:
    numbers = _numbers(values)
    if numbers is not None and len(set(numbers[~np.isnan(numbers)].tolist())) > MOST_VALUES:
        held = np.flatnonzero(~np.isnan(numbers))
        return [(name, held[where]) for name, where in _terciles(numbers[held])]
    names = [", ".join(value) if isinstance(value, tuple | list) else str(value) for value in values]
    frequent = [name for name, _ in sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))]
    shown = frequent if len(frequent) <= MOST_VALUES else frequent[: MOST_VALUES - 1]
    found = [(name, np.array([index for index, value in enumerate(names) if value == name])) for name in shown]
    if len(shown) < len(frequent):
        rest = set(frequent[len(shown) :])
        found.append((OTHERS, np.array([index for index, value in enumerate(names) if value in rest])))
    return found


def _numbers(values: Sequence[Any]) -> np.ndarray | None:
    """The values as numbers, NaN where there is none; None if one is something else. CSV files give numbers as texts."""
    try:
        return np.array([np.nan if value is None or value == "" else _number(value) for value in values])
    except (TypeError, ValueError):
        return None


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError("a truth value")
    return float(value)
