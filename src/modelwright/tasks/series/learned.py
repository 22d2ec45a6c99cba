"""What a forecasting task learns of its training windows, and windows as numbers.

A window's values are shifted and scaled by what lies in its own history: by the mean of the last season and by the root mean
square distance from it. So one model serves series of every size, and nothing of the future is in the scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from modelwright.base.errors import DataError, RequestError
from modelwright.base.nouns import Row
from modelwright.tasks.series.grid import Grid
from modelwright.tasks.series.settings import Forecasting
from modelwright.tasks.series.windows import KNOWN, interpolated

LARGEST = 1e30
"""Values beyond it leave 32-bit numbers no room to work."""
CONTEXT = 7
"""Numbers of a window that decoding needs."""
PART = 1 << 16
"""A position on the grid is split by it, for 32-bit floats hold no more than 24 bits exactly."""
_GROWING = 0.5  # exponent of swings over level from which logarithms are nearer to even swings than the values themselves
_NUMBERS = {float, int, np.float64, type(None)}
_LEAST_SHARE = 0.05  # of a series' usual spread: a window that hardly moves is not blown up beyond it
_LEAST_RELATIVE = 1e-3
_SMALLEST = 1e-9


@dataclass(frozen=True)
class Scaled:
    """One window in the model's units.

    Args:
        history: float64 [history], holes filled, the beginning continued backwards where the series was younger.
        seen: float64 [history]; 0 where the beginning was continued.
        center, spread: model's units → `center + spread · x` (of logarithms, if the task learns those).
    """

    history: np.ndarray
    seen: np.ndarray
    center: float
    spread: float


@dataclass(frozen=True)
class Learned:
    """Everything that encoding and decoding need. `task.json` holds it as it is.

    Args:
        frequency: of the grid.
        season, horizon, history, least: in steps; `least` values a history must have.
        quantiles: rising levels.
        log: whether logarithms are learned; values below `floor` count as `floor` then.
        series: name → (number, usual spread of its windows).
        known: known column → (mean, spread) on training rows.
        calendar: whether models see the calendar.
        gaps: "interpolate" or "refuse".
        factors: [horizon][quantiles], by which each level's distance from the median is stretched.
    """

    frequency: str
    season: int
    horizon: int
    history: int
    least: int
    quantiles: tuple[float, ...]
    log: bool
    floor: float
    series: Mapping[str, tuple[int, float]]
    known: Mapping[str, tuple[float, float]]
    calendar: bool
    gaps: str
    factors: tuple[tuple[float, ...], ...]

    @property
    def grid(self) -> Grid:
        return Grid(self.frequency)

    @property
    def median(self) -> int:
        """The median's place among the levels."""
        return self.quantiles.index(0.5)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "series": dict(self.series), "known": dict(self.known)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError if it is not what `as_json` gives."""
        whole = {name: int(content[name]) for name in ("season", "horizon", "history", "least")}
        found = cls(
            **whole,
            frequency=str(content["frequency"]),
            quantiles=tuple(map(float, content["quantiles"])),
            log=bool(content["log"]),
            floor=float(content["floor"]),
            series={str(name): (int(number), float(spread)) for name, (number, spread) in content["series"].items()},
            known={str(name): (float(mean), float(spread)) for name, (mean, spread) in content["known"].items()},
            calendar=bool(content["calendar"]),
            gaps=str(content["gaps"]),
            factors=tuple(tuple(map(float, step)) for step in content["factors"]),
        )
        Grid(found.frequency)
        if {len(step) for step in found.factors} != {len(found.quantiles)} or len(found.factors) != found.horizon:
            raise ValueError("factors do not fit horizon and quantiles")
        return found

    # values and the model's units

    def forward(self, values: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(values, self.floor)) if self.log else values

    def backward(self, values: np.ndarray) -> np.ndarray:
        return np.exp(np.clip(values, -700, 700)) if self.log else values

    def scale(self, row: Row) -> Scaled:
        """The row's history in the model's units.

        Raises:
            RequestError: it is no list of finite numbers, or has too few of them.
        """
        values = numbers(row, "history")[-self.history :]
        found = np.isfinite(values)
        count = int(found.sum())
        if count < self.least:
            raise RequestError(
                f"the history has {count} value{'s' * (count != 1)} in its last {self.history} steps",
                expected=f"at least {self.least}",
                where=f"row {row.id}",
                remedy="Send a longer history: the model has to see a season of it.",
            )
        values = self.forward(interpolated(values[int(found.argmax()) :]))
        center = float(values[-self.season :].mean())
        spread = math.sqrt(float(((values - center) ** 2).mean()))
        usual = self.series.get(str(row.values.get("series") or ""), (0, 0.0))[1]
        spread = max(spread, usual * _LEAST_SHARE, abs(center) * _LEAST_RELATIVE, _SMALLEST)
        missing = self.history - len(values)
        seen = np.concatenate([np.zeros(missing), np.ones(len(values))])
        if missing:  # seasons before the first are taken to be like it
            places = np.arange(-missing, 0) % min(self.season, len(values))
            values = np.concatenate([values[places], values])
        return Scaled((values - center) / spread, seen, center, spread)

    def target(self, row: Row, scaled: Scaled) -> np.ndarray | None:
        """float32 [horizon] in the model's units, holes filled; None if the row has no values to forecast.

        Raises:
            DataError: as many values as the horizon has steps are not there.
        """
        if row.values.get("value") is None:
            return None
        values = numbers(row, "value")
        if len(values) != self.horizon or np.isnan(values).all():
            raise DataError(
                f"the window has {len(values)} values to forecast",
                expected=f"{self.horizon}, of which at least one is there",
                where=f"row {row.id}",
                remedy="Make the windows again with one horizon: modelwright run --from data",
            )
        return ((self.forward(interpolated(values)) - scaled.center) / scaled.spread).astype(np.float32)

    def covariates(self, row: Row) -> np.ndarray:
        """float32 [history + horizon, k]: place relative to the forecast's beginning, calendar, known columns.

        Raises:
            RequestError: a known column is missing or of another length than history and horizon.
        """
        steps = self.history + self.horizon
        columns = [(np.arange(steps) - self.history + 1) / max(self.history, self.horizon)]
        if self.calendar:
            origin = self.grid.position(row.values["time"])
            columns += list(self.grid.calendar(origin + np.arange(-self.history, self.horizon)).T)
        for name, (mean, spread) in self.known.items():
            values = interpolated(numbers(row, KNOWN + name))
            if len(values) != len(row.values["history"]) + self.horizon or np.isnan(values).all():
                raise RequestError(
                    f"{name!r} has {len(values)} numbers",
                    expected=f"{len(row.values['history']) + self.horizon}: for each step of history and horizon",
                    where=f"row {row.id}",
                    remedy="Send the known column's numbers up to the forecast's end.",
                )
            values = values[-steps:]
            columns.append((np.concatenate([np.full(steps - len(values), values[0]), values]) - mean) / spread)
        return np.stack(columns, 1).astype(np.float32)

    def number(self, row: Row) -> int:
        """The series' number; after all others, if training did not see it."""
        found = self.series.get(str(row.values.get("series") or ""))
        return len(self.series) if found is None else found[0]

    def context(self, row: Row, scaled: Scaled) -> np.ndarray:
        """float32 [7], what decoding has to know of the window: center in two parts (24 bits would cost a price its cents), spread,
        position of the first step in two parts, number of the series, steps asked for."""
        center = np.float32(scaled.center)
        high, low = divmod(self.grid.position(row.values["time"]), PART)
        asked = row.values.get("asked") or self.horizon
        rest = scaled.center - float(center)
        return np.array([center, rest, scaled.spread, high, low, self.number(row), asked], np.float32)


def numbers(row: Row, role: str) -> np.ndarray:
    """A list of numbers as float64 [n], NaN for None.

    Raises:
        RequestError: it is something else, or holds something else.
    """
    given = row.values.get(role)
    name = role.removeprefix(KNOWN)
    if not isinstance(given, tuple | list) or not set(map(type, given)) <= _NUMBERS:
        raise _strange(f"{name!r} is {given!r:.60}" if given is not None else f"there is no {name!r}", row)
    values = np.array(given, np.float64)  # None becomes NaN
    if (~(np.abs(values) <= LARGEST)).sum() > given.count(None):
        raise _strange(f"{name!r} holds a number that is not finite, or larger than {LARGEST:g}", row)
    return values


def _strange(came: str, row: Row) -> RequestError:
    return RequestError(
        came, expected="a list of finite numbers (null where one is missing)", where=f"row {row.id}", remedy="Mend the numbers."
    )


def learn(rows: Sequence[Row], settings: Forecasting | None) -> Learned:
    """What training windows tell.

    Args:
        settings: None takes levels and calendar as by default; horizon, history, season and known columns are the windows' own.

    Raises:
        DataError: no windows, none with values to forecast, or series that never move.
    """
    settings = settings or Forecasting()
    rows = [row for row in rows if row.values.get("value") is not None]
    if not rows:
        raise DataError(
            "there is no training window with values to forecast",
            expected="windows of at least one series",
            where="the training split",
            remedy="Bring longer series, or lower learn.horizon.",
        )
    histories = [numbers(row, "history") for row in rows]
    moving = any(np.nanmax(values) > np.nanmin(values) for values in histories if np.isfinite(values).any())
    if not moving:
        raise DataError(
            f"the value is the same in all {len(rows):,} training windows",
            expected="a series that moves",
            where="column role 'value'",
            remedy="Check which column data.columns.value names: there is nothing to forecast in a constant.",
        )
    values = np.concatenate([*histories, *(numbers(row, "value") for row in rows)])
    season, horizon, history = int(rows[0].values["season"]), len(rows[0].values["value"]), max(map(len, histories))
    smallest = float(np.nanmin(values))
    log = _grows(histories) if settings.transform == "auto" else settings.transform == "log"
    if log and smallest <= 0:
        if settings.transform == "log":
            raise DataError(
                f"the smallest training value is {smallest:g}",
                expected="values above 0, or they have no logarithm",
                where="learn.transform",
                remedy="Set learn.transform: none.",
            )
        log = False
    found = Learned(
        frequency=str(rows[0].values["frequency"]),
        season=season,
        horizon=horizon,
        history=history,
        least=min(history, max(2, season)),
        quantiles=settings.quantiles,
        log=log,
        floor=smallest / 2 if log else 0.0,
        series={},
        known={name.removeprefix(KNOWN): _moments(rows, name) for name in rows[0].values if name.startswith(KNOWN)},
        calendar=settings.calendar,
        gaps=settings.gaps,
        factors=((1.0,) * len(settings.quantiles),) * horizon,
    )
    return replace(found, series=_spreads(found, rows))


def _moments(rows: Sequence[Row], name: str) -> tuple[float, float]:
    values = np.concatenate([numbers(row, name) for row in rows])
    return float(np.nanmean(values)), max(float(np.nanstd(values)), _SMALLEST)


def _spreads(found: Learned, rows: Sequence[Row]) -> dict[str, tuple[int, float]]:
    by_name: dict[str, list[float]] = {}
    for row in rows:
        by_name.setdefault(str(row.values.get("series") or ""), []).append(found.scale(row).spread)
    return {name: (number, float(np.median(by_name[name]))) for number, name in enumerate(sorted(by_name))}


def _grows(histories: Sequence[np.ndarray]) -> bool:
    """Whether swings grow with the level: the slope of log(change) over log(level) across windows (after Guerrero 1993)."""
    levels, swings = [], []
    for values in histories[:: max(1, len(histories) // 2000)]:
        known = values[np.isfinite(values)]
        swing = float(np.abs(np.diff(known)).mean()) if len(known) > 1 else 0.0
        if not len(known) or known.min() <= 0:
            return False
        if swing > 0:
            levels.append(math.log(known.mean()))
            swings.append(math.log(swing))
    if len(levels) < 8 or np.std(levels) < 0.1 or np.std(swings) == 0:
        return False
    correlation = float(np.corrcoef(levels, swings)[0, 1])
    return correlation > 0.3 and correlation * float(np.std(swings) / np.std(levels)) > _GROWING
