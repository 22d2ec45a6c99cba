"""`venture.price` what is charged, and `venture.pricing` what is known about what could be charged.

One plan is written short: `price: {plan: 49 per month, included_requests: 10000, overage: 0.005}`. Several are `tiers`.
Usage-only pricing is `per_request`. Advertising and enterprise licences may stand alone or beside any of these.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.amounts import Amount, Churn, Count, Each, Once, Plain
from modelwright.spec.section import Section

_CLOSE = 1e-6


class Tier(Section):
    """One of several plans."""

    name: str = Field(min_length=1, description="of the plan")
    plan: Amount = Field(description="price of the plan, like '19 per month'; 0 for a free or pay-as-you-go tier")
    share: float = Field(ge=0, le=1, description="share of the customers who take it; the tiers' shares add up to 1 (100%)")
    included_requests: int = Field(0, ge=0, description="requests a month inside the plan")
    overage: float = Field(0.0, ge=0, description="price of one request beyond those, in the venture's currency")
    requests: Count | None = Field(None, description="requests of one of its customers; default: venture.customers.requests")


class Migration(Section):
    """Cannibalisation: customers who take one tier only because it is there."""

    source: str = Field(alias="from", description="the tier they would have taken")
    target: str = Field(alias="to", description="the tier they take")
    share: float = Field(ge=0, le=1, description="share of the first tier's customers who move")


class Advertising(Section):
    """Advertisements beside the answers."""

    impressions: float = Field(ge=0, description="advertisements shown per request, like 0.8")
    rpm: Each = Field(description="revenue per 1,000 impressions, like '4 ± 2 USD'")
    free_users: Plain | None = Field(
        None, description="free users per customer; only they see advertisements. Left out: every customer does"
    )
    free_requests: Count | None = Field(None, description="requests of one free user, like '60 ± 20 per month'")

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.free_users is None) != (self.free_requests is None):
            raise ValueError("free_users and free_requests together, or neither")
        return self


class Enterprise(Section):
    """Licences sold one by one, apart from the customers of the plans."""

    contracts: Count = Field(description="contracts signed, once the first sales cycle is over, like '0.5 ± 0.2 per month'")
    value: Amount = Field(description="of one contract, like '30000 ± 10000 per year'")
    sales_cycle_months: int = Field(ge=0, description="months from first talk to signature; nothing is signed before")
    start: float = Field(0.0, ge=0, description="contracts on day one")
    churn: Churn | None = Field(
        None, description="share of contracts lost, like '10% per year'; left out: venture.customers.churn"
    )
    requests: Count | None = Field(None, description="requests of one contract, like '300000 per month'")
    acquisition_cost: Once | None = Field(None, description="sales cost of one signed contract, like '5000 ± 2000 USD'")
    billed: Literal["monthly", "yearly"] = Field("monthly", description="yearly: a year in advance, so that revenue is deferred")


class Price(Section):
    """Subscriptions with included requests and a price beyond them, pay-per-use, advertising, licences, or a mix."""

    plan: Amount | None = Field(None, description="price of the only plan, like '19 per month'")
    included_requests: int = Field(0, ge=0, description="requests a month inside the plan")
    overage: float = Field(0.0, ge=0, description="price of one request beyond those, in the venture's currency")
    per_request: Each | None = Field(None, description="usage-only: price of every request, without a plan, like '0.004 ± 0.001'")
    tiers: tuple[Tier, ...] = Field((), description="several plans instead of one")
    migration: tuple[Migration, ...] = Field((), description="who moves from one tier to another")
    advertising: Advertising | None = None
    enterprise: Enterprise | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("plan", "per_request", "tiers") if getattr(self, name) not in (None, ())]
        if len(ways) > 1:
            raise ValueError(f"one of plan, per_request and tiers, not {' and '.join(ways)}; a mix is written as tiers")
        if self.plan is None and (self.included_requests or self.overage):
            raise ValueError("included_requests and overage beside a plan; a tier has its own, usage-only is per_request")
        names = [tier.name for tier in self.tiers]
        if len(set(names)) != len(names):
            raise ValueError("tiers with names of their own")
        total = sum(tier.share for tier in self.tiers)
        if self.tiers and abs(total - 1) > _CLOSE:
            raise ValueError(f"shares of the tiers that add up to 1, not {total:g}")
        for name in names:
            if sum(move.share for move in self.migration if move.source == name) > 1 + _CLOSE:
                raise ValueError(f"no more than all customers of {name} moving away")
        for move in self.migration:
            if move.source not in names or move.target not in names or move.source == move.target:
                raise ValueError(f"migration between two different tiers, of: {', '.join(names) or '(none)'}")
        return self


class Competitor(Section):
    """Somebody else's list price for what a customer would buy here."""

    name: str = Field(min_length=1, description="of the competitor or its product")
    price: Amount = Field(description="for the same use, like '59 per month'")
    as_of: date | None = Field(None, description="day on which the price was read; old ones are flagged")
    source: str = Field("", description="where it was read")


class Willing(Section):
    """One answer of a survey or a test of prices."""

    price: float = Field(ge=0, description="monthly price, in the venture's currency")
    share: float = Field(ge=0, le=1, description="share of those asked who would pay it")


class Pricing(Section):
    """What a price can be argued from: cost, value, competitors, willingness to pay."""

    target_margin: float | None = Field(None, ge=0, lt=1, description="gross margin that cost-plus aims at, like 0.8")
    customer_saving: Amount | None = Field(None, description="what a customer saves or earns, like '300 ± 100 per month'")
    value_share: float | None = Field(None, gt=0, le=1, description="share of that saving which the price may take, like 0.2")
    competitors: tuple[Competitor, ...] = ()
    willingness: tuple[Willing, ...] = Field((), description="shares who would pay, by rising price")

    @model_validator(mode="after")
    def _falling(self) -> Self:
        for one, two in pairwise(self.willingness):
            if two.price <= one.price or two.share > one.share:
                raise ValueError("willingness by rising price, with shares that do not rise")
        return self
