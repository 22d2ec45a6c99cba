"""HDBSCAN (Campello, Moulavi & Sander 2013), as scikit-learn finds it: clusters of any shape, and rows that belong to none.

HDBSCAN says nothing of new rows. Here a new row belongs to the cluster of its nearest training row, and to none if that is farther
than `reach`: half as far again as the distance within which 95 % of the cluster's own rows have a neighbour of the cluster.

    logitsⱼ = 4 · (1 − distance to cluster j / reachⱼ)      none: 0
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from modelwright.base.errors import TrainError
from modelwright.base.nouns import Example, Sizes
from modelwright.base.optional import require
from modelwright.models.clusters.fitted import Clusters, rows_of
from modelwright.models.clusters.nodes import Distances
from modelwright.spec.routes.hdbscan import HDBSCAN

SHARP = 4.0
COVERED, BEYOND = 0.95, 1.5
MOST_POINTS = 2_000
"""Training rows that are kept to measure distances to, shared out among the clusters."""


class Fitted(Clusters):
    """`points` float32 [p, d], cluster after cluster; `firsts` [k + 1] where each begins; `reach` float32 [k]."""

    def logits(self, rows: np.ndarray) -> np.ndarray:
        rows, points = rows.astype(np.float64), self.arrays["points"].astype(np.float64)  # near rows differ in their last digits
        bounds = self.arrays["firsts"].astype(int)
        squared = np.maximum((rows**2).sum(1, keepdims=True) - 2 * rows @ points.T + (points**2).sum(1), 0)
        nearest = [squared[:, low:high].min(1) for low, high in pairwise(bounds)]
        found = SHARP * (1 - np.sqrt(np.stack(nearest, 1)) / self.arrays["reach"])
        return np.concatenate([found, np.zeros((len(rows), 1), np.float32)], 1)

    def graph(self) -> Any:
        bounds = self.arrays["firsts"].astype(np.int64)
        graph = Distances(self.sizes, len(bounds))
        precise = graph.node("Cast", [graph.vectors()], "precise", to=graph.onnx.TensorProto.DOUBLE)
        squared = graph.squared(precise, self.arrays["points"], "squared", np.float64)
        axis = graph.constant("columns", np.array([1], np.int64))
        nearest = []
        for place, (low, high) in enumerate(pairwise(bounds)):
            ends = [graph.constant(f"from_{place}", np.array([low])), graph.constant(f"to_{place}", np.array([high])), axis]
            own = graph.node("Slice", [squared, *ends], f"own_{place}")
            nearest.append(graph.node("ReduceMin", [own], f"nearest_{place}", axes=[1], keepdims=1))
        precise_distance = graph.node("Sqrt", [graph.node("Concat", nearest, "nearest", axis=1)], "precise_distance")
        distance = graph.node("Cast", [precise_distance], "distance", to=graph.onnx.TensorProto.FLOAT)
        share = graph.node("Div", [distance, graph.constant("reach", self.arrays["reach"][None])], "share")
        inside = graph.node("Sub", [graph.constant("one", np.array(1.0, np.float32)), share], "inside")
        sharp = graph.node("Mul", [inside, graph.constant("sharp", np.array(SHARP, np.float32))], "sharpened")
        nothing = graph.node("Mul", [self._first(graph, sharp), graph.constant("zero", np.array(0.0, np.float32))], "nothing")
        graph.node("Concat", [sharp, nothing], "logits", axis=1)
        return graph.finished()

    @staticmethod
    def _first(graph: Distances, logits: str) -> str:
        """One column [b, 1] of finite numbers, for the zeros of "none"."""
        zero, one = graph.constant("zero_place", np.array([0])), graph.constant("one_place", np.array([1]))
        return graph.node("Slice", [logits, zero, one, one], "first")


def fit(settings: HDBSCAN, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Fit on encoded rows.

    Raises:
        TrainError: no dense group of rows was found.
    """
    rows = rows_of(examples, sizes, 2)
    smallest = settings.smallest if settings.smallest is not None else max(5, len(rows) // 100)
    library = require("sklearn.cluster", "train")
    names: list[int] = []
    if max(smallest, settings.neighbours or 0) <= len(rows):
        labels, names = _grouped(library, rows, smallest, settings.neighbours)
    if not names:
        raise TrainError(
            f"no group of {smallest} rows lies closer together than the rest",
            expected="at least one dense group",
            where="route hdbscan",
            remedy="Set a smaller smallest, or take kmeans.",
        )
    draw, points, reach = np.random.default_rng(seed), [], []
    for name in names:
        own = rows[labels == name]
        most = max(10, MOST_POINTS // len(names))
        kept = own if len(own) <= most else own[np.sort(draw.choice(len(own), most, replace=False))]
        points.append(kept)
        reach.append(_reach(own, kept))
    firsts = np.cumsum([0, *map(len, points)])
    return Fitted({"points": np.concatenate(points), "firsts": firsts, "reach": np.array(reach)}, sizes)


def _grouped(library: Any, rows: np.ndarray, smallest: int, neighbours: int | None) -> tuple[np.ndarray, list[int]]:
    """The group of each row (−1: none) and the groups there are. Where none stands out from the others, the dense part of all rows is
    the only one."""
    labels = np.full(len(rows), -1)
    for alone in (False, True):
        model = library.HDBSCAN(smallest, min_samples=neighbours, allow_single_cluster=alone, copy=True)
        labels = model.fit(rows.astype(np.float64)).labels_
        if (labels >= 0).any():
            break
    return labels, sorted(set(labels.tolist()) - {-1})


def _reach(own: np.ndarray, kept: np.ndarray) -> float:
    """Distance to the cluster up to which a row belongs to it."""
    neighbours = require("sklearn.neighbors", "train").NearestNeighbors(n_neighbors=min(2, len(kept))).fit(kept)
    distances = neighbours.kneighbors(own)[0][:, -1]
    return float(max(BEYOND * np.quantile(distances, COVERED), 1e-6))
