"""Does the business work? From the measured cost of a request and the founders' assumptions to `plan.json`.

Monte Carlo over every uncertain input (`draws`), a simulation month by month (`paths`), then figures with their P10–P90
ranges. No financing is assumed: no new money comes in, and a path that runs out of cash counts as ruined.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numpy as np

from modelwright.spec.compute import Compute
from modelwright.spec.venture import Venture
from modelwright.venture.assumptions import gather
from modelwright.venture.consequences import CONSEQUENCES
from modelwright.venture.draws import draw
from modelwright.venture.figures import Figure
from modelwright.venture.paths import Paths, simulate
from modelwright.venture.results import CASH, DEMAND, REVENUE, UNIT, Known, figures, listed, rank, sensitivity, unit_economics

_SERIES = {"customers": DEMAND, "revenue": REVENUE, "net_burn": CASH, "cash": CASH}
NO_FINANCING = "no new money is assumed"


def plan(
    venture: Venture | None,
    *,
    compute: Compute,
    cost_per_1000: Figure | None,
    training_money: Figure | None,
    capacity_requests_per_month: Figure | None,
    today: date,
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

    Returns:
        plan.json: currency, months, fan, figures, assumptions, unit, sensitivity, missing (keys without which figures stay
        out), asked (keys that were not stated, with what the plan does about it).

    Raises:
        SpecError: units that contradict each other.
    """
    if venture is None:
        return _empty(cost_per_1000.unit if cost_per_1000 else "USD", ("venture",))
    assumptions = gather(venture, compute, cost_per_1000, training_money, capacity_requests_per_month, today)
    known = Known(assumptions)
    values = draw(assumptions.inputs, venture.paths, venture.seed)
    found = simulate(assumptions, values, venture.months)
    return {
        **_empty(venture.currency, assumptions.missing),
        "months": list(range(1, venture.months + 1)),
        "paths": venture.paths,
        "seed": venture.seed,
        "fan": _fan(found, known),
        "figures": figures(assumptions, known, found, values),
        "assumptions": listed(assumptions),
        "unit": unit_economics(assumptions) if known.all(*UNIT) else {},
        "sensitivity": sensitivity(assumptions, venture.months) if known.all(*CASH) else {},
        "asked": [{"key": key, **CONSEQUENCES[key]} for key in assumptions.asked],
        "note": NO_FINANCING,
    }


def _empty(currency: str, missing: tuple[str, ...]) -> dict[str, Any]:
    return {
        "currency": currency,
        "months": [],
        "fan": {},
        "figures": [],
        "assumptions": [],
        "unit": {},
        "sensitivity": {},
        "missing": list(missing),
        "asked": [],
        "note": NO_FINANCING,
    }


def _fan(found: Paths, known: Known) -> dict[str, dict[str, list[float]]]:
    """P10, P50 and P90 of each month. Order statistics by selection: sorting whole columns costs twice the time."""
    series = {
        "customers": found.customers_mp,
        "revenue": found.revenue_mp,
        "net_burn": found.costs_mp - found.revenue_mp,
        "cash": found.cash_mp,
    }
    with ThreadPoolExecutor(2) as pool:  # numpy lets go of the interpreter while it selects
        names = [name for name, needed in _SERIES.items() if known.all(*needed)]
        return dict(zip(names, pool.map(lambda name: _percentiles(series[name]), names), strict=True))


def _percentiles(values_mp: np.ndarray) -> dict[str, list[float]]:
    paths = values_mp.shape[1]
    low, middle, high = (rank(share, paths) for share in (0.1, 0.5, 0.9))
    chosen = np.empty((3, len(values_mp)))
    for month, row in enumerate(values_mp):
        row = row.astype(np.float32)  # seven digits are plenty for a curve, and selection is half as long
        row.partition(middle)
        row[:middle].partition(low)
        row[middle:].partition(high - middle)
        chosen[:, month] = row[low], row[middle], row[high]
    return {name: [float(f"{value:.7g}") for value in line] for name, line in zip(("p10", "p50", "p90"), chosen, strict=True)}
