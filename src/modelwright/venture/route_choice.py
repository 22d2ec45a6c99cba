"""Build, fine-tune or buy? At equal measured quality the cheapest way at the expected volume, and the volume where that turns.

Break-even volume = fixed cost / (price of buying − own marginal cost), per request. Qualities are compared by their
intervals; one that nobody measured on the same rows is not comparable, whatever its price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from modelwright.base.errors import SpecError
from modelwright.spec.compute import Api
from modelwright.spec.venture import Venture
from modelwright.venture.cost import convert, currency_of
from modelwright.venture.figures import Figure, derive
from modelwright.venture.tables import STALE_MONTHS

Kind = Literal["build", "fine-tune", "buy"]
FALLS = (0.0, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Way:
    """One way to the same answers.

    Args:
        name: of the route or of the service bought.
        quality: measured on the test rows that all share; None: nobody has.
        fixed: money before the first request (training, data, people); in the currency of all.
        per_1000: money for 1,000 requests.
        price_fall: of its price, a year, as a share; 0 for own machines.
    """

    name: str
    kind: Kind
    quality: Figure | None
    fixed: Figure
    per_1000: Figure
    price_fall: float = 0.0


def api_cost_per_1000(api: Api, currency: str, venture: Venture | None = None, today: date | None = None) -> Figure:
    """Money for 1,000 requests of a bought model: tokens in, cached and out, each at its own price.

    Raises:
        SpecError: unknown exchange rate.
    """
    parts = [
        (api.input_tokens - api.cached_tokens, api.input),
        (api.cached_tokens, api.cached_input if api.cached_input is not None else api.input),
        (api.output_tokens, api.output),
    ]
    paid = [convert(price.value * tokens / 1000, price.currency or currency, currency, venture, today) for tokens, price in parts]
    note = f"{api.name} at its price of {api.as_of.isoformat()}"
    if today is not None and (months := (today.year - api.as_of.year) * 12 + today.month - api.as_of.month) > STALE_MONTHS:
        note += f" (stale: {months} months old)"
    total = derive(lambda *values: sum(values), *paid, unit=currency, note=note)
    return Figure(
        total.value,
        currency,
        total.basis if total.basis == "fallback" else "assumed",
        total.low,
        total.high,
        total.note,
        "compute.api",
    )


def break_even(own: Way, bought: Way, price_fall: float = 0.0) -> dict[str, Any]:
    """Requests after which the own way has cost less than buying.

    Returns:
        {"requests", "low", "high", "reason"}: None with a reason where buying stays cheaper; `high` None where that may be so.
    """

    def at(fixed: float, mine: float, theirs: float) -> float | None:
        saved = (theirs * (1 - price_fall) - mine) / 1000
        return fixed / saved if saved > 0 else None

    middle = at(own.fixed.value, own.per_1000.value, bought.per_1000.value)
    if middle is None:
        reason = (
            f"1,000 requests cost {own.per_1000.value:.4g} of our own and {bought.per_1000.value * (1 - price_fall):.4g} bought"
        )
        return {"requests": None, "low": None, "high": None, "reason": reason}
    kindest = at(_low(own.fixed), _low(own.per_1000), _high(bought.per_1000))
    worst = at(_high(own.fixed), _high(own.per_1000), _low(bought.per_1000))
    return {"requests": middle, "low": kindest, "high": worst, "reason": None}


def months_to_pay_back(own: Way, bought: Way, requests_per_month: float, months: int) -> int | None:
    """First month by which the own way has cost less than buying at prices that fall by `bought.price_fall` a year; None: not
    within `months`."""
    mine, theirs = own.fixed.value, bought.fixed.value
    for month in range(1, months + 1):
        mine += own.per_1000.value * requests_per_month / 1000
        theirs += bought.per_1000.value * (1 - bought.price_fall) ** (month / 12) * requests_per_month / 1000
        if mine <= theirs:
            return month
    return None


def choose(ways: Sequence[Way], requests_per_month: float, months: int = 36) -> dict[str, Any]:
    """Compare all ways.

    Args:
        requests_per_month: expected, the same every month.
        months: over which total costs are compared.

    Returns:
        {"currency", "best_quality", "ways": [{"name", "kind", "quality", "as_good" (None: not measured), "fixed", "per_1000",
        "total"}], "choice" (the cheapest as-good way; None: no quality was measured), "break_even": [{"own", "bought", "requests",
        "low", "high", "reason", "months", "as_good", "sensitivity": [{"price_fall", "requests"}], "equal_at_price"}],
        "requests_per_month", "months"}.

    Raises:
        SpecError: two currencies, no demand, no ways.
    """
    if not ways or requests_per_month <= 0 or months < 1:
        raise SpecError(
            f"{len(ways)} ways, {requests_per_month:g} requests a month over {months} months",
            expected="some ways, and a positive demand and time",
            where="route choice",
            remedy="State venture.customers so that the demand is known, or give it.",
        )
    currencies = {currency_of(money) for way in ways for money in (way.fixed, way.per_1000)}
    if len(currencies) > 1:
        raise SpecError(
            f"costs in {' and '.join(sorted(currencies))}",
            expected="one currency",
            where="route choice",
            remedy="Convert them with venture.exchange.",
        )
    measured = [way for way in ways if way.quality is not None]
    best = max(measured, key=lambda way: way.quality.value if way.quality else 0.0, default=None)
    rows = [_row(way, best, requests_per_month, months) for way in ways]
    good = [row for row in rows if row["as_good"]]
    return {
        "currency": currencies.pop(),
        "requests_per_month": requests_per_month,
        "months": months,
        "best_quality": best.name if best else None,
        "ways": rows,
        "choice": min(good, key=lambda row: row["total"])["name"] if good else None,
        "break_even": [
            _pair(own, bought, requests_per_month, months, rows)
            for own in ways
            if own.kind != "buy"
            for bought in ways
            if bought.kind == "buy"
        ],
    }


def _row(way: Way, best: Way | None, requests_per_month: float, months: int) -> dict[str, Any]:
    as_good = None
    if way.quality is not None and best is not None and best.quality is not None:
        as_good = _high(way.quality) >= _low(best.quality)
    running = (
        sum(way.per_1000.value * (1 - way.price_fall) ** (month / 12) for month in range(1, months + 1))
        * requests_per_month
        / 1000
    )
    quality = None if way.quality is None else {"value": way.quality.value, "low": way.quality.low, "high": way.quality.high}
    return {
        "name": way.name,
        "kind": way.kind,
        "quality": quality,
        "as_good": as_good,
        "fixed": way.fixed.as_json("fixed"),
        "per_1000": way.per_1000.as_json("per_1000"),
        "total": way.fixed.value + running,
    }


def _pair(own: Way, bought: Way, requests_per_month: float, months: int, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    good = {row["name"]: row["as_good"] for row in rows}
    known = None if None in (good[own.name], good[bought.name]) else good[own.name] and good[bought.name]
    return {
        "own": own.name,
        "bought": bought.name,
        **break_even(own, bought),
        "months": months_to_pay_back(own, bought, requests_per_month, months),
        "as_good": known,
        "sensitivity": [{"price_fall": fall, "requests": break_even(own, bought, fall)["requests"]} for fall in FALLS],
        "equal_at_price": own.per_1000.value + own.fixed.value / (requests_per_month * months) * 1000,
    }


def _low(figure: Figure) -> float:
    return figure.value if figure.low is None else figure.low


def _high(figure: Figure) -> float:
    return figure.value if figure.high is None else figure.high
