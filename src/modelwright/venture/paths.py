"""The plan's simulation: months × paths of customers, revenue, costs and cash, as arrays.

Shapes: `_mp` months × paths, `_p` paths. Money is in the venture's currency. No new money comes in: financing is absent.
Customers are expected numbers, so that fractions occur; the paths differ in what founders don't know, not in the luck of
single customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelwright.venture.assumptions import Assumptions


@dataclass(frozen=True)
class Paths:
    """Every path of a plan.

    Args:
        customers_mp: at each month's end.
        revenue_mp, costs_mp: of each month.
        cash_mp: at each month's end; cash[t] = cash[t−1] + revenue[t] − costs[t]. Below zero the venture is ruined; the
            path goes on, so that it shows how much is missing.
        totals_p: the sum over the months of each kind of cost ("compute", "support", "acquisition", "people", "other",
            "training") and of revenue.
        machines_p: machines that run in the last month; None where computing is billed by the request.
        contribution_p: revenue − computing − support of one customer in one month, at full machines.
        cash_start: before the first month.
    """

    customers_mp: np.ndarray
    revenue_mp: np.ndarray
    costs_mp: np.ndarray
    cash_mp: np.ndarray
    totals_p: dict[str, np.ndarray]
    machines_p: np.ndarray | None
    contribution_p: np.ndarray
    cash_start: float

    def first_month_covered(self) -> np.ndarray:
        """First month (from 1) whose revenue covers its costs, for each path; inf where none does."""
        covered = self.revenue_mp >= self.costs_mp
        return np.where(covered.any(axis=0), covered.argmax(axis=0) + 1.0, np.inf)

    def runway_months(self) -> np.ndarray:
        """Months until the cash is gone, linear inside the month, for each path; inf where it outlasts the plan."""
        gone = self.cash_mp < 0
        month = gone.argmax(axis=0)
        column = np.arange(month.size)
        before = np.where(month > 0, self.cash_mp[month - 1, column], self.cash_start)
        with np.errstate(divide="ignore", invalid="ignore"):
            lasted = month + before / (before - self.cash_mp[month, column])
        return np.where(gone.any(axis=0), lasted, np.inf)


def simulate(assumptions: Assumptions, values: Mapping[str, np.ndarray], months: int) -> Paths:
    """Run all paths.

    Args:
        values: an array of each of `assumptions.inputs`' names, one value per path or one for all.
        months: how many.
    """
    inputs = {name: np.asarray(value, dtype=float) for name, value in values.items()}
    paths = max(value.size for value in inputs.values())
    requests, cost_each = inputs["requests"], inputs["cost"] / 1000
    each = inputs["price"] + np.maximum(requests - assumptions.included, 0.0) * inputs["overage"]
    series = {name: np.empty((months, paths)) for name in ("customers", "revenue", "costs", "cash")}
    totals = {name: np.zeros(paths) for name in ("revenue", "compute", "support", "acquisition", "people", "other", "training")}
    customers, cash = np.full(paths, assumptions.start), np.full(paths, assumptions.cash)
    machines: np.ndarray | None = None
    for month in range(1, months + 1):
        joined, customers_next = _demand(customers, inputs, assumptions.market)
        paying = (customers + customers_next) / 2  # people come and go evenly through the month
        customers = customers_next
        revenue = paying * each
        used = paying * requests
        if assumptions.machine_requests is not None:
            machines = np.maximum(np.ceil(used / assumptions.machine_requests), 1.0)
            used = machines * assumptions.machine_requests
        spent = {
            "compute": used * cost_each,
            "support": revenue * inputs["support"],
            "acquisition": joined * inputs["acquisition"],
            "people": _payroll(assumptions, inputs, month),
            "other": inputs["other"],
            "training": inputs["training"] if month == 1 else np.zeros(1),
        }
        costs = sum(spent.values(), np.zeros(paths))
        cash = cash + revenue - costs
        for name, value in (("customers", customers), ("revenue", revenue), ("costs", costs), ("cash", cash)):
            series[name][month - 1] = value
        for name, value in {**spent, "revenue": revenue}.items():
            totals[name] += value
    contribution = each * (1 - inputs["support"]) - requests * cost_each
    return Paths(
        customers_mp=series["customers"],
        revenue_mp=series["revenue"],
        costs_mp=series["costs"],
        cash_mp=series["cash"],
        totals_p=totals,
        machines_p=machines,
        contribution_p=np.broadcast_to(contribution, (paths,)),
        cash_start=assumptions.cash,
    )


def _demand(customers: np.ndarray, inputs: Mapping[str, np.ndarray], market: float) -> tuple[np.ndarray, np.ndarray]:
    """(customers who join this month, customers at its end). In a finite market those who join are drawn from the people
    who are no customers yet: joined = (market − customers) · (1 − e^{−wanted/market})."""
    joined = customers * inputs["growth"] + inputs["new"]
    if np.isfinite(market):
        joined = (market - customers) * -np.expm1(-joined / market)
    return joined, customers * (1 - inputs["churn"]) + joined


def _payroll(assumptions: Assumptions, inputs: Mapping[str, np.ndarray], month: int) -> np.ndarray:
    gross = np.zeros(1)
    for number, (count, start_month) in enumerate(assumptions.team):
        if month >= start_month:
            gross = gross + count * inputs[f"salary/{number}"]
    return gross * (1 + inputs["load"])
