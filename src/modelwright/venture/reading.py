"""Turns settings into inputs of the plan: in the venture's currency, per month, with key, basis and the author's words."""

from __future__ import annotations

from datetime import date

from modelwright.base.errors import SpecError
from modelwright.base.evidence import Basis
from modelwright.spec.quantities import Uncertain
from modelwright.spec.venture import Venture
from modelwright.venture.cost import exchange_rate
from modelwright.venture.draws import Input, from_figure, rate, size
from modelwright.venture.figures import Figure
from modelwright.venture.tables import table


class Reader:
    """Reads one setting after the other, and remembers what was not there."""

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

    def optional(self, key: str, quantity: Uncertain | None, kind: str, ask: bool = True) -> Input:
        """A setting without which nothing stays out; it is asked for, and counts as nothing."""
        if quantity is None:
            return self._absent(key, False, ask)
        if kind == "share":
            return self.share(key, quantity, high=1.0)
        return self.money(key, quantity) if kind == "money" else self.number(key, quantity, needed=False)

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
