"""`ets`: additive exponential smoothing, as one matrix.

    forecast: l + (φ + … + φʰ) b + s          e = y − (l + φ b + s)
    l ← l + φ b + α e      b ← φ b + β e      s ← s + γ e      (error-correction form, Hyndman et al. 2008, chapter 2)

With α, β, γ, φ fixed all of it is linear in the history, starting states included: level and slope come from the straight line
through the first two seasons, seasons from what that line misses in them. So the recursion runs once over unit vectors, and gives
the filter of `linear_forecast`. Parameters are those that miss least over the whole horizon on the training windows (mean absolute
error over all steps, as in the `amse` criterion of the same book's `ets`, which squares), found by Nelder–Mead from several starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Sizes
from modelwright.base.optional import require
from modelwright.models.linear_forecast import Fitted, assemble, inputs_of, targets_of

__all__ = ["Fitted", "Form", "fit", "smoothing_filter"]

_WINDOWS = 1500
"""Windows that parameters are sought on at most, spread evenly: they overlap, so that more tell little more."""
_OWN_WINDOWS = 40
_STEPS = 120
_SIMPLER = 0.01
"""Share of the error by which a larger form must be better than a smaller one."""


@dataclass(frozen=True)
class Form:
    """Which states there are: `trend` "none", "damped" or "full"; `season` in steps, 1 without seasons."""

    trend: str
    season: int

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that are sought, each between 0 and 1."""
        return ("alpha", *(("beta",) if self.trend != "none" else ()), *(("gamma",) if self.season > 1 else ())) + (
            ("phi",) if self.trend == "damped" else ()
        )


def smoothing_filter(form: Form, parameters: Sequence[float], history: int, horizon: int) -> np.ndarray:
    """float64 [history, horizon]: how much each past value counts in each forecast; columns sum to 1.

    Args:
        parameters: of `form.names`, each between 0 and 1: beta is a share of alpha, gamma of 1 − alpha, so that the recursion is
            stable; phi counts from 0.8 to 0.99.
    """
    given = dict(zip(form.names, parameters, strict=True))
    alpha = given["alpha"]
    beta, gamma = given.get("beta", 0.0) * alpha, given.get("gamma", 0.0) * (1 - alpha)
    phi = {"none": 0.0, "full": 1.0}.get(form.trend, 0.8 + 0.19 * given.get("phi", 0.0))
    level, slope, seasons = _start(form, history)
    for at in range(history):
        season = seasons[at % form.season]
        error = -(level + phi * slope + season)
        error[at] += 1.0
        level, slope = level + phi * slope + alpha * error, phi * slope + beta * error
        seasons[at % form.season] = season + gamma * error
    powers = np.cumsum(phi ** np.arange(1, horizon + 1))
    return np.stack([level + powers[h] * slope + seasons[(history + h) % form.season] for h in range(horizon)], 1)


def _start(form: Form, history: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level [history], slope [history] and seasons [season, history] before the first step, as weights of the history."""
    season = form.season
    first = min(history, max(2 * season, 8))
    weights, places = np.eye(history)[:first], np.arange(first, dtype=float)
    mean = weights.mean(0)
    slope = np.zeros(history)
    if form.trend != "none" and first >= 2 * season and first > 1:
        if season > 1:
            slope = (weights[season : 2 * season].mean(0) - weights[:season].mean(0)) / season
            mean = weights[: 2 * season].mean(0)
            places = places[: 2 * season]
        else:
            centred = places - places.mean()
            slope = centred @ weights / (centred @ centred)
    line = mean + np.outer(np.arange(first) - places.mean(), slope)
    seasons = np.zeros((season, history))
    if season > 1:
        missed = weights - line
        seasons = np.stack([missed[at::season].mean(0) if at < first else np.zeros(history) for at in range(season)])
        seasons -= seasons.mean(0)
    return mean - (places.mean() + 1) * slope, slope, seasons


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Parameters for all series together, and for each series with enough windows its own.

    Args:
        settings: the route: trend, seasonal, own.
        sizes: history, horizon, season, series, quantiles.
        seed: nothing is drawn; kept in the signature that fit routes share.
    """
    inputs, targets = inputs_of(examples), targets_of(examples)
    shared, count = _best(settings, sizes, inputs["history"], targets)
    filters = np.repeat(shared[None], sizes["series"] + 1, 0)
    numbers, windows = np.unique(inputs["series"], return_counts=True)
    richest = numbers[np.argsort(-windows, kind="stable")][: settings.own]
    if len(numbers) > 1:
        for number in richest.tolist():
            mine = inputs["series"] == number
            if mine.sum() >= _OWN_WINDOWS:
                filters[number], own = _best(settings, sizes, inputs["history"][mine], targets[mine])
                count += own
    return assemble(filters, examples, sizes["quantiles"], learned=count)


def _best(settings: Any, sizes: Sizes, histories: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, int]:
    """The filter that misses least, of the forms that are asked for, and how many parameters it has. Smaller forms come first: a
    larger one must be better by more than chance would make it."""
    season = sizes["season"]
    seasons = {"yes": [season], "no": [1], "auto": [1, season] if season > 1 else [1]}[settings.seasonal]
    trends = ["none", "damped", "full"] if settings.trend == "auto" else [settings.trend]
    step = max(1, len(histories) // _WINDOWS)
    histories, targets = histories[::step].astype(np.float64), targets[::step].astype(np.float64)
    best: tuple[float, np.ndarray, int] | None = None
    for form in (Form(trend, steps) for steps in seasons for trend in trends):
        error, filters = _sought(form, sizes, histories, targets)
        if best is None or error < best[0] * (1 - _SIMPLER):
            best = error, filters, len(form.names)
    assert best is not None
    return best[1], best[2]


def _sought(form: Form, sizes: Sizes, histories: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """The least mean absolute error over windows and steps, and its filter."""
    optimise = require("scipy.optimize", "train")

    def filters(parameters: np.ndarray) -> np.ndarray:
        return smoothing_filter(form, np.clip(parameters, 0.0, 1.0), sizes["history"], sizes["horizon"])

    def error(parameters: np.ndarray) -> float:
        outside = float(np.abs(parameters - np.clip(parameters, 0, 1)).sum())
        return float(np.abs(targets - histories @ filters(parameters)).mean()) * (1 + outside)

    found = min((_search(optimise.minimize, error, start, len(form.names)) for start in (0.1, 0.5)), key=lambda one: one[0])
    return found[0], filters(found[1])


def _search(
    minimise: Callable[..., Any], error: Callable[[np.ndarray], float], start: float, size: int
) -> tuple[float, np.ndarray]:
    options = {"maxfev": _STEPS * size, "xatol": 1e-3, "fatol": 1e-5}
    found = minimise(error, np.full(size, start), method="Nelder-Mead", options=options)
    return float(found.fun), np.asarray(found.x)
