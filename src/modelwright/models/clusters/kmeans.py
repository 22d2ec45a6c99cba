"""k-means (Lloyd 1982) with k-means++ starts (Arthur & Vassilvitskii 2007), as scikit-learn finds it.

    logits = −‖x − cⱼ‖² / 2σ²      σ² = mean squared distance to the own centre, per dimension

so that their softmax is each cluster's share under round clusters of equal width, which is what k-means supposes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Sizes
from modelwright.base.optional import require
from modelwright.models.clusters import count
from modelwright.models.clusters.fitted import Clusters, rows_of
from modelwright.models.clusters.nodes import Distances
from modelwright.spec.routes.kmeans import KMeans

_TINY = 1e-6


class Fitted(Clusters):
    """`centres` float32 [k, d], `width` float32 [] (σ²)."""

    def logits(self, rows: np.ndarray) -> np.ndarray:
        return -_distances(rows, self.arrays["centres"]) / (2 * self.arrays["width"])

    def graph(self) -> Any:
        graph = Distances(self.sizes, len(self.arrays["centres"]))
        distances = graph.squared(graph.vectors(), self.arrays["centres"], "distances")
        scale = graph.constant("scale", np.float32(-1 / (2 * self.arrays["width"])))
        graph.node("Mul", [distances, scale], "logits")
        return graph.finished()


def fit(settings: KMeans, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Fit on encoded rows.

    Raises:
        TrainError: fewer different rows than clusters.
    """
    rows = rows_of(examples, sizes, 2 if settings.clusters == "auto" else settings.clusters)
    number, tried = settings.clusters, list[count.Tried]()
    if number == "auto":
        most = min(settings.most, len(np.unique(rows, axis=0)) - 1)
        number, tried = count.choose(rows, range(2, max(2, most) + 1), _assign, seed)
    centres = _centres(rows, number, seed, starts=settings.starts)
    nearest = _distances(rows, centres).min(1)
    width = np.float32(max(_TINY, nearest.mean() / rows.shape[1]))
    return Fitted({"centres": centres, "width": np.array(width)}, sizes, [one.as_json() for one in tried])


def _centres(rows: np.ndarray, number: int, seed: int, starts: int) -> np.ndarray:
    model = require("sklearn.cluster", "train").KMeans(number, n_init=starts, random_state=seed)
    return model.fit(rows).cluster_centers_.astype(np.float32)


def _assign(rows: np.ndarray, others: np.ndarray, number: int, seed: int) -> np.ndarray:
    return _distances(others, _centres(rows, number, seed, starts=1)).argmin(1)


def _distances(rows: np.ndarray, points: np.ndarray) -> np.ndarray:
    lengths = (points.astype(np.float64) ** 2).sum(1).astype(np.float32)
    return np.maximum((rows**2).sum(1, keepdims=True) - 2 * rows @ points.T + lengths, 0)
