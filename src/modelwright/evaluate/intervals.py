"""Percentile bootstrap: how far a figure would move if other rows had been held out (Efron & Tibshirani 1993, chapter 13).

Every route is resampled with the same draws of the same rows, so that the draws of two routes are pairs: their differences
are the paired bootstrap (`paired.py`), and nothing needs to be scored again to compare routes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelwright.base.store import content_hash, writing

Score = Callable[[Mapping[str, np.ndarray]], dict[str, float]]
Figure = dict[str, float | None]
"""{"value", "low", "high"}; the bounds are None where no interval was made."""

LEVEL = 0.95


@dataclass(frozen=True)
class Draws:
    """A task's figures on the rows and on resamples of them.

    Args:
        values: each metric on all rows.
        resampled: each metric on every resample, shape (resamples,); NaN where a resample left it undefined.
        key: what the draws were made of (row ids, seed, number); draws with the same key are pairs.
    """

    values: Mapping[str, float]
    resampled: Mapping[str, np.ndarray]
    key: str

    def figures(self) -> dict[str, Figure]:
        """Each metric with its 95 % interval."""
        return {name: {"value": value, **bounds(self.resampled.get(name))} for name, value in self.values.items()}

    def save(self, path: Path) -> None:
        """Write as a numpy archive of plain arrays (no pickle)."""
        with writing(path):
            np.savez_compressed(
                path,
                key=np.array(self.key),
                names=np.array(list(self.resampled)),
                values=np.array([self.values[name] for name in self.resampled], dtype=np.float64),
                resampled=np.array(list(self.resampled.values()), dtype=np.float64),
            )

    @classmethod
    def load(cls, path: Path) -> Draws:
        with np.load(path, allow_pickle=False) as kept:
            names = [str(name) for name in kept["names"]]
            values = dict(zip(names, (float(value) for value in kept["values"]), strict=True))
            return cls(values, dict(zip(names, kept["resampled"], strict=True)), str(kept["key"]))


def draw(score: Score, aligned: Mapping[str, np.ndarray], row_ids: list[str], resamples: int, seed: int) -> Draws:
    """Score the rows, then `resamples` samples of as many rows drawn with replacement.

    Args:
        score: a task's `score`.
        aligned: a task's `align`: arrays whose first axis is the row.
        row_ids: the rows in their order; with seed and number they decide the draws.

    Raises:
        ValueError: there are no rows.
    """
    rows = len(row_ids)
    if rows == 0:
        raise ValueError("no rows to score")
    values = score(aligned)
    names = list(values)
    found = np.full((len(names), resamples), np.nan)
    generator = np.random.default_rng(seed)
    for column in range(resamples):
        picked = generator.integers(0, rows, rows)
        figures = score({name: array[picked] for name, array in aligned.items()})
        found[:, column] = [figures.get(name, np.nan) for name in names]
    key = content_hash(str(seed), str(resamples), *row_ids)
    return Draws(values, dict(zip(names, found, strict=True)), key)


def bounds(resampled: np.ndarray | None) -> Figure:
    """The central 95 % of the resamples on which the metric is defined; none where that is less than half of them."""
    if resampled is None:
        return {"low": None, "high": None}
    defined = resampled[~np.isnan(resampled)]
    if len(defined) < max(2, len(resampled) / 2):
        return {"low": None, "high": None}
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"low": float(low), "high": float(high)}
