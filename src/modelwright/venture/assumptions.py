"""From the `venture:` section and the measured costs to the inputs of the plan: what is known, what stands in, what is missing.

Every input keeps its key and its basis. A figure of the plan that needs a missing input is left out; an assumption that was
not stated but has a dated stand-in, or only makes the picture kinder than it is, is asked for. What the service's own records
say replaces what the founders assumed, and is marked as measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from modelwright.base.errors import SpecError
from modelwright.spec.compute import Compute
from modelwright.spec.venture import Customers, Venture
from modelwright.venture.cost import utilisation
from modelwright.venture.draws import Input, from_figure
from modelwright.venture.figures import Figure
from modelwright.venture.offer import Offer, read_offer
from modelwright.venture.reading import Reader
from modelwright.venture.survival import Records, churn_of, requests_of
from modelwright.venture.tables import table

COST = "rehearse/cost-per-1000"
CAPACITY = "rehearse/throughput"
TRAINING = "train/money"


@dataclass(frozen=True)
class Accounting:
    """When money moves: days until customers pay and suppliers are paid, share of subscriptions paid a year ahead, tax."""

    receivable_days: float = 0.0
    payable_days: float = 0.0
    annual_share: float = 0.0
    tax_rate: float = 0.0


@dataclass(frozen=True)
class Assumptions:
    """Everything the simulation needs.

    Args:
        inputs: by short name: growth, churn, new, requests, acquisition, load, support, other, cost, training, discount,
            expansion, contraction; those of the offer (`offer.read_offer`); `salary/0`, `salary/1`, … of the team and
            `load/0`, … of members whose country's charges stand in; those of the funnel (`visits/0`, `spend/0`, …).
        start, market, cash: customers, customers, money; an infinite market is none stated.
        offer: what is sold.
        team: (people, first month) of each role, as `salary/…` counts them.
        machine_requests: requests a month of one machine at its stated utilisation; None bills by the request.
        channels: names of the funnel's channels, in order.
        missing: keys without which some figures stay out.
        asked: keys that were not stated, though no figure stays out.
    """

    currency: str
    inputs: dict[str, Input]
    start: float
    market: float
    cash: float
    offer: Offer
    team: tuple[tuple[float, int], ...]
    machine_requests: float | None
    missing: tuple[str, ...]
    asked: tuple[str, ...]
    stated: tuple[Input, ...] = field(default=())
    channels: tuple[str, ...] = ()
    accounting: Accounting = Accounting()

    @property
    def included(self) -> float:
        """Requests a month inside the only plan."""
        return self.offer.tiers[0].included if self.offer.tiers else 0.0


def gather(
    venture: Venture,
    compute: Compute,
    cost_per_1000: Figure | None,
    training_money: Figure | None,
    capacity_requests_per_month: Figure | None,
    today: date,
    records: Records | None = None,
) -> Assumptions:
    """Read the settings and figures; arguments as `plan.plan`.

    Raises:
        SpecError: units that contradict each other.
    """
    reader = Reader(venture, today)
    customers = venture.customers or Customers()
    offer, inputs = read_offer(reader, venture)
    inputs.update(_demand(reader, venture, customers, offer, records))
    inputs.update(_costs(reader, venture, customers, offer))
    inputs["cost"] = reader.figure(COST, cost_per_1000, needed=True)
    inputs["training"] = reader.figure(TRAINING, training_money)
    inputs.update(_people(reader, venture, today))
    start = reader.needed("venture.customers.start", customers.start) if offer.subscribers else customers.start or 0.0
    cash = reader.needed("venture.cash", venture.cash)
    if compute.utilisation is None:
        reader.asked.append("compute.utilisation")
    return Assumptions(
        currency=venture.currency,
        inputs=inputs,
        start=start,
        market=customers.market if customers.market is not None else float("inf"),
        cash=cash,
        offer=offer,
        team=tuple((float(member.count), member.start_month) for member in venture.team or ()),
        machine_requests=_machine_requests(reader, capacity_requests_per_month, compute, today),
        channels=tuple(channel.name for channel in venture.marketing.channels) if venture.marketing else (),
        accounting=_accounting(reader, venture),
        missing=tuple(dict.fromkeys(reader.missing)),
        asked=tuple(dict.fromkeys(reader.asked)),
        stated=tuple(_constants(venture, customers, reader.missing)),
    )


def _demand(reader: Reader, venture: Venture, customers: Customers, offer: Offer, records: Records | None) -> dict[str, Input]:
    own, sold = "venture.customers", offer.subscribers
    inputs = {
        "growth": reader.share(
            f"{own}.growth", customers.growth, needed=sold and customers.new is None and not venture.marketing
        ),
        "churn": reader.share(f"{own}.churn", customers.churn, needed=sold and records is None, high=1.0),
        "new": reader.number(f"{own}.new", customers.new, needed=sold and customers.start == 0 and not venture.marketing),
        "expansion": reader.share(f"{own}.expansion", customers.expansion, needed=False),
        "contraction": reader.share(f"{own}.contraction", customers.contraction, needed=False, high=1.0),
        "discount": reader.share("venture.discount", venture.discount, needed=False),
    }
    for key, stated in ((f"{own}.expansion", customers.expansion), ("venture.discount", venture.discount)):
        if stated is None and sold:
            reader.asked.append(key)
    if records is not None:
        inputs["churn"] = churn_of(records)
        if (measured := requests_of(records)) is not None:
            inputs["requests"] = measured
    if "requests" not in inputs:
        inputs["requests"] = _requests(reader, venture, customers, offer)
    for number, channel in enumerate(venture.marketing.channels if venture.marketing else ()):
        at = f"venture.marketing.channels.{number}"
        inputs[f"visits/{number}"] = reader.number(f"{at}.visits", channel.visits, needed=False)
        inputs[f"spend/{number}"] = reader.money(f"{at}.spend", channel.spend, needed=False)
        inputs[f"visit-cost/{number}"] = reader.money(f"{at}.cost_per_visit", channel.cost_per_visit, needed=False)
        inputs[f"channel-cost/{number}"] = reader.money(f"{at}.acquisition_cost", channel.acquisition_cost, needed=False)
    if venture.marketing is not None:
        steps = any(channel.acquisition_cost is None for channel in venture.marketing.channels)
        for name in ("signup", "trial", "paid"):
            inputs[name] = reader.share(f"venture.marketing.{name}", getattr(venture.marketing, name), needed=steps, high=1.0)
        inputs["marketing-people"] = reader.money("venture.marketing.people", venture.marketing.people, needed=False, ask=True)
    return inputs


def _costs(reader: Reader, venture: Venture, customers: Customers, offer: Offer) -> dict[str, Input]:
    ask = offer.subscribers and venture.marketing is None
    return {
        "acquisition": reader.money("venture.customers.acquisition_cost", customers.acquisition_cost, needed=False, ask=ask),
        "other": reader.money("venture.other_costs", venture.other_costs, needed=False, ask=True),
        "load": reader.default("venture.payroll_load", venture.payroll_load, "payroll_load"),
        "support": reader.default("venture.support_share", venture.support_share, "support_share"),
    }


def _people(reader: Reader, venture: Venture, today: date) -> dict[str, Input]:
    inputs: dict[str, Input] = {}
    charges = table("payroll")
    for number, member in enumerate(venture.team or ()):
        inputs[f"salary/{number}"] = reader.money(f"venture.team.{number}.salary", member.salary)
        if member.country is None:
            continue
        key = f"venture.team.{number}.country"
        if member.country not in charges:
            raise SpecError(
                f"no employer's charges are known for {member.country!r}",
                expected=f"one of: {', '.join(charges)}",
                where=key,
                remedy="Leave the country out and state venture.payroll_load.",
            )
        if venture.payroll_load is None:
            inputs[f"load/{number}"] = from_figure(key, charges[member.country].figure(today))
    reader.needed("venture.team", None if venture.team is None else 0.0)
    return inputs


def _accounting(reader: Reader, venture: Venture) -> Accounting:
    values = venture.accounts.model_dump()
    reader.asked.extend(f"venture.accounts.{name}" for name, value in values.items() if value is None)
    return Accounting(**{name: value or 0.0 for name, value in values.items()})


def _requests(reader: Reader, venture: Venture, customers: Customers, offer: Offer) -> Input:
    key, included = "venture.customers.requests", venture.price.included_requests if venture.price else 0
    if customers.requests is None and included > 0:
        reader.asked.append(key)
        source = "all included requests, because the number is not stated"
        return Input(key, float(included), "size", "fallback", said=f"{included} per month", source=source)
    needed = offer.subscribers and (not offer.tiers or any(tier.requests == "requests" for tier in offer.tiers))
    return reader.number(key, customers.requests, needed=needed)


def _machine_requests(reader: Reader, capacity: Figure | None, compute: Compute, today: date) -> float | None:
    if capacity is None or capacity.value <= 0:
        reader.asked.append(CAPACITY)
        return None
    return capacity.value * utilisation(compute, today).value


def _constants(venture: Venture, customers: Customers, missing: Iterable[str]) -> Iterable[Input]:
    """The founders' plain numbers, for the list of assumptions."""
    plain: dict[str, float | None] = {
        "venture.cash": venture.cash,
        "venture.customers.start": customers.start,
        "venture.customers.market": customers.market,
        **{f"venture.accounts.{name}": value for name, value in venture.accounts.model_dump().items()},
    }
    if venture.price is not None:
        plain["venture.price.included_requests"] = venture.price.included_requests if venture.price.plan else None
        for number, tier in enumerate(venture.price.tiers):
            plain[f"venture.price.tiers.{number}.share"] = tier.share
            plain[f"venture.price.tiers.{number}.included_requests"] = tier.included_requests
        for number, move in enumerate(venture.price.migration):
            plain[f"venture.price.migration.{number}.share"] = move.share
        if (large := venture.price.enterprise) is not None:
            plain["venture.price.enterprise.start"] = large.start
            plain["venture.price.enterprise.sales_cycle_months"] = large.sales_cycle_months
    for number, member in enumerate(venture.team or ()):
        plain[f"venture.team.{number}.count"] = member.count
        plain[f"venture.team.{number}.start_month"] = member.start_month
    for key, value in plain.items():
        if value is not None and key not in missing:
            yield Input(key, float(value), "size", "assumed", said=f"{value:g}", source=key)
