"""Which columns does the answer hang on? For any task whose inputs are a table's columns.

Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019): a column's cells are dealt out anew among the rows, and what the metric
loses is the column's worth to this model. It needs nothing of the model but its answers. Columns that say the same stand in for each other, and
each then seems worth little.

Contributions, where the model gives reasons: their mean size over rows. For linear models they are exact; for trees they are SHAP values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.base.graph import Graph
from modelwright.base.journey import BATCH_ROWS
from modelwright.base.nouns import Batch, Outputs, Row
from modelwright.tasks.contract import Metric, Task

ROWS, EXPLAINED_ROWS, SHUFFLES = 500, 200, 5


def of_columns(task: Task, graph: Graph, rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """The part "importance" of evaluation.json; nothing where the task's inputs are no columns.

    Args:
        rows: of the validation split; of more than 500, a seeded draw is taken.

    Returns:
        "importance": "metric", "better", "rows", "shuffles", "left_out" (column → why the model does not see it), and "columns", each with "column", "drop" (mean loss of the metric, in
        its unit; positive is worse), its "low" and "high" among the shuffles, and "contribution" (mean size; None without reasons).
    """
    sizes = task.sizes
    if "number_sources" not in sizes or len(rows) < 2:
        return {}
    draw = np.random.default_rng(seed)
    picked = sorted(draw.permutation(len(rows))[:ROWS].tolist())
    asked = [rows[place] for place in picked]
    batch = task.collate(task.encode_many(asked))
    score = _Score(task, graph, asked)
    whole = score(batch.inputs)
    metric = _metric(task, whole)
    if metric is None:
        return {}
    sign = 1.0 if metric.better == "higher" else -1.0
    sizes_of = _contributions(task, graph, batch)
    found = []
    for place, name in enumerate(sizes["sources"]):
        drops = []
        for _ in range(SHUFFLES):
            figures = score(_shuffled(batch.inputs, sizes, place, draw.permutation(len(asked))))
            drops.append(sign * (whole[metric.name] - figures[metric.name]))
        contribution = None if sizes_of is None else float(sizes_of[place])
        found.append(
            {"column": name, "drop": float(np.mean(drops)), "low": min(drops), "high": max(drops), "contribution": contribution}
        )
    found.sort(key=lambda one: -one["drop"])
    left_out = dict(getattr(getattr(task, "reader", None), "left_out", {}))
    given = {"metric": metric.name, "better": metric.better, "rows": len(asked), "shuffles": SHUFFLES, "left_out": left_out}
    return {"importance": {**given, "columns": found}}


class _Score:
    """The task's figures for inputs that belong to known rows."""

    def __init__(self, task: Task, graph: Graph, rows: Sequence[Row]) -> None:
        self.task, self.graph, self.rows = task, graph, rows

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        ids = [row.id for row in self.rows]
        predictions = []
        for part in _parts(len(ids)):
            outputs = _run(self.graph, inputs, part, ids)
            predictions += self.task.decode(outputs, ids[part])
        return self.task.score(self.task.align(predictions, self.rows))


def _parts(rows: int) -> list[slice]:
    return [slice(start, min(start + BATCH_ROWS, rows)) for start in range(0, rows, BATCH_ROWS)]


def _run(graph: Graph, inputs: Mapping[str, np.ndarray], part: slice, ids: Sequence[str]) -> Outputs:
    return graph.run(Batch(tuple(ids[part]), {name: array[part] for name, array in inputs.items()}))


def _metric(task: Task, figures: Mapping[str, float]) -> Metric | None:
    """ROC-AUC where it is defined, which sees small changes of probabilities; else the headline."""
    named = {metric.name: metric for metric in task.metrics}
    name = "roc-auc" if "roc-auc" in figures else task.metrics[0].name
    return named[name] if name in figures else None


def _shuffled(
    inputs: Mapping[str, np.ndarray], sizes: Mapping[str, Any], source: int, order: np.ndarray
) -> dict[str, np.ndarray]:
    """The inputs with one column's cells dealt out anew, for every member of a fusion alike."""
    found = dict(inputs)
    for kind, owners in (("numbers", sizes["number_sources"]), ("categories", sizes["category_sources"])):
        places = [place for place, owner in enumerate(owners) if owner == source]
        for name in inputs if places else ():
            if name.rpartition(".")[2] == kind:
                found[name] = inputs[name].copy()
                found[name][:, places] = inputs[name][order][:, places]
    return found


def _contributions(task: Task, graph: Graph, batch: Batch) -> np.ndarray | None:
    """Mean size of each column's contribution to the logits, or to the standardised number; None if the graph gives no reasons."""
    if "contributions" not in graph.outputs:
        return None
    rows = min(len(batch.row_ids), EXPLAINED_ROWS)
    inputs = {**batch.inputs, "explain": np.ones(len(batch.row_ids), np.float32)}
    found = []
    for part in _parts(rows):
        amounts = np.asarray(_run(graph, inputs, part, batch.row_ids)["contributions"], np.float64)  # [rows, columns, classes]
        if amounts.shape[2] == 2:
            found.append(np.abs(amounts[:, :, 1] - amounts[:, :, 0]))
        else:
            found.append(np.abs(amounts).mean(2))
    return np.concatenate(found).mean(0)
