"""Which label is taken for which?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_LABELS = 50
"""Labels shown at most, the most frequent first; the rest are counted together as `OTHERS`."""

OTHERS = "…"


def confusion(truths: Sequence[str], predicted: Sequence[str]) -> dict[str, Any]:
    """Counts of (truth, predicted).

    Returns:
        "labels", the most frequent truth first (labels that are only predicted come last); "counts", rows are truths and
        columns predictions, in the order of "labels".
    """
    seen = Counter(truths)
    labels = sorted({*truths, *predicted}, key=lambda label: (-seen[label], label))
    if len(labels) > MOST_LABELS:
        labels = [*labels[: MOST_LABELS - 1], OTHERS]
    place = {label: index for index, label in enumerate(labels)}
    rest = len(labels) - 1
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    rows = [place.get(label, rest) for label in truths]
    columns = [place.get(label, rest) for label in predicted]
    np.add.at(counts, (rows, columns), 1)
    return {"labels": labels, "counts": counts.tolist()}
