"""`venture.marketing` the way from a visit to a paying customer, and `venture.accounts` when money is really paid."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from modelwright.spec.amounts import Amount, Count, Each, Once, Share
from modelwright.spec.section import Section


class Channel(Section):
    """One source of visits or of customers. It says one of: visits, spend with cost_per_visit, spend with acquisition_cost."""

    name: str = Field(min_length=1, description="of the channel")
    visits: Count | None = Field(None, description="visits it brings, like '400 ± 100 per month'")
    spend: Amount | None = Field(None, description="what is spent on it, like '1500 per month'")
    cost_per_visit: Each | None = Field(None, description="spend buys visits at this price, like '1.2 ± 0.3 USD'")
    acquisition_cost: Once | None = Field(None, description="spend buys paying customers at this price, like '120 ± 40 USD'")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("visits", "cost_per_visit", "acquisition_cost") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError(f"one of visits, cost_per_visit, acquisition_cost; got {' and '.join(ways) or 'none'}")
        if ways != ["visits"] and self.spend is None:
            raise ValueError(f"{ways[0]} needs spend")
        paid_for = getattr(self, ways[0])
        if ways != ["visits"] and paid_for.value == 0:
            raise ValueError(f"{ways[0]} above 0; visits that cost nothing are written as visits")
        return self


class Marketing(Section):
    """Visits → sign-ups → trials → paying customers. The shares are those of the step before."""

    channels: tuple[Channel, ...] = Field(min_length=1)
    signup: Share | None = Field(None, description="share of visits that sign up, like '6% ± 2%'")
    trial: Share | None = Field(None, description="share of sign-ups that try it; 100% where there is no trial")
    paid: Share | None = Field(None, description="share of trials that pay")
    people: Amount | None = Field(None, description="sales and marketing people and tools that are in no team list and no spend")

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [channel.name for channel in self.channels]
        if len(set(names)) != len(names):
            raise ValueError("channels with names of their own")
        return self


class Accounts(Section):
    """When money moves, and taxes. What is left out is asked for; until then everything is paid at once and untaxed."""

    receivable_days: float | None = Field(None, ge=0, le=365, description="days until customers pay; 0 for cards")
    payable_days: float | None = Field(None, ge=0, le=365, description="days until suppliers are paid; people are paid at once")
    annual_share: float | None = Field(None, ge=0, le=1, description="share of subscription revenue that is paid a year ahead")
    tax_rate: float | None = Field(None, ge=0, lt=1, description="tax on profits, after losses carried forward")
