"""Figures of a decision between two: where its threshold may stand, and what it costs there. Pure, vectorised.

Shapes: n rows; `positive_n` bool, `score_n` the probability of the positive label.
"""

from __future__ import annotations

import numpy as np


def average_precision(positive_n: np.ndarray, score_n: np.ndarray) -> float | None:
    """Σ (recall_k − recall_{k−1}) · precision_k over falling thresholds, without interpolation; equal scores fall together.
    None without positive rows."""
    if not positive_n.any():
        return None
    order = np.argsort(-score_n)
    scores, hits = score_n[order], np.cumsum(positive_n[order])
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    precision, recall = hits[ends] / (ends + 1), hits[ends] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def threshold_at_specificity(positive_n: np.ndarray, score_n: np.ndarray, specificity: float) -> float | None:
    """The lowest threshold at which at least this share of the negative rows scores below it; None without negative rows.
    A row is called positive if its score is at least the threshold."""
    negative = score_n[~positive_n]
    if len(negative) == 0:
        return None
    passed = int(np.ceil(specificity * len(negative) - 1e-9))
    if passed == 0:
        return float(negative.min())
    return float(np.nextafter(np.partition(negative, passed - 1)[passed - 1], np.inf))


def sensitivity_at_specificity(positive_n: np.ndarray, score_n: np.ndarray, specificity: float) -> float | None:
    """Share of the positive rows that are found by the best threshold of at least this specificity; None without both kinds."""
    threshold = threshold_at_specificity(positive_n, score_n, specificity)
    if threshold is None or not positive_n.any():
        return None
    return float((score_n[positive_n] >= threshold).mean())


def brier(truth_nc: np.ndarray, probability_nc: np.ndarray) -> float:
    """Mean squared distance of probabilities and truth, summed over classes and halved: for two labels the score of Brier (1950)
    as it is commonly given, between 0 and 1."""
    return float(np.square(probability_nc - truth_nc).sum(1).mean() / 2)
