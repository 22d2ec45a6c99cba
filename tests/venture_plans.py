"""A small venture whose every assumption is sure, for tests of the plan."""

from __future__ import annotations

from datetime import date

from modelwright.spec.compute import Compute
from modelwright.spec.venture import Venture
from modelwright.venture.figures import Figure
from modelwright.venture.plan import plan

TODAY = date(2026, 11, 22)
COST = Figure(0.05, "USD", "estimated")
COMPUTE = Compute(utilisation=0.5)
RAW = {
    "price": {"plan": "20 per month", "included_requests": 1000, "overage": 0.01},
    "customers": {"start": 100, "growth": "0%", "churn": "0%", "requests": "1500 per month", "acquisition_cost": "40"},
    "team": [{"role": "engineer", "salary": "1000 per month", "count": 2}],
    "payroll_load": 0.25,
    "support_share": 0.1,
    "other_costs": "300 per month",
    "cash": 10000,
    "months": 12,
    "paths": 200,
}


def settings_of(replaced=(), **changes):
    """The venture with `changes` by section; a section named in `replaced` is not merged but put in its place."""
    raw = dict(RAW)
    for key, value in changes.items():
        merge = isinstance(value, dict) and key not in replaced
        raw[key] = {**raw.get(key, {}), **value} if merge else value
    return Venture.model_validate(raw)


def planned(venture, *, cost=COST, capacity=None, training=None, compute=COMPUTE, **more):
    return plan(
        venture,
        compute=compute,
        cost_per_1000=cost,
        training_money=training,
        capacity_requests_per_month=capacity,
        today=TODAY,
        **more,
    )


def figure(found, name):
    return next(item for item in found["figures"] if item["name"] == name)
