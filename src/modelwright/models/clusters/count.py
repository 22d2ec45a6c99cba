"""How many clusters? The number at which clusterings of different halves of the rows agree.

For each number k the model is fitted on pairs of subsamples, and both clusterings are compared on all rows by the adjusted Rand
index (Hubert & Arabie 1985): their mean agreement is k's stability (Ben-Hur, Elisseeff & Guyon 2002; von Luxburg 2010, 1007.1075).
Stability alone favours small numbers, so that of all numbers within one standard deviation of the most stable one the best
silhouette decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from modelwright.base.optional import require

PAIRS = 4
SHARE = 0.7
MOST_ROWS = 1_500
"""Rows that numbers are compared on: stability is a property of the data, not of their amount."""


@dataclass(frozen=True)
class Tried:
    """One number of clusters: stability with its deviation over pairs (1: both halves agree), and silhouette (−1 to 1)."""

    clusters: int
    stability: float
    deviation: float
    silhouette: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def choose(
    rows: np.ndarray, numbers: Sequence[int], assign: Callable[[np.ndarray, np.ndarray, int, int], np.ndarray], seed: int
) -> tuple[int, list[Tried]]:
    """The number of clusters, and what was measured of each.

    Args:
        rows: float32 [n, d].
        numbers: of clusters to compare, each at least 2.
        assign: (rows to fit on, rows to assign, clusters, seed) → int64 [rows to assign].
    """
    draw = np.random.default_rng(seed)
    if len(rows) > MOST_ROWS:
        rows = rows[draw.choice(len(rows), MOST_ROWS, replace=False)]
    measures = require("sklearn.metrics", "train")
    tried = []
    for clusters in numbers:
        agreed = []
        for pair in range(PAIRS):
            halves = [rows[draw.choice(len(rows), max(clusters, int(len(rows) * SHARE)), replace=False)] for _ in range(2)]
            both = [assign(half, rows, clusters, seed + pair) for half in halves]
            agreed.append(measures.adjusted_rand_score(*both))
        whole = assign(rows, rows, clusters, seed)
        several = len(set(whole.tolist())) > 1
        silhouette = float(measures.silhouette_score(rows, whole)) if several else -1.0
        tried.append(Tried(clusters, float(np.mean(agreed)), float(np.std(agreed)), silhouette))
    firmest = max(tried, key=lambda one: one.stability)
    near = [one for one in tried if one.stability >= firmest.stability - firmest.deviation]
    return max(near, key=lambda one: (one.silhouette, -one.clusters)).clusters, tried
