"""Decision trees whose leaves add up: evaluated, explained and exported, whoever grew them (boosting, forest).

A row goes left where feature ≤ threshold. Thresholds are rounded down to 32 bits: a 32-bit number is at most a 64-bit threshold exactly
if it is at most the next lower 32-bit one, so that decisions stay those of the library that grew the trees.

A split of categories into two sets is a feature of its own, appended to the others: −1 in the left set, 0 outside (`sets`).

Reasons are SHAP values along the trees' paths (Lundberg et al. 2020, 10.1038/s42256-019-0138-9, "path-dependent"). The Shapley value of
feature i in a leaf of value v is

    v · (o_i − z_i) · ∫₀¹ ∏_{j≠i} (t·o_j + (1 − t)·z_j) dt

over the features of its path: o whether the row meets its conditions, z the share of training rows that do so from node to node
(Owen 1972: the multilinear extension). The integrand is a polynomial in t, so that Gauss–Legendre quadrature is exact.

Shapes: b batch, d features, T trees, N nodes, L leaf entries, j conditions of a path, s columns, k scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.nouns import Outputs, Sizes
from modelwright.models import fitted_files
from modelwright.models.table_graph import TableGraph, answer, explained, features, sources, spread_scores

LEAF = -1


def rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """float64 → the largest float32 that is not above."""
    found = thresholds.astype(np.float32)
    return np.where(found.astype(np.float64) > thresholds, np.nextafter(found, np.float32(-np.inf)), found).astype(np.float32)


@dataclass(frozen=True)
class Trees:
    """All nodes of all trees, one after the other.

    Args:
        feature: int64 [N]; −1 in a leaf.
        threshold: float32 [N].
        left, right: int64 [N], places of nodes.
        value: float32 [N, k], what a leaf adds to the scores.
        cover: float32 [N], training rows (or their weight) that passed.
        roots: int64 [T].
        base: float32 [k], what is added to the sums.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    cover: np.ndarray
    roots: np.ndarray
    base: np.ndarray

    def leaves(self, features_bd: np.ndarray) -> np.ndarray:
        """The leaf that each row reaches in each tree: int64 [b, T]."""
        at = np.tile(self.roots, (len(features_bd), 1))
        while True:
            feature = self.feature[at]
            inner = feature != LEAF
            if not inner.any():
                return at
            goes_left = np.take_along_axis(features_bd, np.maximum(feature, 0), 1) <= self.threshold[at]
            at = np.where(inner, np.where(goes_left, self.left[at], self.right[at]), at)

    def scores(self, features_bd: np.ndarray) -> np.ndarray:
        """float64 [b, k]."""
        return self.value[self.leaves(features_bd)].sum(1, dtype=np.float64) + self.base


@dataclass(frozen=True)
class Paths:
    """Leaves with the conditions on their way, padded to the longest path with conditions that everybody meets (share 1).

    Args:
        feature: int64 [L, j].
        low, high: float32 [L, j]: low < feature ≤ high.
        share: float32 [L, j]: of the rows that reach the condition, those that meet it.
        value: float32 [L, k], what the leaf adds to the scores.
    """

    feature: np.ndarray
    low: np.ndarray
    high: np.ndarray
    share: np.ndarray
    value: np.ndarray


def paths(trees: Trees) -> Paths:
    """Every leaf, with its conditions; those on one feature are merged."""
    found: list[tuple[dict[int, tuple[float, float, float]], int]] = []
    for root in trees.roots.tolist():
        waiting: list[tuple[int, dict[int, tuple[float, float, float]]]] = [(root, {})]
        while waiting:
            at, way = waiting.pop()
            feature = int(trees.feature[at])
            if feature == LEAF:
                found.append((way, at))
                continue
            low, high, share = way.get(feature, (-np.inf, np.inf, 1.0))
            threshold, cover = float(trees.threshold[at]), float(trees.cover[at])
            for child, bounds in ((trees.left[at], (low, min(high, threshold))), (trees.right[at], (max(low, threshold), high))):
                waiting.append((int(child), {**way, feature: (*bounds, share * float(trees.cover[child]) / cover)}))
    longest = max((len(way) for way, _ in found), default=0) or 1
    shape = (len(found), longest)
    features = np.zeros(shape, np.int64)
    lows, highs, shares = np.full(shape, -np.inf, np.float32), np.full(shape, np.inf, np.float32), np.ones(shape, np.float32)
    for place, (way, _) in enumerate(found):
        for step, (name, (below, above, met)) in enumerate(way.items()):
            features[place, step] = name
            lows[place, step], highs[place, step], shares[place, step] = below, above, met
    return Paths(features, lows, highs, shares, trees.value[[at for _, at in found]])


def quadrature(longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1] that integrate polynomials of degree `longest` − 1 exactly."""
    nodes, weights = np.polynomial.legendre.leggauss((longest + 1) // 2)
    return (nodes + 1) / 2, weights / 2


def contributions(ways: Paths, features_bd: np.ndarray, source_d: np.ndarray, columns: int) -> np.ndarray:
    """SHAP values summed by column: float64 [b, s, k]."""
    scores = ways.value.shape[1]
    found = np.zeros((len(features_bd), columns, scores))
    share, places = ways.share.astype(np.float64), source_d[ways.feature].ravel()
    nodes, weights = quadrature(share.shape[1])
    for row, values in enumerate(features_bd):
        seen = values[ways.feature]
        meets = ((seen > ways.low) & (seen <= ways.high)).astype(np.float64)
        total = np.zeros_like(share)
        for node, weight in zip(nodes, weights, strict=True):
            factors = node * meets + (1 - node) * share
            total += weight * factors.prod(1, keepdims=True) / factors
        amounts = (meets - share) * total
        for score in range(scores):
            found[row, :, score] = np.bincount(places, (amounts * ways.value[:, [score]]).ravel(), columns)
    return found


class FittedTrees:
    """Trees as a fitted model.

    Args:
        trees: as grown.
        sizes: of the task.
        floor: for trees whose scores are probabilities, the least of them; None where scores are logits or numbers.
        sets: float32 [d, e], −1 where a one-hot feature is in the left set of an appended feature; default: none.
    """

    architecture = "trees"

    def __init__(self, trees: Trees, sizes: Sizes, floor: float | None = None, sets: np.ndarray | None = None) -> None:
        self.trees, self.sizes, self.floor = trees, dict(sizes), floor
        self.sets = np.zeros((len(sources(sizes)), 0), np.float32) if sets is None else sets

    @property
    def parameters(self) -> int:
        """Learned numbers: a threshold for each inner node, a value for each leaf."""
        inner = int((self.trees.feature != LEAF).sum())
        return inner + (len(self.trees.feature) - inner) * self.trees.value.shape[1]

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """What the graph computes, in numpy."""
        given = self.features(inputs)
        scores = self.trees.scores(given)
        return {**self._answer(scores), **explained(inputs, lambda: self.contributions(given), self.sizes)}

    def features(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """float32 [b, d + e]: those of the table, then those of the sets."""
        given = features(inputs, self.sizes)
        return np.concatenate([given, given @ self.sets], 1)

    @property
    def sources(self) -> np.ndarray:
        """Of each feature, the place of its column: int64 [d + e]."""
        own = sources(self.sizes)
        return np.concatenate([own, own[np.abs(self.sets).argmax(0)]]) if self.sets.shape[1] else own

    def _answer(self, scores_bk: np.ndarray) -> Outputs:
        if self.floor is None:
            return answer(scores_bk, self.sizes)
        chances = np.concatenate([1 - scores_bk, scores_bk], 1) if scores_bk.shape[1] == 1 else scores_bk
        return {"logits": np.log(np.clip(chances, self.floor, 1)).astype(np.float32)}

    def contributions(self, features_bd: np.ndarray) -> np.ndarray:
        """float64 [b, s, c]."""
        found = contributions(paths(self.trees), features_bd, self.sources, len(self.sizes["sources"]))
        return found @ spread_scores(self.sizes)

    def save(self, folder: Path) -> None:
        arrays = {field.name: getattr(self.trees, field.name) for field in fields(Trees)}
        fitted_files.save(folder, self.architecture, {**arrays, "sets": self.sets}, self.sizes, floor=self.floor)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: the file is missing or damaged.
        """
        arrays, sizes, more = fitted_files.load(folder, cls.architecture)
        return cls(Trees(**{field.name: arrays[field.name] for field in fields(Trees)}), sizes, more["floor"], arrays["sets"])

    def graph(self) -> Any:
        """An `onnx.ModelProto`; trees are one `TreeEnsembleRegressor`, SHAP values plain tensor operations."""
        graph = TableGraph(self.sizes)
        given = graph.features()
        if self.sets.shape[1]:
            graph.node("MatMul", [given, graph.constant("sets", self.sets)], "in_sets")
            given = graph.node("Concat", [given, "in_sets"], "features_and_sets", axis=1)
        graph.node("TreeEnsembleRegressor", [given], "scores", domain="ai.onnx.ml", **_attributes(self.trees))
        if self.floor is None:
            graph.answer("scores")
        else:
            self._log_chances(graph)
        graph.reasons(lambda: self._shap(graph, given))
        return graph.model("trees")

    def _log_chances(self, graph: TableGraph) -> None:
        chances = "scores"
        if len(self.trees.base) == 1:
            graph.node("Sub", [graph.constant("one", np.float32(1)), "scores"], "other")
            chances = graph.node("Concat", ["other", "scores"], "chances", axis=1)
        graph.node("Max", [chances, graph.constant("floor", np.float32(self.floor))], "chances_from_floor")
        graph.node("Min", ["chances_from_floor", graph.constant("ceiling", np.float32(1))], "chances_to_one")
        graph.node("Log", ["chances_to_one"], "logits")

    def _shap(self, graph: TableGraph, given: str) -> str:
        """Nodes that give [b, s, c]; the formula stands at the top of this file."""
        ways = paths(self.trees)
        longest, count = ways.feature.shape[1], len(self.sizes["sources"])
        constant, node = graph.constant, graph.node
        node("Gather", [given, constant("path_features", ways.feature.astype(np.int32))], "on_path", axis=1)
        node("Greater", ["on_path", constant("path_low", ways.low)], "above")
        node("LessOrEqual", ["on_path", constant("path_high", ways.high)], "below")
        node("And", ["above", "below"], "meets_both")
        node("Cast", ["meets_both"], "meets", to=graph.onnx.TensorProto.FLOAT)
        constant("path_share", ways.share)
        constant("score_places", np.array([2], np.int64))
        terms = []
        for number, (at, weight) in enumerate(zip(*quadrature(longest), strict=True)):
            node("Mul", ["meets", constant(f"node_{number}", np.float32(at))], f"met_{number}")
            node(
                "Add",
                [f"met_{number}", constant(f"rest_{number}", ((1 - at) * ways.share).astype(np.float32))],
                f"factors_{number}",
            )
            node("ReduceProd", [f"factors_{number}"], f"product_{number}", axes=[2], keepdims=1)
            node("Div", [f"product_{number}", f"factors_{number}"], f"others_{number}")
            terms.append(node("Mul", [f"others_{number}", constant(f"weight_{number}", np.float32(weight))], f"term_{number}"))
        node("Sum", terms, "integral")
        node("Sub", ["meets", "path_share"], "change")
        node("Mul", ["change", "integral"], "change_integral")
        node("Shape", ["explain"], "rows_asked")
        node("Concat", ["rows_asked", constant("columns", np.array([count], np.int64))], "totals_shape", axis=0)
        node("ConstantOfShape", ["totals_shape"], "no_amounts")
        found = [self._shap_of_score(graph, ways, score) for score in range(ways.value.shape[1])]
        by_score = node("Concat", found, "by_column_and_score", axis=2) if len(found) > 1 else found[0]
        return node("MatMul", [by_score, constant("reasons_to_logits", spread_scores(self.sizes))], "shap")

    def _shap_of_score(self, graph: TableGraph, ways: Paths, score: int) -> str:
        """Nodes that give [b, s, 1]: the leaves that add to one score, summed by column."""
        constant, node = graph.constant, graph.node
        mine = np.flatnonzero(ways.value[:, score])
        changes = "change_integral"
        if len(mine) < len(ways.value):
            node("Gather", [changes, constant(f"leaves_{score}", mine.astype(np.int32))], f"changes_{score}", axis=1)
            changes = f"changes_{score}"
        node("Mul", [changes, constant(f"leaf_values_{score}", ways.value[mine, score][:, None])], f"amounts_{score}")
        flat = np.array([0, mine.size * ways.feature.shape[1]], np.int64)
        node("Reshape", [f"amounts_{score}", constant(f"flat_{score}", flat)], f"amounts_flat_{score}")
        node("Shape", [f"amounts_flat_{score}"], f"amounts_shape_{score}")
        places = self.sources[ways.feature[mine]].reshape(1, -1).astype(np.int32)
        node("Expand", [constant(f"places_{score}", places), f"amounts_shape_{score}"], f"places_of_all_{score}")
        given = ["no_amounts", f"places_of_all_{score}", f"amounts_flat_{score}"]
        node("ScatterElements", given, f"by_column_{score}", axis=1, reduction="add")
        return node("Unsqueeze", [f"by_column_{score}", "score_places"], f"score_{score}")


def _attributes(trees: Trees) -> dict[str, Any]:
    """Of the ONNX operator: node ids count within each tree."""
    owner = np.zeros(len(trees.feature), np.int64)
    starts = [*trees.roots.tolist(), len(trees.feature)]
    for tree, (start, end) in enumerate(pairwise(starts)):
        owner[start:end] = tree
    first = trees.roots[owner]
    inner = trees.feature != LEAF
    leaf, score = np.nonzero(~inner[:, None] & np.ones_like(trees.value, bool))
    return {
        "n_targets": len(trees.base),
        "base_values": trees.base.tolist(),
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "nodes_treeids": owner.tolist(),
        "nodes_nodeids": (np.arange(len(owner)) - first).tolist(),
        "nodes_featureids": np.where(inner, trees.feature, 0).tolist(),
        "nodes_modes": np.where(inner, "BRANCH_LEQ", "LEAF").tolist(),
        "nodes_values": np.where(inner, trees.threshold, 0).tolist(),
        "nodes_truenodeids": np.where(inner, trees.left - first, 0).tolist(),
        "nodes_falsenodeids": np.where(inner, trees.right - first, 0).tolist(),
        "target_treeids": owner[leaf].tolist(),
        "target_nodeids": (leaf - first[leaf]).tolist(),
        "target_ids": score.tolist(),
        "target_weights": trees.value[leaf, score].tolist(),
    }
