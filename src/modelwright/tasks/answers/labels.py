"""Answers that are labels: how they are learned, decoded and scored, whatever the input is.

One label a row: softmax and cross-entropy. Several labels a row (`data.label_separator`): one sigmoid per label and binary
cross-entropy; labels of probability ≥ 0.5 are given.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.nouns import Batch, Example, Outputs, Prediction, Row, stack_targets
from modelwright.base.store import read_json
from modelwright.tasks.answers.finite import finite
from modelwright.tasks.contract import TASK_FILE, Metric, Task, damaged
from modelwright.tasks.measures.classification import (
    calibration_error,
    indicators,
    log_loss,
    precision_recall_f1,
    roc_auc,
    sigmoid,
    softmax,
)

Labels = tuple[str, ...]
METRICS = (
    Metric("macro-f1", "higher"),
    Metric("accuracy", "higher"),
    Metric("macro-precision", "higher"),
    Metric("macro-recall", "higher"),
    Metric("micro-f1", "higher"),
    Metric("roc-auc", "higher"),
    Metric("ece", "lower"),
    Metric("log-loss", "lower", unit="nat"),
)


@dataclass(frozen=True)
class Classification(Prediction):
    """What the model says of one row.

    Args:
        label: the most probable label; empty where a bought model's answer named no label.
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


class LabelTask(Task):
    """A task that answers with labels. A subclass reads its inputs: `_inputs`, `_stack`, `fit`, `save`, `load`, `read_request`.

    Args:
        labels: in the order of the model's outputs.
        several: whether a row may have several labels.
    """

    wants = "classes"
    prediction = Classification
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    reference: ClassVar[str] = "label"  # the role of the truth

    def __init__(self, labels: Labels, several: bool) -> None:
        self.labels, self.several = labels, several
        self.loss = "binary-cross-entropy" if several else "cross-entropy"
        self.index = {label: number for number, label in enumerate(labels)}

    @abstractmethod
    def _inputs(self, row: Row) -> Mapping[str, np.ndarray]:
        """The model's inputs for one row, unpadded."""

    @abstractmethod
    def _stack(self, examples: Sequence[Example]) -> Mapping[str, np.ndarray]:
        """Their batch."""

    def encode(self, row: Row) -> Example:
        return self._example(row, self._inputs(row))

    def _example(self, row: Row, inputs: Mapping[str, np.ndarray], length: int = 1) -> Example:
        label = row.values.get(self.reference)
        target = None if label is None else self._target(row.id, label)
        return Example(row.id, inputs, length, target)

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
        return Batch(tuple(example.row_id for example in examples), self._stack(examples), *stack_targets(examples))

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        logits = finite(outputs, "logits", row_ids)
        chances = self._chances(logits)
        best = chances.argmax(1).tolist()
        answered = outputs.get("answered", np.ones(len(best), bool))  # a bought model's answers may be none
        return [
            self._classification(row_id, top, row)
            if fine
            else Classification(row_id, "", (), 0.0, dict.fromkeys(self.labels, 0.0))
            for row_id, top, row, fine in zip(row_ids, best, chances.tolist(), answered, strict=True)
        ]

    def _chances(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities float64 [n, classes] of finite logits; a subclass that calibrates does it here."""
        return (sigmoid if self.several else softmax)(logits)

    def _classification(self, row_id: str, top: int, chances: list[float]) -> Classification:
        label = self.labels[top]
        given: Labels = (label,)
        if self.several:
            given = tuple(name for name, chance in zip(self.labels, chances, strict=True) if chance >= 0.5)
        return Classification(row_id, label, given, chances[top], dict(zip(self.labels, chances, strict=True)))

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`truth`: int64 [n], or float32 [n, classes]; `probabilities`: float64 [n, classes], all 0 where nothing was answered.

        Raises:
            DataError: a row without a label, or with one that training did not see.
        """
        truth = []
        for row in rows:
            if row.values.get(self.reference) is None:
                raise DataError(
                    "the row has no label", expected="a label to score against", where=f"row {row.id}", remedy="Label it."
                )
            truth.append(self._target(row.id, row.values[self.reference]))
        chances = [[one.scores[label] for label in self.labels] for one in predictions]  # type: ignore[attr-defined]
        return {"truth": np.stack(truth), "probabilities": np.array(chances, np.float64)}

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        truth, chances = aligned["truth"], aligned["probabilities"]
        rows, classes = chances.shape
        answered = chances.any(1)  # no answer is never right
        if self.several:
            truth_nc, chosen_nc = truth > 0.5, chances >= 0.5
            right = chosen_nc == truth_nc
            figures = precision_recall_f1(truth_nc, chosen_nc, every=True)
            figures["accuracy"] = float((right.all(1) & answered).mean())
            figures["ece"] = calibration_error(np.maximum(chances, 1 - chances).ravel(), right.ravel())
            figures["log-loss"] = log_loss(np.where(truth_nc, chances, 1 - chances))
        else:
            answer, everyone = np.where(answered, chances.argmax(1), -1), np.arange(rows)
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
        """Of the headline metric, for always giving the most frequent label; with several labels a row, all of them."""
        targets = np.stack([self._target(row.id, row.values[self.reference]) for row in rows])
        if self.several:
            chances = np.ones((len(targets), len(self.labels)))
        else:
            counts = np.bincount(targets, minlength=len(self.labels))
            chances = np.tile((counts == counts.max()) * (np.arange(len(counts)) == counts.argmax()), (len(targets), 1))
        figures = self.score({"truth": targets, "probabilities": chances.astype(np.float64)})
        return figures[self.metrics[0].name]

    def _labels_json(self) -> dict[str, Any]:
        """The part of task.json that this class reads back."""
        return {"task": self.name, "format": 1, "several_labels": self.several, "labels": list(self.labels)}


def labels_of(rows: Sequence[Row], role: str = "label") -> tuple[Labels, bool]:
    """The labels of the rows in alphabetical order, and whether rows carry tuples of them.

    Raises:
        DataError: fewer than two different labels, or rows without one.
    """
    refuse = partial(DataError, expected="at least two different labels, one for each row", where=f"column role {role!r}")
    kinds = {type(row.values.get(role)) for row in rows}
    several = kinds <= {tuple, list} and bool(kinds)
    if not several and kinds != {str}:
        found = ", ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
        raise refuse(
            f"the training labels are of type {found}",
            remedy=f"Check which column data.columns.{role} names, and its empty cells.",
        )
    counts = Counter(label for row in rows for label in (row.values[role] if several else (row.values[role],)))
    if len(counts) < 2:
        raise refuse(
            f"all {len(rows):,} training rows have the label {next(iter(counts), '')!r}",
            remedy="Give rows of another label: there is nothing to tell apart.",
        )
    return tuple(sorted(counts)), several


def read_labels(folder: Path) -> tuple[dict[str, Any], Labels, bool]:
    """task.json whole, its labels, and whether rows may have several.

    Raises:
        ReleaseError: missing or damaged.
    """
    try:
        content = read_json(folder / TASK_FILE)
        return content, tuple(map(str, content["labels"])), bool(content["several_labels"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder / TASK_FILE, error) from error
