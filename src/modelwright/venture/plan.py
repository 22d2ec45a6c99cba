"""Does the business work? From the measured cost of a request and the founders' assumptions to `plan.json`.

Monte Carlo over every uncertain input (`draws`), a simulation month by month (`paths`), then figures with their P10–P90
ranges. These assume no financing: no new money comes in, and a path that runs out of cash counts as ruined. Only the three
statements hold the money that `financing:` states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numpy as np

from modelwright.spec.compute import Compute
from modelwright.spec.financing import Financing
from modelwright.spec.venture import Venture
from modelwright.venture.assumptions import Assumptions, gather
from modelwright.venture.business import tiers
from modelwright.venture.cohorts import cohorts
from modelwright.venture.consequences import CONSEQUENCES
from modelwright.venture.correlation import copula
from modelwright.venture.demand import listed_funnel
from modelwright.venture.draws import draw
from modelwright.venture.figures import Figure
from modelwright.venture.funding import one_currency
from modelwright.venture.paths import Paths, simulate
from modelwright.venture.pricing import price_figures, pricing
from modelwright.venture.results import CASH, DEMAND, REVENUE, UNIT, Known, figures, listed, rank, sensitivity, unit_economics
from modelwright.venture.sheet import model
from modelwright.venture.staffing import people_figures, staffing
from modelwright.venture.statements import listed_statements, nearest
from modelwright.venture.survival import Records, fitted

_SERIES = {"customers": DEMAND, "revenue": REVENUE, "net_burn": CASH, "cash": CASH}
NO_FINANCING = "no new money is assumed, save in the statements"
NEAREST = "the simulated future that runs closest to the P50 curves of cash and revenue"


def plan(
    venture: Venture | None,
    *,
    compute: Compute,
    cost_per_1000: Figure | None,
    training_money: Figure | None,
    capacity_requests_per_month: Figure | None,
    today: date,
    routes: Sequence[str] = (),
    records: Records | None = None,
    correlations: Sequence[tuple[str, str, float]] = (),
    financing: Financing | None = None,
) -> dict[str, Any]:
    """Simulate the venture.

    Args:
        venture: the founders' assumptions; None: they are all missing.
        compute: for the share of the capacity that is used.
        cost_per_1000: of requests, at that utilisation, in the venture's currency; None: nobody measured it.
        training_money: spent in the first month; None: not counted.
        capacity_requests_per_month: of one machine kept busy; computing is then billed by whole machines, at least one,
            all month. None: billed by the request.
        today: flags stale defaults.
        routes: families of the chosen route, for the skills it needs: "fit", "gradient", "checkpoint", "bought".
        records: the service's own; what they say replaces the founders' assumptions.
        correlations: (setting, setting, rank correlation) of uncertain inputs that move together.
        financing: money that comes in on stated terms, for the statements; None: none does.

    Returns:
        plan.json: currency, months, fan, figures, assumptions, unit, tiers, pricing, funnel, cohorts, team, statements,
        sensitivity, missing (keys without which figures stay out), asked (keys that were not stated, with what the plan does
        about it).

    Raises:
        SpecError: units that contradict each other; financing in another currency.
    """
    if venture is None:
        return _empty(cost_per_1000.unit if cost_per_1000 else "USD", ("venture",))
    assumptions = gather(venture, compute, cost_per_1000, training_money, capacity_requests_per_month, today, records)
    known = Known(assumptions)
    tied = copula(correlations, assumptions.inputs) if correlations else None
    values = draw(assumptions.inputs, venture.paths, venture.seed, tied.tie if tied else None)
    found = simulate(assumptions, values, venture.months)
    fan, law = _fan(found, known), fitted(records)
    one_currency(financing, venture.currency)
    accounts = _statements(assumptions, known, found, fan, values, financing)
    joined = accounts.get("joined", [])
    prices, people = pricing(venture, assumptions, values, today), staffing(venture, assumptions, routes, today)
    sold = known.all(*UNIT) and assumptions.offer.subscribers
    return {
        **_empty(venture.currency, assumptions.missing),
        "months": list(range(1, venture.months + 1)),
        "paths": venture.paths,
        "seed": venture.seed,
        "fan": fan,
        "figures": [*figures(assumptions, known, found, values, law), *price_figures(prices), *people_figures(people)],
        "assumptions": listed(assumptions),
        "unit": unit_economics(assumptions) if sold else {},
        "tiers": tiers(assumptions) if known.all(*UNIT, "contracts", "contract-value") else [],
        "pricing": prices,
        "funnel": listed_funnel(assumptions),
        "cohorts": cohorts(assumptions, values, joined, records, law) if sold and known.all("churn") else {},
        "team": people,
        "statements": accounts,
        "sensitivity": sensitivity(assumptions, venture.months) if known.all(*CASH) else {},
        "asked": [{"key": key, **CONSEQUENCES[key]} for key in assumptions.asked],
        "note": NO_FINANCING,
        "model": {} if assumptions.missing else model(assumptions, venture.months),
    }


def _statements(
    assumptions: Assumptions,
    known: Known,
    found: Paths,
    fan: dict[str, Any],
    values: Mapping[str, np.ndarray],
    financing: Financing | None,
) -> dict[str, Any]:
    """Of the future nearest to the P50 curves; empty where an input of the cash is missing."""
    if not known.all(*CASH):
        return {}
    place = nearest(found, fan)
    mine = {name: value if value.size == 1 else value[place : place + 1] for name, value in values.items()}
    one = simulate(assumptions, mine, len(found.cash_mp), detail=True)
    inputs = {name: float(value[0]) for name, value in mine.items()}
    return listed_statements(assumptions, one, inputs, known.basis(*CASH), NEAREST, financing)


def _empty(currency: str, missing: tuple[str, ...]) -> dict[str, Any]:
    return {
        "currency": currency,
        "months": [],
        "fan": {},
        "figures": [],
        "assumptions": [],
        "unit": {},
        "tiers": [],
        "pricing": {},
        "funnel": {},
        "cohorts": {},
        "team": {},
        "statements": {},
        "sensitivity": {},
        "missing": list(missing),
        "asked": [],
        "note": NO_FINANCING,
    }


def _fan(found: Paths, known: Known) -> dict[str, dict[str, list[float]]]:
    """P10, P50 and P90 of each month. Order statistics by selection: sorting whole columns costs twice the time."""
    rows: dict[str, Callable[[int], np.ndarray]] = {
        "customers": found.customers_mp.__getitem__,
        "revenue": found.revenue_mp.__getitem__,
        "net_burn": found.burn,
        "cash": found.cash_mp.__getitem__,
    }
    names = [name for name, needed in _SERIES.items() if known.all(*needed)]
    with ThreadPoolExecutor(2) as pool:  # numpy lets go of the interpreter while it selects
        made = pool.map(lambda name: _percentiles(rows[name], *found.cash_mp.shape), names)
        return dict(zip(names, made, strict=True))


def _percentiles(row_of: Callable[[int], np.ndarray], months: int, paths: int) -> dict[str, list[float]]:
    low, middle, high = (rank(share, paths) for share in (0.1, 0.5, 0.9))
    chosen = np.empty((3, months))
    for month in range(months):
        row = row_of(month).astype(np.float32)  # seven digits are plenty for a curve, and selection is half as long
        row.partition(middle)
        row[:middle].partition(low)
        row[middle + 1 :].partition(high - middle - 1)  # without the middle itself, which would be moved away from its place
        chosen[:, month] = row[low], row[middle], row[high]
    return {name: [float(f"{value:.7g}") for value in line] for name, line in zip(("p10", "p50", "p90"), chosen, strict=True)}
