"""The funnel by hand, and what investors compare."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from venture_plans import figure, planned, settings_of

MARKETING = {
    "channels": [
        {"name": "search", "spend": "1000 per month", "cost_per_visit": "2"},
        {"name": "partners", "spend": "600 per month", "acquisition_cost": "120"},
        {"name": "word of mouth", "visits": "500 per month"},
    ],
    "signup": "10%",
    "trial": "50%",
    "paid": "40%",
    "people": "400 per month",
}


def test_a_funnel_by_hand():
    """(500 + 500) visits · 2 % + 600 / 120 = 25 customers a month for 2,000."""
    found = planned(settings_of(marketing=MARKETING, customers={"acquisition_cost": None}))
    funnel = found["funnel"]
    assert funnel["customers"] == pytest.approx(25) and funnel["cost"] == pytest.approx(2000)
    assert [row["customers"] for row in funnel["channels"]] == pytest.approx([10, 5, 10])
    assert [row["visits"] for row in funnel["channels"]] == [500, None, 500]
    assert [row["cost_per_customer"] for row in funnel["channels"]] == pytest.approx([100, 120, 0])
    assert sum(row["share"] for row in funnel["channels"]) == pytest.approx(1)
    assert found["fan"]["customers"]["p50"][:2] == pytest.approx([125, 150])
    assert figure(found, "acquisition-cost")["value"] == pytest.approx(80)
    assert figure(found, "payback")["value"] == pytest.approx(80 / 22.425)
    assert found["statements"]["income"]["acquisition"] == pytest.approx([2000] * 12)
    assert found["cohorts"]["rows"][0]["joined"] == pytest.approx(25)


def test_those_who_come_by_growth_cost_the_stated_amount_and_the_funnel_what_is_spent():
    found = planned(settings_of(marketing=MARKETING, customers={"growth": "10% per month"}))
    assert found["statements"]["income"]["acquisition"][0] == pytest.approx(2000 + 10 * 40)


def test_a_funnel_without_its_steps_is_asked_for():
    found = planned(settings_of(marketing={**MARKETING, "signup": None, "people": None}))
    assert found["missing"] == ["venture.marketing.signup"]
    assert found["funnel"] == {} and "customers" not in found["fan"]
    assert "venture.marketing.people" in [row["key"] for row in found["asked"]]


@pytest.mark.parametrize(
    "channel, expected",
    [
        ({"visits": "5", "cost_per_visit": "2", "spend": "1"}, "one of visits"),
        ({"cost_per_visit": "2"}, "needs spend"),
        ({"acquisition_cost": "0", "spend": "5"}, "above 0"),
    ],
)
def test_channels_that_contradict_themselves_are_refused(channel, expected):
    with pytest.raises(ValidationError, match=expected):
        settings_of(marketing={"channels": [{"name": "one", **channel}]})


def test_two_ways_to_say_how_many_join_are_refused():
    with pytest.raises(ValidationError, match=r"either customers\.new or marketing"):
        settings_of(marketing=MARKETING, customers={"new": "5 per month"})


def test_retention_burn_and_growth_by_hand():
    """Revenue of staying customers: 1 + 2 % − 1 % − 3 % a month; burn of a year over revenue added times 12."""
    customers = {"expansion": "2% per month", "contraction": "1% per month", "churn": "3% per month", "growth": "10% per month"}
    team = [{"role": "engineer", "salary": "2000 per month", "count": 2}]
    found = planned(settings_of(customers=customers, team=team, months=24))
    assert figure(found, "net-revenue-retention")["value"] == pytest.approx(0.98**12)
    revenue, cash = found["fan"]["revenue"]["p50"], found["fan"]["cash"]["p50"]
    assert revenue[1] / revenue[0] == pytest.approx((108 + 108 * 0.98 + 10.7) / (100 + 108))  # 107 customers pay like 108
    assert figure(found, "burn-multiple")["value"] == pytest.approx(
        (10000 - cash[11]) / (12 * (revenue[11] - revenue[0])), rel=1e-4
    )
    last, before = sum(revenue[12:]), sum(revenue[:12])
    costs = sum(revenue[12:]) + sum(found["fan"]["net_burn"]["p50"][12:])
    assert figure(found, "rule-of-40")["value"] == pytest.approx(last / before - 1 + (last - costs) / last, rel=1e-4)


def test_a_discount_makes_lifetimes_worth_less():
    plain = figure(planned(settings_of()), "lifetime-value")
    later = figure(planned(settings_of(discount="12% per year")), "lifetime-value")
    rate = 1.12 ** (1 / 12)
    assert later["value"] == pytest.approx(22.425 * (1 - rate**-60) / (1 - 1 / rate))
    assert "not discounted" in plain["note"] and "not discounted" not in later["note"]


def test_a_venture_that_burns_nothing_has_no_burn_multiple_to_speak_of():
    found = planned(settings_of(team=[], customers={"growth": "5% per month"}))
    assert figure(found, "burn-multiple")["value"] == 0
    shrinking = planned(settings_of(customers={"churn": "5% per month"}))
    assert "burn-multiple" not in [item["name"] for item in shrinking["figures"]]
