"""Figures of ranked lists, cut after the first k places, against everything that was liked later.

Shapes: n questions, k places.
"""

from __future__ import annotations

import numpy as np


def discounts(places: int) -> np.ndarray:
    """1 / log₂(place + 1) for the places 1, 2, …, `places` (Järvelin & Kekäläinen 2002)."""
    return 1.0 / np.log2(np.arange(places) + 2.0)


def ndcg(hits_nk: np.ndarray, liked_n: np.ndarray) -> np.ndarray:
    """Discounted cumulative gain as a share of the best that is possible, for each question, 0 to 1.

    Args:
        hits_nk: whether the item at each place was liked later.
        liked_n: how many were liked later, at least 1; items that the catalogue lacks count, so that not knowing them costs.
    """
    places = hits_nk.shape[1]
    best = np.concatenate([[0.0], np.cumsum(discounts(places))])
    return (hits_nk * discounts(places)).sum(1) / best[np.minimum(liked_n, places)]


def recall(hits_nk: np.ndarray, liked_n: np.ndarray) -> np.ndarray:
    """Share of the later liked items that are among the places, for each question. With more liked items than places it can't
    reach 1 (some libraries divide by the smaller of both)."""
    return hits_nk.sum(1) / liked_n


def reciprocal_rank(hits_nk: np.ndarray) -> np.ndarray:
    """1 / place of the first hit, 0 without one, for each question."""
    first = hits_nk.argmax(1)
    return np.where(hits_nk.any(1), 1.0 / (first + 1.0), 0.0)


def self_information(counts: np.ndarray, users: int) -> np.ndarray:
    """−log₂ of the share of users who liked each item, in bits: how little an item can be known already (Zhou et al. 2010,
    PNAS 107). An item of no user counts as one of one user."""
    return -np.log2(np.maximum(counts, 1) / max(1, users))
