"""`arima`: seasonal ARIMA, fitted by statsmodels, answered by one matrix.

    (1 − Σ φᵢ Bⁱ)(1 − Σ Φⱼ Bʲᵐ)(1 − B)ᵈ(1 − Bᵐ)ᴰ (y − μ) = (1 + Σ θᵢ Bⁱ)(1 + Σ Θⱼ Bʲᵐ) e          (Box & Jenkins 1970)

Orders are found in small steps by AICc (Hyndman & Khandakar 2008), d by the KPSS test, D by the strength of seasons. With fixed
parameters the forecast is linear in the history: the Kalman filter runs once over each unit vector, and gives the matrix of
`linear_forecast`, exact for a history of that length (Durbin & Koopman 2012, chapter 4). A series that training did not see is
forecast by the matrix that misses least on all training windows.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.base.errors import TrainError
from modelwright.base.nouns import Example, Sizes
from modelwright.base.optional import require
from modelwright.models.linear_forecast import Fitted, assemble, inputs_of, targets_of
from modelwright.models.series_again import training_series

__all__ = ["Fitted", "Orders", "arima_filter", "fit"]

_LONGEST_SEASON = 24
"""Steps: the state of longer ones is too large to be fitted in seconds."""
_STRONG = 0.64  # of seasons, from which they are differenced (Wang, Smith, Hyndman 2006; as in the feasts package)
_KPSS = 0.463  # 5 % point of the KPSS test of a level
_MOST = 3
_TRIES = 12
"""Fits per series at most, while orders are sought."""


@dataclass(frozen=True)
class Orders:
    """(p, d, q)(P, D, Q) of a season of `season` steps."""

    order: tuple[int, int, int]
    seasonal: tuple[int, int, int]
    season: int

    @property
    def mean(self) -> bool:
        """Whether the series returns to a level: nothing is differenced."""
        return self.order[1] + self.seasonal[1] == 0


@dataclass(frozen=True)
class Model:
    """A fitted model: `parameters` as statsmodels orders them."""

    orders: Orders
    parameters: np.ndarray
    mean: float
    aicc: float


def arima_filter(parameters: np.ndarray, orders: Orders, history: int, horizon: int) -> np.ndarray:
    """float64 [history, horizon]: how much each past value's distance from the mean counts in each forecast.

    Args:
        parameters: as statsmodels orders them, of a model whose scale is concentrated out.
    """
    library = require("statsmodels.tsa.statespace.sarimax", "series")
    weights = np.zeros((history, horizon))
    season = (*orders.seasonal, orders.season) if sum(orders.seasonal) else (0, 0, 0, 0)
    for at, unit in enumerate(np.eye(history)):
        model = library.SARIMAX(unit, order=orders.order, seasonal_order=season, concentrate_scale=True)
        weights[at] = model.filter(parameters, cov_type="none").forecast(horizon)
    return weights


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """A model for each of the longest series, and the best of them for all others.

    Args:
        settings: the route: order, seasonal, own, steps.
        sizes: history, horizon, season, series, quantiles.
        seed: nothing is drawn; kept in the signature that fit routes share.

    Raises:
        TrainError: nothing can be fitted on any series.
    """
    found = training_series(examples)
    longest = sorted(found, key=lambda number: (-np.isfinite(found[number]).sum(), number))[: max(1, settings.own)]
    models: dict[int, Model] = {}
    shared: Orders | None = None
    for number in longest:
        values = found[number][-settings.steps :]
        values = values[int(np.argmax(np.isfinite(values))) :]
        if np.nanstd(values) > 0:
            model = _best(values, settings, sizes, shared)
            if model is not None:
                models[number] = model
                shared = model.orders if len(longest) > 5 else None  # many series: orders are sought once
    if not models:
        raise TrainError(
            "no ARIMA model can be fitted on any series",
            expected="a series that moves, of more steps than the orders need",
            where="route arima",
            remedy="Set order and seasonal yourself, like order: [1, 1, 1], or leave the route out.",
        )
    return _assembled(models, sizes, examples)


def _assembled(models: dict[int, Model], sizes: Sizes, examples: Sequence[Example]) -> Fitted:
    count, history, horizon = sizes["series"] + 1, sizes["history"], sizes["horizon"]
    filters, pulls, means = np.zeros((count, history, horizon)), np.zeros((count, horizon)), np.zeros(count)
    inputs, targets = inputs_of(examples), targets_of(examples)
    step = max(1, len(examples) // 2000)
    made = {number: arima_filter(one.parameters, one.orders, history, horizon) for number, one in models.items()}
    missed = {
        number: float(np.abs(targets[::step] - inputs["history"][::step] @ filters_lh).mean())
        for number, filters_lh in made.items()
    }
    general = min(missed, key=lambda number: (missed[number], number))
    filters[:] = made[general]  # of a series with another level it returns to that of the window, not to its own
    for number, filters_lh in made.items():
        filters[number], means[number] = filters_lh, models[number].mean
        pulls[number] = (1 - filters_lh.sum(0)) if models[number].orders.mean else 0.0
    learned = sum(len(model.parameters) + model.orders.mean for model in models.values())
    return assemble(filters, examples, sizes["quantiles"], learned, pulls=pulls, means=means)


def _best(values: np.ndarray, settings: Any, sizes: Sizes, shared: Orders | None) -> Model | None:
    """The model of least AICc, sought by changing one order at a time; None if none can be fitted."""
    if shared is not None and (found := _fitted(values, shared)) is not None:
        return found
    season = sizes["season"] if settings.seasonal != "none" and 1 < sizes["season"] <= _LONGEST_SEASON else 1
    if len(values) < 3 * season:
        season = 1
    seasonal_d = int(season > 1 and _strength(values, season) > _STRONG)
    plain = values[season:] - values[:-season] if seasonal_d else values
    d = 0
    while d < 2 - seasonal_d and _wanders(np.diff(plain, d)):
        d += 1
    start = Orders((1, d, 1), (int(season > 1), seasonal_d, int(season > 1)), season)
    if settings.order != "auto":
        start = Orders(tuple(settings.order), start.seasonal, season)
    if isinstance(settings.seasonal, tuple):
        start = Orders(start.order, tuple(settings.seasonal) if season > 1 else (0, 0, 0), season)
    tried: dict[Orders, Model | None] = {start: _fitted(values, start)}
    best = tried[start]
    around = start
    while len(tried) < _TRIES:
        better = False
        for orders in _neighbours(around, settings):
            if orders in tried or len(tried) >= _TRIES:
                continue
            tried[orders] = model = _fitted(values, orders)
            if model is not None and (best is None or model.aicc < best.aicc):
                best, around, better = model, orders, True
                break
        if not better:
            break
    return best


def _neighbours(orders: Orders, settings: Any) -> Iterator[Orders]:
    """Orders that differ by one in p or q (or in both), or in P or Q."""
    p, d, q = orders.order
    if settings.order == "auto":
        for more_p, more_q in ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (1, 1)):
            if 0 <= p + more_p <= _MOST and 0 <= q + more_q <= _MOST:
                yield Orders((p + more_p, d, q + more_q), orders.seasonal, orders.season)
    if settings.seasonal == "auto" and orders.season > 1:
        high_p, high_d, high_q = orders.seasonal
        for seasonal in ((1 - high_p, high_d, high_q), (high_p, high_d, 1 - high_q)):
            yield Orders(orders.order, seasonal, orders.season)


def _fitted(values: np.ndarray, orders: Orders) -> Model | None:
    """By maximum likelihood; None where that fails or gives parameters of no use."""
    library = require("statsmodels.tsa.statespace.sarimax", "series")
    season = orders.season if sum(orders.seasonal) else 0
    mean = float(np.nanmean(values)) if orders.mean else 0.0
    spread = float(np.nanstd(values)) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of starting values and of convergence: AICc judges what comes out
        try:
            model = library.SARIMAX(
                (values - mean) / spread,
                order=orders.order,
                seasonal_order=(*(orders.seasonal if season else (0, 0, 0)), season),
                simple_differencing=not np.isnan(values).any(),
                concentrate_scale=True,
            )
            if model.k_params:
                found = model.fit(disp=False, maxiter=50, method="lbfgs", cov_type="none")
            else:
                found = model.filter(np.zeros(0), cov_type="none")
        except (ValueError, IndexError, np.linalg.LinAlgError):  # too few steps for these orders, or a singular start
            return None
    if not np.isfinite(found.aicc) or not np.isfinite(found.params).all():
        return None
    return Model(
        orders,
        np.asarray(found.params, np.float64),
        mean,
        float(found.aicc),
    )


def _wanders(values: np.ndarray) -> bool:
    """Whether the KPSS test (Kwiatkowski et al. 1992) finds that the level does not stay: its statistic is beyond 5 %."""
    known = values[np.isfinite(values)]
    if len(known) < 8 or known.std() == 0:
        return False
    library = require("statsmodels.tsa.stattools", "series")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its table of p-values ends: the statistic is what is asked
        return bool(library.kpss(known, regression="c", nlags="legacy")[0] > _KPSS)


def _strength(values: np.ndarray, season: int) -> float:
    """Of seasons, 0 to 1: 1 − var(rest) / var(rest + season), with a moving mean as the trend (Wang, Smith, Hyndman 2006)."""
    places = np.arange(len(values))
    known = np.isfinite(values)
    filled = np.interp(places, places[known], values[known])
    weights = np.ones(season + 1)
    weights[[0, -1]] = 0.5
    if season % 2:
        weights = np.ones(season)
    half = len(weights) // 2
    bare = filled[half : len(filled) - half] - np.convolve(filled, weights / weights.sum(), "valid")
    means = np.array([bare[at::season].mean() for at in range(season)])
    rest = bare - means[np.arange(len(bare)) % season]
    return float(max(0.0, 1 - rest.var() / max(bare.var(), 1e-12)))
