"""How sure a search is that its best passage answers: a logistic regression on what it measures of the passage.

It is fitted on questions that were held out. A passage that belongs to its question teaches "answers"; the best passage that does not
belong teaches "answers not": it is what would be shown if the collection lacked the answer. Both weigh the same, so that ½ is the
threshold at which either error is equally likely.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST = 10
"""Of each kind; fewer teach nothing that holds."""
_PENALTY, _STEPS = 1.0, 50


class Confidence:
    """p = sigmoid(weights · standardised features + bias).

    Args:
        centre, spread: of each feature.
        weights, bias: of the standardised features.
    """

    def __init__(self, centre: Sequence[float], spread: Sequence[float], weights: Sequence[float], bias: float) -> None:
        self.centre, self.spread = np.asarray(centre, np.float64), np.asarray(spread, np.float64)
        self.weights, self.bias = np.asarray(weights, np.float64), float(bias)

    @classmethod
    def fit(cls, right: np.ndarray, wrong: np.ndarray) -> Confidence | None:
        """From features [n, f] of passages that answer and of such that don't; None if either are fewer than `LEAST`."""
        if min(len(right), len(wrong)) < LEAST:
            return None
        features = np.concatenate([right, wrong]).astype(np.float64)
        labels = np.concatenate([np.ones(len(right)), np.zeros(len(wrong))])
        shares = np.concatenate([np.full(len(right), 0.5 / len(right)), np.full(len(wrong), 0.5 / len(wrong))]) * len(labels)
        centre, spread = features.mean(0), np.maximum(features.std(0), 1e-6)
        design = np.concatenate([(features - centre) / spread, np.ones((len(labels), 1))], axis=1)
        ridge = np.eye(design.shape[1]) * _PENALTY
        ridge[-1, -1] = 1e-9
        found = np.zeros(design.shape[1])
        for _ in range(_STEPS):  # Newton's method; the penalty keeps separable data finite
            chance = _sigmoid(design @ found)
            slope = design.T @ (shares * (labels - chance)) - ridge @ found
            curve = design.T @ (design * (shares * chance * (1 - chance))[:, None]) + ridge
            step = np.linalg.solve(curve, slope)
            found += np.clip(step, -2.0, 2.0)
            if np.abs(step).max() < 1e-9:
                break
        return cls(centre.tolist(), spread.tolist(), found[:-1].tolist(), float(found[-1]))

    def of(self, features: np.ndarray) -> np.ndarray:
        """Probabilities [n] of features [n, f]."""
        return _sigmoid((features - self.centre) / self.spread @ self.weights + self.bias)

    def as_json(self) -> dict[str, object]:
        rest = {"centre": self.centre.tolist(), "spread": self.spread.tolist(), "weights": self.weights.tolist()}
        return {**rest, "bias": self.bias}


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0)))
