"""`venture:` the founders' assumptions. Every figure here is shown as assumed.

Nothing is required: what is left out is asked for by key in the plan, and either a dated default stands in (marked as
fallback) or the figures that need it stay out. Money is in `currency` unless it names another.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from modelwright.spec.amounts import Amount, Churn, Count, Growth, Once
from modelwright.spec.marketing import Accounts, Marketing
from modelwright.spec.price import Price, Pricing
from modelwright.spec.quantities import Currency, MoneyField
from modelwright.spec.section import Section
from modelwright.spec.team import Member

_MOST_PATH_MONTHS = 24_000_000  # 32 bytes each while the plan is made


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
        None,
        description="fully loaded sales and marketing per new customer, like '40 ± 15 USD'; beside venture.marketing: of those "
        "who come by growth",
    )
    expansion: Growth | None = Field(None, description="revenue that staying customers add, like '1% per month'")
    contraction: Churn | None = Field(None, description="revenue that staying customers take away, like '0.5% per month'")

    @model_validator(mode="after")
    def _inside_market(self) -> Self:
        if self.market is not None and self.start is not None and self.start > self.market:
            raise ValueError(f"start ({self.start:g}) not above market ({self.market:g})")
        return self


class MoreData(Section):
    """What more rows cost and what quality is worth: may they be bought?"""

    cost_per_row: MoneyField | None = Field(None, description="collecting and labelling one more row, like '0.40 USD'")
    worth_per_point: MoneyField | None = Field(
        None, description="what 0.01 of the headline metric is worth over the plan, like '3000 USD'"
    )


class Venture(Section):
    """Price, customers, team, costs and cash."""

    currency: Currency = "USD"
    exchange: dict[Currency, float] = Field(default_factory=dict, description="1 unit of another currency in `currency`")
    price: Price | None = None
    pricing: Pricing | None = None
    customers: Customers | None = None
    marketing: Marketing | None = None
    team: tuple[Member, ...] | None = Field(None, description="[] if nobody is paid yet")
    payroll_load: float | None = Field(None, ge=0, le=2, description="employer's charges as a share of gross pay, on top of it")
    other_costs: Amount | None = Field(None, description="rent, tools, services, like '1500 ± 300 per month'")
    support_share: float | None = Field(
        None, ge=0, lt=1, description="share of revenue spent on serving customers beside compute (payment fees, support)"
    )
    cash: float | None = Field(None, ge=0, description="money at the start")
    accounts: Accounts = Accounts()
    discount: Growth | None = Field(None, description="what money later is worth less, like '12% per year'; for lifetime values")
    data: MoreData = MoreData()
    records: str | None = Field(
        None,
        description="CSV or JSONL of the service's customers (start, end, requests); what it says replaces assumed churn and "
        "requests, and is marked as measured",
    )
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
    def _one_funnel(self) -> Self:
        if self.marketing is not None and self.customers is not None and self.customers.new is not None:
            raise ValueError("either customers.new or marketing: both say how many customers join")
        return self

    @model_validator(mode="after")
    def _small_enough(self) -> Self:
        if self.months * self.paths > _MOST_PATH_MONTHS:
            raise ValueError(
                f"fewer paths or months: paths · months is above {_MOST_PATH_MONTHS:,}, more than memory should hold"
            )
        return self
