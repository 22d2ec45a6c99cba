"""Which uncertain input drives the answer? Variance-based (Sobol) indices, and the internal rate of return.

First-order indices by Saltelli et al. 2010, total ones by Jansen 1999, on scrambled Sobol points of twice the dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from modelwright.venture.draws import Input
from modelwright.venture.sobol import DIMENSIONS, points

Model = Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Indices:
    """Shares of an answer's variance, by input: alone (`first`) and with all interactions (`total`)."""

    first: Mapping[str, float]
    total: Mapping[str, float]


def sobol_indices(model: Model, inputs: Mapping[str, Input], draws: int = 4096, seed: int = 0) -> Indices:
    """How much of the variance of `model` each uncertain input explains. Inputs are drawn independently.

    Args:
        model: arrays of all inputs (one value per path) → one answer per path.
        draws: rows of each of the two matrices; the model sees draws · (inputs + 2) paths.

    Raises:
        ValueError: no uncertain input, more than 16, or an answer without variance.
    """
    names = [name for name, item in inputs.items() if item.uncertain]
    if not names or 2 * len(names) > DIMENSIONS:
        raise ValueError(f"{len(names)} uncertain inputs; from 1 to {DIMENSIONS // 2} can be told apart")
    even = points(draws, 2 * len(names), np.random.default_rng(seed))
    one = {name: inputs[name].quantiles(even[place]) for place, name in enumerate(names)}
    two = {name: inputs[name].quantiles(even[place + len(names)]) for place, name in enumerate(names)}
    sure = {name: np.full(draws, item.middle) for name, item in inputs.items() if not item.uncertain}
    at_one, at_two = model({**sure, **one}), model({**sure, **two})
    variance = float(np.var(np.concatenate([at_one, at_two])))
    if variance == 0:
        raise ValueError("the answer does not vary")
    first, total = {}, {}
    for name in names:
        mixed = model({**sure, **one, name: two[name]})
        first[name] = float(np.mean((at_two - at_two.mean()) * (mixed - at_one)) / variance)
        total[name] = float(np.mean((at_one - mixed) ** 2) / 2 / variance)
    return Indices(first, total)


def internal_rate(flows: Sequence[float]) -> float:
    """Rate per period at which the flows (the first now) are worth nothing, by bisection.

    Raises:
        ValueError: flows of one sign only, or that change sign more than once: they have no single rate.
    """
    signs = [np.sign(flow) for flow in flows if flow]
    changes = sum(one != other for one, other in pairwise(signs))
    if changes != 1:
        raise ValueError(f"the flows change sign {changes} times; one change gives one rate")

    def worth(rate: float) -> float:
        return sum(flow / (1 + rate) ** period for period, flow in enumerate(flows))

    low, high = -0.9999, 1.0
    while np.sign(worth(high)) == np.sign(worth(low)):
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if np.sign(worth(middle)) == np.sign(worth(low)):
            low = middle
        else:
            high = middle
    return (low + high) / 2
