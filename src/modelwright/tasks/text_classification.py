"""`text-classification`: which label, or which labels, a text has.

One label a row: softmax and cross-entropy. Several labels a row (`data.label_separator`): one sigmoid per label and binary
cross-entropy; labels of probability ≥ 0.5 are given. How text becomes numbers is the reader's affair (tasks/text).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelwright.base.errors import DataError, ReleaseError, RequestError
from modelwright.base.nouns import Batch, Column, Example, Outputs, Prediction, Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import TASK_FILE, Metric, Task
from modelwright.tasks.measures.classification import (
    calibration_error,
    indicators,
    log_loss,
    precision_recall_f1,
    roc_auc,
    sigmoid,
    softmax,
)
from modelwright.tasks.text import exam
from modelwright.tasks.text.reader import Inputs, Reader, damaged, get_reader

MAX_CHARACTERS = 1_000_000
Labels = tuple[str, ...]


class TextRequest(BaseModel):
    """One text to classify."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [{"text": "Shares rose sharply."}]})

    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS, description="the text, as plain characters")]


@dataclass(frozen=True)
class Classification(Prediction):
    """What the model says of one text.

    Args:
        label: the most probable label.
        labels: the labels given: that one; or, where a row may have several, all of probability ≥ 0.5 (perhaps none).
        probability: of `label`, 0 to 1.
        scores: the probability of every label.
    """

    label: str
    labels: Labels
    probability: float
    scores: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        return {
            "row_id": self.row_id,
            "label": self.label,
            "labels": list(self.labels),
            "probability": self.probability,
            "scores": dict(self.scores),
        }


class TextClassification(Task):
    """Labels and a fitted reader.

    Args:
        labels: in the order of the model's outputs.
        several: whether a row may have several labels.
        reader: turns text into the model's inputs.
    """

    name = "text-classification"
    columns = (Column("text", "text", input=True), Column("label", "label", input=False))
    metrics = (
        Metric("macro-f1", "higher"),
        Metric("accuracy", "higher"),
        Metric("macro-precision", "higher"),
        Metric("macro-recall", "higher"),
        Metric("micro-f1", "higher"),
        Metric("roc-auc", "higher"),
        Metric("ece", "lower"),
        Metric("log-loss", "lower", unit="nat"),
    )
    request = TextRequest
    prediction = Classification
    exam_kinds = exam.KINDS

    def __init__(self, labels: Labels, several: bool, reader: Reader) -> None:
        self.labels, self.several, self.reader = labels, several, reader
        self.loss = "binary-cross-entropy" if several else "cross-entropy"
        self.sizes = {"vocabulary": reader.vocabulary, "padding": reader.padding, "classes": len(labels)}
        self.axes = reader.axes
        self.index = {label: number for number, label in enumerate(labels)}

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None) -> Self:
        texts = [_text(row) for row in rows]
        labels, several = _labels(rows)
        if not any(text and not text.isspace() for text in texts):
            raise DataError(
                f"none of the {len(rows):,} training rows has text",
                expected="text to learn from",
                where="column role 'text'",
                remedy="Check which column data.columns.text names.",
            )
        return cls(labels, several, get_reader(route.reads).fit(texts, route, checkpoint))

    def encode(self, row: Row) -> Example:
        return self._example(row, self.reader.encode(_text(row)))

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        return list(map(self._example, rows, self.reader.encode_many([_text(row) for row in rows])))

    def _example(self, row: Row, inputs: Inputs) -> Example:
        label = row.values.get("label")
        target = None if label is None else self._target(row.id, label)
        return Example(row.id, inputs, len(next(iter(inputs.values()))), target)

    def _target(self, row_id: str, label: Any) -> np.ndarray:
        """int64 [] (class), or float32 [classes] (0 or 1 for each)."""
        given = (label,) if isinstance(label, str) else label
        if not isinstance(given, tuple | list) or (not self.several and len(given) != 1):
            raise DataError(
                f"the label is {label!r}",
                expected="a tuple of labels" if self.several else "one label",
                where=f"row {row_id}",
                remedy="Set data.label_separator if rows carry several labels, and leave it out if they carry one.",
            )
        for one in given:
            if one not in self.index:
                raise DataError(
                    f"the label {one!r} was not seen in training",
                    expected=f"one of: {', '.join(self.labels[:20])}{' …' if len(self.labels) > 20 else ''}",
                    where=f"row {row_id}",
                    remedy="Mend the label, or give the training split rows of it (data.clean.min_rows_per_label).",
                )
        if not self.several:
            return np.array(self.index[given[0]], np.int64)
        target = np.zeros(len(self.labels), np.float32)
        target[[self.index[one] for one in given]] = 1.0
        return target

    def collate(self, examples: Sequence[Example]) -> Batch:
        inputs = self.reader.collate([dict(example.inputs) for example in examples])
        targets = [example.target for example in examples if example.target is not None]
        complete = len(targets) == len(examples)
        return Batch(tuple(example.row_id for example in examples), inputs, np.stack(targets) if complete else None)

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        logits = np.asarray(outputs["logits"])
        if not np.isfinite(logits).all():
            raise ReleaseError(
                "the model's outputs are not finite numbers",
                expected="finite logits",
                where=f"row {row_ids[int(np.flatnonzero(~np.isfinite(logits).all(1))[0])]}",
                remedy="The weights are damaged, or training diverged: train again with a smaller learning_rate.",
            )
        chances = (sigmoid if self.several else softmax)(logits)
        best = chances.argmax(1).tolist()
        return [self._classification(row_id, top, row) for row_id, top, row in zip(row_ids, best, chances.tolist(), strict=True)]

    def _classification(self, row_id: str, top: int, chances: list[float]) -> Classification:
        label = self.labels[top]
        given: Labels = (label,)
        if self.several:
            given = tuple(name for name, chance in zip(self.labels, chances, strict=True) if chance >= 0.5)
        return Classification(row_id, label, given, chances[top], dict(zip(self.labels, chances, strict=True)))

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`truth`: int64 [n], or float32 [n, classes]; `probabilities`: float64 [n, classes].

        Raises:
            DataError: a row without a label, or with one that training did not see.
        """
        truth = []
        for row in rows:
            if row.values.get("label") is None:
                raise DataError(
                    "the row has no label", expected="a label to score against", where=f"row {row.id}", remedy="Label it."
                )
            truth.append(self._target(row.id, row.values["label"]))
        chances = [[one.scores[label] for label in self.labels] for one in predictions]  # type: ignore[attr-defined]
        return {"truth": np.stack(truth), "probabilities": np.array(chances, np.float64)}

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        truth, chances = aligned["truth"], aligned["probabilities"]
        rows, classes = chances.shape
        if self.several:
            truth_nc, chosen_nc = truth > 0.5, chances >= 0.5
            right = chosen_nc == truth_nc
            figures = precision_recall_f1(truth_nc, chosen_nc, every=True)
            figures["accuracy"] = float(right.all(1).mean())
            figures["ece"] = calibration_error(np.maximum(chances, 1 - chances).ravel(), right.ravel())
            figures["log-loss"] = log_loss(np.where(truth_nc, chances, 1 - chances))
        else:
            answer, everyone = chances.argmax(1), np.arange(rows)
            truth_nc = indicators(truth, classes)
            figures = precision_recall_f1(truth_nc, indicators(answer, classes), every=False)
            figures["accuracy"] = float((answer == truth).mean())
            figures["ece"] = calibration_error(chances[everyone, answer], answer == truth)
            figures["log-loss"] = log_loss(chances[everyone, truth])
        area = roc_auc(truth_nc, chances)
        if area is not None:
            figures["roc-auc"] = area
        return {metric.name: figures[metric.name] for metric in self.metrics if metric.name in figures}

    def chance(self, rows: Sequence[Row]) -> float:
        """Macro-F1 of always giving the most frequent label; with several labels a row, of always giving all of them."""
        targets = np.stack([self._target(row.id, row.values["label"]) for row in rows])
        if self.several:
            return precision_recall_f1(targets > 0.5, np.ones_like(targets, bool), every=True)["macro-f1"]
        classes = len(self.labels)
        answer = np.full(len(targets), np.bincount(targets, minlength=classes).argmax())
        return precision_recall_f1(indicators(targets, classes), indicators(answer, classes), every=False)["macro-f1"]

    def read_request(self, request: Any, row_id: str) -> Row:
        try:
            asked = TextRequest.model_validate({"text": request} if isinstance(request, str) else request)
        except ValidationError as error:
            raise _refusal(error, row_id) from error
        if asked.text.isspace():
            raise RequestError("the text is blank", expected="some text", where=row_id, remedy="Send the text to classify.")
        return Row(row_id, {"text": asked.text})

    def save(self, folder: Path) -> None:
        content = {
            "task": self.name,
            "format": 1,
            "reads": self.reader.name,
            "several_labels": self.several,
            "labels": list(self.labels),
        }
        write_json(folder / TASK_FILE, content)
        self.reader.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            content = read_json(folder / TASK_FILE)
            labels, several, reads = tuple(map(str, content["labels"])), bool(content["several_labels"]), str(content["reads"])
        except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise damaged(folder / TASK_FILE, error) from error
        return cls(labels, several, get_reader(reads).load(folder))

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.rows(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


def _text(row: Row) -> str:
    text = row.values.get("text")
    if not isinstance(text, str):
        raise RequestError(
            f"the text is of type {type(text).__name__}",
            expected="a text",
            where=f"row {row.id}",
            remedy="Send plain characters.",
        )
    return text


def _labels(rows: Sequence[Row]) -> tuple[Labels, bool]:
    """The labels of the rows in alphabetical order, and whether rows carry tuples of them."""
    refuse = partial(DataError, expected="at least two different labels, one for each row", where="column role 'label'")
    kinds = {type(row.values.get("label")) for row in rows}
    several = kinds <= {tuple, list} and bool(kinds)
    if not several and kinds != {str}:
        found = ", ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
        raise refuse(
            f"the training labels are of type {found}", remedy="Check which column data.columns.label names, and its empty cells."
        )
    counts = Counter(label for row in rows for label in (row.values["label"] if several else (row.values["label"],)))
    if len(counts) < 2:
        raise refuse(
            f"all {len(rows):,} training rows have the label {next(iter(counts), '')!r}",
            remedy="Give rows of another label: there is nothing to tell apart.",
        )
    return tuple(sorted(counts)), several


def _refusal(error: ValidationError, row_id: str) -> RequestError:
    problem = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, problem["loc"]))
    return RequestError(
        f"{place or 'the request'}: {problem['msg'][0].lower()}{problem['msg'][1:]}",
        expected=f'{{"text": "…"}} with 1 to {MAX_CHARACTERS:,} characters, or the text alone',
        where=row_id,
        remedy="Mend the request and send it again.",
    )


TASK = TextClassification
