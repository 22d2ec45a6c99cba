"""Figures of clusterings: how well rows lie in theirs, and how far clusters agree with names that people gave."""

from __future__ import annotations

import numpy as np

MOST_ROWS = 2_000
"""Rows that are compared with each other: all pairs of more would fill the memory."""


def silhouettes(rows: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """(b − a) / max(a, b) for each row (Rousseeuw 1987), −1 to 1.

    a: mean distance to the other rows of its cluster; b: the smallest mean distance to the rows of another. 0 for a row that is
    alone in its cluster; NaN for rows of none (−1), for rows beyond `MOST_ROWS` (evenly spread ones are compared), and
    everywhere if there are fewer than two clusters.

    Args:
        rows: float32 [n, d].
        clusters: int64 [n]; −1: none.
    """
    found = np.full(len(rows), np.nan)
    known = np.flatnonzero(clusters >= 0)
    if len(known) > MOST_ROWS:
        known = known[np.linspace(0, len(known) - 1, MOST_ROWS).astype(int)]
    names = np.unique(clusters[known])
    if len(names) < 2:
        return found
    points, own = rows[known].astype(np.float64), clusters[known]
    lengths = (points**2).sum(1)
    distances = np.sqrt(np.maximum(lengths[:, None] - 2 * points @ points.T + lengths, 0))
    np.fill_diagonal(distances, 0)
    sums = np.stack([distances[:, own == name].sum(1) for name in names], 1)
    counts = np.array([(own == name).sum() for name in names])
    place = np.searchsorted(names, own)
    everyone = np.arange(len(known))
    others = counts[place] - 1
    inner = sums[everyone, place] / np.maximum(others, 1)
    means = sums / counts
    means[everyone, place] = np.inf
    outer = means.min(1)
    found[known] = np.where(others > 0, (outer - inner) / np.maximum(np.maximum(inner, outer), 1e-12), 0.0)
    return found


def _counts(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How many rows have each pair of names."""
    _, left = np.unique(first, return_inverse=True)
    _, right = np.unique(second, return_inverse=True)
    table = np.zeros((left.max() + 1, right.max() + 1))
    np.add.at(table, (left, right), 1)
    return table


def adjusted_rand(first: np.ndarray, second: np.ndarray) -> float:
    """Agreement of two groupings, 1 if equal, 0 by chance (Hubert & Arabie 1985)."""

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    table = _counts(first, second)
    both, left, right, total = pairs(table), pairs(table.sum(1)), pairs(table.sum(0)), pairs(np.array(len(first)))
    expected = left * right / total if total else 0.0
    most = (left + right) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def mutual_information(first: np.ndarray, second: np.ndarray) -> float:
    """Normalised mutual information, 0 to 1: what one grouping tells of the other, by the mean of their entropies (Strehl & Ghosh
    2002; the arithmetic mean, as scikit-learn has it)."""
    shares = _counts(first, second) / len(first)
    left, right = shares.sum(1), shares.sum(0)

    def entropy(parts: np.ndarray) -> float:
        known = parts[parts > 0]
        return float(-(known * np.log(known)).sum())

    there = shares > 0
    told = float((shares[there] * np.log(shares[there] / np.outer(left, right)[there])).sum())
    mean = (entropy(left) + entropy(right)) / 2
    return 1.0 if mean == 0 else max(0.0, told / mean)
