"""Is one route better than another on the same rows, or is it luck of the draw?

P-values are plain: no correction for the number of routes. A correction would call more routes equally good, on no better
grounds, and what is decided with them is which routes may stand in for the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from modelwright.evaluate.files import draws_file, read_predictions
from modelwright.evaluate.intervals import LEVEL, Draws


@dataclass(frozen=True)
class Comparison:
    """Two routes on the same rows.

    Args:
        difference: first minus second, in the metric's unit.
        low, high: its 95 % interval.
        p_value: two-sided.
        test: "paired bootstrap" or "exact McNemar".
    """

    difference: float
    low: float
    high: float
    p_value: float
    test: str


def paired_bootstrap(first: Draws, second: Draws, metric: str) -> Comparison:
    """Paired bootstrap of the difference (Efron & Tibshirani 1993; Koehn 2004 for metrics that are no mean of rows).

    p = 2 · min(share of resamples with difference ≤ 0, share ≥ 0), with one resample added to each count, so that p is never
    0 and ties speak for no difference. Resamples that leave the metric undefined for either route are left out.

    Raises:
        ValueError: the draws are no pairs (other rows, other seed, other number of resamples).
    """
    if first.key != second.key:
        raise ValueError("these draws are not paired: rows, order, seed or number of resamples differ")
    differences = first.resampled[metric] - second.resampled[metric]
    differences = differences[~np.isnan(differences)]
    if len(differences) == 0:
        raise ValueError(f"{metric} is undefined on every resample")
    differences = np.where(np.abs(differences) < 1e-12, 0.0, differences)  # the same figure, summed in another order
    total = len(differences) + 1
    below, above = (np.count_nonzero(differences <= 0) + 1) / total, (np.count_nonzero(differences >= 0) + 1) / total
    low, high = np.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Comparison(
        difference=first.values[metric] - second.values[metric],
        low=float(low),
        high=float(high),
        p_value=float(min(1.0, 2 * min(below, above))),
        test="paired bootstrap",
    )


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Exact two-sided p of McNemar's test (1947): of the rows that only one route gets right, is the split a coin's?

    Args:
        first, second: whether each route is right, row by row, in the same order.

    Raises:
        ValueError: the sequences differ in length.
    """
    only_first = sum(left and not right for left, right in zip(first, second, strict=True))
    only_second = sum(right and not left for left, right in zip(first, second, strict=True))
    tosses, fewer = only_first + only_second, min(only_first, only_second)
    ways = tail = 1  # of no heads; whole numbers throughout, so that thousands of tosses stay exact
    for heads in range(fewer):
        ways = ways * (tosses - heads) // (heads + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**tosses)


def compare(first: Path, second: Path, split: str, metric: str) -> Comparison:
    """Two routes' evaluate folders, compared on one metric of one split: for the accuracy of single labels by McNemar's exact
    test, for everything else by the paired bootstrap.

    Raises:
        ValueError: the folders were not made of the same rows with the same seed.
    """
    drawn = paired_bootstrap(Draws.load(first / draws_file(split)), Draws.load(second / draws_file(split)), metric)
    if metric != "accuracy":
        return drawn
    right = [_right(folder, split) for folder in (first, second)]
    if any(row is None for rows in right for row in rows):
        return drawn
    exact = mcnemar([bool(row) for row in right[0]], [bool(row) for row in right[1]])
    return replace(drawn, p_value=exact, test="exact McNemar")


def _right(folder: Path, split: str) -> list[bool | None]:
    """Whether each row's label is right; None where the task answers with something else than one label."""
    rows = read_predictions(folder, split)
    return [row["label"] == row["truth"] if isinstance(row.get("truth"), str) and "label" in row else None for row in rows]
