"""Probabilities that mean what they say: learned on the validation split, after training, from the model's own answers.

Temperature scaling (Guo et al. 2017, 1706.04599) divides logits by one number and keeps their order. Isotonic regression (Zadrozny &
Elkan 2002) fits any rising function to each class and needs some hundred rows; it may tie rows that differed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from modelwright.tasks.measures.classification import indicators, softmax

Method = Literal["none", "temperature", "isotonic"]
_SMALLEST = 1e-6
_COOLEST, _HOTTEST = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Calibration:
    """A learned correction of probabilities [n, classes].

    Args:
        method: how.
        temperature: what logits are divided by.
        knots: for isotonic, of each class the stated and the true probability where its function bends.
    """

    method: Method = "none"
    temperature: float = 1.0
    knots: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()

    @classmethod
    def learn(cls, method: Method, chance_nc: np.ndarray, truth_n: np.ndarray) -> Self:
        """From stated probabilities and true class numbers."""
        if method == "temperature":
            return cls(method, temperature=_temperature(chance_nc, truth_n))
        if method == "isotonic":
            truth_nc = indicators(truth_n, chance_nc.shape[1])
            columns = range(1, 2) if chance_nc.shape[1] == 2 else range(chance_nc.shape[1])
            return cls(method, knots=tuple(_rising(chance_nc[:, column], truth_nc[:, column]) for column in columns))
        return cls()

    def apply(self, chance_nc: np.ndarray) -> np.ndarray:
        """Corrected probabilities; rows sum to 1."""
        if self.method == "temperature":
            return softmax(_logits(chance_nc) / self.temperature)
        if self.method == "isotonic":
            if len(self.knots) == 1:
                positive = _read(self.knots[0], chance_nc[:, 1])
                return np.stack([1 - positive, positive], 1)
            found = np.stack([_read(knots, chance_nc[:, column]) for column, knots in enumerate(self.knots)], 1)
            return found / found.sum(1, keepdims=True)
        return chance_nc

    def as_json(self) -> dict[str, Any]:
        return {"method": self.method, "temperature": self.temperature, "knots": [[list(x), list(y)] for x, y in self.knots]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        knots = tuple((tuple(map(float, x)), tuple(map(float, y))) for x, y in content["knots"])
        return cls(content["method"], float(content["temperature"]), knots)


def _logits(chance_nc: np.ndarray) -> np.ndarray:
    return np.log(np.clip(chance_nc, 1e-12, 1.0))


def _temperature(chance_nc: np.ndarray, truth_n: np.ndarray) -> float:
    """The temperature of least log loss, by golden-section search over its logarithm (the loss has one valley there)."""
    logits, everyone = _logits(chance_nc), np.arange(len(truth_n))

    def loss(power: float) -> float:
        chances = softmax(logits / np.exp(power))
        return float(-np.log(np.clip(chances[everyone, truth_n], 1e-12, 1)).mean())

    low, high = np.log(_COOLEST), np.log(_HOTTEST)
    while high - low > 1e-3:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2))


def _rising(stated_n: np.ndarray, true_n: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots of the least-squares rising step function through (stated, true), by pooling adjacent violators (Ayer et al. 1955);
    between blocks it is read linearly."""
    levels, place, counts = np.unique(stated_n, return_inverse=True, return_counts=True)  # equal ones are one point
    means = np.bincount(place, weights=true_n.astype(np.float64)) / counts
    blocks: list[list[float]] = []  # mean of true, rows, lowest and highest stated
    for stated, mean, rows in zip(levels.tolist(), means.tolist(), counts.tolist(), strict=True):
        blocks.append([mean, float(rows), stated, stated])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            later, last = blocks.pop(), blocks[-1]
            last[0] = (last[0] * last[1] + later[0] * later[1]) / (last[1] + later[1])
            last[1], last[3] = last[1] + later[1], later[3]
    x = tuple(edge for block in blocks for edge in block[2:4])
    y = tuple(min(max(block[0], _SMALLEST), 1 - _SMALLEST) for block in blocks for _ in range(2))
    return x, y


def _read(knots: tuple[tuple[float, ...], tuple[float, ...]], stated_n: np.ndarray) -> np.ndarray:
    return np.interp(stated_n, knots[0], knots[1])
