"""`clustering`: groups of rows that are alike, found without being told any.

A column of names that people gave (`label`) is never learned from; where there is one, it says how far the groups agree with it.
Rows of tables are compared by `base/vectors.py`: standardised numbers, and categories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.nouns import Batch, Column, Example, Habits, Outputs, Prediction, Row
from modelwright.base.store import read_json, write_json
from modelwright.base.vectors import vectors
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.finite import finite
from modelwright.tasks.contract import TASK_FILE, Metric, Task, damaged
from modelwright.tasks.measures.classification import softmax
from modelwright.tasks.measures.clusters import adjusted_rand, mutual_information, silhouettes
from modelwright.tasks.table import exam, request
from modelwright.tasks.table.reader import TableReader, stack
from modelwright.tasks.table.request import TableRequest
from modelwright.tasks.table.settings import TableSettings

NONE = "none"
LABEL = "label"


@dataclass(frozen=True)
class Group(Prediction):
    """Where a row belongs.

    Args:
        cluster: "1", "2", …, or "none".
        probability: of that cluster, 0 to 1, under what the route supposes of clusters.
        shares: the same of every cluster.
    """

    cluster: str
    probability: float
    shares: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        return {"row_id": self.row_id, "cluster": self.cluster, "probability": self.probability, "shares": dict(self.shares)}


class Clustering(Task):
    """A fitted reader of tables.

    Args:
        reader: turns rows into numbers and categories.
        leaves: whether the route's last output stands for rows that belong to no cluster.
    """

    name = "clustering"
    about = "groups of rows that are alike, without labels to learn from"
    columns = (Column(LABEL, "label", input=False, required=False),)
    habits = Habits(contradictions="keep", others=True)
    settings = TableSettings
    reads = ("features",)
    wants = "clusters"
    metrics = (
        Metric("silhouette", "higher"),
        Metric("ungrouped", "lower"),
        Metric("largest-cluster", "lower"),
        Metric("adjusted-rand", "higher"),
        Metric("mutual-information", "higher"),
    )
    request = TableRequest
    prediction = Group
    exam_kinds = ("blobs",)

    def __init__(self, reader: TableReader, leaves: bool) -> None:
        self.reader, self.leaves = reader, leaves
        self.loss = "none"  # nothing is learned by gradient descent
        self.sizes = reader.sizes
        self.axes = {"numbers": ("batch", "number"), "categories": ("batch", "category")}
        self.request = request.described(reader)  # type: ignore[misc]  # with its columns, for OpenAPI

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        settings = learn if isinstance(learn, TableSettings) else TableSettings()
        return cls(TableReader.fit(rows, settings, {LABEL}), NONE in route.gives)

    def encode(self, row: Row) -> Example:
        return Example(row.id, self.reader.encode(row), 1)

    def collate(self, examples: Sequence[Example]) -> Batch:
        return Batch(tuple(example.row_id for example in examples), stack(examples))

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        logits = finite(outputs, "logits", row_ids)
        shares = softmax(logits)
        names = [str(place + 1) for place in range(logits.shape[1] - self.leaves)] + [NONE] * self.leaves
        best = logits.argmax(1).tolist()
        return [
            Group(row_id, names[top], row[top], dict(zip(names, row, strict=True)))
            for row_id, top, row in zip(row_ids, best, shares.tolist(), strict=True)
        ]

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`cluster`: int64 [n], −1 for none; `silhouette`: float64 [n]; and `truth`: int64 [n] if every row has a label."""
        clusters = np.array([-1 if one.cluster == NONE else int(one.cluster) for one in predictions], np.int64)  # type: ignore[attr-defined]
        inputs = stack(self.encode_many(rows))
        silhouette = silhouettes(vectors(inputs, self.sizes), clusters)
        silhouette[clusters < 0] = 0.0  # in no cluster a row lies neither well nor ill, and leaving rows out must not pay
        found = {"cluster": clusters, "silhouette": silhouette}
        given = [row.values.get(LABEL) for row in rows]
        if all(label is not None for label in given):
            found["truth"] = np.unique([str(label) for label in given], return_inverse=True)[1].astype(np.int64)
        return found

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        clusters, silhouette = aligned["cluster"], aligned["silhouette"]
        measured = silhouette[~np.isnan(silhouette)]
        grouped = clusters[clusters >= 0]
        largest = np.unique(grouped, return_counts=True)[1].max() if len(grouped) else 0
        found = {
            "silhouette": float(measured.mean()) if len(measured) else 0.0,
            "ungrouped": float((clusters < 0).mean()),
            "largest-cluster": float(largest / len(clusters)),
        }
        if "truth" in aligned:
            found["adjusted-rand"] = adjusted_rand(aligned["truth"], clusters)
            found["mutual-information"] = mutual_information(aligned["truth"], clusters)
        return found

    def chance(self, rows: Sequence[Row]) -> float:
        """One cluster for all: nothing lies better in it than elsewhere."""
        return 0.0

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        return request.of_row(row, LABEL)

    def read_request(self, asked: Any, row_id: str) -> Row:
        return request.read(asked, row_id, self.reader, explains=False)

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        return request.shown(row, LABEL)

    def save(self, folder: Path) -> None:
        write_json(folder / TASK_FILE, {"task": self.name, "format": 1, "leaves": self.leaves, "table": self.reader.as_json()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            content = read_json(folder / TASK_FILE)
            return cls(TableReader.from_json(content["table"]), bool(content["leaves"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(folder / TASK_FILE, error) from error

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        """Three groups, told apart by two numbers and a category; a third number says nothing."""
        draw, made = np.random.default_rng(seed), []
        for number in range(150):
            group = number % 3
            x, y = np.array([(0, 0), (8, 0), (0, 8)][group]) + draw.normal(0, 1, 2)
            values = {"x": float(x), "y": f"{y:.4f}", "place": ("hill", "mill", "harbour")[group], "noise": float(draw.normal())}
            made.append(Row(f"exam-{number}", {**values, LABEL: "abc"[group]}))
        return made

    @classmethod
    def exam_strange(cls) -> list[Row]:
        good = cls.exam_rows(0)[0].values
        wrong: list[dict[str, Any]] = [{**good, "x": "far"}, {**good, "place": ["hill"]}]
        return [Row("strange", values) for values in (*wrong, {name: good[name] for name in ("x", "y", "place")})]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        good = cls.request_of(cls.exam_rows(0)[0])
        return [good, {"features": {**good["features"], "x": 1e300, "place": "nowhere"}}, *exam.requests()]


TASK = Clustering
