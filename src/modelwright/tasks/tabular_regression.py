"""`tabular-regression`: which number belongs to a row of a table.

How columns become numbers is the reader's affair (tasks/table); how numbers are learned and scored is `answers/numbers.py`.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.base.nouns import Column, Example, Habits, Outputs, Prediction, Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.numbers import NumberAnswer, NumberSettings, NumberTask, Scale, targets_of
from modelwright.tasks.contract import TASK_FILE, damaged
from modelwright.tasks.table import exam, reasons, request
from modelwright.tasks.table.reader import EXPLAIN, TableReader, stack
from modelwright.tasks.table.routes import axes, explains, keep_monotone
from modelwright.tasks.table.settings import TableSettings

__all__ = ["TASK", "TabularRegression", "TabularRegressionSettings"]


class TabularRegressionSettings(TableSettings, NumberSettings):
    """Settings of `tabular-regression`."""


class TabularRegression(NumberTask):
    """A target's scale and a fitted table reader.

    Args:
        reader: turns columns into the model's inputs.
        scale, interval, reach: of `NumberTask`.
        explains: whether the route gives reasons.
    """

    name = "tabular-regression"
    about = "the number that belongs to a row of a table"
    columns = (Column("target", "number", input=False),)
    habits = Habits(contradictions="keep", others=True)
    settings: ClassVar[type[Section]] = TabularRegressionSettings
    reads = ("features",)
    request = request.TableRequest
    exam_kinds = ("numbers",)

    def __init__(self, reader: TableReader, scale: Scale, interval: float, reach: float | None, explains: bool) -> None:
        super().__init__(scale, interval, reach)
        self.reader, self.explains = reader, explains
        self.sizes = reader.sizes
        self.axes = axes(explains)
        vars(self)["request"] = request.described(reader)  # the class states the shape, a fitted task the columns

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        learn = learn if isinstance(learn, TabularRegressionSettings) else TabularRegressionSettings()
        scale = Scale.fit(targets_of(rows), learn.scale)
        if learn.monotone:
            keep_monotone(route)
        return cls(TableReader.fit(rows, learn, {"target"}), scale, learn.interval, None, explains(route))

    def _inputs(self, row: Row) -> Mapping[str, np.ndarray]:
        inputs = self.reader.encode(row)
        return {**inputs, "explain": np.float32(bool(row.values.get(EXPLAIN)))} if self.explains else inputs  # type: ignore[dict-item]

    def _stack(self, examples: Sequence[Example]) -> Mapping[str, np.ndarray]:
        return stack(examples)

    def for_fusion(self) -> Self:
        """Without an interval, and without reasons: those are of one model."""
        made = copy.copy(self)
        made.reach, made.explains = None, False
        return made

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        found = super().decode(outputs, row_ids)
        for row in reasons.asked(outputs):
            answer = found[row]
            assert isinstance(answer, NumberAnswer)
            amounts = np.asarray(outputs["contributions"])[row, :, 0].astype(np.float64) * self.scale.spread
            found[row] = dataclasses.replace(answer, reasons=reasons.listed(self.reader, outputs, int(row), amounts.tolist()))
        return found

    def read_request(self, request: Any, row_id: str) -> Row:
        return _read(request, row_id, self.reader, self.explains)

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        return request.of_row(row, "target")

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        return request.shown(row, "target")

    def save(self, folder: Path) -> None:
        write_json(folder / TASK_FILE, {**self._number_json(), "explains": self.explains, "reader": self.reader.as_json()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            content = read_json(folder / TASK_FILE)
            reach = content["reach"]
            return cls(
                TableReader.from_json(content["reader"]),
                Scale(**content["scale"]),
                float(content["interval"]),
                None if reach is None else float(reach),
                bool(content["explains"]),
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise damaged(folder / TASK_FILE, error) from error

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.numbered(seed)

    @classmethod
    def exam_strange(cls) -> list[Row]:
        return exam.strange({"target": 1.0})

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


_read = request.read
TASK = TabularRegression
