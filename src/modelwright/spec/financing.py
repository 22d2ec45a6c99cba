"""`financing:` who owns the company, what money is to come in on which terms, and at which prices it may be sold.

Everything here is the founders' statement and is shown as assumed. Shares are whole numbers, money is in `currency`, months
count from the plan's start.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from modelwright.spec.quantities import Currency, Money, MoneyField, Uncertain, UncertainField
from modelwright.spec.section import Section


def _positive(money: Money) -> Money:
    if money.value <= 0:
        raise ValueError("an amount above 0")
    return money


def _interest(rate: Uncertain) -> Uncertain:
    if rate.currency is not None or rate.spread:
        raise ValueError("a share without currency and spread, like '8% per year'")
    if not 0 <= rate.value < 1:
        raise ValueError("a share from 0% to below 100%, like '8% per year'")
    if rate.period is None:
        raise ValueError("a share with its period, like '8% per year'")
    return rate


def _share(raw: Any) -> Any:
    """`20%` or 0.2; a plain 20 is a contradiction that nobody should guess at."""
    if isinstance(raw, str) and raw.strip().endswith("%"):
        try:
            return float(raw.strip()[:-1].replace(",", "")) / 100
        except ValueError:
            return raw
    if isinstance(raw, int | float) and not isinstance(raw, bool) and raw >= 1:
        raise ValueError(f"a share below 1: write {raw:g}% if that is meant")
    return raw


Sum = Annotated[MoneyField, AfterValidator(_positive)]
Interest = Annotated[UncertainField, AfterValidator(_interest)]
Share = Annotated[float, BeforeValidator(_share, json_schema_input_type=float | str), Field(ge=0, lt=1)]


class Pool(Section):
    """Options: what is granted or promised to people by name, and what nobody has yet."""

    granted: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="name → options granted or promised, out of `size`"
    )
    size: int = Field(0, ge=0, description="all options of the plan, granted ones included")

    @model_validator(mode="after")
    def _large_enough(self) -> Self:
        granted = sum(self.granted.values())
        if granted > self.size:
            raise ValueError(f"a size of at least the {granted:,} options that are granted")
        return self


class Instrument(Section):
    """Money that becomes shares in the next priced round: a SAFE or a convertible note."""

    holder: str = Field(min_length=1, description="who gives it")
    kind: Literal["post-money-safe", "pre-money-safe", "note"] = Field(
        "post-money-safe", description="a SAFE without a cap (discount only) is a post-money-safe with a discount"
    )
    amount: Sum = Field(description="money, or the principal of a note")
    cap: Sum | None = Field(None, description="valuation cap")
    discount: Share = Field(0.0, description="off the round's price, like 20%")
    interest: Interest | None = Field(None, description="of a note, simple, like '8% per year'")
    month: int = Field(0, ge=0, description="month of the plan in which the money comes; 0: it is there already")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.interest is not None and self.kind != "note":
            raise ValueError("interest on a note only; a SAFE bears none")
        if self.cap is not None and self.cap.value <= self.amount.value:
            raise ValueError(f"a cap above the amount: at {self.cap.value:g} this money alone would buy the whole company")
        return self


class PricedRound(Section):
    """A priced round."""

    name: str = Field(min_length=1, description="seed, A, B, …")
    month: int | None = Field(None, ge=0, description="month of the plan in which it closes")
    after: str | None = Field(None, description="the round it follows, instead of a month of its own")
    months_after: int = Field(18, ge=1, description="how many months later, with `after`")
    pre_money: Sum = Field(description="valuation before the money, fully diluted")
    investors: dict[str, Sum] = Field(min_length=1, description="name → money")
    pro_rata: tuple[str, ...] = Field(
        (), description="holders who keep their share: they take that part of the money, and the investors so much less"
    )
    pool: Share = Field(0.0, description="share of everything after the round that is unissued options")
    pool_inside: bool = Field(True, description="whether those before the round pay for the pool's increase")
    preference: float = Field(1.0, ge=0, le=10, description="liquidation preference, as a multiple of the money")
    participating: bool = Field(False, description="shares in the rest after its preference")
    most: float | None = Field(None, gt=0, description="cap of a participating class, as a multiple of the money")
    rank: int | None = Field(None, description="paid from the highest down; default: later rounds before earlier ones")
    anti_dilution: Literal["none", "broad", "ratchet"] = Field("broad", description="protection against a cheaper round later")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.month is None) == (self.after is None):
            raise ValueError("either a month or `after` with the name of an earlier round, not both")
        if self.most is not None and not self.participating:
            raise ValueError("`most` together with `participating: true`")
        if self.most is not None and self.most < self.preference:
            raise ValueError(f"a `most` of at least the preference ({self.preference:g})")
        money = sum(item.value for item in self.investors.values())
        if self.pool + money / (money + self.pre_money.value) >= 1:
            raise ValueError(
                f"a pre-money above the pool: the pool ({self.pool:.0%}) and the new money "
                f"({money / (money + self.pre_money.value):.0%}) leave nothing to those before"
            )
        return self


class Exit(Section):
    """A sale of the company."""

    proceeds: Sum = Field(description="what is left for shareholders after debt and fees")
    month: int | None = Field(None, ge=1, description="when, for the return per year")


class Company(Section):
    """Facts that an export to other cap table software needs."""

    legal_name: str = Field(min_length=1, description="as registered")
    formed: date = Field(description="day of formation")
    country: str = Field(pattern="^[A-Z]{2}$", description="country of formation, two letters")


class Financing(Section):
    """Founders' shares, option pool, instruments, rounds and exits."""

    currency: Currency = "USD"
    founders: dict[str, Annotated[int, Field(gt=0)]] = Field(min_length=1, description="name → shares")
    pool: Pool = Pool()
    instruments: tuple[Instrument, ...] = ()
    rounds: tuple[PricedRound, ...] = ()
    exits: tuple[Exit, ...] = ()
    company: Company | None = Field(None, description="the company's facts, for Open Cap Format")
    buffer_months: float = Field(3, ge=0, le=24, description="cash kept at every time, in months of burning")
    months_to_raise: int = Field(6, ge=0, le=24, description="from starting to ask until the money is there")

    @field_validator("rounds")
    @classmethod
    def _own_names(cls, rounds: tuple[PricedRound, ...]) -> tuple[PricedRound, ...]:
        names = [item.name for item in rounds]
        for name in names:
            if names.count(name) > 1 or name == "common":
                raise ValueError(f"a name of its own for each round, other than common ({name!r})")
        return rounds

    @model_validator(mode="after")
    def _one_world(self) -> Self:
        """One currency, and a holder's name means one thing."""
        amounts = {f"{item.holder}'s amount": item.amount for item in self.instruments}
        amounts |= {f"{item.holder}'s cap": item.cap for item in self.instruments if item.cap is not None}
        amounts |= {f"{item.name}'s pre_money": item.pre_money for item in self.rounds}
        amounts |= {f"{name} in {item.name}": money for item in self.rounds for name, money in item.investors.items()}
        amounts |= {f"exit {place}": item.proceeds for place, item in enumerate(self.exits)}
        for name, money in amounts.items():
            if money.currency not in (None, self.currency):
                raise ValueError(f"everything in one currency, {self.currency}: {name} is in {money.currency}")
        known = {item.name: item for item in self.rounds}
        for item in self.rounds:
            seen, here = [item.name], item
            while here.after is not None:
                if here.after not in known:
                    raise ValueError(f"`after` with the name of a round: {here.name} follows {here.after!r}, which is none")
                if here.after in seen:
                    raise ValueError(f"rounds that follow each other without a circle: {' → '.join([*seen, here.after])}")
                seen.append(here.after)
                here = known[here.after]
        return self
