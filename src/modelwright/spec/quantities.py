"""Quantities as founders write them: `2 USD`, `19 per month`, `12% ± 6% per month`, `3 min`.

Each type accepts a plain number too. The resolved file shows the parts ({value: 0.12, spread: 0.06, period: month}), and
the parts may be written in the project file as well.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from modelwright.spec.section import Section

Currency = Literal["USD", "CNY", "EUR"]
Period = Literal["month", "year"]

_NUMBER = r"[-+]?\d[\d_,]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
_QUANTITY = re.compile(
    rf"^\s*(?P<value>{_NUMBER})\s*(?P<percent>%)?\s*"
    rf"(?:(?:±|\+/-)\s*(?P<spread>{_NUMBER})\s*(?P<spread_percent>%)?)?\s*"
    rf"(?P<currency>USD|CNY|EUR)?\s*(?:(?:per|/)\s*(?P<period>month|year))?\s*$"
)


def _number(text: str, percent: str | None) -> float:
    return float(text.replace(",", "").replace("_", "")) / (100 if percent else 1)


def _parse(raw: Any, allowed: frozenset[str], form: str) -> Any:
    """A mapping of the parts present in `raw`, or `raw` itself if it is no text or number (pydantic then says why)."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return raw
    match = _QUANTITY.match(str(raw))
    if match is None:
        raise ValueError(f"{raw!r} is not a quantity; write it like {form}")
    parts = {key: part for key, part in match.groupdict().items() if part is not None and not key.endswith("percent")}
    for key in parts.keys() - allowed - {"value"}:
        raise ValueError(f"{raw!r} has a {key} where none belongs; write it like {form}")
    if match["spread"] is not None and bool(match["percent"]) != bool(match["spread_percent"]):
        raise ValueError(f"{raw!r} mixes a percentage with a plain number; write both the same way, like 12% ± 6%")
    parsed: dict[str, Any] = {**parts, "value": _number(match["value"], match["percent"])}
    if match["spread"] is not None:
        parsed["spread"] = _number(match["spread"], match["spread_percent"])
    return parsed


class Money(Section):
    """An amount. `currency` None means the project's own (`venture.currency`)."""

    value: float = Field(ge=0, description="amount, not negative")
    currency: Currency | None = None


class Uncertain(Section):
    """A number with a spread: `12% ± 6% per month`. The spread is half the width of an 80 % range (P10 to P90), because
    that is how people answer "give or take how much?"; 0 means that the founder is sure."""

    value: float
    spread: float = Field(0.0, ge=0)
    currency: Currency | None = None
    period: Period | None = None


def _as_money(raw: Any) -> Any:
    return _parse(raw, frozenset({"currency"}), "2 USD")


def _as_uncertain(raw: Any) -> Any:
    return _parse(raw, frozenset({"spread", "currency", "period"}), "12% ± 6% per month, or 19 per month")


MoneyField = Annotated[Money, BeforeValidator(_as_money, json_schema_input_type=float | str)]
UncertainField = Annotated[Uncertain, BeforeValidator(_as_uncertain, json_schema_input_type=float | str)]
