"""From what is measured of passages to a ranked list of documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.tasks.search.dense import Dense, best
from modelwright.tasks.search.lexical import Lexical

DEPTH = 200
"""Passages looked at of each list, and at least three for each document asked for."""
FUSED = 60.0
"""k of reciprocal rank fusion, as in its paper."""


@dataclass(frozen=True)
class Ranked:
    """Passages, the best first.

    Args:
        places: int64 [n], numbers in the collection.
        scores: float64 [n], falling.
        cosines: float [n], or None without vectors.
        shares: float [n], BM25 as a share of the highest that the question allows; None without words.
    """

    places: np.ndarray
    scores: np.ndarray
    cosines: np.ndarray | None
    shares: np.ndarray | None

    @property
    def features(self) -> np.ndarray:
        """[n, f]: what is known of each passage beside its place in the list."""
        return np.stack([part for part in (self.cosines, self.shares) if part is not None], axis=1).astype(np.float64)


def rank(
    dense: Dense | None, lexical: Lexical | None, vector: np.ndarray | None, question: np.ndarray | None, wanted: int
) -> Ranked:
    """Passages by cosine, by BM25, or by both through reciprocal rank fusion (Cormack, Clarke & Büttcher 2009): Σ 1 / (60 + place)
    over the lists that hold the passage. A passage without any of the question's words is in no list of words.

    Args:
        vector, question: of the question: its embedding, and its terms' numbers.
        wanted: documents asked for.
    """
    depth = max(DEPTH, 3 * wanted)
    lists: list[tuple[np.ndarray, np.ndarray]] = []
    words = None
    if dense is not None and vector is not None:
        lists.append(dense.nearest(vector, depth))
    if lexical is not None and question is not None:
        words = lexical.scores(question)
        places, scores = best(words, depth)
        lists.append((places[scores > 0], scores[scores > 0]))
    places, scores = lists[0] if len(lists) == 1 else _fused([found for found, _ in lists])
    cosines = dense.cosines(vector, places) if dense is not None and vector is not None else None
    shares = None
    if words is not None and lexical is not None and question is not None:
        shares = words[places] / max(lexical.highest(question), 1e-9)
    return Ranked(places, scores.astype(np.float64), cosines, shares)


def _fused(lists: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    sums: dict[int, float] = {}
    for places in lists:
        for place, number in enumerate(places.tolist(), 1):
            sums[number] = sums.get(number, 0.0) + 1.0 / (FUSED + place)
    order = sorted(sums, key=lambda number: (-sums[number], number))
    return np.array(order, np.int64), np.array([sums[number] for number in order], np.float64)
