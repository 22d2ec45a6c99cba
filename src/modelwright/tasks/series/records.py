"""Rows of a table as series on one grid: one value for each step, a hole where there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.tasks.series.grid import Grid, infer
from modelwright.tasks.series.settings import Forecasting

NAMELESS = ""
"""The name of the only series, where no column tells several apart."""


@dataclass(frozen=True)
class Series:
    """One series from its first to its last step.

    Args:
        name: "" where rows name none.
        start: position of the first step on the grid.
        values: float64 [n]; NaN where no row has a value.
        known: float64 [n, k], the columns named in `learn.known`; NaN where no row has one.
    """

    name: str
    start: int
    values: np.ndarray
    known: np.ndarray

    @property
    def end(self) -> int:
        """Position after the last step."""
        return self.start + len(self.values)

    @property
    def holes(self) -> int:
        """Steps without a value."""
        return int(np.isnan(self.values).sum())


def name_of(row: Row) -> str:
    return str(row.values.get("series") or NAMELESS)


def grid_of(rows: Sequence[Row], learn: Forecasting) -> Grid:
    """The grid that the project names, or the one that most steps have.

    Raises:
        DataError: every series has one row only.
    """
    if learn.frequency != "auto":
        return Grid(learn.frequency)
    moments: dict[str, list[float]] = {}
    for row in rows:
        moments.setdefault(name_of(row), []).append(row.values["time"])
    found = infer([np.array(one) for one in moments.values()])
    if found is None:
        raise DataError(
            f"{'the series has' if len(moments) == 1 else f'each of the {len(moments):,} series has'} one moment only",
            expected="series of many steps: several rows with different times under one name",
            where="data.columns.time" + (f" (row {rows[0].id})" if rows else ""),
            remedy="Check which columns data.columns.time and data.columns.series name.",
        )
    return found


def unusable(rows: Sequence[Row], learn: Forecasting) -> dict[int, str]:
    """Places of rows that no series can hold, with the reason: outside the grid; a second value in one step (unless
    `learn.repeats` says what becomes of it); of a series that ends before a forecast could be asked.

    Raises:
        DataError: see `grid_of`.
    """
    grid = grid_of(rows, learn)
    moments = np.array([row.values["time"] for row in rows], np.float64)
    found: dict[int, str] = {}
    inside = grid.holds(moments)
    positions = np.zeros(len(rows), np.int64)
    positions[inside] = grid.positions(moments[inside])
    first: dict[tuple[str, int], Row] = {}
    steps: dict[str, int] = {}
    for place, (row, position, fits) in enumerate(zip(rows, positions.tolist(), inside.tolist(), strict=True)):
        name = name_of(row)
        if not fits:
            found[place] = f"the time lies in no step of frequency {grid.name}"
            continue
        other = first.setdefault((name, position), row)
        if other is row:
            steps[name] = steps.get(name, 0) + 1
        elif learn.repeats == "quarantine":
            found[place] = f"a second value for {grid.label(position)}{_of(name)}; the first is {other.id}"
    needed = learn.horizon + 2
    for place, row in enumerate(rows):
        if place not in found and steps[name_of(row)] < needed:
            count = steps[name_of(row)]
            found[place] = f"the series{_of(name_of(row), ' ')} has {count} step{'s' * (count != 1)}, fewer than {needed}"
    return found


def _of(name: str, before: str = " of series ") -> str:
    return f"{before}{name!r}" if name else ""


def collect(rows: Sequence[Row], learn: Forecasting, grid: Grid) -> list[Series]:
    """The series of the rows, in order of their names.

    Raises:
        DataError: two values in one step that nothing makes one, a known column that is missing or holds no number, or a hole
            where `learn.gaps` refuses it.
    """
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(name_of(row), []).append(row)
    return [_series(name, by_name[name], learn, grid) for name in sorted(by_name)]


def _series(name: str, rows: Sequence[Row], learn: Forecasting, grid: Grid) -> Series:
    rows = sorted(rows, key=lambda row: row.values["time"])
    positions = grid.positions(np.array([row.values["time"] for row in rows], np.float64))
    start = int(positions[0])
    steps = int(positions[-1]) - start + 1
    if steps > 50 * len(rows) + 1000:
        raise DataError(
            f"{len(rows):,} rows{_of(name)} are spread over {steps:,} steps of frequency {grid.name}",
            expected="a value in most steps",
            where="learn.frequency",
            remedy="Name the frequency that the rows have, or mend times that lie far from the others.",
        )
    groups: dict[int, list[Row]] = {}
    for row, position in zip(rows, (positions - start).tolist(), strict=True):
        groups.setdefault(position, []).append(row)
    values, known = np.full(steps, np.nan), np.full((steps, len(learn.known)), np.nan)
    for at, group in groups.items():
        values[at] = _united([row.values["value"] for row in group], group, learn, grid.label(start + at), name)
        for column, title in enumerate(learn.known):
            known[at, column] = _number(group[-1], title)
    series = Series(name, start, values, known)
    if learn.gaps == "refuse" and series.holes:
        at = int(np.flatnonzero(np.isnan(values))[0])
        raise DataError(
            f"there is no value for {grid.label(start + at)}{_of(name)} ({series.holes:,} of {steps:,} steps are missing)",
            expected=f"a value in every step of frequency {grid.name}",
            where="learn.gaps",
            remedy="Bring the missing rows, or set learn.gaps: interpolate.",
        )
    return series


def _united(values: Sequence[float], rows: Sequence[Row], learn: Forecasting, label: str, name: str) -> float:
    if len(values) == 1:
        return float(values[0])
    if learn.repeats == "quarantine":  # they went to quarantine before; here only if nobody asked
        raise DataError(
            f"{len(values)} rows have a value for {label}{_of(name)}: {rows[0].id} and {rows[1].id}",
            expected="one value for each step",
            where=f"row {rows[1].id}",
            remedy="Take one out, or set learn.repeats to sum, mean or last.",
        )
    return float({"sum": np.sum(values), "mean": np.mean(values), "last": values[-1]}[learn.repeats])


def _number(row: Row, column: str) -> float:
    if column not in row.values:
        raise DataError(
            f"there is no column {column!r}",
            expected=f"one of: {', '.join(sorted(set(row.values) - {'time', 'value', 'series'})) or 'no other column is there'}",
            where="learn.known",
            remedy="Name columns of the source, or leave learn.known out.",
        )
    value = row.values[column]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(
            f"column {column!r} holds {value!r:.60}",
            expected="a finite number in every row: what is known ahead has no holes",
            where=f"row {row.id}",
            remedy="Mend the cell, or leave the column out of learn.known.",
        )
    return number


def figures(splits: Mapping[str, Sequence[Row]], learn: Forecasting) -> dict[str, Any]:
    """What the data card tells of the series: their number, frequency, steps and holes."""
    rows = [row for part in splits.values() for row in part]
    grid = grid_of(rows, learn)
    found = collect(rows, learn, grid)
    return {
        "series": len(found),
        "frequency": grid.name,
        "steps": sum(len(one.values) for one in found),
        "gaps": sum(one.holes for one in found),
    }
