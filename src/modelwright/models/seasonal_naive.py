"""`seasonal-naive`: each step as it was one season before; the last value, where there is no season. What others must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Sizes
from modelwright.models.linear_forecast import Fitted, assemble

__all__ = ["Fitted", "fit", "season_before"]


def season_before(sizes: Sizes) -> np.ndarray:
    """The filter: float64 [history, horizon] with a single 1 in each column."""
    history, horizon, season = sizes["history"], sizes["horizon"], sizes["season"]
    filters = np.zeros((history, horizon))
    filters[history - season + np.arange(horizon) % season, np.arange(horizon)] = 1.0
    return filters


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Only the intervals are learned.

    Args:
        settings: the route; it has none of its own.
        sizes: history, horizon, season, series, quantiles.
        seed: nothing is drawn; kept in the signature that fit routes share.
    """
    filters = np.repeat(season_before(sizes)[None], sizes["series"] + 1, 0)
    return assemble(filters, examples, sizes["quantiles"], learned=0)
