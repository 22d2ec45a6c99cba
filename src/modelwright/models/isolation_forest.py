"""Isolation forest (Liu, Ting & Zhou 2008) as trees whose leaves add up.

    strangeness = 2^(−h / c(ψ))      h: mean length of a row's path, c: that of an unsuccessful search in a tree of ψ rows

The graph gives the exponent, −h / c(ψ), which orders rows alike and is a sum over trees, so that SHAP values explain it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.base.nouns import Example, Sizes
from modelwright.base.optional import require
from modelwright.models.table_graph import features
from modelwright.models.trees import FittedTrees, Trees, rounded_down
from modelwright.spec.routes.isolation_forest import IsolationForest


class Fitted(FittedTrees):
    """Trees whose sum is the exponent of strangeness."""

    architecture = "isolation_forest"


def fit(settings: IsolationForest, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Fit on encoded rows; rows of weight 0 are left out."""
    usual = [example for example in examples if example.weight > 0]
    inputs = {name: np.stack([example.inputs[name] for example in usual]) for name in ("numbers", "categories")}
    given = features(inputs, sizes)
    sample = min(settings.sample, len(given))
    model = require("sklearn.ensemble", "train").IsolationForest(
        n_estimators=settings.trees, max_samples=sample, random_state=seed, n_jobs=1
    )
    model.fit(given)
    return Fitted(_trees(model, sample), sizes)


def _trees(model: object, sample: int) -> Trees:
    """Every tree's nodes, one after the other; a leaf adds its share of −h / c(ψ)."""
    grown = [estimator.tree_ for estimator in model.estimators_]  # type: ignore[attr-defined]
    usual = max(_path(np.array([sample], np.float64))[0], 1.0)
    starts = np.cumsum([0, *(tree.node_count for tree in grown)])[:-1]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("feature", "threshold", "left", "right", "value", "cover")}
    for start, tree in zip(starts, grown, strict=True):
        leaf = tree.children_left < 0
        length = _depths(tree) + _path(tree.n_node_samples.astype(np.float64))
        parts["feature"].append(np.where(leaf, -1, tree.feature).astype(np.int64))
        parts["threshold"].append(rounded_down(np.where(leaf, 0.0, tree.threshold)))
        parts["left"].append(np.where(leaf, 0, tree.children_left + start).astype(np.int64))
        parts["right"].append(np.where(leaf, 0, tree.children_right + start).astype(np.int64))
        parts["value"].append(np.where(leaf, -length / usual / len(grown), 0.0).astype(np.float32)[:, None])
        parts["cover"].append(tree.n_node_samples.astype(np.float32))
    joined = {name: np.concatenate(found) for name, found in parts.items()}
    return Trees(**joined, roots=starts.astype(np.int64), base=np.zeros(1, np.float32))


def _depths(tree: object) -> np.ndarray:
    """Conditions above each node."""
    found = np.zeros(tree.node_count)  # type: ignore[attr-defined]
    for node in range(tree.node_count):  # type: ignore[attr-defined]  # parents come before their children
        for child in (tree.children_left[node], tree.children_right[node]):  # type: ignore[attr-defined]
            if child >= 0:
                found[child] = found[node] + 1
    return found


def _path(rows: np.ndarray) -> np.ndarray:
    """c(n), mean length of an unsuccessful search in a binary tree of n rows: 2 H(n−1) − 2 (n−1) / n."""
    many = np.maximum(rows, 3)
    found = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(rows > 2, found, np.where(rows == 2, 1.0, 0.0))
