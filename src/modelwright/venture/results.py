"""What the simulated paths say: named figures with P10–P90 ranges, unit economics, and which input matters most."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np

from modelwright.base.evidence import Basis
from modelwright.venture.assumptions import Assumptions
from modelwright.venture.business import break_even_customers, cannibalised
from modelwright.venture.draws import Z95
from modelwright.venture.figures import weakest
from modelwright.venture.offer import month_of
from modelwright.venture.paths import Paths, simulate
from modelwright.venture.survival import BetaGeometric, discounted, lifetime_months
from modelwright.venture.tables import table

DEMAND = ("start", "growth", "churn", "new", "visits", "spend", "visit-cost", "channel-cost", "signup", "trial", "paid")
OFFER = ("price", "overage", "requests", "impressions", "rpm", "free-users", "free-requests")
LICENCES = ("contracts", "contract-value", "contract-churn")
REVENUE = (*DEMAND, *OFFER, *LICENCES, "expansion", "contraction")
MARGIN = (*REVENUE, "cost", "support", "contract-requests")
ACQUISITION = ("acquisition", "marketing-people", "contract-cost")
CASH = (*MARGIN, *ACQUISITION, "cash_start", "team", "salary", "load", "other", "training")
UNIT = (*OFFER, "cost", "support")
_STATED = {"start": "venture.customers.start", "cash_start": "venture.cash", "team": "venture.team"}


class Known:
    """Which inputs are there, and how far what is computed from them can be trusted."""

    def __init__(self, assumptions: Assumptions) -> None:
        self.inputs = assumptions.inputs
        self.gone = {name.split("/")[0] for name, item in assumptions.inputs.items() if item.key in assumptions.missing}
        self.gone |= {name for name, key in _STATED.items() if key in assumptions.missing}

    def all(self, *names: str) -> bool:
        return self.gone.isdisjoint(names)

    def basis(self, *names: str) -> Basis:
        """Start, cash and team are stated by the founders; an input that was left out has no part in the figure."""
        stated: list[Basis] = ["assumed"] if _STATED.keys() & set(names) else []
        used = [item.basis for name, item in self.inputs.items() if name.split("/")[0] in names and item.said]
        return weakest(*stated, *used)


def rank(share: float, paths: int) -> int:
    """Place of a quantile among sorted paths."""
    return min(paths - 1, int(share * paths))


def figures(
    assumptions: Assumptions,
    known: Known,
    found: Paths,
    values: Mapping[str, np.ndarray],
    law: BetaGeometric | None = None,
) -> list[dict[str, Any]]:
    """Every figure whose inputs are known. `law`: how long customers stay by the service's records."""
    money, months = assumptions.currency, len(found.cash_mp)
    build = _Builder(known, months, found.cash_mp.shape[1])
    compute, support, revenue = (found.totals_p[name] for name in ("compute", "support", "revenue"))
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = np.where(revenue > 0, (revenue - compute - support) / revenue, np.nan)
    spread = f"over {months} months"
    build.quantiles("gross-margin", margin, "1", MARGIN, f"{spread}, computing and support in the cost of revenue")
    build.quantiles("break-even-month", found.covered_p, "month", CASH, "first month whose revenue covers its costs")
    covered = np.isfinite(found.covered_p)
    build.share("break-even-probability", covered, CASH, f"share of futures that reach break-even in {months} months")
    build.quantiles("runway", found.runway_p, "month", CASH, "months until the cash is gone; no new money is assumed")
    build.share("ruin-probability", found.lowest_p < 0, CASH, f"cash gone inside {months} months, without new money")
    build.quantiles("final-cash", found.cash_mp[-1], money, CASH, f"after {months} months; below zero: what is missing")
    build.quantiles("lowest-cash", found.lowest_p, money, CASH, "lowest point of the plan; below zero: what is missing")
    if assumptions.offer.subscribers:
        build.quantiles("final-customers", found.customers_mp[-1], "customers", DEMAND, f"after {months} months")
    build.quantiles("final-revenue", found.revenue_mp[-1], money, REVENUE, f"in month {months}")
    if found.machines_p is not None:
        build.quantiles("machines", found.machines_p, "machines", (*DEMAND, "requests"), f"running in month {months}")
    if assumptions.offer.subscribers:
        _customer_figures(build, assumptions, found, values, law)
        _fixed_figures(build, assumptions, values)
    _growth_figures(build, found, values)
    return build.made


def _customer_figures(
    build: _Builder, assumptions: Assumptions, found: Paths, values: Mapping[str, np.ndarray], law: BetaGeometric | None
) -> None:
    """One customer: what a month brings, and what a lifetime brings against the cost of winning them."""
    money, one = assumptions.currency, month_of(assumptions.offer, values)
    build.quantiles("revenue-per-customer", one.revenue, money, OFFER, "a month")
    compute = one.requests * values["cost"] / 1000
    build.quantiles("compute-per-customer", compute, money, ("requests", "cost"), "a month, on machines used as stated")
    build.quantiles("contribution-per-customer", found.contribution_p, money, UNIT, "a month: revenue − computing − support")
    limit = table("business")["customer_months"].figure().value
    discount = values["discount"]
    note = f"contribution over a customer's stay, at most {limit:.0f} months"
    if law is None:
        stay = lifetime_months(values["churn"], discount, limit)
        note += "; one churn for all customers of a future"
    else:
        stay = discounted(law.survival(int(limit)), discount)
        note += "; survival by the shifted-beta-geometric law of the usage records (Fader & Hardie 2007)"
    lifetime = found.contribution_p * stay
    if not values["discount"].any():
        note += "; not discounted"
    build.quantiles("lifetime-value", lifetime, money, (*UNIT, "churn", "discount"), note)
    build.quantiles("customer-months", stay, "month", ("churn", "discount"), f"months' margin in a stay, at most {limit:.0f}")
    cost = _cost_of_winning(build, assumptions, found, values)
    if cost is None:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        payback = np.where(found.contribution_p > 0, cost / found.contribution_p, inf)
        worth = np.where(cost > 0, lifetime / cost, inf)
    needs = (*UNIT, *DEMAND, *ACQUISITION) if assumptions.channels else (*UNIT, "acquisition")
    build.quantiles("payback", payback, "month", needs, "months until a customer has paid for being won")
    note = "lifetime value / acquisition cost"
    build.quantiles("lifetime-value-to-acquisition", worth, "1", (*needs, "churn", "discount"), note)


def _fixed_figures(build: _Builder, assumptions: Assumptions, values: Mapping[str, np.ndarray]) -> None:
    """What the customers must carry, and what moving between tiers costs."""
    needs = (*UNIT, "team", "salary", "load", "other", "marketing-people")
    note = "whose contribution pays for the whole team, other costs and at least one machine, without winning new ones"
    build.quantiles("break-even-customers", break_even_customers(assumptions, values), "customers", needs, note)
    if any(tier.share != tier.before for tier in assumptions.offer.tiers):
        note = "contribution lost per customer and month because customers move between tiers; negative: gained"
        build.quantiles("cannibalisation", cannibalised(assumptions, values), assumptions.currency, UNIT, note)


def _cost_of_winning(
    build: _Builder, assumptions: Assumptions, found: Paths, values: Mapping[str, np.ndarray]
) -> np.ndarray | None:
    """Fully loaded cost of one new customer, licences apart; None where nothing of it was stated."""
    if not assumptions.channels:
        return values["acquisition"] if assumptions.inputs["acquisition"].said else None
    joined, spent = found.joined_p, found.totals_p["acquisition"]
    if assumptions.offer.licences is not None:
        signing = max(0, found.cash_mp.shape[0] - assumptions.offer.licences.cycle)
        spent = spent - signing * values["contracts"] * values["contract-cost"]
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = np.where(joined > 0, spent / joined, np.nan)
    note = "sales and marketing of the plan / customers won, those who come by growth included"
    build.quantiles("acquisition-cost", cost, assumptions.currency, (*DEMAND, *ACQUISITION), note)
    return cost


def _growth_figures(build: _Builder, found: Paths, values: Mapping[str, np.ndarray]) -> None:
    """What investors compare: retention of revenue, burn against growth."""
    months = found.cash_mp.shape[0]
    if build.known.inputs["churn"].said:
        kept = np.maximum(1 + values["expansion"] - values["contraction"] - values["churn"], 0.0) ** 12
        build.quantiles(
            "net-revenue-retention",
            kept,
            "1",
            ("churn", "expansion", "contraction"),
            "revenue of a year's customers a year later",
        )
    if months < 12:
        return
    burned = found.cash_start - found.cash_mp[11]
    added = 12 * (found.revenue_mp[11] - found.revenue_mp[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        multiple = np.where(added > 0, np.maximum(burned, 0.0) / added, inf)
    build.quantiles(
        "burn-multiple", multiple, "1", CASH, "cash burned in the first year / yearly revenue added from month 1 to 12"
    )
    if months < 24:
        return
    last, before = (found.revenue_mp[months - start : months - start + 12] for start in (12, 24))
    costs, revenue, earlier = found.costs_mp[months - 12 :].sum(axis=0), last.sum(axis=0), before.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rule = np.where(earlier > 0, revenue / earlier - 1 + (revenue - costs) / revenue, np.nan)
    build.quantiles("rule-of-40", rule, "1", CASH, "growth of the last year's revenue + its operating margin; 0.4 is good")


class _Builder:
    """Collects figures; one whose inputs are missing is left out."""

    def __init__(self, known: Known, months: int, paths: int) -> None:
        self.known, self.months, self.paths = known, months, paths
        self.made: list[dict[str, Any]] = []

    def quantiles(self, name: str, values: np.ndarray, unit: str, needs: tuple[str, ...], note: str) -> None:
        """P50 with P10–P90. An infinite month is beyond the plan: it is said in words (">36"), never as a number."""
        if not self.known.all(*needs):
            return
        values = np.sort(values[~np.isnan(values)])
        if not values.size:
            return
        low, middle, high = (float(values[rank(share, values.size)]) for share in (0.1, 0.5, 0.9))
        if not isfinite(middle) and unit != "month":
            return
        notes = [note, "P10–P90" if values.size > 1 else "no uncertain input"]
        if isfinite(middle) and not isfinite(high):
            notes.append(f"P90 lies beyond month {self.months}")
        figure = {
            "name": name,
            "value": middle if isfinite(middle) else f">{self.months}",
            "low": low if isfinite(low) else None,
            "high": high if isfinite(high) else None,
            "unit": unit,
            "basis": self.known.basis(*needs),
            "note": "; ".join(notes),
        }
        if isfinite(middle) and (error := _median_error(values)) is not None:
            figure["error"] = error
        self.made.append(figure)

    def share(self, name: str, happened: np.ndarray, needs: tuple[str, ...], note: str) -> None:
        """A probability with the 95 % interval of the simulation (Wilson 1927)."""
        if not self.known.all(*needs):
            return
        count, share = happened.size, float(happened.mean())
        centre = (share + Z95**2 / (2 * count)) / (1 + Z95**2 / count)
        half = Z95 * sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2)) / (1 + Z95**2 / count)
        self.made.append(
            {
                "name": name,
                "value": share,
                "low": max(0.0, min(share, centre - half)),
                "high": min(1.0, max(share, centre + half)),
                "unit": "1",
                "basis": self.known.basis(*needs),
                "note": f"{note}; interval: the simulation's own 95 % error with {count:,} paths",
            }
        )


def _median_error(values: np.ndarray) -> float | None:
    """Half the 95 % interval of the median, from order statistics; None if one end is beyond the plan. It is that of
    independent draws: Sobol points do better."""
    reach = Z95 * sqrt(values.size) / 2
    low = values[max(0, int(values.size / 2 - reach))]
    high = values[min(values.size - 1, int(values.size / 2 + reach))]
    return float((high - low) / 2) if isfinite(high) else None


def unit_economics(assumptions: Assumptions) -> dict[str, float]:
    """One customer in one month at the middle of every input: what comes in and where it goes. `requests` is their
    number, `price` the plans' mean; the rest is money, and revenue = compute + support + margin."""
    middle = {name: np.array([item.middle]) for name, item in assumptions.inputs.items()}
    one = month_of(assumptions.offer, middle)
    revenue, requests = float(one.revenue[0]), float(one.requests[0])
    compute = requests * float(middle["cost"][0]) / 1000
    support = revenue * float(middle["support"][0])
    return {
        "price": float(one.plan[0]),
        "requests": requests,
        "revenue": revenue,
        "compute": compute,
        "support": support,
        "margin": revenue - compute - support,
    }


def sensitivity(assumptions: Assumptions, months: int) -> dict[str, Any]:
    """Tornado: the final cash and the runway when one input stands at its P10 or P90 and the others in the middle.

    Returns:
        {"of", "unit", "base", "runway", "inputs": [{"key", "low", "high", "at_low", "at_high", "runway_at_low",
        "runway_at_high"}]}, the input that moves the final cash most first; a runway beyond the plan is None.
    """
    uncertain = [name for name, item in assumptions.inputs.items() if item.uncertain]
    values = {name: np.full(2 * len(uncertain) + 1, item.middle) for name, item in assumptions.inputs.items()}
    for place, name in enumerate(uncertain):
        values[name][2 * place + 1 : 2 * place + 3] = assumptions.inputs[name].quantiles(np.array([0.1, 0.9]))
    found = simulate(assumptions, values, months)
    final, runway = found.cash_mp[-1], [float(value) if isfinite(value) else None for value in found.runway_p]
    rows = [
        {
            "key": assumptions.inputs[name].key,
            "low": float(values[name][2 * place + 1]),
            "high": float(values[name][2 * place + 2]),
            "at_low": float(final[2 * place + 1]),
            "at_high": float(final[2 * place + 2]),
            "runway_at_low": runway[2 * place + 1],
            "runway_at_high": runway[2 * place + 2],
        }
        for place, name in enumerate(uncertain)
    ]
    order = sorted(range(len(rows)), key=lambda place: -abs(final[2 * place + 2] - final[2 * place + 1]))
    return {
        "of": "final-cash",
        "unit": assumptions.currency,
        "base": float(final[0]),
        "runway": runway[0],
        "inputs": [rows[place] for place in order],
    }


def listed(assumptions: Assumptions) -> list[dict[str, str]]:
    """Every input that took part, as its author wrote it."""
    taking_part = [item for item in (*assumptions.inputs.values(), *assumptions.stated) if item.said]
    return [{"key": item.key, "value": item.said, "basis": item.basis, "source": item.source} for item in taking_part]
