"""`ease`: embarrassingly shallow autoencoder (Steck 2019, 1905.03375).

    P = (XᵀX + λI)⁻¹    B = I − P / diag P    scores = x B + τ · trend

X [users, n] holds who liked what; B's diagonal is zero, so that no item predicts itself. Solving takes n³ operations and n²
numbers: seconds for 2,000 items, minutes for 20,000.

Shapes: b batch, n items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.errors import TrainError
from modelwright.base.nouns import Example, Sizes
from modelwright.models.item_scores import ItemScores, Step, matrix, popularity

MOST_ITEMS = 40_000
"""The square of this in 64 bits is 13 GB, twice over while it is inverted."""


class Fitted(ItemScores):
    """Item-to-item weights [n, n] and the trend [n]."""

    architecture = "ease"
    names = ("weights", "trend", "prior")

    def raw(self, profile_bn: np.ndarray) -> np.ndarray:
        return profile_bn @ self.arrays["weights"] + self.arrays["trend"]

    def steps(self) -> tuple[list[Step], dict[str, np.ndarray]]:
        return [("MatMul", ("profile", "weights"), "together", {}), ("Add", ("together", "trend"), "raw", {})], {}


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Solve.

    Args:
        settings: `strength` is λ, `trend` τ; with `even` a user's row is divided by (its number of items)^even, and λ is in that
            scale.
        seed: nothing is drawn; kept in the signature that fit routes share.

    Raises:
        TrainError: the catalogue is too large to be squared.
    """
    if sizes["items"] > MOST_ITEMS:
        raise TrainError(
            f"the catalogue has {sizes['items']:,} items, and ease keeps a number for each pair of them",
            expected=f"at most {MOST_ITEMS:,} items",
            where="route ease",
            remedy="Take als or two-tower instead, or raise learn.min_per_item.",
        )
    users = matrix(examples, sizes)
    users.data /= np.repeat(np.diff(users.indptr).astype(np.float64) ** settings.even, np.diff(users.indptr))
    together = (users.T @ users).toarray()
    together[np.diag_indices(len(together))] += settings.strength
    inverse = np.linalg.inv(together)
    weights = -inverse / np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0.0
    lately = settings.trend * popularity(examples, sizes, settings.half_life)
    return Fitted({"weights": weights, "trend": lately, "prior": _prior(settings, examples, sizes)}, sizes["excluded"])


def _prior(settings: Any, examples: Sequence[Example], sizes: Sizes) -> np.ndarray:
    """For users without a history: what is liked lately if the trend counts, else what was liked by most."""
    return popularity(examples, sizes, settings.half_life if settings.trend > 0 else None)
