"""The plan's simulation: months × paths of customers, revenue, costs and cash, as arrays.

Shapes: `_mp` months × paths, `_p` paths. Money is in the venture's currency. No new money comes in: financing is absent.
Customers are expected numbers, so that fractions occur; the paths differ in what founders don't know, not in the luck of
single customers. Paths run in blocks small enough for the processor's cache, on two threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from modelwright.venture.assumptions import Assumptions
from modelwright.venture.demand import funnel
from modelwright.venture.ledger import Ledger
from modelwright.venture.offer import Month, month_of

KINDS = ("compute", "support", "acquisition", "people", "other", "training")
SALES = ("plan", "overage", "advertising", "licences")
STOCKS = ("receivables", "payables", "deferred")
_BLOCK = 4096
_SERIES = ("customers", "revenue", "costs", "cash")


@dataclass(frozen=True)
class Paths:
    """Every path of a plan.

    Args:
        customers_mp: at each month's end, licences apart.
        revenue_mp, costs_mp: of each month; tax is no part of the costs.
        cash_mp: at each month's end. Without delays, advance payments and tax cash[t] = cash[t−1] + revenue[t] − costs[t].
            Below zero the venture is ruined; the path goes on, so that it shows how much is missing.
        totals_p: the sum over the months of each kind of cost (`KINDS`) and of revenue.
        joined_p: customers won over all months.
        machines_p: machines that run in the last month; None where computing is billed by the request.
        contribution_p: revenue − computing − support of one customer in one month, at full machines.
        covered_p: first month (from 1) whose revenue covers its costs; inf where none does.
        runway_p: months until the cash is gone, linear inside the month; inf where it outlasts the plan.
        lowest_p: lowest cash at a month's end.
        cash_start: before the first month.
        lines: the accounts, months × paths, where they were asked for: revenue by kind (`SALES`), costs by kind, "tax", stocks
            at each month's end (`STOCKS`), "joined"; and "deferred-start" (1 × paths), owed on day one.
    """

    customers_mp: np.ndarray
    revenue_mp: np.ndarray
    costs_mp: np.ndarray
    cash_mp: np.ndarray
    totals_p: dict[str, np.ndarray]
    joined_p: np.ndarray
    machines_p: np.ndarray | None
    contribution_p: np.ndarray
    covered_p: np.ndarray
    runway_p: np.ndarray
    lowest_p: np.ndarray
    cash_start: float
    lines: dict[str, np.ndarray] = field(default_factory=dict)

    def first_month_covered(self) -> np.ndarray:
        return self.covered_p

    def runway_months(self) -> np.ndarray:
        return self.runway_p

    def burn(self, month: int) -> np.ndarray:
        """Cash lost in a month (from 0); negative where it grew."""
        before = self.cash_mp[month - 1] if month else self.cash_start
        return before - self.cash_mp[month]


def simulate(assumptions: Assumptions, values: Mapping[str, np.ndarray], months: int, detail: bool = False) -> Paths:
    """Run all paths.

    Args:
        values: an array of each of `assumptions.inputs`' names, one value per path or one for all.
        months: how many.
        detail: keep every line of the accounts; they take twenty times the memory.
    """
    inputs = {name: np.asarray(value, dtype=float) for name, value in values.items()}
    paths = max(value.size for value in inputs.values())
    whole = _Arrays(months, paths, detail)

    def block(first: int) -> None:
        place = slice(first, min(first + _BLOCK, paths))
        mine = {name: value if value.size == 1 else value[place] for name, value in inputs.items()}
        _Block(assumptions, mine, place.stop - first, months).run(whole, place)

    starts = range(0, paths, _BLOCK)
    if len(starts) == 1:
        block(0)
    else:
        with ThreadPoolExecutor(2) as pool:  # numpy lets go of the interpreter while it counts
            list(pool.map(block, starts))
    one = month_of(assumptions.offer, inputs)
    contribution = one.revenue * (1 - inputs["support"]) - one.requests * inputs["cost"] / 1000
    return Paths(
        **{f"{name}_mp": whole.series[name] for name in _SERIES},
        totals_p={name: whole.totals[name] for name in ("revenue", *KINDS)},
        joined_p=whole.totals["joined"],
        machines_p=whole.totals["machines"] if assumptions.machine_requests is not None else None,
        contribution_p=np.broadcast_to(contribution, (paths,)),
        covered_p=whole.totals["covered"],
        runway_p=whole.totals["runway"],
        lowest_p=whole.totals["lowest"],
        cash_start=assumptions.cash,
        lines=whole.lines,
    )


class _Arrays:
    """Where the blocks write."""

    def __init__(self, months: int, paths: int, detail: bool) -> None:
        self.series = {name: np.empty((months, paths)) for name in _SERIES}
        self.totals = {name: np.zeros(paths) for name in ("revenue", *KINDS, "joined", "machines", "covered", "runway", "lowest")}
        names = (*SALES, *KINDS, "tax", *STOCKS, "joined") if detail else ()
        self.lines = {name: np.zeros((months, paths)) for name in names}
        if detail:
            self.lines["deferred-start"] = np.zeros((1, paths))


class _Block:
    """Some of the paths, month by month."""

    def __init__(self, assumptions: Assumptions, inputs: Mapping[str, np.ndarray], paths: int, months: int) -> None:
        self.assumptions, self.inputs, self.paths, self.months = assumptions, inputs, paths, months
        self.one = month_of(assumptions.offer, inputs)
        self.each, self.requests = self.one.revenue, self.one.requests
        self.funnel = funnel(assumptions, inputs)
        self.new = inputs["new"] if self.funnel is None else self.funnel.joining
        self.kept = 1 - inputs["churn"]
        self.grown = self.kept + inputs["expansion"] - inputs["contraction"]
        self.changing = bool(inputs["expansion"].any() or inputs["contraction"].any())
        self.by_growth: np.ndarray | float = 1.0
        self.customers = np.full(paths, assumptions.start)
        self.worth = self.customers  # customers, counted by what they pay
        self.licences = assumptions.offer.licences
        self.contracts = np.full(paths, self.licences.start if self.licences else 0.0)
        self.people = [np.zeros(1), *self._payroll()]
        licensed = self.contracts * inputs["contract-value"] if self.licences else np.zeros(1)
        self.book = Ledger(assumptions, self._prepaid(self.worth, licensed))
        self.defers = bool(assumptions.accounting.annual_share) or (self.licences is not None and self.licences.yearly)

    def run(self, whole: _Arrays, place: slice) -> None:
        cash = np.full(self.paths, self.assumptions.cash)
        lowest = np.full(self.paths, np.inf)
        covered, runway = np.full(self.paths, np.inf), np.full(self.paths, np.inf)
        totals = {name: np.zeros(self.paths) for name in ("revenue", *KINDS, "joined")}
        if whole.lines:
            whole.lines["deferred-start"][:, place] = self.book.deferred
        for month in range(1, self.months + 1):
            flow = self._month(month)
            before, cash = cash, cash + flow.change
            gone = (cash < 0) & (runway == np.inf)
            if gone.any():
                runway[gone] = month - 1 + before[gone] / (before[gone] - cash[gone])
            np.minimum(covered, np.where(flow.revenue >= flow.costs, month, np.inf), out=covered)
            np.minimum(lowest, cash, out=lowest)
            for name, value in zip(_SERIES, (self.customers, flow.revenue, flow.costs, cash), strict=True):
                whole.series[name][month - 1, place] = value
            for name, value in {**flow.spent, "revenue": flow.revenue, "joined": flow.joined}.items():
                totals[name] += value
            for name, line in whole.lines.items():
                if name != "deferred-start":
                    line[month - 1, place] = flow.line(name, self.book)
        totals.update(covered=covered, runway=runway, lowest=lowest)
        if flow.machines is not None:
            totals["machines"] = flow.machines
        for name, value in totals.items():
            whole.totals[name][place] = value

    def _month(self, month: int) -> _Flow:
        inputs, terms = self.inputs, self.assumptions
        joined, customers = self._joining(self.customers)
        worth = self.worth * self.grown + joined if self.changing else customers
        paying = (self.worth + worth) / 2  # people come and go evenly through the month
        self.customers, self.worth = customers, worth
        revenue, used = paying * self.each, paying * self.requests
        licensed = signed = np.zeros(1)
        if self.licences is not None:
            signed = inputs["contracts"] if month > self.licences.cycle else signed
            after = self.contracts * (1 - inputs["contract-churn"]) + signed
            running = (self.contracts + after) / 2
            self.contracts = after
            licensed = running * inputs["contract-value"]
            revenue, used = revenue + licensed, used + running * inputs["contract-requests"]
        machines = None
        if terms.machine_requests is not None:
            machines = np.maximum(np.ceil(used / terms.machine_requests), 1.0)
            used = machines * terms.machine_requests
        spent = {
            "compute": used * (inputs["cost"] / 1000),
            "support": revenue * inputs["support"],
            "acquisition": self._acquisition(joined, signed),
            "people": self.people[month],
            "other": inputs["other"],
            "training": inputs["training"] if month == 1 else np.zeros(1),
        }
        suppliers = spent["compute"] + spent["support"] + spent["acquisition"] + (spent["other"] + spent["training"])
        prepaid = self._prepaid(paying, licensed) if self.defers else None
        change = self.book.close(revenue, prepaid, suppliers, spent["people"])
        return _Flow(revenue, suppliers + spent["people"], change, spent, joined, machines, paying, licensed, self.one)

    def _prepaid(self, paying: np.ndarray, licensed: np.ndarray) -> np.ndarray:
        yearly = licensed if self.licences is not None and self.licences.yearly else np.zeros(1)
        return paying * (self.assumptions.accounting.annual_share * self.one.plan) + yearly

    def _joining(self, customers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(customers who join this month, customers at its end). In a finite market those who join are drawn from the people
        who are no customers yet: joined = (market − customers) · (1 − e^{−wanted/market})."""
        joined, market = customers * self.inputs["growth"] + self.new, self.assumptions.market
        if np.isfinite(market):
            joined = (market - customers) * -np.expm1(-joined / market)
        if self.funnel is not None:
            wanted = customers * self.inputs["growth"]
            with np.errstate(invalid="ignore"):
                self.by_growth = np.nan_to_num(wanted / (wanted + self.new))
        return joined, customers * self.kept + joined

    def _acquisition(self, joined: np.ndarray, signed: np.ndarray) -> np.ndarray:
        """Those who come by growth cost the stated amount; the funnel costs what is spent on it, whoever comes."""
        cost = joined * self.by_growth * self.inputs["acquisition"]
        if self.funnel is not None:
            cost = cost + self.funnel.cost
        if self.licences is not None:
            cost = cost + signed * self.inputs["contract-cost"]
        return cost

    def _payroll(self) -> list[np.ndarray]:
        """Of each month; it changes only where somebody starts."""
        result: list[np.ndarray] = []
        for month in range(1, self.months + 1):
            starting = [number for number, (_, first) in enumerate(self.assumptions.team) if first == month]
            pay = result[-1] if result else np.zeros(1)
            for number in starting:
                load = self.inputs.get(f"load/{number}", self.inputs["load"])
                pay = pay + self.assumptions.team[number][0] * self.inputs[f"salary/{number}"] * (1 + load)
            result.append(pay)
        return result


@dataclass(frozen=True)
class _Flow:
    """One month of a block."""

    revenue: np.ndarray
    costs: np.ndarray
    change: np.ndarray
    spent: dict[str, np.ndarray]
    joined: np.ndarray
    machines: np.ndarray | None
    paying: np.ndarray
    licensed: np.ndarray
    one: Month

    def line(self, name: str, book: Ledger) -> np.ndarray | float:
        if name in self.spent:
            return self.spent[name]
        if name in ("plan", "overage", "advertising"):
            return self.paying * getattr(self.one, name)
        return {
            "licences": self.licensed,
            "joined": self.joined,
            "tax": book.tax,
            "receivables": book.receivable.open,
            "payables": book.payable.open,
            "deferred": book.deferred,
        }[name]
