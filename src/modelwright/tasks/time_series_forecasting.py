"""`time-series-forecasting`: the next values of a series, with intervals, from its past.

A record is one value at one time; a row is a window: the history before a moment, and the values that came after it
(`series/windows.py`). How a window becomes numbers is in `series/learned.py`; how intervals are made to hold, in
`series/intervals.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.nouns import Batch, Column, Example, Habits, Outputs, Prediction, Row, stack_targets
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.finite import finite
from modelwright.tasks.contract import TASK_FILE, Metric, Task, damaged
from modelwright.tasks.measures import forecasting as measures
from modelwright.tasks.series import exam, intervals, records, request, windows
from modelwright.tasks.series.grid import Grid
from modelwright.tasks.series.learned import CONTEXT, PART, Learned, numbers
from modelwright.tasks.series.learned import learn as learn_windows
from modelwright.tasks.series.settings import Forecasting

__all__ = ["TASK", "Forecast", "TimeSeriesForecasting"]


@dataclass(frozen=True)
class Forecast(Prediction):
    """The next steps of a series.

    Args:
        series: its name; None where rows name none, or training did not see it.
        times: of each step, ISO 8601 (or a whole number where steps are numbered).
        values: the median of each step: as likely to be exceeded as not.
        quantiles: level ("0.1") → a value for each step, which the truth stays below with that probability.
    """

    series: str | None
    times: tuple[str, ...]
    values: tuple[float, ...]
    quantiles: Mapping[str, tuple[float, ...]]

    def as_json(self) -> dict[str, Any]:
        return {
            "row_id": self.row_id,
            "series": self.series,
            "times": list(self.times),
            "values": list(self.values),
            "quantiles": {level: list(values) for level, values in self.quantiles.items()},
        }


class TimeSeriesForecasting(Task):
    """Windows of series, forecast.

    Args:
        learned: of the training windows.
    """

    name = "time-series-forecasting"
    about = "the next values of one or many series, with intervals"
    columns = (
        Column("time", "time", input=True),
        Column("series", "name", input=True, required=False),
        Column("value", "number", input=False),
    )
    habits = Habits(duplicates="keep", contradictions="keep", split="time", split_role="time")
    settings = Forecasting
    reads = ("window",)
    wants = "quantiles"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("mase", "lower"),
        Metric("smape", "lower", unit="%"),
        Metric("rmse", "lower", unit=""),
        Metric("mae", "lower", unit=""),
        Metric("pinball", "lower"),
        Metric("coverage-80", "higher"),
        Metric("width-80", "lower", unit=""),
    )
    request = request.ForecastRequest
    prediction = Forecast
    exam_kinds = exam.KINDS

    def __init__(self, learned: Learned) -> None:
        self.learned = learned
        self.loss = "pinball"
        self.names = {number: name for name, (number, _) in learned.series.items()}
        features = 1 + len(learned.known)
        if learned.calendar:
            features += learned.grid.calendar(np.zeros(1, np.int64)).shape[1]
        self.sizes = {
            "history": learned.history,
            "horizon": learned.horizon,
            "features": features,
            "season": learned.season,
            "series": len(learned.series),
            "quantiles": list(learned.quantiles),
        }
        usual = {name: mean for name, (mean, _) in learned.known.items()}
        # the class states the shape, a fitted task an example that it can answer
        vars(self)["request"] = request.described(learned.grid, learned.history, learned.horizon, learned.season, usual)
        self.axes = {
            "history": ("batch", str(learned.history)),
            "seen": ("batch", str(learned.history)),
            "covariates": ("batch", str(learned.history + learned.horizon), str(features)),
            "context": ("batch", str(CONTEXT)),
            "series": ("batch",),
        }

    @classmethod
    def unusable(cls, rows: Sequence[Row], learn: Section) -> dict[int, str]:
        assert isinstance(learn, Forecasting)
        return records.unusable(rows, learn)

    @classmethod
    def described(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, Any]:
        assert isinstance(learn, Forecasting)
        return records.figures(splits, learn)

    @classmethod
    def arrange(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, list[Row]]:
        assert isinstance(learn, Forecasting)
        return windows.arrange(splits, learn)

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        assert learn is None or isinstance(learn, Forecasting)
        return cls(learn_windows(rows, learn))

    def encode(self, row: Row) -> Example:
        learned, scaled = self.learned, self.learned.scale(row)
        inputs = {
            "history": scaled.history.astype(np.float32),
            "seen": scaled.seen.astype(np.float32),
            "covariates": learned.covariates(row),
            "context": learned.context(row, scaled),
            "series": np.array(learned.number(row), np.int64),
        }
        return Example(row.id, inputs, 1, learned.target(row, scaled))

    def collate(self, examples: Sequence[Example]) -> Batch:
        inputs = {name: np.stack([example.inputs[name] for example in examples]) for name in self.axes}
        return Batch(tuple(example.row_id for example in examples), inputs, *stack_targets(examples))

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        """The context tells what the numbers mean: the graph hands it through."""
        quantiles_bhq = finite(outputs, "quantiles", row_ids).astype(np.float64)
        context_bk = np.asarray(outputs["window"], np.float64)
        median_bh1 = quantiles_bhq[..., [self.learned.median]]
        stretched_bhq = median_bh1 + (quantiles_bhq - median_bh1) * np.array(self.learned.factors)
        center_b, spread_b = context_bk[:, 0] + context_bk[:, 1], context_bk[:, 2]
        values_bhq = self.learned.backward(center_b[:, None, None] + spread_b[:, None, None] * stretched_bhq)
        found = zip(row_ids, np.sort(values_bhq, -1), context_bk[:, 3:], strict=True)
        return [self._forecast(row_id, values_hq, *context.tolist()) for row_id, values_hq, context in found]

    def _forecast(self, row_id: str, values_hq: np.ndarray, high: float, low: float, series: float, asked: float) -> Forecast:
        grid, steps = self.learned.grid, round(asked)
        first = round(high) * PART + round(low)
        columns = {str(level): tuple(values_hq[:steps, at].tolist()) for at, level in enumerate(self.learned.quantiles)}
        times = tuple(grid.label(first + step) for step in range(steps))
        return Forecast(row_id, self.names.get(round(series)) or None, times, columns["0.5"], columns)

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`truth`: float64 [n, horizon], NaN at holes; `quantiles`: float64 [n, horizon, levels]; `scale`: float64 [n], NaN where the
        series' training part gives none.

        Raises:
            DataError: a row without values to score against.
        """
        for row in rows:
            if row.values.get("value") is None:
                raise DataError(
                    "the window has no values to score against",
                    expected=f"the next {self.learned.horizon} values",
                    where=f"row {row.id}",
                    remedy="Score windows whose future is known.",
                )
        levels = [str(level) for level in self.learned.quantiles]
        given = [[one.quantiles[level] for level in levels] for one in predictions]  # type: ignore[attr-defined]
        scales = [row.values.get("scale") for row in rows]
        return {
            "truth": np.stack([numbers(row, "value") for row in rows]),
            "quantiles": np.array(given, np.float64).transpose(0, 2, 1),
            "scale": np.array([math.nan if scale is None else scale for scale in scales], np.float64),
        }

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        truth, quantiles, scale = aligned["truth"], aligned["quantiles"], aligned["scale"]
        levels = self.learned.quantiles
        median, low, high = (quantiles[..., levels.index(level)] for level in (0.5, 0.1, 0.9))
        errors = truth - median
        squares = measures.mean(errors**2)
        figures = {
            "mase": measures.mean(measures.scaled_errors(truth, median, scale)),
            "smape": measures.mean(measures.symmetric_errors(truth, median)),
            "rmse": None if squares is None else math.sqrt(squares),
            "mae": measures.mean(np.abs(errors)),
            "pinball": measures.mean(measures.pinball(truth, quantiles, np.array(levels)) / scale[:, None]),
            "coverage-80": measures.mean(measures.inside(truth, low, high)),
            "width-80": measures.mean(high - low),
        }
        return {name: figure for name, figure in figures.items() if figure is not None}

    def chance(self, rows: Sequence[Row]) -> float:
        """The seasonal naive forecast's MASE: each step as one season before."""
        found = []
        for row in rows:
            naive = windows.naive_forecast(row, self.learned.season, self.learned.horizon)
            scale = math.nan if row.values.get("scale") is None else float(row.values["scale"])
            found.append(np.abs(numbers(row, "value") - naive) / scale)
        return measures.mean(np.stack(found)) or 0.0

    def watch(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> None:
        """Stretch the intervals until validation windows fall inside as often as stated. The predictions are those of a task that
        has not watched yet."""
        found = self.align(predictions, rows)
        scaled = [self.learned.scale(row) for row in rows]
        center, spread = np.array([one.center for one in scaled]), np.array([one.spread for one in scaled])
        truth = (self.learned.forward(found["truth"]) - center[:, None]) / spread[:, None]
        quantiles = (self.learned.forward(found["quantiles"]) - center[:, None, None]) / spread[:, None, None]
        factors = intervals.stretch(truth, quantiles, self.learned.quantiles, self._apart(rows))
        self.learned = replace(self.learned, factors=tuple(tuple(step) for step in factors.tolist()))

    def _apart(self, rows: Sequence[Row]) -> float:
        """How many of the windows do not overlap in what they forecast, over all series."""
        first: dict[str, list[int]] = {}
        for row in rows:
            first.setdefault(records.name_of(row), []).append(self.learned.grid.position(row.values["time"]))
        return sum(1 + (max(found) - min(found)) / self.learned.horizon for found in first.values())

    def read_request(self, request_: Any, row_id: str) -> Row:
        learned = self.learned
        row = request.read(request_, row_id, learned.grid, learned.horizon, tuple(learned.known), learned.gaps)
        learned.scale(row)  # too short or too large is said now, not when it is computed
        return row

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        return request.request_of(row)

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        grid, time = Grid(str(row.values["frequency"])), row.values["time"]
        return {"text": f"{row.values.get('series') or ''} {grid.label(grid.position(time))}".strip()}

    def save(self, folder: Path) -> None:
        write_json(folder / TASK_FILE, {"task": self.name, "format": 1, **self.learned.as_json()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            return cls(Learned.from_json(read_json(folder / TASK_FILE)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(folder / TASK_FILE, error) from error

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.rows(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_strange(cls) -> list[Row]:
        return exam.strange()

    @classmethod
    def exam_unteachable(cls) -> list[list[Row]]:
        rows = cls.exam_rows(0)
        still = [Row(row.id, {**row.values, "history": (3.0,) * len(row.values["history"])}) for row in rows]
        bare = [Row(row.id, {name: value for name, value in row.values.items() if name != "value"}) for row in rows]
        return [[], still, bare]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


TASK = TimeSeriesForecasting
