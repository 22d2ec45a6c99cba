"""Which uncertain input drives the answer? Variance-based (Sobol) indices, and the internal rate of return.

First-order indices by Saltelli et al. 2010, total ones by Jansen 1999, on scrambled Sobol points of twice the dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from modelwright.venture.draws import Z95, Input
from modelwright.venture.sobol import DIMENSIONS, points


class NoVarianceError(ValueError):
    """Nothing varies: there is no variance to share out."""


Model = Callable[[Mapping[str, np.ndarray]], np.ndarray]


MOST = DIMENSIONS // 2
"""Inputs whose shares can be told apart at once."""


@dataclass(frozen=True)
class Indices:
    """Shares of an answer's variance, by input: alone (`first`) and with all interactions (`total`), with the half-width of
    their 95 % intervals (`first_error`, `total_error`: as of independent draws, so rather too wide)."""

    first: Mapping[str, float]
    total: Mapping[str, float]
    first_error: Mapping[str, float]
    total_error: Mapping[str, float]


def sobol_indices(model: Model, inputs: Mapping[str, Input], draws: int = 4096, seed: int = 0) -> Indices:
    """How much of the variance of `model` each uncertain input explains. Inputs are drawn independently.

    Args:
        model: arrays of all inputs (one value per path) → one answer per path.
        draws: rows of each of the two matrices; the model sees draws · (inputs + 2) paths.

    Raises:
        ValueError: no uncertain input, more than 16, or an answer without variance.
    """
    names = [name for name, item in inputs.items() if item.uncertain]
    if not names or len(names) > MOST:
        raise ValueError(f"{len(names)} uncertain inputs; from 1 to {MOST} can be told apart")
    even = points(draws, 2 * len(names), np.random.default_rng(seed))
    one = {name: inputs[name].quantiles(even[place]) for place, name in enumerate(names)}
    two = {name: inputs[name].quantiles(even[place + len(names)]) for place, name in enumerate(names)}
    sure = {name: np.full(draws, item.middle) for name, item in inputs.items() if not item.uncertain}
    at_one, at_two = model({**sure, **one}), model({**sure, **two})
    variance = float(np.var(np.concatenate([at_one, at_two])))
    if variance == 0:
        raise NoVarianceError("the answer does not vary")
    parts: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name in names:
        mixed = model({**sure, **one, name: two[name]})
        parts[name] = (at_two - at_two.mean()) * (mixed - at_one) / variance, (at_one - mixed) ** 2 / 2 / variance
    half = Z95 / np.sqrt(draws)
    return Indices(
        *({name: float(both[kind].mean()) for name, both in parts.items()} for kind in (0, 1)),
        *({name: float(both[kind].std() * half) for name, both in parts.items()} for kind in (0, 1)),
    )


def plan_sensitivity(
    function: Model, inputs: Mapping[str, Input], *, of: str, unit: str, draws: int = 1024, seed: int = 0
) -> dict[str, Any]:
    """Sobol indices of one answer of the plan, for risks.json's "sensitivity".

    Args:
        function: arrays of all inputs (one value a path, or one for all) → one answer a path, finite.
        inputs: of the plan, by short name; drawn independently, because shares of variance mean nothing else.
        of, unit: what the answer is ("final-cash", "USD").

    Returns:
        {"of", "unit", "draws", "inputs": [{"key", "first", "first_error", "total", "total_error"}], "interactions", "left_out"}:
        the largest total share first; `interactions` is what no input explains alone; `left_out` are keys beyond the 16
        that move the answer most, held at their middle. Without an uncertain input, or where the answer does not vary, {}.
    """
    uncertain = [name for name, item in inputs.items() if item.uncertain]
    if not uncertain:
        return {}
    kept, left = _most_moving(function, inputs, uncertain)
    held = {name: item if name not in left else Input(item.key, item.middle, "size", item.basis) for name, item in inputs.items()}
    try:
        found = sobol_indices(function, held, draws, seed)
    except NoVarianceError:
        return {}
    rows: list[dict[str, Any]] = [
        {
            "key": inputs[name].key,
            "first": found.first[name],
            "first_error": found.first_error[name],
            "total": found.total[name],
            "total_error": found.total_error[name],
        }
        for name in sorted(kept, key=lambda name: -found.total[name])
    ]
    return {
        "of": of,
        "unit": unit,
        "draws": draws,
        "inputs": rows,
        "interactions": max(0.0, 1 - sum(row["first"] for row in rows)),
        "left_out": [inputs[name].key for name in left],
    }


def _most_moving(function: Model, inputs: Mapping[str, Input], uncertain: Sequence[str]) -> tuple[list[str], list[str]]:
    """The 16 inputs whose P10–P90 range moves the answer most, and the others."""
    if len(uncertain) <= MOST:
        return list(uncertain), []
    values = {name: np.full(2 * len(uncertain), float(item.middle)) for name, item in inputs.items()}
    for place, name in enumerate(uncertain):
        values[name][2 * place : 2 * place + 2] = inputs[name].quantiles(np.array([0.1, 0.9]))
    answers = function(values)
    moved = {name: abs(float(answers[2 * place + 1] - answers[2 * place])) for place, name in enumerate(uncertain)}
    order = sorted(uncertain, key=lambda name: -moved[name])
    return order[:MOST], order[MOST:]


def internal_rate(flows: Sequence[float]) -> float:
    """Rate per period at which the flows (the first now) are worth nothing, by bisection.

    Raises:
        ValueError: flows of one sign only, or that change sign more than once: they have no single rate.
    """
    signs: list[bool] = [flow > 0 for flow in flows if flow]
    changes = sum(1 for one, other in pairwise(signs) if one != other)
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
