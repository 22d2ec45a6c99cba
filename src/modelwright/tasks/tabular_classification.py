"""`tabular-classification`: which label a row of a table has.

How columns become numbers is the reader's affair (tasks/table); how labels are learned and scored is `answers/labels.py`. Here: classes weighed,
probabilities calibrated, doubts admitted, reasons given, and the figures of a decision between two.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from modelwright.base.errors import DataError, SpecError
from modelwright.base.nouns import Column, Example, Habits, Outputs, Prediction, Row
from modelwright.base.store import write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers import labels as answers
from modelwright.tasks.answers.calibration import Calibration, Method
from modelwright.tasks.answers.labels import Classification, Labels, LabelTask, labels_of, read_labels
from modelwright.tasks.contract import TASK_FILE, Metric, damaged
from modelwright.tasks.measures.classification import indicators
from modelwright.tasks.measures.operating import average_precision, brier, sensitivity_at_specificity
from modelwright.tasks.table import exam, reasons, request
from modelwright.tasks.table.reader import EXPLAIN, TableReader, stack
from modelwright.tasks.table.routes import axes, explains, keep_monotone
from modelwright.tasks.table.settings import TableSettings

__all__ = ["TASK", "TableAnswer", "TabularClassification", "TabularClassificationSettings"]


class TabularClassificationSettings(TableSettings):
    """Settings of `tabular-classification`."""

    positive: str | None = Field(
        None, description="for two labels: the one to be found (bad, ill, failed); default: the rarer one in training"
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: rows of a rare label count more, so that all labels count the same"
    )
    calibrate: Method = Field("none", description="how probabilities are corrected on the validation split")
    abstain_below: float | None = Field(
        None, gt=0, lt=1, description="answers of a smaller probability are marked `abstained`: a person should decide"
    )
    specificity: float = Field(
        0.95, gt=0, lt=1, description="for two labels: share of the others that must be cleared where sensitivity is stated"
    )


@dataclass(frozen=True)
class TableAnswer(Classification):
    """A label with its probabilities.

    Args:
        abstained: the probability is below `learn.abstain_below`: a person should decide. None where nothing was set.
        reasons: columns that spoke for the label or against it, where they were asked for.
    """

    abstained: bool | None = None
    reasons: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        found = super().as_json()
        if self.abstained is not None:
            found["abstained"] = self.abstained
        return {**found, "reasons": list(self.reasons)} if self.reasons else found


class TabularClassification(LabelTask):
    """Labels and a fitted table reader.

    Args:
        labels: in the order of the model's outputs.
        reader: turns columns into the model's inputs.
        learn: settings.
        positive: place of the label to be found.
        weights: of each label's rows in the loss.
        explains: whether the route gives reasons.
        calibration: learned on validation.
    """

    name = "tabular-classification"
    about = "the label of a row of a table"
    columns = (Column("label", "label", input=False),)
    habits = Habits(contradictions="keep", others=True)
    settings: ClassVar[type[Section]] = TabularClassificationSettings
    reads = ("features",)
    prediction = TableAnswer
    metrics = (
        *answers.METRICS,
        Metric("average-precision", "higher"),
        Metric("brier", "lower"),
        Metric("sensitivity-at-specificity", "higher"),
    )
    request = request.TableRequest
    exam_kinds = exam.KINDS

    def __init__(
        self,
        labels: Labels,
        reader: TableReader,
        learn: TabularClassificationSettings,
        positive: int,
        weights: tuple[float, ...],
        explains: bool,
        calibration: Calibration,
    ) -> None:
        super().__init__(labels, several=False)
        self.reader, self.learn, self.positive, self.weights = reader, learn, positive, weights
        self.explains, self.calibration = explains, calibration
        sizes = reader.sizes
        if positive == 0:  # directions are of the positive label's probability; models count in the second label's
            sizes["monotone"] = [-direction for direction in sizes["monotone"]]
        self.sizes = {**sizes, "classes": len(labels)}
        self.axes = axes(explains)
        vars(self)["request"] = request.described(reader)  # the class states the shape, a fitted task the columns

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        learn = learn if isinstance(learn, TabularClassificationSettings) else TabularClassificationSettings()
        labels, several = labels_of(rows)
        if several:
            raise DataError(
                "rows carry several labels",
                expected="one label a row",
                where="data.label_separator",
                remedy="Leave data.label_separator out, or predict each label in a project of its own.",
            )
        counts = Counter(row.values["label"] for row in rows)
        positive = _positive(labels, counts, learn.positive)
        if learn.monotone:
            keep_monotone(route, two_labels=len(labels) == 2)
        reader = TableReader.fit(rows, learn, {"label"})
        weights = tuple(
            len(rows) / (len(labels) * counts[label]) if learn.class_weight == "balanced" else 1.0 for label in labels
        )
        return cls(labels, reader, learn, positive, weights, explains(route), Calibration())

    def _inputs(self, row: Row) -> Mapping[str, np.ndarray]:
        inputs = self.reader.encode(row)
        return {**inputs, "explain": np.float32(bool(row.values.get(EXPLAIN)))} if self.explains else inputs  # type: ignore[dict-item]

    def _example(self, row: Row, inputs: Mapping[str, np.ndarray], length: int = 1) -> Example:
        found = super()._example(row, inputs, length)
        weight = 1.0 if found.target is None else self.weights[int(found.target)]
        return found if weight == 1.0 else dataclasses.replace(found, weight=weight)

    def _stack(self, examples: Sequence[Example]) -> Mapping[str, np.ndarray]:
        return stack(examples)

    def _chances(self, logits: np.ndarray) -> np.ndarray:
        return self.calibration.apply(super()._chances(logits))

    def _classification(self, row_id: str, top: int, chances: list[float]) -> TableAnswer:
        floor, label = self.learn.abstain_below, self.labels[top]
        doubts = None if floor is None else chances[top] < floor
        return TableAnswer(row_id, label, (label,), chances[top], dict(zip(self.labels, chances, strict=True)), doubts)

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        found = super().decode(outputs, row_ids)
        for row in reasons.asked(outputs):
            answer = found[row]
            assert isinstance(answer, TableAnswer)
            given = self.index[answer.label]
            of_labels = np.asarray(outputs["contributions"])[row].astype(np.float64)  # [columns, labels]
            others = np.delete(of_labels, given, axis=1).mean(1)
            listed = reasons.listed(self.reader, outputs, int(row), (of_labels[:, given] - others).tolist())
            found[row] = dataclasses.replace(answer, reasons=listed)
        return found

    def for_fusion(self) -> Self:
        """Uncalibrated, and without reasons: those are of one model."""
        made = copy.copy(self)
        made.calibration, made.explains = Calibration(), False
        return made

    def watch(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> None:
        """Calibrate on the validation split."""
        aligned = self.align(predictions, rows)
        self.calibration = Calibration.learn(self.learn.calibrate, aligned["probabilities"], aligned["truth"])

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        figures = super().score(aligned)
        truth, chances = aligned["truth"], aligned["probabilities"]
        truth_nc = indicators(truth, len(self.labels))
        figures["brier"] = brier(truth_nc, chances)
        places = [self.positive] if len(self.labels) == 2 else range(len(self.labels))
        areas = [average_precision(truth_nc[:, place], chances[:, place]) for place in places]
        known = [area for area in areas if area is not None]
        if len(known) == len(areas):
            figures["average-precision"] = float(np.mean(known))
        if len(self.labels) == 2:
            found = sensitivity_at_specificity(truth_nc[:, self.positive], chances[:, self.positive], self.learn.specificity)
            if found is not None:
                figures["sensitivity-at-specificity"] = found
        return figures

    def read_request(self, request: Any, row_id: str) -> Row:
        return _read(request, row_id, self.reader, self.explains)

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        return request.of_row(row, "label")

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        return request.shown(row, "label")

    def save(self, folder: Path) -> None:
        content = {
            **self._labels_json(),
            "positive": self.positive,
            "weights": list(self.weights),
            "explains": self.explains,
            "calibration": self.calibration.as_json(),
            "learn": self.learn.model_dump(mode="json"),
            "reader": self.reader.as_json(),
        }
        write_json(folder / TASK_FILE, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        content, labels, _ = read_labels(folder)
        try:
            return cls(
                labels,
                TableReader.from_json(content["reader"]),
                TabularClassificationSettings.model_validate(content["learn"]),
                int(content["positive"]),
                tuple(map(float, content["weights"])),
                bool(content["explains"]),
                Calibration.from_json(content["calibration"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(folder / TASK_FILE, error) from error

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.labelled(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_strange(cls) -> list[Row]:
        return exam.strange({"label": "yes"})

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


_read = request.read


def _positive(labels: Labels, counts: Counter[str], named: str | None) -> int:
    """The place of the label to be found.

    Raises:
        SpecError: the named one does not occur, or there are more than two.
    """
    if named is None:
        return min(range(len(labels)), key=lambda place: (counts[labels[place]], -place))
    if named not in labels or len(labels) != 2:
        raise SpecError(
            f"learn.positive is {named!r}, and the labels are {', '.join(labels[:8])}",
            expected="one of two labels",
            where="learn.positive",
            remedy="Name one of the labels, or leave it out where there are more than two.",
        )
    return labels.index(named)


TASK = TabularClassification
