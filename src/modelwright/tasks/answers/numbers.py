"""Answers that are numbers: how they are learned, decoded and scored, whatever the input is.

Targets are standardised (after a logarithm, if the project says so), so that losses and penalties mean the same in every unit. Around
each answer stands an interval: split conformal prediction on the validation split (Lei et al. 2018, 1604.04173) covers the stated share of
new rows whatever the model is, as long as they are drawn like those; its measured coverage on the test split is a metric.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from modelwright.base.errors import DataError
from modelwright.base.nouns import Batch, Example, Outputs, Prediction, Row, stack_targets
from modelwright.spec.section import Section
from modelwright.tasks.answers.finite import finite
from modelwright.tasks.contract import Metric, Task
from modelwright.tasks.measures.regression import errors

METRICS = (
    Metric("r2", "higher"),
    Metric("rmse", "lower", unit=""),
    Metric("mae", "lower", unit=""),
    Metric("median-absolute-error", "lower", unit=""),
    Metric("mape", "lower"),
    Metric("coverage", "higher"),
    Metric("interval-width", "lower", unit=""),
)
_FEWEST = 5  # validation rows below which no interval is stated


@dataclass(frozen=True)
class NumberAnswer(Prediction):
    """What the model says of one row.

    Args:
        value: the number, in the target's unit.
        low, high: interval that covers the stated share of rows; None where none was learned.
        reasons: columns that moved it most, where they were asked for.
    """

    value: float
    low: float | None = None
    high: float | None = None
    reasons: tuple[Mapping[str, Any], ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"row_id": self.row_id, "value": self.value, "low": self.low, "high": self.high}
        return {**found, "reasons": list(self.reasons)} if self.reasons else found


class NumberSettings(Section):
    """How numbers are learned."""

    scale: Literal["plain", "log"] = Field(
        "plain", description="log: ln(1 + target) is learned, for amounts that differ by factors; targets must be above -1"
    )
    interval: float = Field(0.9, gt=0, lt=1, description="share of new rows that the interval around an answer shall cover")


@dataclass(frozen=True)
class Scale:
    """Target ↔ what is learned: (s(target) − centre) / spread, s the identity or ln(1 + x).

    Args:
        low, high: of the training targets. Where a logarithm is learned, answers stay within ten times their range.
    """

    kind: Literal["plain", "log"]
    centre: float
    spread: float
    low: float
    high: float

    @classmethod
    def fit(cls, targets: np.ndarray, kind: Literal["plain", "log"]) -> Self:
        """Raises DataError: targets that are all equal, or that have no logarithm."""
        if kind == "log" and targets.min() <= -1:
            raise DataError(
                f"the smallest training target is {targets.min():g}",
                expected="targets above -1, for learn.scale: log",
                where="learn.scale",
                remedy="Set learn.scale: plain.",
            )
        learned = np.log1p(targets) if kind == "log" else targets
        spread = float(learned.std())
        if not spread > 1e-12 * max(1.0, float(np.abs(learned).max())):
            raise DataError(
                f"all {len(targets):,} training targets are {targets[0]:g}",
                expected="numbers that differ: there is nothing to predict",
                where="column role 'target'",
                remedy="Check which column data.columns.target names.",
            )
        return cls(kind, float(learned.mean()), spread, float(targets.min()), float(targets.max()))

    def learned(self, target: float) -> float:
        """Raises ValueError: no logarithm."""
        return ((math.log1p(target) if self.kind == "log" else target) - self.centre) / self.spread

    def value(self, outputs: np.ndarray) -> np.ndarray:
        found = outputs.astype(np.float64) * self.spread + self.centre
        if self.kind == "plain":
            return found
        room = 10 * (self.high - self.low)
        return np.expm1(np.minimum(found, math.log1p(self.high + room)))


class NumberTask(Task):
    """A task that answers with a number. A subclass reads its inputs: `_inputs`, `_stack`, `fit`, `save`, `load`, `read_request`.

    Args:
        scale: of the targets.
        interval: share of rows that the interval shall cover.
        reach: half its width, in the learned scale; None until validation was seen.
    """

    wants = "number"
    prediction: ClassVar[type[Prediction]] = NumberAnswer
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    reference: ClassVar[str] = "target"

    def __init__(self, scale: Scale, interval: float, reach: float | None = None) -> None:
        self.scale, self.interval, self.reach = scale, interval, reach
        self.loss = "mean-squared-error"

    @abstractmethod
    def _inputs(self, row: Row) -> Mapping[str, np.ndarray]:
        """The model's inputs for one row."""

    @abstractmethod
    def _stack(self, examples: Sequence[Example]) -> Mapping[str, np.ndarray]:
        """Their batch."""

    def encode(self, row: Row) -> Example:
        value = row.values.get(self.reference)
        return Example(row.id, self._inputs(row), 1, None if value is None else self._target(row.id, value))

    def _target(self, row_id: str, value: Any) -> np.ndarray:
        """float32 [], standardised."""
        try:
            return np.array(self.scale.learned(float(value)), np.float32)
        except (TypeError, ValueError):
            raise DataError(
                f"the target is {value!r:.40}",
                expected="a number above -1, for learn.scale: log" if self.scale.kind == "log" else "a number",
                where=f"row {row_id}",
                remedy="Mend the cell, or set learn.scale: plain.",
            ) from None

    def collate(self, examples: Sequence[Example]) -> Batch:
        return Batch(tuple(example.row_id for example in examples), self._stack(examples), *stack_targets(examples))

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        learned = finite(outputs, "values", row_ids)
        values = self.scale.value(learned).tolist()
        if self.reach is None:
            return [NumberAnswer(row_id, value) for row_id, value in zip(row_ids, values, strict=True)]
        lows, highs = self.scale.value(learned - self.reach).tolist(), self.scale.value(learned + self.reach).tolist()
        return [NumberAnswer(*one) for one in zip(row_ids, values, lows, highs, strict=True)]

    def watch(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> None:
        """Learn the interval's width from the validation rows' errors."""
        if len(rows) < _FEWEST:
            return
        far = sorted(
            abs(self.scale.learned(one.value) - self.scale.learned(float(row.values[self.reference])))  # type: ignore[attr-defined]
            for one, row in zip(predictions, rows, strict=True)
        )
        self.reach = far[min(len(far), math.ceil((len(far) + 1) * self.interval)) - 1]

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`truth`, `value`, `low` and `high`, float64 [n]; the bounds are NaN where there are none."""
        truth = []
        for row in rows:
            value = row.values.get(self.reference)
            if value is None:
                raise DataError(
                    "the row has no target", expected="a number to score against", where=f"row {row.id}", remedy="Give it one."
                )
            truth.append(float(value))
        found = {name: [getattr(one, name) for one in predictions] for name in ("value", "low", "high")}
        return {"truth": np.array(truth), **{name: np.array(values, np.float64) for name, values in found.items()}}

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        truth, low, high = aligned["truth"], aligned["low"], aligned["high"]
        figures = errors(truth, aligned["value"])
        if not np.isnan(low).any():
            figures["coverage"] = float(((truth >= low) & (truth <= high)).mean())
            figures["interval-width"] = float((high - low).mean())
        return {metric.name: figures[metric.name] for metric in self.metrics if metric.name in figures}

    def chance(self, rows: Sequence[Row]) -> float:
        """r² of always giving the mean of `rows`: 0 by its definition."""
        return 0.0

    def _number_json(self) -> dict[str, Any]:
        """The part of task.json that `_read_number` reads back."""
        scale = {name: getattr(self.scale, name) for name in ("kind", "centre", "spread", "low", "high")}
        return {"task": self.name, "format": 1, "scale": scale, "interval": self.interval, "reach": self.reach}


def targets_of(rows: Sequence[Row], role: str = "target") -> np.ndarray:
    """The training targets.

    Raises:
        DataError: no rows, or rows without a number.
    """
    values = [row.values.get(role) for row in rows]
    wrong = next((row for row, value in zip(rows, values, strict=True) if not isinstance(value, int | float)), None)
    if wrong is not None or not rows:
        raise DataError(
            "there are no training rows" if wrong is None else f"the training row {wrong.id} has no number to learn",
            expected="a number in every row",
            where=f"column role {role!r}",
            remedy=f"Check which column data.columns.{role} names, and its empty cells.",
        )
    return np.array(values, np.float64)
