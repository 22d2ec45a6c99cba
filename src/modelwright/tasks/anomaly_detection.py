"""`anomaly-detection`: how strange a row is, learned from what is usual.

Labels are never needed. Where a column `label` says which rows were anomalies, they measure the model, and known anomalies may be
kept out of its training (`learn.novelty`). A row is flagged if it is stranger than all but `learn.share` of the validation rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from modelwright.base.errors import DataError, SpecError
from modelwright.base.nouns import Batch, Column, Example, Habits, Outputs, Prediction, Row, stack_targets
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.finite import finite
from modelwright.tasks.contract import TASK_FILE, Metric, Task, damaged
from modelwright.tasks.measures.classification import roc_auc
from modelwright.tasks.measures.operating import average_precision
from modelwright.tasks.table import exam, reasons, request
from modelwright.tasks.table.reader import EXPLAIN, TableReader, stack
from modelwright.tasks.table.request import TableRequest
from modelwright.tasks.table.routes import axes, explains
from modelwright.tasks.table.settings import TableSettings

LABEL = "label"
RANKS = 501  # quantiles of strangeness that are kept: the 0.2 % strangest rows can be told apart


class AnomalySettings(TableSettings):
    """Columns as for every table; which rows are anomalies, and how many alarms people can look at."""

    share: float = Field(0.05, gt=0, lt=0.5, description="share of rows that are flagged: as many as people can look at")
    anomaly: str | None = Field(None, description="the label of anomalies, where rows have labels; default: the rarest one")
    novelty: bool = Field(False, description="leave known anomalies out of what is learned as usual")


@dataclass(frozen=True)
class Strangeness(Prediction):
    """What the model says of one row.

    Args:
        score: how strange; comparable within one model only.
        rank: share of the validation rows that are less strange, 0 to 1; None until the model has seen them.
        anomaly: whether the row is flagged; None as `rank`.
        reasons: what made it strange, if that was asked for.
    """

    score: float
    rank: float | None
    anomaly: bool | None
    reasons: tuple[dict[str, Any], ...] | None = None

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"row_id": self.row_id, "score": self.score, "rank": self.rank, "anomaly": self.anomaly}
        return found if self.reasons is None else {**found, "reasons": list(self.reasons)}


class AnomalyDetection(Task):
    """A fitted reader of tables, and how strange validation rows were.

    Args:
        reader: turns rows into numbers and categories.
        share: of rows that are flagged.
        anomaly: the label of anomalies; None if rows have no labels.
        novelty: whether known anomalies are left out of training.
        explains: whether the route gives reasons.
        ranks: quantiles of the validation rows' scores, rising; empty until `watch`.
    """

    name = "anomaly-detection"
    about = "how strange a row is, learned from what is usual"
    columns = (Column(LABEL, "label", input=False, required=False),)
    habits = Habits(contradictions="keep", others=True)
    settings = AnomalySettings
    reads = ("features",)
    wants = "outlier"
    metrics = (
        Metric("roc-auc", "higher"),
        Metric("average-precision", "higher"),
        Metric("precision", "higher"),
        Metric("recall", "higher"),
        Metric("alarm-rate-error", "lower"),
    )
    request = TableRequest
    prediction = Strangeness
    exam_kinds = ("labelled",)

    def __init__(
        self, reader: TableReader, share: float, anomaly: str | None, novelty: bool, explained: bool, ranks: Sequence[float] = ()
    ) -> None:
        self.reader, self.share, self.anomaly, self.novelty = reader, share, anomaly, novelty
        self.explains, self.ranks = explained, np.array(ranks, np.float64)
        self.loss = "given"  # a route that learns by gradient descent knows itself what is strange
        self.sizes = reader.sizes
        self.axes = axes(explained)
        if anomaly is None:  # nothing says which rows are strange: only the number of alarms can be measured
            vars(self)["metrics"] = (*self.metrics[-1:], *self.metrics[:-1])
        vars(self)["request"] = request.described(reader)

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        settings = learn if isinstance(learn, AnomalySettings) else AnomalySettings()
        anomaly = _anomaly(rows, settings)
        usual = [row for row in rows if not (settings.novelty and row.values.get(LABEL) == anomaly)]
        return cls(TableReader.fit(usual, settings, {LABEL}), settings.share, anomaly, settings.novelty, explains(route))

    def encode(self, row: Row) -> Example:
        inputs: dict[str, Any] = dict(self.reader.encode(row))
        if self.explains:
            inputs["explain"] = np.float32(bool(row.values.get(EXPLAIN)))
        known = row.values.get(LABEL) == self.anomaly and self.anomaly is not None
        return Example(row.id, inputs, 1, None, 0.0 if known and self.novelty else 1.0)

    def collate(self, examples: Sequence[Example]) -> Batch:
        return Batch(tuple(example.row_id for example in examples), stack(examples), *stack_targets(examples))

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        scores = finite(outputs, "values", row_ids).astype(np.float64)
        ranks = np.searchsorted(self.ranks, scores, side="right") / max(1, len(self.ranks))
        why = set(reasons.asked(outputs).tolist())
        found: list[Prediction] = []
        for place, (row_id, score, rank) in enumerate(zip(row_ids, scores.tolist(), ranks.tolist(), strict=True)):
            told = None
            if place in why:
                amounts = np.asarray(outputs["contributions"])[place, :, 0].astype(np.float64).tolist()
                told = reasons.listed(self.reader, outputs, place, amounts)
            watched = len(self.ranks) > 0
            found.append(Strangeness(row_id, score, rank if watched else None, rank > 1 - self.share if watched else None, told))
        return found

    def watch(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> None:
        """Learn how strange rows are that were not trained on: what the threshold and the ranks rest on."""
        scores = [one.score for one in predictions]  # type: ignore[attr-defined]
        self.ranks = np.quantile(np.array(scores, np.float64), np.linspace(0, 1, RANKS))

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`score` float64 [n]; `flag` float64 [n] (NaN until `watch`); `truth` bool [n] if rows have labels."""
        flags = [np.nan if one.anomaly is None else float(one.anomaly) for one in predictions]  # type: ignore[attr-defined]
        found = {"score": np.array([one.score for one in predictions], np.float64), "flag": np.array(flags)}  # type: ignore[attr-defined]
        if self.anomaly is not None:
            found["truth"] = np.array([row.values.get(LABEL) == self.anomaly for row in rows], bool)
        return found

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        flags, found = aligned["flag"], dict[str, float]()
        watched = not np.isnan(flags).any()
        if "truth" in aligned:
            truth, scores = aligned["truth"], aligned["score"]
            area = roc_auc(np.stack([~truth, truth], 1), np.stack([-scores, scores], 1))
            precise = average_precision(truth, scores)
            found |= {name: value for name, value in (("roc-auc", area), ("average-precision", precise)) if value is not None}
            if watched and truth.any():
                hits = float((flags * truth).sum())
                found |= {"precision": hits / max(1.0, float(flags.sum())), "recall": hits / float(truth.sum())}
        if watched:
            found["alarm-rate-error"] = abs(float(flags.mean()) - self.share)
        return found

    def chance(self, rows: Sequence[Row]) -> float:
        """ROC-AUC of a draw; without labels, the error of never giving an alarm."""
        return self.share if self.anomaly is None else 0.5

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        return request.of_row(row, LABEL)

    def read_request(self, asked: Any, row_id: str) -> Row:
        return request.read(asked, row_id, self.reader, self.explains)

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        return request.shown(row, LABEL)

    def save(self, folder: Path) -> None:
        content = {"task": self.name, "format": 1, "share": self.share, "anomaly": self.anomaly, "novelty": self.novelty}
        content |= {"explains": self.explains, "ranks": self.ranks.tolist(), "table": self.reader.as_json()}
        write_json(folder / TASK_FILE, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            content = read_json(folder / TASK_FILE)
            anomaly = content["anomaly"]
            return cls(
                TableReader.from_json(content["table"]),
                float(content["share"]),
                None if anomaly is None else str(anomaly),
                bool(content["novelty"]),
                bool(content["explains"]),
                [float(rank) for rank in content["ranks"]],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(folder / TASK_FILE, error) from error

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        """Pressure follows temperature; in one row of ten it does not, or the place is one where it never was."""
        draw, made = np.random.default_rng(seed), []
        for number in range(200):
            strange = number % 10 == 0
            heat = float(draw.normal(60, 10))
            pressure = heat * 2 + float(draw.normal(0, 1)) + (float(draw.choice([-60, 60])) if strange else 0.0)
            values = {"heat": heat, "pressure": f"{pressure:.3f}", "site": ("north", "south")[number % 2]}
            made.append(Row(f"exam-{number}", {**values, LABEL: "fault" if strange else "fine"}))
        return made

    @classmethod
    def exam_strange(cls) -> list[Row]:
        good = cls.exam_rows(0)[0].values
        wrong: list[dict[str, Any]] = [{**good, "heat": "hot"}, {**good, "site": ["north"]}]
        return [Row("strange", values) for values in (*wrong, {name: good[name] for name in ("heat", "site")})]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        good = cls.request_of(cls.exam_rows(0)[0])
        return [good, {"features": {**good["features"], "heat": 1e300, "site": "moon"}}, *exam.requests()]


def _anomaly(rows: Sequence[Row], settings: AnomalySettings) -> str | None:
    """The label of anomalies among the training rows; None if they have no labels.

    Raises:
        SpecError: a label is named that no row has, or known anomalies shall be left out and there are no labels.
        DataError: all rows are anomalies.
    """
    counts = Counter(label for row in rows if isinstance(label := row.values.get(LABEL), str))
    if not counts:
        if settings.anomaly is not None or settings.novelty:
            raise SpecError(
                "learn names anomalies, and the rows have no labels",
                expected="a column of labels, or neither learn.anomaly nor learn.novelty",
                where="learn",
                remedy="Name the column: data: {columns: {label: …}}, or take the settings out.",
            )
        return None
    anomaly = settings.anomaly or min(counts, key=lambda label: (counts[label], label))
    if anomaly not in counts:
        raise SpecError(
            f"learn.anomaly is {anomaly!r}, a label that no training row has",
            expected=f"one of: {', '.join(sorted(counts)[:20])}",
            where="learn.anomaly",
            remedy="Name the label of anomalies as it stands in the data.",
        )
    if settings.novelty and counts[anomaly] == len(rows):
        raise DataError(
            f"all {len(rows):,} training rows are anomalies",
            expected="usual rows to learn from",
            where=f"column role {LABEL!r}",
            remedy="Check learn.anomaly: it is the label of what is strange.",
        )
    return anomaly


TASK = AnomalyDetection
