"""When it says 90 %, is it right nine times in ten? The bins of a reliability diagram (Guo et al. 2017, 1706.04599)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def reliability(probabilities: Sequence[float], right: Sequence[bool], bins: int = 15) -> list[dict[str, Any]]:
    """Bins of equal width (15, as in the expected calibration error) over the stated probability; empty ones are left out.

    Args:
        probabilities: of each answer, between 0 and 1.
        right: whether it was right.

    Returns:
        For each bin "low" (excluded, but for 0) and "high", the mean "confidence", the "accuracy" and the number of "rows".
    """
    stated, correct = np.asarray(probabilities, dtype=float), np.asarray(right, dtype=float)
    edges = np.linspace(0, 1, bins + 1)
    part = np.clip(np.searchsorted(edges, stated, side="left") - 1, 0, bins - 1)
    found = []
    for index in range(bins):
        where = part == index
        if where.any():
            found.append(
                {
                    "low": float(edges[index]),
                    "high": float(edges[index + 1]),
                    "confidence": float(stated[where].mean()),
                    "accuracy": float(correct[where].mean()),
                    "rows": int(where.sum()),
                }
            )
    return found
