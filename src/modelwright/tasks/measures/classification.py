"""Figures of classification, vectorised. Definitions follow scikit-learn with `zero_division=0`; the tests compare them.

Shapes: n rows, c classes. `truth_nc` and `chosen_nc` are 0/1 indicator arrays, so that one label and several labels per row
share the same counts; `probability_nc` is between 0 and 1. All functions are pure.
"""

from __future__ import annotations

import numpy as np

BINS = 15
_SMALLEST = float(np.finfo(np.float64).eps)


def indicators(indices: np.ndarray, classes: int) -> np.ndarray:
    """[n] class indices as bool [n, c]."""
    return indices[:, None] == np.arange(classes)


def precision_recall_f1(truth_nc: np.ndarray, chosen_nc: np.ndarray, every: bool) -> dict[str, float]:
    """Macro precision, recall and F1, and micro F1.

    Args:
        every: average over all classes; otherwise only over those that occur in truth or answers (as scikit-learn does when
            each row has one label).
    """
    truth, chosen = truth_nc.sum(0, dtype=float), chosen_nc.sum(0, dtype=float)
    hits = (truth_nc & chosen_nc).sum(0, dtype=float)
    seen = slice(None) if every else (truth + chosen) > 0
    precision = np.divide(hits, chosen, out=np.zeros_like(hits), where=chosen > 0)[seen]
    recall = np.divide(hits, truth, out=np.zeros_like(hits), where=truth > 0)[seen]
    f1 = np.divide(2 * hits, truth + chosen, out=np.zeros_like(hits), where=truth + chosen > 0)[seen]
    both = truth.sum() + chosen.sum()
    return {
        "macro-f1": float(f1.mean()),
        "macro-precision": float(precision.mean()),
        "macro-recall": float(recall.mean()),
        "micro-f1": float(2 * hits.sum() / both) if both else 0.0,
    }


def roc_auc(truth_nc: np.ndarray, score_nc: np.ndarray) -> float | None:
    """One-versus-rest area under the ROC curve, mean over classes (Hand & Till 2001 discuss others); ties count one half.

    Returns:
        None unless every class has rows inside and outside it.
    """
    inside = truth_nc.sum(0)
    if len(truth_nc) == 0 or (inside == 0).any() or (inside == len(truth_nc)).any():
        return None
    areas = []
    for column in range(truth_nc.shape[1]):
        member = truth_nc[:, column]
        outside = np.sort(score_nc[~member, column])
        ours = np.sort(score_nc[member, column])  # sorted queries walk the sorted array in order: three times faster
        below = outside.searchsorted(ours, "left").sum() + outside.searchsorted(ours, "right").sum()
        areas.append(below / (2 * len(outside) * len(ours)))
    return float(np.mean(areas))


def calibration_error(confidence_n: np.ndarray, right_n: np.ndarray) -> float:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017): mean |accuracy − confidence| over 15 equally wide
    bins ((0, 1/15], …), weighted by rows."""
    bins = np.clip(np.ceil(confidence_n * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, weights=right_n - confidence_n, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence_n))


def log_loss(probability_of_truth: np.ndarray) -> float:
    """Mean negative logarithm (nats) of the probability given to what was true; probabilities are kept above 2.2e-16."""
    return float(-np.log(np.clip(probability_of_truth, _SMALLEST, 1.0)).mean())


def softmax(logits_nc: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, float64; any finite logits are safe."""
    shifted = logits_nc.astype(np.float64) - logits_nc.max(1, keepdims=True)
    grown = np.exp(shifted)
    return grown / grown.sum(1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(−x)), float64; any finite logits are safe."""
    small = np.exp(-np.abs(logits.astype(np.float64)))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)
