"""What is sold: plans, usage, advertising, licences. One customer's month, and the licences' months.

Customers of a tier are its share of all, after migration: share'ₜ = shareₜ − Σ moving away + Σ moving in, where those who move
away from a tier are a stated part of its stated share. Money in the venture's currency, per month; `_p` one value per path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelwright.spec.price import Price
from modelwright.spec.venture import Venture
from modelwright.venture.draws import Input
from modelwright.venture.reading import Reader


@dataclass(frozen=True)
class Plan:
    """A way to pay.

    Args:
        name: of the tier; "plan" for the only one, "usage" for pay-per-use.
        share: of the customers, after migration.
        before: the same before migration.
        included: requests inside it.
        price, overage, requests: names of its inputs.
    """

    name: str
    share: float
    before: float
    included: float
    price: str
    overage: str
    requests: str


@dataclass(frozen=True)
class Licences:
    """Enterprise contracts: those of day one, months before the first signature, and whether a year is paid ahead."""

    start: float
    cycle: int
    yearly: bool


@dataclass(frozen=True)
class Offer:
    """The mix."""

    tiers: tuple[Plan, ...]
    advertising: bool
    free_users: bool
    licences: Licences | None
    subscribers: bool
    """Whether anything is sold to customers one by one; else only licences are."""


@dataclass(frozen=True)
class Month:
    """One customer's month.

    Args:
        plan, overage, advertising: revenue by kind; they add up to `revenue`.
        requests: answered, those of the free users who come with a customer included.
    """

    plan: np.ndarray
    overage: np.ndarray
    advertising: np.ndarray
    requests: np.ndarray

    @property
    def revenue(self) -> np.ndarray:
        return self.plan + self.overage + self.advertising


def read_offer(reader: Reader, venture: Venture) -> tuple[Offer, dict[str, Input]]:
    """The offer and its inputs: price and overage (with several tiers price/0, overage/0, …, and requests/0 where a tier
    states its own), impressions, rpm, free-users, free-requests, contracts, contract-value, contract-churn,
    contract-requests, contract-cost."""
    price = venture.price or Price()
    inputs: dict[str, Input] = {}
    alone = not price.tiers and price.plan is None and price.per_request is None
    if price.tiers:
        plans = _tiers(reader, price, inputs)
    elif price.per_request is not None:
        inputs["price"] = Input("venture.price.plan", 0.0, "size", "assumed")
        inputs["overage"] = reader.money("venture.price.per_request", price.per_request)
        plans = (Plan("usage", 1.0, 1.0, 0.0, "price", "overage", "requests"),)
    else:
        needed = price.advertising is None and price.enterprise is None
        inputs["price"] = reader.money("venture.price.plan", price.plan, needed=needed)
        inputs["overage"] = Input("venture.price.overage", 0.0, "size", "assumed")
        if price.plan is not None:
            inputs["overage"] = reader.exact("venture.price.overage", price.overage)
        plans = (Plan("plan", 1.0, 1.0, float(price.included_requests), "price", "overage", "requests"),)
    if price.advertising is not None:
        at, shown = "venture.price.advertising", price.advertising
        inputs["impressions"] = reader.exact(f"{at}.impressions", shown.impressions)
        inputs["rpm"] = reader.money(f"{at}.rpm", shown.rpm)
        inputs["free-users"] = reader.number(f"{at}.free_users", shown.free_users, needed=False)
        inputs["free-requests"] = reader.number(f"{at}.free_requests", shown.free_requests, needed=False)
    return Offer(
        tiers=plans,
        advertising=price.advertising is not None,
        free_users=price.advertising is not None and price.advertising.free_users is not None,
        licences=_licences(reader, price, venture, inputs),
        subscribers=not (alone and price.enterprise is not None and price.advertising is None),
    ), inputs


def _tiers(reader: Reader, price: Price, inputs: dict[str, Input]) -> tuple[Plan, ...]:
    shares = {tier.name: tier.share for tier in price.tiers}
    before = dict(shares)
    for move in price.migration:
        shares[move.source] -= move.share * before[move.source]
        shares[move.target] += move.share * before[move.source]
    plans = []
    for number, tier in enumerate(price.tiers):
        at = f"venture.price.tiers.{number}"
        inputs[f"price/{number}"] = reader.money(f"{at}.plan", tier.plan)
        inputs[f"overage/{number}"] = reader.exact(f"{at}.overage", tier.overage)
        requests = "requests"
        if tier.requests is not None:
            requests = f"requests/{number}"
            inputs[requests] = reader.number(f"{at}.requests", tier.requests, needed=True)
        share, stated = max(shares[tier.name], 0.0), before[tier.name]
        included = float(tier.included_requests)
        plans.append(Plan(tier.name, share, stated, included, f"price/{number}", f"overage/{number}", requests))
    return tuple(plans)


def _licences(reader: Reader, price: Price, venture: Venture, inputs: dict[str, Input]) -> Licences | None:
    large, at = price.enterprise, "venture.price.enterprise"
    if large is None:
        return None
    inputs["contracts"] = reader.number(f"{at}.contracts", large.contracts, needed=True)
    inputs["contract-value"] = reader.money(f"{at}.value", large.value)
    churn = large.churn
    if churn is None and venture.customers is not None and venture.customers.churn is not None:
        churn = venture.customers.churn
        reader.asked.append(f"{at}.churn")
    inputs["contract-churn"] = reader.share(f"{at}.churn", churn, high=1.0)
    inputs["contract-requests"] = reader.optional(f"{at}.requests", large.requests, "number")
    inputs["contract-cost"] = reader.optional(f"{at}.acquisition_cost", large.acquisition_cost, "money")
    return Licences(large.start, large.sales_cycle_months, large.billed == "yearly")


def month_of(offer: Offer, inputs: Mapping[str, np.ndarray], migrated: bool = True) -> Month:
    """One customer's month, the tiers by their shares; `migrated` False: as if nobody moved between tiers."""
    plan, overage, requests = (np.zeros(1) for _ in range(3))
    for tier in offer.tiers:
        share = tier.share if migrated else tier.before
        asked = inputs[tier.requests]
        plan = plan + share * inputs[tier.price]
        overage = overage + share * np.maximum(asked - tier.included, 0.0) * inputs[tier.overage]
        requests = requests + share * asked
    advertising = np.zeros(1)
    if offer.advertising:
        seen = inputs["free-users"] * inputs["free-requests"] if offer.free_users else requests
        advertising = seen * inputs["impressions"] * inputs["rpm"] / 1000
        if offer.free_users:
            requests = requests + seen
    return Month(plan, overage, advertising, requests)
