"""`venture:` the founders' assumptions. Every figure here is shown as assumed.

Nothing is required: what is left out is asked for by key in the plan, and either a dated default stands in (marked as
fallback) or the figures that need it stay out. Money is in `currency` unless it names another.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from modelwright.spec.quantities import Currency, Uncertain, UncertainField
from modelwright.spec.section import Section

_MOST_PATH_MONTHS = 24_000_000  # 32 bytes each while the plan is made


def _size(quantity: Uncertain) -> Uncertain:
    """Sizes are drawn from a lognormal distribution, which knows no zero with a spread and nothing below."""
    if quantity.value < 0:
        raise ValueError("a number that is not negative")
    if quantity.value == 0 and quantity.spread > 0:
        raise ValueError("0 without a spread, or a positive middle value with one")
    return quantity


def _count(quantity: Uncertain) -> Uncertain:
    if quantity.currency is not None:
        raise ValueError("a number of things without a currency, like '8000 ± 3000 per month'")
    return _size(quantity)


def _once(quantity: Uncertain) -> Uncertain:
    if quantity.period is not None:
        raise ValueError("an amount per new customer, without 'per month' or 'per year', like '40 ± 15 USD'")
    return _size(quantity)


def _growth(quantity: Uncertain) -> Uncertain:
    if quantity.currency is not None:
        raise ValueError("a share without a currency, like '12% ± 6% per month'")
    if quantity.value < 0:
        raise ValueError("a share of new customers that is not negative; customers who leave belong in churn")
    return quantity


def _churn(quantity: Uncertain) -> Uncertain:
    if quantity.currency is not None:
        raise ValueError("a share without a currency, like '4% ± 2% per month'")
    if not 0 <= quantity.value <= 1:
        raise ValueError("a share between 0 and 1 (0% and 100%)")
    return quantity


Amount = Annotated[UncertainField, AfterValidator(_size)]
"""Money per month (or per year: a twelfth a month)."""
Count = Annotated[UncertainField, AfterValidator(_count)]
Once = Annotated[UncertainField, AfterValidator(_once)]
Growth = Annotated[UncertainField, AfterValidator(_growth)]
Churn = Annotated[UncertainField, AfterValidator(_churn)]


class Price(Section):
    """One subscription plan with included requests and a price beyond them."""

    plan: Amount = Field(description="price of the plan, like '19 per month'")
    included_requests: int = Field(0, ge=0, description="requests a month inside the plan")
    overage: float = Field(0.0, ge=0, description="price of one request beyond those, in the venture's currency")


class Customers(Section):
    """Demand. Customers of a month = those before · (1 + growth − churn) + new."""

    start: float | None = Field(None, ge=0, description="paying customers on day one")
    growth: Growth | None = Field(
        None, description="new customers a month as a share of those at its start, like '12% ± 6% per month'"
    )
    churn: Churn | None = Field(None, description="share of customers lost, like '4% ± 2% per month'; between 0 and 1")
    new: Count | None = Field(None, description="new customers a month whatever the number at its start, like '10 ± 4 per month'")
    market: float | None = Field(None, gt=0, description="customers there are at most; growth slows as they are reached")
    requests: Count | None = Field(None, description="requests of one customer, like '8000 ± 3000 per month'")
    acquisition_cost: Once | None = Field(
        None, description="fully loaded sales and marketing per new customer, like '40 ± 15 USD'"
    )

    @model_validator(mode="after")
    def _inside_market(self) -> Self:
        if self.market is not None and self.start is not None and self.start > self.market:
            raise ValueError(f"start ({self.start:g}) not above market ({self.market:g})")
        return self


class Member(Section):
    """People of one role."""

    role: str = Field(min_length=1)
    salary: Amount = Field(description="gross pay of one person, like '6000 per month'")
    count: int = Field(1, ge=0)
    start_month: int = Field(1, ge=1, description="month of the plan in which they start")


class Venture(Section):
    """Price, customers, team, costs and cash."""

    currency: Currency = "USD"
    exchange: dict[Currency, float] = Field(default_factory=dict, description="1 unit of another currency in `currency`")
    price: Price | None = None
    customers: Customers | None = None
    team: tuple[Member, ...] | None = Field(None, description="[] if nobody is paid yet")
    payroll_load: float | None = Field(None, ge=0, le=2, description="employer's charges as a share of gross pay, on top of it")
    other_costs: Amount | None = Field(None, description="rent, tools, services, like '1500 ± 300 per month'")
    support_share: float | None = Field(
        None, ge=0, lt=1, description="share of revenue spent on serving customers beside compute (payment fees, support)"
    )
    cash: float | None = Field(None, ge=0, description="money at the start")
    months: int = Field(36, ge=3, le=120, description="how far the plan looks")
    paths: int = Field(10_000, ge=100, le=1_000_000, description="simulated futures")
    seed: int = Field(0, ge=0, description="seed of the draws")

    @field_validator("exchange")
    @classmethod
    def _positive(cls, exchange: dict[Currency, float]) -> dict[Currency, float]:
        for currency, rate in exchange.items():
            if not 0 < rate < float("inf"):
                raise ValueError(f"a positive rate for {currency}")
        return exchange

    @model_validator(mode="after")
    def _small_enough(self) -> Self:
        if self.months * self.paths > _MOST_PATH_MONTHS:
            raise ValueError(
                f"fewer paths or months: paths · months is above {_MOST_PATH_MONTHS:,}, more than memory should hold"
            )
        return self
