"""Ranked lists place by place: what a list of one item is worth, of two, of three.

Only tasks that recommend give what is needed: "hits" [n, k], "liked" [n] and "known" [n] among the aligned arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.tasks.measures import ranking

NEEDED = ("hits", "liked", "known")


def by_places(aligned: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """{"ranking": …} with NDCG, recall and hit rate of the first 1, 2, … places, over users with a history, and how many questions
    there are; empty for other tasks, and where nobody has a history."""
    if not all(name in aligned for name in NEEDED):
        return {}
    warm = aligned["known"] > 0
    hits, liked = aligned["hits"][warm], aligned["liked"][warm]
    if not len(hits):
        return {}
    places = range(1, hits.shape[1] + 1)
    return {
        "ranking": {
            "rows": int(warm.sum()),
            "without_history": int((~warm).sum()),
            "places": list(places),
            "ndcg": [float(ranking.ndcg(hits[:, :most], liked).mean()) for most in places],
            "recall": [float(ranking.recall(hits[:, :most], liked).mean()) for most in places],
            "hit_rate": [float(hits[:, :most].any(1).mean()) for most in places],
        }
    }
