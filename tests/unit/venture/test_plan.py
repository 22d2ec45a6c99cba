"""The plan: conservation, directions, honest gaps, and the figures of a small venture that can be checked by hand."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.spec.venture import Venture
from modelwright.venture.assumptions import gather
from modelwright.venture.draws import draw
from modelwright.venture.figures import Figure
from modelwright.venture.paths import simulate
from modelwright.venture.plan import _percentiles
from modelwright.venture.results import rank
from venture_plans import COMPUTE, TODAY, figure, planned, settings_of


def value(found, name):
    return figure(found, name)["value"]


def test_a_sure_venture_by_hand():
    """100 customers · (20 + 500 · 0.01) = 2,500 a month; computing 100 · 1.5 · 0.05 = 7.50; support 250; people 2,500;
    other 300: the cash falls by 557.50 a month, 10,000 lasts 17.9 months."""
    found = planned(settings_of())
    assert found["missing"] == []
    assert found["fan"]["revenue"]["p50"][0] == pytest.approx(2500)
    assert found["fan"]["net_burn"]["p90"][3] == pytest.approx(557.5)
    assert found["fan"]["cash"]["p10"][-1] == pytest.approx(10000 - 12 * 557.5)
    assert value(found, "runway") == ">12"
    assert value(found, "break-even-month") == ">12"
    assert value(found, "ruin-probability") == 0
    assert value(found, "gross-margin") == pytest.approx((2500 - 7.5 - 250) / 2500)
    assert found["unit"] == pytest.approx(
        {"price": 20, "requests": 1500, "revenue": 25, "compute": 0.075, "support": 2.5, "margin": 22.425}
    )
    assert value(found, "payback") == pytest.approx(40 / 22.425)
    assert value(found, "lifetime-value") == pytest.approx(22.425 * 60)
    longer = planned(settings_of(months=24))
    assert value(longer, "runway") == pytest.approx(10000 / 557.5, rel=1e-6)
    assert value(longer, "ruin-probability") == 1
    assert longer["sensitivity"]["inputs"] == []


def test_computing_is_billed_by_whole_machines_at_least_one():
    """One machine serves 40,000 requests a month when kept busy, 20,000 at half use; it costs 20 · 0.05 = 1 a month."""
    capacity = Figure(40_000, "requests/month", "measured")
    busy = planned(settings_of(), capacity=capacity)  # 150,000 requests: 8 machines
    assert value(busy, "machines") == 8
    assert busy["fan"]["net_burn"]["p50"][0] == pytest.approx(2500 + 300 + 250 + 8 * 1 - 2500)
    idle = planned(settings_of(customers={"start": 1}), capacity=capacity)
    assert value(idle, "machines") == 1
    assert idle["fan"]["net_burn"]["p50"][0] == pytest.approx(2500 + 300 + 2.5 + 1 - 25)
    by_request = planned(settings_of(customers={"start": 1}))
    assert "rehearse/throughput" in [item["key"] for item in by_request["asked"]]


def test_training_is_paid_in_the_first_month_and_people_when_they_start():
    team = [{"role": "founder", "salary": "0"}, {"role": "seller", "salary": "12000 per year", "start_month": 6}]
    found = planned(settings_of(team=team), training=Figure(100, "USD", "estimated"))
    burn = np.array(found["fan"]["net_burn"]["p50"])
    assert burn[0] - burn[1] == pytest.approx(100)
    assert np.diff(burn)[4] == pytest.approx(1250)
    assert np.count_nonzero(np.abs(np.diff(burn)) > 1e-6) == 2


def test_a_year_compounds_to_the_same_as_twelve_months():
    yearly = planned(settings_of(customers={"growth": "100% per year", "churn": "0%"}))
    assert yearly["fan"]["customers"]["p50"][11] == pytest.approx(200)
    lost = planned(settings_of(customers={"growth": "0%", "churn": "50% per year"}))
    assert lost["fan"]["customers"]["p50"][11] == pytest.approx(50)


def test_a_finite_market_is_never_passed():
    found = planned(settings_of(customers={"growth": "150% ± 20% per month", "market": 5000}, months=60))
    customers = np.array(found["fan"]["customers"]["p90"])
    assert customers[-1] == pytest.approx(5000, rel=1e-3)
    assert (customers <= 5000 * (1 + 1e-6)).all()


UNSURE = {
    "customers": {"growth": "12% ± 6% per month", "churn": "4% ± 2% per month", "requests": "1500 ± 800 per month", "start": 40},
    "other_costs": "300 ± 100 per month",
}


def simulated(venture, capacity=None):
    assumptions = gather(venture, COMPUTE, Figure(0.05, "USD", "fallback", 0.01, 0.06), None, capacity, TODAY)
    values = draw(assumptions.inputs, venture.paths, venture.seed)
    return simulate(assumptions, values, venture.months)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1e6), st.one_of(st.none(), st.floats(1e3, 1e7)))
def test_cash_is_conserved_every_month_in_every_path(seed, cash, capacity):
    found = simulated(
        settings_of(**UNSURE, seed=seed, cash=cash),
        Figure(capacity, "requests/month", "measured") if capacity else None,
    )
    before = np.vstack([np.full(found.cash_mp.shape[1], cash), found.cash_mp[:-1]])
    assert np.allclose(found.cash_mp, before + found.revenue_mp - found.costs_mp, rtol=1e-9, atol=1e-6)
    spent = sum(total for name, total in found.totals_p.items() if name != "revenue")
    assert np.allclose(spent, found.costs_mp.sum(axis=0)) and np.allclose(found.totals_p["revenue"], found.revenue_mp.sum(axis=0))


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 0.5), st.floats(0, 0.4), st.integers(0, 100))
def test_more_churn_never_raises_the_customers(churn, more, seed):
    def last(churn):
        customers = {**UNSURE["customers"], "churn": f"{churn:.6f} ± 0.01"}
        return simulated(settings_of(customers=customers, seed=seed)).customers_mp[-1]

    assert (last(churn + more) <= last(churn) * (1 + 1e-12)).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 5000), st.floats(1, 5000))
def test_runway_falls_as_burn_rises(costs, more):
    def runway(costs):
        return simulated(settings_of(**{**UNSURE, "other_costs": f"{costs:.4f}"}, months=36)).runway_months()

    assert (runway(costs + more) <= runway(costs)).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(1, 100), st.floats(1.1, 10))
def test_prices_scale(price, factor):
    def revenue(price):
        venture = settings_of(price={"plan": f"{price:.6f}", "overage": 0.0}, customers=UNSURE["customers"])
        return np.array(planned(venture)["fan"]["revenue"]["p50"])

    assert np.allclose(revenue(price * factor), factor * revenue(price), rtol=1e-4)


def test_the_same_seed_repeats_and_two_seeds_agree_within_one_percent():
    def middle(seed):
        found = planned(settings_of(**UNSURE, seed=seed, paths=10_000, months=36, cash=50_000))
        return found, [value(found, name) for name in ("gross-margin", "final-cash", "final-customers", "lifetime-value")]

    one, first = middle(1)
    again, _ = middle(1)
    assert one == again
    for seed in range(2, 6):
        assert middle(seed)[1] == pytest.approx(first, rel=0.01)
    assert 0 < figure(one, "final-cash")["error"] < 0.05 * abs(value(one, "final-cash"))


def test_a_large_plan_is_quick():
    capacity = Figure(5e6, "requests/month", "measured")
    venture = settings_of(**UNSURE, paths=100_000, months=60)
    start = time.process_time()
    planned(venture, capacity=capacity)
    assert time.process_time() - start < 4, "processor seconds, so that a busy machine does not decide; two cores: < 2 s"


@settings(max_examples=30, deadline=None)
@given(st.integers(100, 3000), st.integers(0, 2**32))
def test_the_fan_is_made_of_order_statistics(paths, seed):
    rows = np.random.default_rng(seed).normal(size=(3, paths)).astype(np.float32)
    fan = _percentiles(rows.copy().__getitem__, 3, paths)
    for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        assert fan[name] == pytest.approx(np.sort(rows, axis=1)[:, rank(share, paths)], rel=1e-5)


def test_two_seeds_of_a_large_plan_agree_in_every_month():
    """100,000 paths × 60 months: P50 of customers and revenue within 1 % of itself, of cash and burn within 1 % of the range."""
    capacity = Figure(5e6, "requests/month", "measured")
    one, two = (planned(settings_of(**UNSURE, paths=100_000, months=60, seed=seed), capacity=capacity) for seed in (1, 2))
    for name in ("customers", "revenue"):
        assert one["fan"][name]["p50"] == pytest.approx(two["fan"][name]["p50"], rel=0.01)
    for name in ("net_burn", "cash"):
        first, second = (np.array(found["fan"][name]["p50"]) for found in (one, two))
        width = np.array(one["fan"][name]["p90"]) - np.array(one["fan"][name]["p10"])
        assert np.all(np.abs(first - second) <= 0.01 * np.maximum(width, 1e-9))
    for item, other in zip(one["figures"], two["figures"], strict=True):
        if isinstance(item["value"], float):
            assert item["value"] == pytest.approx(other["value"], rel=0.01), item["name"]
    assert one["fan"]["customers"]["p50"][-1] == pytest.approx(value(one, "final-customers"), rel=1e-3)


def test_every_figure_has_basis_unit_and_note_and_is_json():
    found = planned(settings_of(**UNSURE), capacity=Figure(4e4, "requests/month", "measured"))
    for item in found["figures"]:
        assert item["basis"] in ("estimated", "assumed") and item["unit"] and item["note"]
        assert item["low"] is None or isinstance(item["value"], str) or item["low"] <= item["value"]
    assert figure(found, "compute-per-customer")["basis"] == "assumed"
    assert {item["basis"] for item in found["assumptions"]} == {"assumed", "estimated"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    names = [row["key"] for row in found["sensitivity"]["inputs"]]
    swings = [abs(row["at_high"] - row["at_low"]) for row in found["sensitivity"]["inputs"]]
    assert swings == sorted(swings, reverse=True)
    assert set(names) == {f"venture.customers.{name}" for name in ("growth", "churn", "requests")} | {"venture.other_costs"}


def test_a_fallback_marks_only_what_depends_on_it():
    found = planned(settings_of(payroll_load=None))
    assert figure(found, "runway")["basis"] == "fallback"
    assert figure(found, "gross-margin")["basis"] == "assumed"
    assert "venture.payroll_load" in [item["key"] for item in found["asked"]]


def test_missing_inputs_are_named_and_their_figures_stay_out():
    nothing = planned(None)
    assert nothing["missing"] == ["venture"] and nothing["figures"] == []
    empty = planned(Venture(), cost=None)
    assert set(empty["missing"]) == {
        "venture.price.plan",
        "venture.customers.growth",
        "venture.customers.churn",
        "venture.customers.requests",
        "venture.customers.start",
        "venture.cash",
        "venture.team",
        "rehearse/cost-per-1000",
    }
    assert empty["figures"] == [] and empty["fan"] == {}
    no_cash = planned(settings_of(cash=None))
    assert no_cash["missing"] == ["venture.cash"]
    names = {item["name"] for item in no_cash["figures"]}
    assert "gross-margin" in names and not names & {"runway", "final-cash", "ruin-probability", "break-even-month"}
    assert set(no_cash["fan"]) == {"customers", "revenue"}
    nobody = planned(settings_of(customers={"start": 0}))
    assert nobody["missing"] == ["venture.customers.new"]


def test_requests_that_nobody_stated_are_asked_for_and_all_included_ones_stand_in():
    found = planned(settings_of(customers={"requests": None}))
    assert found["missing"] == []
    assert next(item for item in found["asked"] if item["key"] == "venture.customers.requests")["zh"]
    assert found["unit"]["requests"] == 1000
    assert figure(found, "gross-margin")["basis"] == "fallback"


def test_contradictory_units_are_refused():
    with pytest.raises(SpecError, match="rehearse/cost-per-1000 is in EUR"):
        planned(settings_of(), cost=Figure(0.05, "EUR", "measured"))


def test_other_currencies_are_converted_and_said():
    found = planned(settings_of(price={"plan": "20 EUR per month"}, exchange={"EUR": 1.1}))
    assert found["unit"]["price"] == pytest.approx(22)
    assert figure(found, "revenue-per-customer")["basis"] == "assumed"
    by_table = planned(settings_of(price={"plan": "20 EUR per month"}))
    assert figure(by_table, "revenue-per-customer")["basis"] == "fallback"
