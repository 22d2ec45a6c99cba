"""Linear forecasts: the matrices say what the recursions say; parameters of made series come back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from modelwright.base.nouns import Row
from modelwright.models import arima, registry, series_again
from modelwright.models.arima import Orders, arima_filter
from modelwright.models.ets import Form, smoothing_filter
from modelwright.models.forecasting import season_shape
from modelwright.models.seasonal_naive import season_before
from modelwright.spec.routes.arima import ARIMA
from modelwright.spec.routes.ets import ETS
from modelwright.tasks.contract import get_task, routes_of
from modelwright.tasks.series.settings import Forecasting

TASK = get_task("time-series-forecasting")
DAY = 86_400.0


def smoothed(values: np.ndarray, alpha: float, beta: float, phi: float, level: float, slope: float, horizon: int) -> list[float]:
    """Holt's method as in its textbook form (Gardner & McKenzie 1985)."""
    for value in values:
        before, level = level, alpha * value + (1 - alpha) * (level + phi * slope)
        slope = beta * (level - before) + (1 - beta) * phi * slope
    return [level + sum(phi**power for power in range(1, step + 1)) * slope for step in range(1, horizon + 1)]


def test_the_filter_of_smoothing_is_the_recursion() -> None:
    values = np.random.default_rng(0).normal(10, 3, 40)
    share_alpha, share_beta, share_phi = 0.4, 0.3, 0.5
    phi = 0.8 + 0.19 * share_phi
    found = values @ smoothing_filter(Form("damped", 1), (share_alpha, share_beta, share_phi), 40, 6)
    places = np.arange(8.0)
    slope, constant = np.polyfit(places, values[:8], 1)
    expected = smoothed(values, share_alpha, share_beta, phi, constant - slope, slope, 6)
    # textbook beta is the error-correction form's beta over alpha, which is what the parameter is
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_without_trend_or_season_it_is_a_weighted_mean() -> None:
    weights = smoothing_filter(Form("none", 1), (0.3,), 12, 3)
    np.testing.assert_allclose(weights[-1], 0.3)
    np.testing.assert_allclose(weights[-2], 0.21)
    np.testing.assert_allclose(weights.sum(0), 1)
    assert (weights[:, 0] == weights[:, 2]).all()


@pytest.mark.parametrize("trend", ["none", "damped", "full"])
@pytest.mark.parametrize("season", [1, 4, 7])
def test_filters_keep_level_scale_and_pure_seasons(trend: str, season: int) -> None:
    form = Form(trend, season)
    weights = smoothing_filter(form, (0.2,) * len(form.names), 28, 9)
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-9)
    wave = np.tile(np.random.default_rng(1).normal(size=season), 40)
    np.testing.assert_allclose(wave[:28] @ weights, wave[28:37], atol=1e-9)
    line = 3.0 + 0.5 * np.arange(37)
    if trend == "full":
        np.testing.assert_allclose(line[:28] @ weights, line[28:], atol=1e-6)


def test_the_naive_filter_repeats_the_last_season() -> None:
    weights = season_before({"history": 10, "horizon": 6, "season": 4})
    np.testing.assert_array_equal(np.arange(10.0) @ weights, [6, 7, 8, 9, 6, 7])


def test_the_filter_of_arima_is_the_library_s_forecast() -> None:
    library = pytest.importorskip("statsmodels.tsa.statespace.sarimax")
    values = np.cumsum(np.random.default_rng(0).normal(0.1, 1, 50)) + 5 * np.sin(np.arange(50) * np.pi / 2)
    parameters = np.array([0.5, 0.3, 0.2, -0.6])
    model = library.SARIMAX(values, order=(1, 1, 1), seasonal_order=(1, 1, 1, 4), concentrate_scale=True)
    expected = model.filter(parameters, cov_type="none").forecast(8)
    weights = arima_filter(parameters, Orders((1, 1, 1), (1, 1, 1), 4), 50, 8)
    np.testing.assert_allclose(values @ weights, expected, rtol=1e-6)
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-6)


def windows(values: np.ndarray, horizon: int = 3, **learn: Any) -> list[Row]:
    """Training windows of one series of days."""
    records = [Row(str(day), {"time": day * DAY, "value": float(value)}) for day, value in enumerate(values)]
    third = len(records) * 3 // 4
    parts = {"train": records[:third], "validation": records[third : third + 20], "test": records[third + 20 :]}
    return TASK.arrange(parts, Forecasting.model_validate({"horizon": horizon, "frequency": "D", "season": 1, **learn}))["train"]


def test_windows_laid_together_are_the_series_again() -> None:
    values = 1e5 + np.cumsum(np.random.default_rng(0).normal(0, 1, 200))
    rows = windows(values, history=10)
    task = TASK.fit(rows, ETS())
    for some in (rows, rows[::4], rows[::-1]):
        (found,) = series_again.training_series(task.encode_many(some)).values()
        np.testing.assert_allclose(found, values[: len(found)], atol=1e-3)
    (holed,) = series_again.training_series(task.encode_many([rows[0], rows[60]])).values()
    first, last = (len(rows[number].values["history"]) for number in (0, 60))
    assert (first, last) == (2, 10)
    assert np.isnan(holed).sum() == 60 - 3 - last
    assert len(holed) == first + 60 + 3


def test_arima_finds_the_orders_of_made_series() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 1, 1300)
    stationary = np.zeros(1300)
    for at in range(1, 1300):
        stationary[at] = 0.8 * stationary[at - 1] + noise[at]
    for values, differences in ((50 + stationary, 0), (np.cumsum(noise), 1)):
        rows = windows(values, history=30)
        task = TASK.fit(rows, ARIMA())
        examples = task.encode_many(rows)
        series = series_again.training_series(examples)
        (found,) = (arima._best(one, ARIMA(), task.sizes, None) for one in series.values())
        assert found is not None
        assert found.orders.order[1] == differences
        if not differences:
            model = registry.fit(ARIMA(), task.sizes, examples, 0)
            pulled = model.pulls[0]  # type: ignore[attr-defined]
            np.testing.assert_allclose(pulled, 1 - 0.8 ** np.arange(1, 4), atol=0.08)
            assert model.levels[0] == pytest.approx(50, abs=1)  # type: ignore[attr-defined]
            assert model.pulls[1].sum() == 0  # type: ignore[attr-defined]  # of a series that was not seen, no level is known


def test_orders_can_be_given() -> None:
    values = 50 + np.cumsum(np.random.default_rng(1).normal(0, 1, 300))
    rows = windows(values)
    task = TASK.fit(rows, ARIMA())
    route = ARIMA(order=(0, 1, 0), seasonal="none")
    model = registry.fit(route, task.sizes, task.encode_many(rows), 0)
    expected = np.zeros((task.sizes["history"], 3))
    expected[-1] = 1
    np.testing.assert_allclose(model.filters[0], expected, atol=1e-6)  # type: ignore[attr-defined]
    assert model.parameters == 0


def test_smoothing_is_chosen_by_what_it_misses() -> None:
    generator = np.random.default_rng(0)
    walk = np.cumsum(generator.normal(0, 1, 400))
    rows = windows(walk)
    task = TASK.fit(rows, ETS())
    model = registry.fit(ETS(trend="none", seasonal="no"), task.sizes, task.encode_many(rows), 0)
    assert model.filters[0][-1, 0] > 0.85  # type: ignore[attr-defined]  # a random walk's best forecast is its last value
    noise = windows(5 + generator.normal(0, 1, 400))
    task = TASK.fit(noise, ETS())
    model = registry.fit(ETS(trend="none", seasonal="no"), task.sizes, task.encode_many(noise), 0)
    assert model.filters[0].max() < 0.15  # type: ignore[attr-defined]  # that of noise is its mean


@pytest.mark.parametrize(("history", "season"), [(24, 12), (26, 12), (30, 7), (5, 5), (9, 1)])
def test_networks_start_from_the_last_season_s_level_and_the_mean_shape(history: int, season: int) -> None:
    weights = season_shape({"history": history, "horizon": 8, "season": season})
    np.testing.assert_allclose(weights.sum(0), 1)
    values = np.random.default_rng(0).normal(size=history)
    whole = values[history % season :].reshape(-1, season) if season > 1 else values[-1:, None]
    shape = (whole - whole.mean(1, keepdims=True)).mean(0) + whole[-1].mean()
    np.testing.assert_allclose(values @ weights, shape[np.arange(8) % season])


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_quantiles_never_cross_and_start_as_the_fair_forecast(name: str) -> None:
    rows = TASK.exam_rows(0, "several-series")
    route = routes_of(TASK)[name](width=8)  # type: ignore[call-arg]
    task = TASK.fit(rows, route)
    module = registry.build(route, task.sizes, None).eval()
    inputs = task.collate(task.encode_many(rows)).inputs
    found = registry.outputs(module, inputs)
    np.testing.assert_allclose(found["quantiles"][..., 1], inputs["history"] @ season_shape(task.sizes), atol=1e-5)
    np.testing.assert_array_equal(found["window"], inputs["context"])
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
    assert (np.diff(registry.outputs(module, inputs)["quantiles"], axis=-1) > 0).all()
