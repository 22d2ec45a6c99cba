"""The ways to sell, counted by hand: tiers, migration, pay-per-use, advertising, licences, and what a price can be argued from."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modelwright.venture.pricing import best_price
from venture_plans import figure, planned, settings_of

TIERS = [
    {"name": "small", "plan": "10 per month", "share": 0.75, "included_requests": 1000, "overage": 0.02},
    {"name": "large", "plan": "90 per month", "share": 0.25, "requests": "20000 per month", "included_requests": 50000},
]


def sold(**price):
    """The sure venture with another price."""
    return planned(settings_of(replaced=("price",), price=price))


def test_tiers_by_their_shares():
    """0.75 · (10 + 500 · 0.02) + 0.25 · 90 = 37.50; requests 0.75 · 1,500 + 0.25 · 20,000 = 6,125."""
    found = sold(tiers=TIERS)
    assert found["unit"]["revenue"] == pytest.approx(37.5) and found["unit"]["requests"] == pytest.approx(6125)
    assert found["fan"]["revenue"]["p50"][0] == pytest.approx(3750)
    small, large = found["tiers"]
    assert (small["revenue"], large["revenue"]) == pytest.approx((20, 90))
    assert large["compute"] == pytest.approx(1.0) and large["margin"] == pytest.approx(90 - 9 - 1)
    for row in found["tiers"]:
        assert row["basis"] and row["note"] and row["revenue"] == pytest.approx(row["compute"] + row["support"] + row["margin"])
    assert "cannibalisation" not in [item["name"] for item in found["figures"]]
    assert "venture.price.tiers.0.share" in [row["key"] for row in found["assumptions"]]


def test_migration_moves_customers_and_says_what_it_costs():
    """A fifth of the large plan's customers take the small one: 0.05 · (80 − 17.925) less contribution."""
    found = sold(tiers=TIERS, migration=[{"from": "large", "to": "small", "share": 0.2}])
    assert [row["share"] for row in found["tiers"]] == pytest.approx([0.8, 0.2])
    large, small = 90 * 0.9 - 20 * 0.05, 20 * 0.9 - 1.5 * 0.05
    assert figure(found, "cannibalisation")["value"] == pytest.approx(0.05 * (large - small))


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_migration_conserves_customers(first, second):
    moves = [{"from": "small", "to": "large", "share": first}, {"from": "large", "to": "small", "share": second}]
    shares = [row["share"] for row in sold(tiers=TIERS, migration=moves)["tiers"]]
    assert sum(shares) == pytest.approx(1) and min(shares) >= 0


def test_usage_only():
    found = sold(per_request="0.004")
    assert found["missing"] == [] and found["unit"]["revenue"] == pytest.approx(6) and found["unit"]["price"] == 0
    assert [row["kind"] for row in found["tiers"]] == ["usage"]


def test_advertising_alone_and_with_free_users():
    """1,500 requests · 0.5 · 4/1000 = 3; or 20 free users · 30 requests · 0.5 · 4/1000 = 1.20 beside the plan."""
    alone = sold(advertising={"impressions": 0.5, "rpm": "4"})
    assert alone["missing"] == [] and alone["unit"]["revenue"] == pytest.approx(3)
    free = {"impressions": 0.5, "rpm": "4 USD", "free_users": "20", "free_requests": "30 per month"}
    mixed = sold(plan="20 per month", included_requests=5000, advertising=free)
    assert mixed["unit"]["revenue"] == pytest.approx(21.2) and mixed["unit"]["requests"] == pytest.approx(2100)
    assert [row["kind"] for row in mixed["tiers"]] == ["plan", "advertising"]


def test_licences_begin_after_their_sales_cycle():
    """Two contracts a month from the fourth on, worth 1,000 a month each; half of the first month's count in it."""
    large = {"contracts": "2 per month", "value": "12000 per year", "sales_cycle_months": 3, "churn": "0%"}
    found = sold(enterprise=large)
    assert found["missing"] == []
    assert found["fan"]["revenue"]["p50"][:5] == pytest.approx([0, 0, 0, 1000, 3000])
    assert {"venture.price.enterprise.requests", "venture.price.enterprise.acquisition_cost"} <= {
        r["key"] for r in found["asked"]
    }
    costly = sold(enterprise={**large, "acquisition_cost": "500", "requests": "10000 per month", "billed": "yearly"})
    rest = 100 * 1.5 * 0.05  # the customers still ask, though nothing is sold to them
    assert costly["fan"]["net_burn"]["p50"][2] == pytest.approx(2800 + rest)
    assert costly["statements"]["income"]["acquisition"][3] == pytest.approx(1000)
    assert costly["statements"]["cash_flow"]["deferred"][3] == pytest.approx(5500)


def test_break_even_customers_by_hand():
    """(2,500 + 300) / (25 · 0.9 − 0.075) customers pay for everything but winning new ones."""
    assert figure(planned(settings_of()), "break-even-customers")["value"] == pytest.approx(2800 / 22.425)


@pytest.mark.parametrize(
    "price, expected",
    [
        ({"plan": "5", "tiers": TIERS}, "one of plan, per_request and tiers"),
        ({"tiers": [{**TIERS[0], "share": 0.5}]}, "add up to 1"),
        ({"tiers": [TIERS[0], TIERS[0]]}, "names of their own"),
        ({"tiers": TIERS, "migration": [{"from": "large", "to": "huge", "share": 0.1}]}, "two different tiers"),
        ({"overage": 0.1}, "beside a plan"),
        ({"advertising": {"impressions": 1, "rpm": "4", "free_users": "3"}}, "together"),
        ({"per_request": "0.1 per month"}, "for each"),
        ({"per_request": "-0.1"}, "not negative"),
    ],
)
def test_prices_that_contradict_themselves_are_refused(price, expected):
    with pytest.raises(ValidationError, match=expected):
        sold(**price)


def test_prices_argued_from_cost_value_competitors_and_willingness():
    """Cost 0.075 / (1 − 0.1 − 0.6) = 0.25; value 300 · 0.2 = 60; best of 100 − p: 50."""
    found = planned(
        settings_of(
            pricing={
                "target_margin": 0.6,
                "customer_saving": "300 per month",
                "value_share": 0.2,
                "competitors": [
                    {"name": "Old", "price": "30 per month", "as_of": "2024-01-01", "source": "their page"},
                    {"name": "New", "price": "50 EUR per month", "as_of": "2026-10-01"},
                ],
                "willingness": [{"price": 0, "share": 1}, {"price": 100, "share": 0}],
            },
            exchange={"EUR": 1.2},
        )
    )["pricing"]
    ways = {way["name"]: way for way in found["ways"]}
    assert ways["cost"]["value"] == pytest.approx(0.25)
    assert ways["value"]["value"] == pytest.approx(60)
    assert (ways["competitors"]["low"], ways["competitors"]["high"]) == pytest.approx((30, 60))
    assert "stale" in ways["competitors"]["note"] and "Old" in ways["competitors"]["note"]
    assert ways["willingness"]["value"] == pytest.approx(50)
    assert (ways["willingness"]["low"], ways["willingness"]["high"]) == pytest.approx(
        (50 - 50 * 0.05**0.5, 50 + 50 * 0.05**0.5), abs=0.1
    )
    assert found["suggested"]["low"] == pytest.approx(45) and found["suggested"]["high"] == pytest.approx(60)
    assert found["current"] == 20 and found["asked"] == []
    assert json.loads(json.dumps(found)) == found


def test_pricing_that_is_not_stated_is_asked_for_and_a_floor_above_the_ceiling_said():
    nothing = planned(settings_of())["pricing"]
    assert nothing["ways"] == [] and nothing["suggested"] is None
    assert set(nothing["asked"]) == {
        f"venture.pricing.{name}" for name in ("target_margin", "customer_saving", "value_share", "competitors", "willingness")
    }
    poor = planned(settings_of(pricing={"target_margin": 0.6, "customer_saving": "0.5 per month", "value_share": 0.2}))["pricing"]
    assert poor["suggested"]["low"] is None and "no price covers the cost" in poor["suggested"]["note"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.1, 500), st.floats(0, 1)), min_size=2, max_size=8, unique_by=lambda point: round(point[0], 1))
)
def test_no_stated_price_earns_more_than_the_best(points):
    prices = sorted(price for price, _ in points)
    asked = list(zip(prices, sorted((share for _, share in points), reverse=True), strict=True))
    price, share = best_price(asked)
    assert price * share >= max(p * s for p, s in asked) - 1e-12
    assert prices[0] <= price <= prices[-1] and 0 <= share <= 1
