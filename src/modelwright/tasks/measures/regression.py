"""Figures of predicted numbers, vectorised and pure. Shapes: n rows."""

from __future__ import annotations

import numpy as np

_TINY = 1e-12


def errors(truth_n: np.ndarray, value_n: np.ndarray) -> dict[str, float]:
    """r2 (coefficient of determination; left out where all truths are equal), rmse, mae, median-absolute-error, in the unit of
    the numbers, and mape (mean |error / truth|; left out where a truth is 0)."""
    miss = value_n - truth_n
    far = np.abs(miss)
    figures = {
        "rmse": float(np.sqrt(np.square(miss).mean())),
        "mae": float(far.mean()),
        "median-absolute-error": float(np.median(far)),
    }
    spread = float(np.square(truth_n - truth_n.mean()).sum())
    if spread > _TINY:
        figures["r2"] = 1 - float(np.square(miss).sum()) / spread
    if (np.abs(truth_n) > _TINY).all():
        figures["mape"] = float((far / np.abs(truth_n)).mean())
    return figures
