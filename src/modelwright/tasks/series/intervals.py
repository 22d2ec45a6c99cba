"""Intervals that hold: each level's distance from the median is stretched until validation windows fall inside as often as stated.

Split conformal prediction on the quantiles' own width (Romano, Patterson, Candès 2019; Sesia & Candès 2020, CQR-m), by pairs of
levels and by step of the horizon. Validation windows overlap, so that they count for less than their number: a step's own factor is
drawn to that of all steps, and that one to 1 (the model's own quantiles), the more so the fewer horizons validation holds.
"""

from __future__ import annotations

import math

import numpy as np

OWN_WINDOWS = 30.0
"""Windows that do not overlap, at which a step's own factor weighs as much as that of all steps."""
WIDER_WINDOWS, NARROWER_WINDOWS = 2.0, 5.0
"""As many, at which the factor of all steps weighs as much as 1: a calm validation period is weaker evidence than a rough one."""
_THINNEST = 1e-6
_RANGE = (0.2, 5.0)


def stretch(truth_nh: np.ndarray, quantiles_nhq: np.ndarray, levels: tuple[float, ...], windows: float) -> np.ndarray:
    """Factors [h, q] for the distance of each level from the median; 1 for the median itself.

    Args:
        truth_nh: in the model's units; NaN where there is no value.
        quantiles_nhq: not stretched yet, in the same units.
        windows: how many windows do not overlap.
    """
    horizon, median = truth_nh.shape[1], levels.index(0.5)
    factors = np.ones((horizon, len(levels)))
    middle_nh = quantiles_nhq[..., median]
    for low in range(median):
        high = len(levels) - 1 - low
        below = (middle_nh - truth_nh) / np.maximum(middle_nh - quantiles_nhq[..., low], _THINNEST)
        above = (truth_nh - middle_nh) / np.maximum(quantiles_nhq[..., high] - middle_nh, _THINNEST)
        needed_nh = np.maximum(below, above)
        share = levels[high] - levels[low]
        everywhere = _quantile(needed_nh.ravel(), share)
        weight = windows / (windows + (WIDER_WINDOWS if everywhere > 1 else NARROWER_WINDOWS))
        everywhere = weight * everywhere + (1 - weight)
        own = windows / (windows + OWN_WINDOWS)
        for step in range(horizon):
            here = _quantile(needed_nh[:, step], share) if np.isfinite(needed_nh[:, step]).any() else everywhere
            factors[step, [low, high]] = np.clip(own * here + (1 - own) * everywhere, *_RANGE)
    return factors


def _quantile(needed: np.ndarray, share: float) -> float:
    """The smallest stretch that holds ⌈(n + 1) · share⌉ of n windows."""
    known = np.sort(needed[np.isfinite(needed)])
    return float(known[min(len(known), math.ceil((len(known) + 1) * share)) - 1]) if len(known) else 1.0
