"""`risk:` the founders' own register, correlations between uncertain inputs, and responses to compare.

Shipped starters come with it (a register and a list of responses); entries here are added, and one with a shipped id replaces
that one.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from modelwright.spec.section import Section

Kind = Literal["technical", "data", "market", "legal", "people", "supplier"]
_REFERENCE = r"^(evidence|artefact|setting):\S.*$"


class Trigger(Section):
    """The figure that says that a risk is coming true. Exactly one of above, below, is, one_of."""

    watch: str = Field(pattern=_REFERENCE, description="like 'evidence:plan/ruin-probability'; a list is met if any item is")
    count: bool = Field(False, description="compare the number of items instead of the value")
    above: float | str | None = Field(None, description="a number, or a reference like 'setting:choose.at_least'")
    below: float | str | None = Field(None, description="a number, or a reference")
    equals: str | bool | float | None = Field(None, alias="is", description="a text, number or truth value")
    one_of: tuple[str, ...] = Field((), description="texts, compared without regard to case")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("above", "below", "equals") if getattr(self, name) is not None]
        given += ["one_of"] if self.one_of else []
        if len(given) != 1:
            raise ValueError(f"exactly one of above, below, is and one_of, not {', '.join(given) or 'none'}")
        return self


class Risk(Section):
    """One line of the register."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="a short name; a shipped one replaces that entry")
    kind: Kind = Field(description="technical, data, market, legal, people or supplier")
    title: str = Field(min_length=1, description="what may happen")
    likelihood: int = Field(ge=1, le=5, description="1 rare to 5 almost certain")
    impact: int = Field(ge=1, le=5, description="1 small to 5 the end of the company")
    owner: str = Field("", description="who watches it; empty is shown as nobody")
    response: str = Field(min_length=1, description="what is done about it")
    trigger: Trigger | None = Field(None, description="without it, people watch it by hand")


class Correlation(Section):
    """Two uncertain inputs that move together."""

    between: tuple[str, str] = Field(description="two settings, like [venture.customers.growth, venture.customers.churn]")
    value: float = Field(
        gt=-1, lt=1, description="rank correlation (Spearman): -0.4 means the one tends to fall as the other rises"
    )


class Change(Section):
    """One figure that a response changes."""

    key: str = Field(
        min_length=1, description="a setting like venture.price.plan (`*` for every item), or rehearse/cost-per-1000"
    )
    times: float = Field(gt=0, description="multiplied by this, its spread too")


class Response(Section):
    """Something founders could do, whose effect on the plan is computed."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="a short name; a shipped one replaces that entry")
    title: str = Field(min_length=1, description="what is done")
    changes: tuple[Change, ...] = Field(min_length=1, description="figures that it multiplies")


class Alarms(Section):
    """From when on a live figure raises an alarm (`modelwright alarms`). What is left out comes from the shipped register."""

    error_share: float | None = Field(None, ge=0, le=1, description="share of requests that the server failed to answer")
    load_share: float | None = Field(None, gt=0, le=1, description="busiest minute as a share of the rehearsed throughput")
    cost_times: float | None = Field(None, gt=0, description="live cost of a request, in multiples of the planned one")
    silent_days: float | None = Field(None, gt=0, description="days without a request")
    runway_months: float | None = Field(None, ge=0, description="months that the cash must last at the burn of the latest month")
    months: str | None = Field(
        None, description="CSV of your own months: month (1 is the plan's first) and any of customers, revenue, net_burn, cash"
    )


class RiskSection(Section):
    """Register, correlations, responses."""

    register_: tuple[Risk, ...] = Field((), alias="register", description="risks of your own")
    leave_out: tuple[str, ...] = Field((), description="ids of shipped risks that do not concern this venture")
    owners: dict[str, str] = Field(default_factory=dict, description="kind of risk, or a shipped risk's id → who owns it")
    correlations: tuple[Correlation, ...] = Field((), description="uncertain inputs that move together")
    responses: tuple[Response, ...] = Field((), description="things to do whose effect on the plan is computed")
    alarms: Alarms | None = Field(None, description="limits of live figures")

    @field_validator("register_", "responses")
    @classmethod
    def _own_ids(cls, entries: tuple[Risk | Response, ...]) -> tuple[Risk | Response, ...]:
        ids = [entry.id for entry in entries]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"an id of its own for each entry ({name} stands twice)")
        return entries
