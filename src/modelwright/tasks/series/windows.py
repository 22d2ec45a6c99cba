"""From series to windows: what was known at a moment, and what came after it.

A window of the training split lies wholly in the training period; of validation and test, the values to forecast do. Its history
may reach back into earlier splits, and never forward: not a value, not a filling, not a scale.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.tasks.series.grid import Grid
from modelwright.tasks.series.records import Series, collect, grid_of
from modelwright.tasks.series.settings import Forecasting

KNOWN = "known "
"""Before the name of a known column, in a window's values: its numbers for history and horizon."""
LONGEST = 512
"""Steps of history at most, where the project leaves them open."""
SHORTEST = 32
_SEASONAL = 1.645
"""Of the normal distribution: the one-sided 90 % test of M4's benchmarks (Makridakis, Spiliotis, Assimakopoulos 2020)."""


@dataclass(frozen=True)
class Plan:
    """How windows are cut.

    Args:
        grid: of all series.
        ends: of the training and of the validation period, as positions: the first step after them.
        season: steps.
        history: steps looked at, at most.
        least: steps with a value that a history must have.
    """

    grid: Grid
    ends: tuple[int, int]
    season: int
    history: int
    least: int


def arrange(splits: Mapping[str, Sequence[Row]], learn: Forecasting) -> dict[str, list[Row]]:
    """Windows of each split.

    Raises:
        DataError: the splits overlap in time, or a split is too short for one window.
    """
    rows = [row for part in splits.values() for row in part]
    grid = grid_of(rows, learn)
    series = collect(rows, learn, grid)
    plan = _plan(splits, series, learn, grid)
    found: dict[str, list[Row]] = {}
    for name, (low, high) in {"train": (None, plan.ends[0]), "validation": plan.ends, "test": (plan.ends[1], None)}.items():
        stride = 1 if name == "train" else learn.stride
        found[name] = _spread([row for one in series for row in cut(one, plan, learn, low, high, stride)], learn.windows)
        if not found[name]:
            raise _too_short(name, series, plan, learn)
    return found


def _plan(splits: Mapping[str, Sequence[Row]], series: Sequence[Series], learn: Forecasting, grid: Grid) -> Plan:
    times = {name: [row.values["time"] for row in part] for name, part in splits.items()}
    for earlier, later in (("train", "validation"), ("validation", "test")):
        if max(times[earlier]) >= min(times[later]):
            raise DataError(
                f"the {later} split begins before the {earlier} split ends",
                expected="splits that follow one another in time",
                where="data.split.by",
                remedy="Set data.split.by: time, or leave it out.",
            )
    ends = grid.position(min(times["validation"])), grid.position(min(times["test"]))
    trains = [one.values[: max(0, ends[0] - one.start)] for one in series]
    season = learn.season if learn.season != "auto" else _season(trains, grid.season)
    longest = max((len(train) for train in trains), default=0)
    if learn.history != "auto":
        history = learn.history
    else:
        history = min(max(3 * season, 3 * learn.horizon, SHORTEST), LONGEST, max(1, (longest - learn.horizon) // 2))
        history = max(history, season)
    return Plan(grid, ends, season, history, min(history, max(2, season)))


def _season(trains: Sequence[np.ndarray], candidate: int) -> int:
    """`candidate` where it shows in most training parts, else 1: the differences' autocorrelation at it is positive and beyond
    what shorter lags explain (Bartlett 1946)."""
    if candidate == 1:
        return 1
    votes: Counter[bool] = Counter()
    for train in trains:
        if len(train) >= 3 * candidate and np.isfinite(train).sum() >= 2 * candidate:
            change = np.diff(interpolated(train))
            change = change - change.mean()
            spread = float(change @ change)
            if spread > 0:
                shares = np.array([change[lag:] @ change[:-lag] for lag in range(1, candidate + 1)]) / spread
                limit = _SEASONAL * np.sqrt((1 + 2 * (shares[:-1] ** 2).sum()) / len(change))
                votes[bool(shares[-1] > limit)] += 1
    return candidate if votes[True] > votes[False] else 1


def interpolated(values: np.ndarray) -> np.ndarray:
    """Holes filled on a straight line between their neighbours; at the ends by the nearest value. All NaN stays so."""
    holes = np.isnan(values)
    if not holes.any() or holes.all():
        return values
    places = np.arange(len(values))
    return np.where(holes, np.interp(places, places[~holes], values[~holes]), values)


def naive_error(values: np.ndarray, season: int) -> float | None:
    """Mean absolute difference between values one season apart: the unit of MASE (Hyndman & Koehler 2006). None if no two
    values are a season apart, or all of them are equal."""
    difference = np.abs(values[season:] - values[:-season])
    difference = difference[~np.isnan(difference)]
    error = float(difference.mean()) if len(difference) else 0.0
    return error if error > 0 else None


def naive_forecast(row: Row, season: int, horizon: int) -> np.ndarray:
    """float64 [horizon]: each step as one season before, holes filled from the history; the last value again where it is younger
    than a season."""
    values = interpolated(np.array([math.nan if one is None else one for one in row.values["history"]], np.float64))
    last = values[-season:]
    return last[np.arange(horizon) % len(last)]


def cut(series: Series, plan: Plan, learn: Forecasting, low: int | None, high: int | None, stride: int) -> list[Row]:
    """Windows whose values to forecast lie from position `low` to before `high`."""
    values, grid = series.values, plan.grid
    first = max(0 if low is None else low - series.start, plan.least)
    last = (len(values) if high is None else min(high - series.start, len(values))) - learn.horizon
    scale = naive_error(values[: max(0, plan.ends[0] - series.start)], plan.season)
    moments = grid.moments(series.start + np.arange(len(values))).tolist()
    found = []
    for origin in range(first, last + 1, stride):
        begin, end = max(0, origin - plan.history), origin + learn.horizon
        history, future = values[begin:origin], values[origin:end]
        if np.isfinite(history).sum() < plan.least or np.isnan(future).all():
            continue
        found.append(
            Row(
                f"{series.name or 'series'}@{grid.label(series.start + origin)}",
                {
                    **({"series": series.name} if series.name else {}),
                    "time": moments[origin],
                    "history": listed(history),
                    "value": listed(future),
                    **{KNOWN + name: listed(series.known[begin:end, at]) for at, name in enumerate(learn.known)},
                    "frequency": grid.name,
                    "season": plan.season,
                    "scale": scale,
                },
            )
        )
    return found


def listed(values: np.ndarray) -> tuple[float | None, ...]:
    """As rows keep them: None at holes."""
    return tuple(None if value != value else value for value in values.tolist())


def _spread(rows: list[Row], most: int) -> list[Row]:
    if len(rows) <= most:
        return rows
    return [rows[at] for at in np.linspace(0, len(rows) - 1, most).round().astype(int)]


def _too_short(split: str, series: Sequence[Series], plan: Plan, learn: Forecasting) -> DataError:
    low, high = {"train": (None, plan.ends[0]), "validation": plan.ends, "test": (plan.ends[1], None)}[split]
    steps = max(
        min(one.end, high if high is not None else one.end) - max(one.start, low if low is not None else one.start)
        for one in series
    )
    needed = learn.horizon + (plan.least if split == "train" else 0)
    return DataError(
        f"the {split} period has {max(0, steps)} steps of frequency {plan.grid.name}",
        expected=f"at least {needed}: {'a history of ' + str(plan.least) + ' and ' if split == 'train' else ''}a horizon of {learn.horizon}",
        where="learn.horizon" if split == "train" else f"data.split.{split}",
        remedy="Lower learn.horizon, bring more rows"
        + (" or set learn.season: 1." if split == "train" else f", or raise data.split.{split}."),
    )
