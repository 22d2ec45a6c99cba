"""Figures of forecasts, vectorised. Shapes: n windows, h steps of the horizon, q quantile levels. NaN in `truth` is a step without
a value: it counts nowhere. All functions are pure."""

from __future__ import annotations

import numpy as np


def scaled_errors(truth_nh: np.ndarray, median_nh: np.ndarray, scale_n: np.ndarray) -> np.ndarray:
    """|y − ŷ| in units of the seasonal naive forecast's error on the training period: its mean is MASE (Hyndman & Koehler 2006)."""
    return np.abs(truth_nh - median_nh) / scale_n[:, None]


def symmetric_errors(truth_nh: np.ndarray, median_nh: np.ndarray) -> np.ndarray:
    """200 · |y − ŷ| / (|y| + |ŷ|), in per cent from 0 to 200, 0 where both are 0: its mean is sMAPE as in the M4 competition."""
    size = np.abs(truth_nh) + np.abs(median_nh)
    return np.where(
        size > 0, 200 * np.abs(truth_nh - median_nh) / np.where(size > 0, size, 1), np.where(np.isnan(size), np.nan, 0)
    )


def pinball(truth_nh: np.ndarray, quantiles_nhq: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """max(τ(y − v), (τ − 1)(y − v)), mean over the levels (Koenker & Bassett 1978): [n, h]."""
    distance = truth_nh[..., None] - quantiles_nhq
    return np.maximum(levels * distance, (levels - 1) * distance).mean(-1)


def inside(truth_nh: np.ndarray, low_nh: np.ndarray, high_nh: np.ndarray) -> np.ndarray:
    """1 where the value lies in its interval, 0 outside, NaN where there is no value."""
    return np.where(np.isnan(truth_nh), np.nan, (truth_nh >= low_nh) & (truth_nh <= high_nh))


def mean(values: np.ndarray) -> float | None:
    """Over everything that is defined; None if nothing is."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else None
