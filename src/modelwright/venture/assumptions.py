"""From the `venture:` section and the measured costs to the inputs of the plan: what is known, what stands in, what is missing.

Every input keeps its key and its basis. A figure of the plan that needs a missing input is left out; an assumption that was
not stated but has a dated stand-in, or only makes the picture kinder than it is, is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from modelwright.base.errors import SpecError
from modelwright.base.evidence import Basis
from modelwright.spec.compute import Compute
from modelwright.spec.quantities import Uncertain
from modelwright.spec.venture import Customers, Venture
from modelwright.venture.cost import exchange_rate, utilisation
from modelwright.venture.draws import Input, from_figure, rate, size
from modelwright.venture.figures import Figure
from modelwright.venture.tables import table

COST = "rehearse/cost-per-1000"
CAPACITY = "rehearse/throughput"
TRAINING = "train/money"

CONSEQUENCES: dict[str, dict[str, str]] = {
    "venture.customers.requests": {
        "en": "every customer is taken to use all included requests",
        "zh": "按每位客户用完全部套餐内请求计算",
    },
    "venture.customers.acquisition_cost": {
        "en": "winning customers is counted as free: cash lasts shorter than shown",
        "zh": "未计入获客成本:现金实际维持时间更短",
    },
    "venture.other_costs": {
        "en": "rent, tools and services are not counted: cash lasts shorter than shown",
        "zh": "未计入房租、工具和服务费用:现金实际维持时间更短",
    },
    "venture.payroll_load": {"en": "a default stands in for the employer's charges", "zh": "雇主附加成本使用默认值"},
    "venture.support_share": {"en": "a default stands in for payment fees and support", "zh": "支付手续费和客服使用默认值"},
    "compute.utilisation": {"en": "a default stands in for how busy the machines are", "zh": "机器利用率使用默认值"},
    CAPACITY: {"en": "computing is billed by the request: idle machines are not counted", "zh": "按请求计费:未计入机器空闲成本"},
    TRAINING: {"en": "training is not counted", "zh": "未计入训练成本"},
}
"""What the plan does when one of these is not stated, in words."""


@dataclass(frozen=True)
class Assumptions:
    """Everything the simulation needs.

    Args:
        inputs: by short name: price, overage, growth, churn, new, requests, acquisition, load, support, other, cost,
            training, and `salary/0`, `salary/1`, … of the team.
        start, market, included, cash: customers, customers, requests a month, money; an infinite market is none stated.
        team: (people, first month) of each role, as `salary/…` counts them.
        machine_requests: requests a month of one machine at its stated utilisation; None bills by the request.
        missing: keys without which some figures stay out.
        asked: keys that were not stated, though no figure stays out.
    """

    currency: str
    inputs: dict[str, Input]
    start: float
    market: float
    included: float
    cash: float
    team: tuple[tuple[float, int], ...]
    machine_requests: float | None
    missing: tuple[str, ...]
    asked: tuple[str, ...]
    stated: tuple[Input, ...] = field(default=())


def gather(
    venture: Venture,
    compute: Compute,
    cost_per_1000: Figure | None,
    training_money: Figure | None,
    capacity_requests_per_month: Figure | None,
    today: date,
) -> Assumptions:
    """Read the settings and figures; arguments as `plan.plan`.

    Raises:
        SpecError: units that contradict each other.
    """
    reader = _Reader(venture, today)
    customers, price = venture.customers or Customers(), venture.price
    inputs: dict[str, Input] = {
        "growth": reader.share("venture.customers.growth", customers.growth, needed=customers.new is None),
        "churn": reader.share("venture.customers.churn", customers.churn, high=1.0),
        "new": reader.number("venture.customers.new", customers.new, needed=customers.start == 0),
        "requests": _requests(reader, venture, customers),
        "price": reader.money("venture.price.plan", price.plan if price else None),
        "overage": reader.exact("venture.price.overage", price.overage if price else 0.0),
        "acquisition": reader.money("venture.customers.acquisition_cost", customers.acquisition_cost, needed=False, ask=True),
        "other": reader.money("venture.other_costs", venture.other_costs, needed=False, ask=True),
        "load": reader.default("venture.payroll_load", venture.payroll_load, "payroll_load"),
        "support": reader.default("venture.support_share", venture.support_share, "support_share"),
        "cost": reader.figure(COST, cost_per_1000, needed=True),
        "training": reader.figure(TRAINING, training_money),
    }
    for number, member in enumerate(venture.team or ()):
        inputs[f"salary/{number}"] = reader.money(f"venture.team.{number}.salary", member.salary)
    start = reader.needed("venture.customers.start", customers.start)
    cash = reader.needed("venture.cash", venture.cash)
    reader.needed("venture.team", None if venture.team is None else 0.0)
    if compute.utilisation is None:
        reader.asked.append("compute.utilisation")
    return Assumptions(
        currency=venture.currency,
        inputs=inputs,
        start=start,
        market=customers.market if customers.market is not None else float("inf"),
        included=float(price.included_requests) if price else 0.0,
        cash=cash,
        team=tuple((float(member.count), member.start_month) for member in venture.team or ()),
        machine_requests=_machine_requests(reader, capacity_requests_per_month, compute, today),
        missing=tuple(dict.fromkeys(reader.missing)),
        asked=tuple(dict.fromkeys(reader.asked)),
        stated=tuple(_constants(venture, customers, reader.missing)),
    )


def _requests(reader: _Reader, venture: Venture, customers: Customers) -> Input:
    key, included = "venture.customers.requests", venture.price.included_requests if venture.price else 0
    if customers.requests is None and included > 0:
        reader.asked.append(key)
        source = "all included requests, because the number is not stated"
        return Input(key, float(included), "size", "fallback", said=f"{included} per month", source=source)
    return reader.number(key, customers.requests, needed=True)


def _machine_requests(reader: _Reader, capacity: Figure | None, compute: Compute, today: date) -> float | None:
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
        "venture.price.included_requests": venture.price.included_requests if venture.price else None,
    }
    for number, member in enumerate(venture.team or ()):
        plain[f"venture.team.{number}.count"] = member.count
        plain[f"venture.team.{number}.start_month"] = member.start_month
    for key, value in plain.items():
        if value is not None and key not in missing:
            yield Input(key, float(value), "size", "assumed", said=f"{value:g}", source=key)


class _Reader:
    """Turns settings into inputs in the venture's currency and per month, and remembers what was not there."""

    def __init__(self, venture: Venture, today: date) -> None:
        self.venture, self.today = venture, today
        self.missing: list[str] = []
        self.asked: list[str] = []

    def needed(self, key: str, value: float | None) -> float:
        if value is None:
            self.missing.append(key)
        return value or 0.0

    def exact(self, key: str, value: float) -> Input:
        return Input(key, value, "size", "assumed", said=f"{value:g}", source=key)

    def money(self, key: str, quantity: Uncertain | None, needed: bool = True, ask: bool = False) -> Input:
        if quantity is None:
            return self._absent(key, needed, ask)
        factor, note = 1.0, ""
        basis: Basis = "assumed"
        if quantity.currency not in (None, self.venture.currency):
            worth = exchange_rate(quantity.currency, self.venture.currency, self.venture, self.today)
            factor, note = worth.value, f"1 {quantity.currency} = {worth.value:.4g} {worth.unit}, {worth.note or worth.source}"
            basis = "fallback" if worth.basis == "fallback" else "assumed"
        if quantity.period == "year":
            factor /= 12
        source = "; ".join(filter(None, (key, note)))
        return size(key, quantity.value * factor, quantity.spread * factor, basis, written(quantity), source)

    def number(self, key: str, quantity: Uncertain | None, needed: bool) -> Input:
        if quantity is None:
            return self._absent(key, needed, False)
        factor = 1 / 12 if quantity.period == "year" else 1.0
        return size(key, quantity.value * factor, quantity.spread * factor, "assumed", written(quantity), key)

    def share(self, key: str, quantity: Uncertain | None, needed: bool = True, high: float = float("inf")) -> Input:
        """A rate; per year it is the monthly rate that compounds to it."""
        if quantity is None:
            return self._absent(key, needed, False)
        middle, spread = quantity.value, quantity.spread
        if quantity.period == "year":
            sign = -1 if high == 1 else 1  # churn leaves 1 − c of a year, growth makes 1 + g of it

            def monthly(value: float) -> float:
                return sign * ((1 + sign * min(max(value, 0.0), high)) ** (1 / 12) - 1)

            middle, spread = monthly(middle), (monthly(middle + spread) - monthly(middle - spread)) / 2
        return rate(key, middle, spread, "assumed", high, written(quantity, share=True), key)

    def default(self, key: str, value: float | None, entry: str) -> Input:
        if value is not None:
            return self.exact(key, value)
        self.asked.append(key)
        return from_figure(key, table("business")[entry].figure(self.today))

    def figure(self, key: str, figure: Figure | None, needed: bool = False) -> Input:
        if figure is None:
            return self._absent(key, needed, not needed)
        if figure.unit != self.venture.currency:
            raise SpecError(
                f"{key} is in {figure.unit}, the venture counts in {self.venture.currency}",
                expected="one currency",
                where="venture.currency",
                remedy="Run the stage that measured it again: modelwright run --from forecast",
            )
        return from_figure(key, figure)

    def _absent(self, key: str, needed: bool, ask: bool) -> Input:
        if needed:
            self.missing.append(key)
        elif ask:
            self.asked.append(key)
        return Input(key, 0.0, "size", "assumed")


def written(quantity: Uncertain, share: bool = False) -> str:
    """As founders write it: 12% ± 6% per month."""
    scale, sign = (100, "%") if share else (1, "")
    text = f"{quantity.value * scale:.10g}{sign}"
    if quantity.spread:
        text += f" ± {quantity.spread * scale:.10g}{sign}"
    if quantity.currency:
        text += f" {quantity.currency}"
    return text + (f" per {quantity.period}" if quantity.period else "")
