"""Uncertain amounts of the `venture:` section, each with what it may and may not be.

Sizes are drawn from a lognormal distribution, which knows no zero with a spread and nothing below.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from modelwright.spec.quantities import Uncertain, UncertainField


def _size(quantity: Uncertain) -> Uncertain:
    if quantity.value < 0:
        raise ValueError("a number that is not negative")
    if quantity.value == 0 and quantity.spread > 0:
        raise ValueError("0 without a spread, or a positive middle value with one")
    return quantity


def _count(quantity: Uncertain) -> Uncertain:
    if quantity.currency is not None:
        raise ValueError("a number of things without a currency, like '8000 ± 3000 per month'")
    return _size(quantity)


def _plain(quantity: Uncertain) -> Uncertain:
    if quantity.period is not None:
        raise ValueError("a number without 'per month' or 'per year', like '8 ± 3'")
    return _count(quantity)


def _once(quantity: Uncertain) -> Uncertain:
    if quantity.period is not None:
        raise ValueError("an amount per new customer, without 'per month' or 'per year', like '40 ± 15 USD'")
    return _size(quantity)


def _each(quantity: Uncertain) -> Uncertain:
    if quantity.period is not None:
        raise ValueError("an amount for each, without 'per month' or 'per year', like '0.004 ± 0.001 USD'")
    return _size(quantity)


def _growth(quantity: Uncertain) -> Uncertain:
    if quantity.currency is not None:
        raise ValueError("a share without a currency, like '12% ± 6% per month'")
    if quantity.value < 0:
        raise ValueError("a share of new customers that is not negative; customers who leave belong in churn")
    return quantity


def _churn(quantity: Uncertain) -> Uncertain:
    if quantity.currency is not None:
        raise ValueError("a share without a currency, like '4% ± 2% per month'")
    if not 0 <= quantity.value <= 1:
        raise ValueError("a share between 0 and 1 (0% and 100%)")
    return quantity


def _share(quantity: Uncertain) -> Uncertain:
    if quantity.period is not None:
        raise ValueError("a share without 'per month' or 'per year', like '6% ± 2%'")
    return _churn(quantity)


Amount = Annotated[UncertainField, AfterValidator(_size)]
"""Money per month (or per year: a twelfth a month)."""
Count = Annotated[UncertainField, AfterValidator(_count)]
"""Things per month (or per year)."""
Plain = Annotated[UncertainField, AfterValidator(_plain)]
"""Things, whatever the time."""
Once = Annotated[UncertainField, AfterValidator(_once)]
"""Money per new customer."""
Each = Annotated[UncertainField, AfterValidator(_each)]
"""Money per thing."""
Growth = Annotated[UncertainField, AfterValidator(_growth)]
Churn = Annotated[UncertainField, AfterValidator(_churn)]
"""A share per month or year, 0 to 1."""
Share = Annotated[UncertainField, AfterValidator(_share)]
"""A share of things, 0 to 1."""
