"""Predicted numbers against true ones: where they lie, how errors spread, and whether they drift with the size of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

POINTS, GROUPS = 400, 10
_QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def residuals(aligned: Mapping[str, np.ndarray], seed: int) -> dict[str, Any]:
    """The part "residuals" of evaluation.json; nothing where answers are not one number a row.

    Args:
        aligned: of `NumberTask.align`: "truth" and "value" [n].

    Returns:
        "points": at most 400 drawn pairs (true, predicted). "quantiles" of predicted − true. "groups": rows in ten parts by the
        predicted number, with their mean prediction, mean truth and mean size of the error.
    """
    truth, value = aligned.get("truth"), aligned.get("value")
    if truth is None or value is None or truth.ndim != 1 or value.ndim != 1 or truth.dtype.kind != "f":
        return {}
    miss = value - truth
    picked = np.sort(np.random.default_rng(seed).permutation(len(truth))[:POINTS])
    order = np.argsort(value, kind="stable")
    groups = [part for part in np.array_split(order, min(GROUPS, len(order))) if len(part)]
    return {
        "residuals": {
            "points": [[float(truth[place]), float(value[place])] for place in picked],
            "quantiles": {name: float(np.quantile(miss, share)) for name, share in _QUANTILES.items()},
            "groups": [
                {
                    "predicted": float(value[part].mean()),
                    "true": float(truth[part].mean()),
                    "error": float(np.abs(miss[part]).mean()),
                    "rows": len(part),
                }
                for part in groups
            ],
        }
    }
