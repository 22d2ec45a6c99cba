"""Capacity, build or buy, and what more data would bring."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modelwright.base.errors import SpecError
from modelwright.spec.compute import Api, Compute
from modelwright.venture import capacity, learning
from modelwright.venture.figures import Figure
from modelwright.venture.queueing import mean_wait_s
from modelwright.venture.route_choice import Way, api_cost_per_1000, break_even, choose, months_to_pay_back


def level(connections, throughput, spread=1.4, errors=0):
    middle = connections / throughput * 1000
    return {"connections": connections, "throughput": throughput, "p50_ms": middle, "p95_ms": middle * spread, "errors": errors}


LEVELS = [level(1, 90), level(4, 330), level(16, 425), level(64, 430), level(256, 200, errors=9)]
HOUR = Figure(0.2, "USD/h", "assumed")


def test_a_load_curve_gives_slots_and_service_time():
    server = capacity.fit([level(count, min(count, 8) / 0.01) for count in (1, 2, 4, 8, 16, 32)])
    assert server.slots == 8 and server.service_s == pytest.approx(0.01) and server.error < 1e-9 and server.saturated
    real = capacity.fit(LEVELS)
    assert real.capacity <= 430 * (1 + 1e-9) and real.error < 0.15
    assert not capacity.fit(LEVELS[:2]).saturated
    with pytest.raises(SpecError, match="1 of 2 load levels"):
        capacity.fit([LEVELS[0], LEVELS[-1]])


def test_the_replay_agrees_with_the_formula_of_the_waiting_line():
    """One slot and regular service: an M/D/1 line, whose mean wait is half of the M/M/1's."""
    server = capacity.Server(1, 0.01, 0.0, 0.0, 100.0, True)
    waits = capacity.replay(server, capacity.poisson(70, 200_000)) - 0.01
    assert waits.mean() == pytest.approx(mean_wait_s(1, 70, 0.01, service_variation=0.0), rel=0.05)
    assert capacity.replay(server, np.array([0.0, 0.0, 0.0])) == pytest.approx([0.01, 0.02, 0.03])


def test_the_capacity_plan():
    found = capacity.plan(LEVELS, 300e6, 60, HOUR, peak_to_mean=3, reserved_price_per_hour=0.12, hours=[1, 1, 2, 8, 9, 9, 6, 3])
    assert json.loads(json.dumps(found)) == found
    one, ten, hundred = found["scale"]
    assert [entry["factor"] for entry in found["scale"]] == [1, 10, 100]
    assert one["replicas"] <= ten["replicas"] <= hundred["replicas"]
    assert all(entry["response_ms"] <= 60 and entry["utilisation"] < 1 for entry in found["scale"])
    assert one["utilisation_mean"] == pytest.approx(one["utilisation"] / 3)
    assert hundred["cost_per_month"] == pytest.approx(hundred["replicas"] * 0.2 * 730.5)
    assert hundred["cost_per_1000"] < one["cost_per_1000"], "whole servers are better filled"
    assert any("never measured together" in reason for reason in hundred["extrapolated"])
    reserve = found["reserve"]
    assert reserve["cost_per_month"] <= min(reserve["all_rented"], reserve["all_reserved"])
    assert reserve["break_even"] == pytest.approx(0.6)


def test_reserve_what_runs_long_enough():
    found = capacity.reserve_or_rent([1, 1, 1, 3], rented=1.0, reserved=0.5)
    assert found["reserved"] == 1, "the second and third are needed a quarter of the time; half would be needed"
    assert found["cost_per_month"] == pytest.approx(730.5 / 4 * (4 * 0.5 + 2 * 1.0))
    with pytest.raises(SpecError):
        capacity.reserve_or_rent([], 1, 1)


def test_a_burst_in_a_trace_needs_more_than_the_formula_says():
    server = capacity.fit(LEVELS)
    even = capacity.replicas_for(server, 50, 0.1)["replicas"]
    burst = np.repeat(np.arange(0, 60, 1.0), 150)
    assert capacity.replicas_for(server, 50, 0.1, trace_s=burst)["replicas"] > even


@settings(max_examples=15, deadline=None)
@given(st.floats(10, 3000), st.floats(40, 400))
def test_more_demand_never_needs_fewer_servers(rate, target_ms):
    server = capacity.fit(LEVELS)
    first = capacity.replicas_for(server, rate, target_ms / 1000)["proposed"]
    assert capacity.replicas_for(server, rate * 2, target_ms / 1000)["proposed"] >= first >= rate / server.capacity


def test_impossible_capacity_is_refused():
    with pytest.raises(SpecError, match="an idle server takes") as caught:
        capacity.plan(LEVELS, 1e6, 5, HOUR, peak_to_mean=2)
    assert "compress" in caught.value.remedy
    with pytest.raises(SpecError, match="0 requests a month"):
        capacity.plan(LEVELS, 0, 60, HOUR, peak_to_mean=2)


API = {
    "name": "large model",
    "input": "2 USD",
    "cached_input": "0.5 USD",
    "output": "8 USD",
    "as_of": date(2026, 6, 1),
    "input_tokens": 1000,
    "cached_tokens": 600,
    "output_tokens": 50,
}


def test_the_price_of_a_bought_request():
    found = api_cost_per_1000(Api.model_validate(API), "USD", today=date(2026, 11, 22))
    assert found.value == pytest.approx((400 * 2 + 600 * 0.5 + 50 * 8) / 1e6 * 1000)
    assert found.basis == "assumed" and "2026-06-01" in found.note and "stale" not in found.note
    assert "stale: 19 months old" in api_cost_per_1000(Api.model_validate(API), "USD", today=date(2028, 1, 1)).note
    assert api_cost_per_1000(Api.model_validate(API), "CNY").basis == "fallback", "the exchange rate is a default"
    assert Compute.model_validate({"api": API}).api.cached_tokens == 600
    for wrong, said in (
        ({"cached_tokens": 2000}, "of at most input_tokens"),
        ({"price_fall": "40%"}, "per year"),
        ({"input": -1}, "greater than"),
    ):
        with pytest.raises(ValidationError, match=said):
            Api.model_validate({**API, **wrong})


def money(value, low=None, high=None):
    return Figure(value, "USD", "assumed", low, high)


def score(value, reach=0.01):
    return Figure(value, "macro-f1", "measured", value - reach, value + reach)


OWN = Way("finetune", "fine-tune", score(0.95), money(3000, 2000, 4000), money(0.1))
BOUGHT = Way("large model", "buy", score(0.955), money(0), money(1.5), price_fall=0.5)


def test_break_even_and_its_sensitivity():
    found = break_even(OWN, BOUGHT)
    assert found["requests"] == pytest.approx(3000 / 1.4 * 1000)
    assert found["low"] == pytest.approx(2000 / 1.4 * 1000) and found["high"] == pytest.approx(4000 / 1.4 * 1000)
    chosen = choose([OWN, BOUGHT], requests_per_month=200_000, months=36)
    (pair,) = chosen["break_even"]
    falls = [row["requests"] for row in pair["sensitivity"]]
    assert falls[0] < falls[1] < falls[2] < falls[3] and falls[3] == pytest.approx(3000 / (0.375 - 0.1) * 1000)
    assert break_even(OWN, BOUGHT, 0.95)["requests"] is None and "cost 0.1 of our own" in break_even(OWN, BOUGHT, 0.95)["reason"]
    assert pair["months"] is not None and pair["months"] > 3000 / 1.4 / 200, "falling prices put it off"
    assert months_to_pay_back(OWN, BOUGHT, 1000, 36) is None
    assert pair["equal_at_price"] == pytest.approx(0.1 + 3000 / (36 * 200_000) * 1000)
    assert json.loads(json.dumps(chosen)) == chosen


def test_only_equal_measured_quality_is_compared():
    worse = Way("tfidf", "build", score(0.80), money(10), money(0.001))
    unknown = Way("cheap service", "buy", None, money(0), money(0.0001))
    chosen = choose([OWN, BOUGHT, worse, unknown], 1e6)
    good = {row["name"]: row["as_good"] for row in chosen["ways"]}
    assert good == {"finetune": True, "large model": True, "tfidf": False, "cheap service": None}
    assert chosen["choice"] == "finetune"
    assert {(pair["own"], pair["bought"]): pair["as_good"] for pair in chosen["break_even"]}[
        ("finetune", "cheap service")
    ] is None
    assert choose([unknown], 1e6)["choice"] is None
    for wrong in (([], 1e6), ([OWN], 0)):
        with pytest.raises(SpecError):
            choose(*wrong)
    with pytest.raises(SpecError, match="costs in EUR and USD"):
        choose([OWN, Way("x", "buy", None, Figure(0, "EUR", "assumed"), Figure(1, "EUR", "assumed"))], 1e6)


def test_a_known_learning_curve_is_found_again():
    sizes = (250, 500, 1000, 2000, 4000)
    points = [(size, 0.97 - 2.0 * size**-0.5) for size in sizes]
    found = learning.more_data(points, "macro-f1", price_per_row=money(0.1), worth_per_point=money(1000))
    truth = 0.97 - 2.0 * 8000**-0.5
    assert found["then"][0] <= truth <= found["then"][2]
    assert found["then"][1] == pytest.approx(truth, abs=0.004)
    assert found["gain"][0] > 0 and found["gain"][1] == pytest.approx(2 * (4000**-0.5 - 8000**-0.5), abs=0.003)
    assert found["cost"] == pytest.approx(400) and found["worth_it"] is True
    assert json.loads(json.dumps(found)) == found
    curve = learning.fit(points)
    assert all(low <= middle <= high <= 1 for low, middle, high in (curve.at(size) for size in (*sizes, 8000)))


def test_a_metric_that_is_better_when_lower_falls_with_more_data():
    points = [(size, 3.0 + 40.0 * size**-0.5) for size in (250, 500, 1000, 2000, 4000)]
    found = learning.more_data(points, "rmse", best_possible=0.0, better="lower")
    truth = 3.0 + 40.0 * 8000**-0.5
    assert found["then"][0] <= truth <= found["then"][2]
    assert found["then"][1] < found["now"][1] and found["then"][1] == pytest.approx(truth, rel=0.05)
    assert 0 < found["gain"][0] <= found["gain"][1] <= found["gain"][2]
    assert found["points"][0] == {"rows": 250, "score": pytest.approx(points[0][1])}
    assert all(low <= high for low, high in zip(found["curve"]["p10"], found["curve"]["p90"], strict=True))


def test_scatter_widens_and_errors_weigh():
    smooth = [(500, 0.80), (1000, 0.86), (2000, 0.90)]
    rough = [(500, 0.80), (1000, 0.90), (2000, 0.89)]

    def width(points, **more):
        low, _, high = learning.fit(points, **more).at(4000)
        return high - low

    assert width(rough) > width(smooth)
    assert width(smooth, errors=[0.02] * 3) > width(smooth, errors=[0.002] * 3)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(100, 0.5), (200, 0.6)],
        [(100, 0.5), (100, 0.6), (100, 0.7)],
        [(1, 0.2), (2, 0.3), (3, 1.2)],
        [(0, 0.1), (1, 0.2), (2, 0.3)],
    ],
)
def test_too_little_is_no_curve(points):
    with pytest.raises(SpecError, match="learning curve has"):
        learning.fit(points)
    with pytest.raises(SpecError, match="a factor of 1"):
        learning.more_data([(1, 0.1), (2, 0.2), (3, 0.3)], "accuracy", factor=1)
