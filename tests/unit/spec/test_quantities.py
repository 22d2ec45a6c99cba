"""Quantities as founders write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from modelwright.spec.quantities import Money, MoneyField, Uncertain, UncertainField

MONEY: TypeAdapter[Money] = TypeAdapter(MoneyField)
UNCERTAIN: TypeAdapter[Uncertain] = TypeAdapter(UncertainField)


@pytest.mark.parametrize(
    ("raw", "value", "currency"),
    [
        ("2 USD", 2, "USD"),
        (2, 2, None),
        (0.5, 0.5, None),
        ("1,250.50 CNY", 1250.5, "CNY"),
        ("2e3EUR", 2000, "EUR"),
        ("0", 0, None),
    ],
)
def test_money(raw: object, value: float, currency: str | None) -> None:
    assert MONEY.validate_python(raw) == Money(value=value, currency=currency)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("12% ± 6% per month", Uncertain(value=0.12, spread=0.06, period="month")),
        ("12% +/- 6%/month", Uncertain(value=0.12, spread=0.06, period="month")),
        ("19 per month", Uncertain(value=19, period="month")),
        ("6_000 CNY per year", Uncertain(value=6000, currency="CNY", period="year")),
        ("8000 ± 3000 per month", Uncertain(value=8000, spread=3000, period="month")),
        ("-2% ± 1%", Uncertain(value=-0.02, spread=0.01)),
        (7, Uncertain(value=7)),
        ({"value": 0.1, "spread": 0.05, "period": "month"}, Uncertain(value=0.1, spread=0.05, period="month")),
    ],
)
def test_uncertain(raw: object, expected: Uncertain) -> None:
    assert UNCERTAIN.validate_python(raw) == expected


@pytest.mark.parametrize(
    "raw", ["two", "2 GBP", "-3 USD", "3 ± 1 USD", "3 per month", True, None, [2], "", "2 USD USD", "nan", "inf", "1e999"]
)
def test_what_is_no_money(raw: object) -> None:
    with pytest.raises(ValidationError):
        MONEY.validate_python(raw)


@pytest.mark.parametrize(
    "raw", ["12% ± 6", "12 ± 6%", "± 3", "3 ± -1", "5 per week", "5 per", True, float("nan"), "12%%", "1.2.3"]
)
def test_what_is_no_uncertain_quantity(raw: object) -> None:
    with pytest.raises(ValidationError):
        UNCERTAIN.validate_python(raw)


def test_the_message_shows_the_form() -> None:
    with pytest.raises(ValidationError, match="write it like 2 USD"):
        MONEY.validate_python("two dollars")
    with pytest.raises(ValidationError, match="mixes a percentage with a plain number"):
        UNCERTAIN.validate_python("12% ± 6")


numbers = st.floats(min_value=0, max_value=1e12, allow_nan=False)
currencies = st.sampled_from(["USD", "CNY", "EUR", None])
periods = st.sampled_from(["month", "year", None])


@given(numbers, numbers, currencies, periods)
def test_what_is_written_is_read(value: float, spread: float, currency: str | None, period: str | None) -> None:
    text = f"{value!r} ± {spread!r} {currency or ''} {'per ' + period if period else ''}"
    read = UNCERTAIN.validate_python(text)
    assert (read.value, read.spread, read.currency, read.period) == (value, spread, currency, period)
    assert UNCERTAIN.validate_python(read.model_dump()) == read


@given(numbers, numbers)
def test_percentages_are_hundredths(value: float, spread: float) -> None:
    read = UNCERTAIN.validate_python(f"{value!r}% ± {spread!r}%")
    assert math.isclose(read.value, value / 100)
    assert math.isclose(read.spread, spread / 100)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        read = UNCERTAIN.validate_python(text)
    except ValidationError as error:
        assert "write" in str(error) or "finite" in str(error)
    else:
        assert math.isfinite(read.value)
