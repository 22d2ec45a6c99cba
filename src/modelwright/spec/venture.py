"""`venture:` the founders' assumptions. Every figure here is shown as assumed."""

from __future__ import annotations

from pydantic import Field

from modelwright.spec.quantities import Currency, UncertainField
from modelwright.spec.section import Section


class Price(Section):
    """One subscription plan with included requests and a price beyond them."""

    plan: UncertainField = Field(description="price of the plan, like '19 per month'")
    included_requests: int = Field(0, ge=0, description="requests a month inside the plan")
    overage: float = Field(0.0, ge=0, description="price of one request beyond those")


class Customers(Section):
    """Demand. Growth is new customers a month as a share of those at its start."""

    start: int = Field(ge=0, description="paying customers on day one")
    growth: UncertainField = Field(description="like '12% ± 6% per month'")
    churn: UncertainField = Field(description="share of customers lost, like '4% ± 2% per month'; between 0 and 1")
    requests: UncertainField = Field(description="requests of one customer, like '8000 ± 3000 per month'")
    acquisition_cost: UncertainField | None = Field(None, description="sales and marketing per new customer")


class Member(Section):
    """People of one role."""

    role: str = Field(min_length=1)
    salary: UncertainField = Field(description="gross pay of one person, like '6000 per month'")
    count: int = Field(1, ge=0)
    start_month: int = Field(1, ge=1, description="month of the plan in which they start")


class Venture(Section):
    """Price, customers, team, costs and cash."""

    currency: Currency = "USD"
    exchange: dict[Currency, float] = Field(default_factory=dict, description="1 unit of another currency in `currency`")
    price: Price
    customers: Customers
    team: tuple[Member, ...] = ()
    payroll_load: float = Field(0.25, ge=0, le=2, description="employer's charges on top of gross pay")
    other_costs: UncertainField | None = Field(None, description="rent, tools, services, like '1500 ± 300 per month'")
    support_share: float = Field(
        0.05, ge=0, lt=1, description="share of revenue spent on serving customers beside compute (payment fees, support)"
    )
    cash: float = Field(ge=0, description="money at the start")
    months: int = Field(36, ge=3, le=120)
    paths: int = Field(10_000, ge=100, le=1_000_000, description="simulated futures")
    seed: int = Field(0, ge=0)
