"""`boosting`: LightGBM grows the trees; how many is told by rows held aside; then all rows grow that many.

The model is kept as plain arrays (`trees.py`), not as the library's file: evaluation and serving need no LightGBM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Sizes
from modelwright.base.optional import require
from modelwright.models.table_graph import monotone, of_examples
from modelwright.models.trees import LEAF, FittedTrees, Trees, rounded_down

__all__ = ["Fitted", "fit"]

FOLDS, FOLDED_ROWS = 5, 20_000  # so few rows say the number of trees by cross-validation; more, by one part held aside
HELD = 0.15


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
    features, targets, weights = of_examples(examples, sizes)
    parameters = _parameters(settings, sizes, seed)
    rounds = (
        _rounds(library, settings, parameters, (features, targets, weights), seed) if settings.early_stopping else settings.trees
    )
    booster = library.train(parameters, _dataset(library, features, targets, weights), num_boost_round=rounds)
    return Fitted(_trees(booster.dump_model(), sizes), sizes)


def _parameters(settings: Any, sizes: Sizes, seed: int) -> dict[str, Any]:
    classes = sizes.get("classes")
    objective = "regression" if classes is None else "binary" if classes == 2 else "multiclass"
    found = {
        "objective": objective,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.rows_per_leaf,
        "feature_fraction": settings.features_share,
        "bagging_fraction": settings.rows_share,
        "bagging_freq": 1 if settings.rows_share < 1 else 0,
        "lambda_l1": settings.l1,
        "lambda_l2": settings.l2,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if objective == "multiclass":
        found["num_class"] = classes
    if (directions := monotone(sizes)) is not None:
        found |= {"monotone_constraints": directions, "monotone_constraints_method": "advanced"}
    return found


def _dataset(library: Any, features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Any:
    weighed = None if (weights == 1.0).all() else weights
    return library.Dataset(features, targets, weight=weighed, free_raw_data=False, params={"verbosity": -1})


def _rounds(library: Any, settings: Any, parameters: dict[str, Any], data: tuple[np.ndarray, ...], seed: int) -> int:
    """How many rounds give the least loss on rows that were not grown on; never those of validation or test."""
    features, targets, weights = data
    stop = library.early_stopping(settings.early_stopping, verbose=False)
    classes = None if targets.dtype.kind == "f" else targets
    if len(targets) <= FOLDED_ROWS:
        folds = _folds(len(targets), classes, seed)
        found = library.cv(
            parameters, _dataset(library, *data), num_boost_round=settings.trees, folds=folds, callbacks=[stop], stratified=False
        )
        return max(1, len(next(iter(found.values()))))
    order = np.random.default_rng(seed).permutation(len(targets))
    held, kept = order[: int(HELD * len(order))], order[int(HELD * len(order)) :]
    train = _dataset(library, features[kept], targets[kept], weights[kept])
    aside = library.Dataset(features[held], targets[held], weight=weights[held], reference=train)
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


def _trees(dump: dict[str, Any], sizes: Sizes) -> Trees:
    """The library's own description as arrays. A node's place is where it was put down; children follow their parent."""
    scores = int(dump["num_tree_per_iteration"])
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
            feature.append(int(node["split_feature"]) if inner else LEAF)
            threshold.append(float(node["threshold"]) if inner else 0.0)
            children.append([0, 0])
            values.append((number % scores, 0.0 if inner else float(node["leaf_value"])))
            cover.append(float(node["internal_count"] if inner else node.get("leaf_count", 1)))
            if inner:
                assert node["decision_type"] == "<=", "features are numbers"
                waiting += [(node["right_child"], (at, 1)), (node["left_child"], (at, 0))]
    value = np.zeros((len(feature), scores), np.float32)
    for at, (score, amount) in enumerate(values):
        value[at, score] = amount
    pairs = np.array(children, np.int64)
    return Trees(
        np.array(feature, np.int64),
        rounded_down(np.array(threshold)),
        pairs[:, 0].copy(),
        pairs[:, 1].copy(),
        value,
        np.array(cover, np.float32),
        np.array(roots, np.int64),
        np.zeros(scores, np.float32),
    )
