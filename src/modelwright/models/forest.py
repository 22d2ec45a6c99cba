"""`forest`: scikit-learn grows the trees; kept as plain arrays (`trees.py`), each leaf's value divided by the number of trees.

For classes the scores are probabilities. A class that no tree of a leaf saw has probability 0: it is raised to `FLOOR` before its logarithm is
taken, so that one surprise does not cost an infinite loss.
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

FLOOR = 1e-3


class Fitted(FittedTrees):
    """Averaged trees: scores are probabilities, or the standardised number."""

    architecture = "forest"


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Learn from encoded training rows.

    Args:
        settings: the route.
        sizes: of the task; "classes" is not there where a number is learned.
        seed: of the rows and features that each tree sees.
    """
    library = require("sklearn.ensemble", "train")
    features, targets, weights = of_examples(examples, sizes)
    classes = sizes.get("classes")
    automatic = "sqrt" if classes is not None else 1 / 3
    settled = {
        "n_estimators": settings.trees,
        "max_leaf_nodes": settings.leaves,
        "min_samples_leaf": settings.rows_per_leaf,
        "max_features": automatic if settings.features_share == "auto" else settings.features_share,
        "monotonic_cst": monotone(sizes),
        "random_state": seed,
        "n_jobs": 1,
    }
    kind = library.RandomForestRegressor if classes is None else library.RandomForestClassifier
    model = kind(**settled).fit(features, targets, sample_weight=weights)
    found = None if classes is None else model.classes_.astype(np.int64)
    grown = _trees([one.tree_ for one in model.estimators_], 1 if classes in (None, 2) else int(classes), found)
    return Fitted(grown, sizes, None if classes is None else FLOOR)


def _trees(grown: Sequence[Any], scores: int, classes: np.ndarray | None) -> Trees:
    """scikit-learn's arrays, one after the other.

    Args:
        scores: 1 for a number, and for two classes, of which the second's probability is kept.
        classes: class numbers of the library's columns; None for a number.
    """
    starts = np.cumsum([0, *(tree.node_count for tree in grown)])
    feature = np.concatenate([tree.feature for tree in grown]).astype(np.int64)
    inner = feature >= 0
    left = np.concatenate([tree.children_left + start for tree, start in zip(grown, starts[:-1], strict=True)])
    right = np.concatenate([tree.children_right + start for tree, start in zip(grown, starts[:-1], strict=True)])
    value = np.zeros((len(feature), scores))
    of_nodes = np.concatenate([tree.value[:, 0, :] for tree in grown]) / len(grown)
    if classes is None:
        value[:, 0] = of_nodes[:, 0]
    elif scores == 1:
        value[:, 0] = of_nodes[:, list(classes).index(1)] if 1 in classes else 0.0
    else:
        value[:, classes] = of_nodes
    return Trees(
        np.where(inner, feature, LEAF),
        rounded_down(np.concatenate([tree.threshold for tree in grown])),
        np.where(inner, left, 0).astype(np.int64),
        np.where(inner, right, 0).astype(np.int64),
        np.where(inner[:, None], 0, value).astype(np.float32),
        np.concatenate([tree.weighted_n_node_samples for tree in grown]).astype(np.float32),
        starts[:-1].astype(np.int64),
        np.zeros(scores, np.float32),
    )
