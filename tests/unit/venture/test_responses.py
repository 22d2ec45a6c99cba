"""What a response buys, alarms from live figures, and which input matters most."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from modelwright.base.errors import DataError, SpecError
from modelwright.spec.compute import Compute
from modelwright.spec.risk import RiskSection
from modelwright.spec.venture import Venture
from modelwright.venture.alarms import watch
from modelwright.venture.draws import size
from modelwright.venture.figures import Figure
from modelwright.venture.plan import plan
from modelwright.venture.responses import apply, compare, shipped
from modelwright.venture.risk import plan_sensitivity

TODAY = date(2026, 11, 22)
COST = Figure(2.0, "USD", "measured", 1.8, 2.2)
VENTURE = Venture.model_validate(
    {
        "price": {"plan": "20 per month", "included_requests": 1000, "overage": 0.0},
        "customers": {"start": 200, "growth": "8% ± 4%", "churn": "5% ± 2%", "requests": "1500 ± 400", "acquisition_cost": "40"},
        "team": [{"role": "engineer", "salary": "3000 per month", "count": 2}],
        "payroll_load": 0.2,
        "support_share": 0.1,
        "other_costs": "500 per month",
        "cash": 60000,
        "months": 24,
        "paths": 1000,
    }
)


def replan(venture, cost):
    return plan(
        venture,
        compute=Compute(utilisation=0.5),
        cost_per_1000=cost,
        training_money=None,
        capacity_requests_per_month=None,
        today=TODAY,
    )


def test_responses_move_the_right_way():
    section = RiskSection.model_validate(
        {"responses": [{"id": "dearer", "title": "t", "changes": [{"key": "venture.price.plan", "times": 0.5}]}]}
    )
    rows = {row["id"]: row for row in compare(section, VENTURE, COST, replan)}
    assert set(rows) == {"dearer", *(item.id for item in shipped())}
    cash = {name: row["figures"]["final-cash"]["difference"] for name, row in rows.items()}
    ruin = {name: row["figures"]["ruin-probability"]["difference"] for name, row in rows.items()}
    assert cash["dearer"] < 0 <= ruin["dearer"]
    for name in ("halve-inference-cost", "cut-burn", "raise-price", "keep-customers", "cheaper-acquisition", "more-cash"):
        assert cash[name] > 0 >= ruin[name], name
    change = rows["halve-inference-cost"]["changes"]
    assert change == [{"key": "rehearse/cost-per-1000", "times": 0.5, "before": 2.0, "after": 1.0}]
    assert rows["cut-burn"]["changes"][0]["key"] == "venture.team.0.salary"


def test_a_change_keeps_relative_spread_and_what_is_not_stated_does_not_apply():
    changed, cost, done = apply(shipped()[4].changes, VENTURE, COST)
    assert changed.customers.churn.value == pytest.approx(0.0375) and changed.customers.churn.spread == pytest.approx(0.015)
    assert cost is COST and len(done) == 1
    without = VENTURE.model_copy(update={"price": None})
    rows = {row["id"]: row for row in compare(None, without, None, lambda venture, cost: {"figures": []})}
    assert not rows["raise-price"]["applies"] and rows["raise-price"]["figures"] == {}
    wrong = RiskSection.model_validate(
        {"responses": [{"id": "a", "title": "t", "changes": [{"key": "venture.prise", "times": 2}]}]}
    )
    with pytest.raises(SpecError, match=r"venture\.prise is nothing that this venture states"):
        compare(wrong, VENTURE, COST, replan)


PLAN = {
    "currency": "USD",
    "months": [1, 2, 3],
    "fan": {
        "customers": {"p10": [90, 95, 100], "p50": [100, 110, 120], "p90": [110, 130, 150]},
        "net_burn": {"p10": [1, 1, 1], "p50": [5, 5, 5], "p90": [10, 10, 10]},
    },
    "sensitivity": {"inputs": [{"key": "venture.customers.churn", "low": 0.02, "high": 0.06}]},
}


def test_alarms():
    live = [
        {"month": 1, "customers": 89, "net_burn": 5, "venture.customers.churn": 0.03, "cash": 100},
        {"month": 2, "customers": 94, "net_burn": 20, "venture.customers.churn": 0.07, "cash": 80, "mood": 3},
    ]
    found = watch(PLAN, live)
    levels = {alarm["figure"]: alarm["level"] for alarm in found["alarms"]}
    assert levels == {"customers": "alarm", "runway": "alarm", "net_burn": "warning", "venture.customers.churn": "warning"}
    assert found["unknown"] == ["cash", "mood"] and found["alarms"][0]["level"] == "alarm"
    assert watch(PLAN, [{"month": 3, "customers": 151}])["alarms"][0]["level"] == "better"
    assert watch(PLAN, [{"month": 3, "customers": 120, "net_burn": 9}])["alarms"] == []
    assert watch(PLAN, [{"month": 1, "customers": 89}, {"month": 3, "customers": 99}])["alarms"][0]["level"] == "warning"
    for months in ([{"month": 4}], [{"month": 1}, {"month": 1}], [{"customers": 3}]):
        with pytest.raises(DataError, match="live figures of the months"):
            watch(PLAN, months)


def test_sensitivity_of_a_sum_is_known():
    inputs = {name: size(name, 10, spread, "assumed") for name, spread in (("a", 1), ("b", 2), ("c", 0))}
    found = plan_sensitivity(lambda values: values["a"] + values["b"] + values["c"], inputs, of="sum", unit="1")
    assert [row["key"] for row in found["inputs"]] == ["b", "a"]
    assert sum(row["first"] for row in found["inputs"]) == pytest.approx(1, abs=0.05)
    assert found["inputs"][0]["first"] == pytest.approx(0.8, abs=0.05) and found["interactions"] < 0.05
    assert found["inputs"][0]["first_error"] < 0.2
    assert plan_sensitivity(lambda values: values["c"], {"c": inputs["c"]}, of="c", unit="1") == {}
    assert plan_sensitivity(lambda values: values["c"] * np.ones(1), inputs, of="c", unit="1") == {}


def test_more_inputs_than_can_be_told_apart():
    inputs = {f"x{place}": size(f"x{place}", 10, 0.1 * (place + 1), "assumed") for place in range(20)}
    found = plan_sensitivity(lambda values: sum(values.values()), inputs, of="sum", unit="1", draws=512)
    assert len(found["inputs"]) == 16 and set(found["left_out"]) == {"x0", "x1", "x2", "x3"}
