"""`boosting`: LightGBM grows the trees; how many is told by rows held aside; then all rows grow that many.

Categories stay whole: LightGBM looks for the two sets of them that differ most (Fisher 1958), which one column for each category does not
allow where they are many and rare. The model is kept as plain arrays (`trees.py`), not as the library's file: evaluation and serving need no LightGBM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Sizes
from modelwright.base.optional import require
from modelwright.models.table_graph import depths, of_examples
from modelwright.models.trees import LEAF, FittedTrees, Trees, rounded_down

__all__ = ["Fitted", "fit"]

FOLDS, FOLDED_ROWS = 5, 20_000  # so few rows say the number of trees by cross-validation; more, by one part held aside
HELD = 0.15


Data = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Numbers and category indices [rows, columns], targets, weights."""


class Fitted(FittedTrees):
    """Boosted trees: scores are logits, or the standardised number."""

    architecture = "boosting"


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Learn from encoded training rows.

    Args:
        settings: the route.
        sizes: of the task; "classes" is not there where a number is learned.
        seed: of the features and rows that each tree sees, and of the rows held aside.
    """
    library = require("lightgbm", "tabular")
    _, targets, weights = of_examples(examples, sizes)
    columns = np.stack([np.concatenate([one.inputs["numbers"], one.inputs["categories"]]) for one in examples]).astype(np.float32)
    data = (columns, targets, weights)
    categories = list(range(sizes["numbers"], columns.shape[1]))
    parameters = _parameters(settings, sizes, len(examples), seed)
    rounds = _rounds(library, settings, parameters, data, categories, seed) if settings.early_stopping else settings.trees
    booster = library.train(parameters, _dataset(library, data, categories), num_boost_round=rounds)
    trees, sets = _trees(booster.dump_model(), sizes)
    return Fitted(trees, sizes, sets=sets)


def _parameters(settings: Any, sizes: Sizes, rows: int, seed: int) -> dict[str, Any]:
    classes = sizes.get("classes")
    objective = "regression" if classes is None else "binary" if classes == 2 else "multiclass"
    found = {
        "objective": objective,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves_for(rows),
        "min_data_in_leaf": settings.rows_per_leaf,
        "feature_fraction": settings.features_share,
        "bagging_fraction": settings.rows_share,
        "bagging_freq": 1 if settings.rows_share < 1 else 0,
        "lambda_l1": settings.l1,
        "lambda_l2": settings.l2,
        "min_data_per_group": max(5, min(100, rows // 100)),  # the library's 100 leaves small tables' categories unused
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if objective == "multiclass":
        found["num_class"] = classes
    if any(sizes["monotone"]):
        directions = [*map(int, sizes["monotone"]), *[0] * len(sizes["categories"])]
        found |= {"monotone_constraints": directions, "monotone_constraints_method": "advanced"}
    return found


def _dataset(
    library: Any, data: Data, categories: list[int], rows: np.ndarray | slice = slice(None), reference: Any = None
) -> Any:
    columns, targets, weights = (part[rows] for part in data)
    weighed = None if (weights == 1.0).all() else weights
    settled = {"free_raw_data": False, "params": {"verbosity": -1}, "categorical_feature": categories}
    return library.Dataset(columns, targets, weight=weighed, reference=reference, **settled)


def _rounds(library: Any, settings: Any, parameters: dict[str, Any], data: Data, categories: list[int], seed: int) -> int:
    """How many rounds give the least loss on rows that were not grown on; never those of validation or test."""
    targets = data[1]
    stop = library.early_stopping(settings.early_stopping, verbose=False)
    if len(targets) <= FOLDED_ROWS:
        folds = _folds(len(targets), None if targets.dtype.kind == "f" else targets, seed)
        whole = _dataset(library, data, categories)
        found = library.cv(parameters, whole, num_boost_round=settings.trees, folds=folds, callbacks=[stop], stratified=False)
        return max(1, len(next(iter(found.values()))))
    order = np.random.default_rng(seed).permutation(len(targets))
    held = int(HELD * len(order))
    train = _dataset(library, data, categories, order[held:])
    aside = _dataset(library, data, categories, order[:held], reference=train)
    booster = library.train(parameters, train, num_boost_round=settings.trees, valid_sets=[aside], callbacks=[stop])
    return max(1, booster.best_iteration or settings.trees)


def _folds(rows: int, classes: np.ndarray | None, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows shared out in turn, class by class, so that each fold has its share of every class."""
    order = np.random.default_rng(seed).permutation(rows)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    fold = np.empty(rows, np.int64)
    fold[order] = np.arange(rows) % min(FOLDS, rows)
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(min(FOLDS, rows))]


def _trees(dump: dict[str, Any], sizes: Sizes) -> tuple[Trees, np.ndarray]:
    """The library's own description as arrays, and the sets that it split categories into (see `FittedTrees`).

    A node's place is where it was put down; children follow their parent.
    """
    scores = int(dump["num_tree_per_iteration"])
    sets = _Sets(sizes)
    feature: list[int] = []
    threshold: list[float] = []
    children: list[list[int]] = []
    values: list[tuple[int, float]] = []
    cover: list[float] = []
    roots = []
    for number, tree in enumerate(dump["tree_info"]):
        roots.append(len(feature))
        waiting: list[tuple[dict[str, Any], tuple[int, int] | None]] = [(tree["tree_structure"], None)]
        while waiting:
            node, parent = waiting.pop()
            at = len(feature)
            if parent is not None:
                children[parent[0]][parent[1]] = at
            inner = "split_feature" in node
            split, border = sets.split(node) if inner else (LEAF, 0.0)
            feature.append(split)
            threshold.append(border)
            children.append([0, 0])
            values.append((number % scores, 0.0 if inner else float(node["leaf_value"])))
            cover.append(float(node["internal_count"] if inner else node.get("leaf_count", 1)))
            if inner:
                waiting += [(node["right_child"], (at, 1)), (node["left_child"], (at, 0))]
    value = np.zeros((len(feature), scores), np.float32)
    for at, (score, amount) in enumerate(values):
        value[at, score] = amount
    pairs = np.array(children, np.int64)
    trees = Trees(
        np.array(feature, np.int64),
        rounded_down(np.array(threshold)),
        pairs[:, 0].copy(),
        pairs[:, 1].copy(),
        value,
        np.array(cover, np.float32),
        np.array(roots, np.int64),
        np.zeros(scores, np.float32),
    )
    return trees, sets.matrix()


class _Sets:
    """Every different set of categories that some split sends to the left, as a feature behind those of the table."""

    def __init__(self, sizes: Sizes) -> None:
        self.numbers = int(sizes["numbers"])
        self.starts = np.cumsum([self.numbers, *depths(sizes)])  # of each category's one-hot features
        self.found: dict[tuple[int, ...], int] = {}

    def split(self, node: dict[str, Any]) -> tuple[int, float]:
        """Feature and threshold of an inner node."""
        column = int(node["split_feature"])
        if column < self.numbers:
            return column, float(node["threshold"])
        start = int(self.starts[column - self.numbers])
        left = tuple(sorted(start + int(one) for one in str(node["threshold"]).split("||")))
        return int(self.starts[-1]) + self.found.setdefault(left, len(self.found)), -0.5

    def matrix(self) -> np.ndarray:
        matrix = np.zeros((int(self.starts[-1]), len(self.found)), np.float32)
        for left, place in self.found.items():
            matrix[list(left), place] = -1.0
        return matrix
