"""Money, energy and carbon of computing."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.base.machine import Machine
from modelwright.spec.compute import Compute
from modelwright.spec.venture import Venture
from modelwright.venture import cost
from modelwright.venture.figures import Figure

TODAY = date(2026, 11, 22)
PRICE = Figure(2.5, "USD/h", "assumed")


def machine(cores: int = 2, gib: float = 8) -> Machine:
    return Machine("a processor", cores, int(gib * 2**30), (), "Linux x86_64", "3.11")


def test_worked_case_cost_of_a_million_tokens():
    speed = Figure(2500, "tokens/s", "measured")
    full = cost.cost_per_million_tokens(speed, PRICE, Figure(1.0, "1", "assumed"))
    busy = cost.cost_per_million_tokens(speed, PRICE, Figure(0.4, "1", "assumed"))
    assert full.value == pytest.approx(0.2778, abs=5e-5)
    assert busy.value == pytest.approx(0.6944, abs=5e-5)
    assert (full.unit, full.basis) == ("USD", "assumed")


def test_a_stated_price_wins_and_is_converted():
    stated = Compute(price_per_hour="0.5 EUR")
    venture = Venture(currency="CNY", exchange={"EUR": 7.8})
    price = cost.hour(stated, "CNY", venture, machine=machine(), today=TODAY)
    assert price.value == pytest.approx(3.9)
    assert (price.unit, price.basis) == ("CNY/h", "assumed")
    by_table = cost.hour(stated, "CNY", Venture(currency="CNY"), machine=machine(), today=TODAY)
    assert by_table.basis == "fallback"
    assert by_table.value == pytest.approx(0.5 * 7.7875, rel=1e-3)
    assert "stale" in by_table.note


def test_an_unstated_price_is_a_fallback_that_grows_with_the_machine():
    small = cost.hour(Compute(), "USD", machine=machine(2, 7.7), today=TODAY)
    large = cost.hour(Compute(), "USD", machine=machine(16, 62), today=TODAY)
    assert small.basis == "fallback" and "general" in small.note and "†" in small.note
    assert 0.02 < small.low < small.value < 0.2
    assert large.value == pytest.approx(8 * small.value)
    huge = cost.hour(Compute(), "USD", machine=machine(2, 64), today=TODAY)
    assert "more than any class priced here" in huge.note
    device = cost.hour(Compute(), "USD", device="H100-SXM", today=TODAY)
    assert device.low == 1.99 and device.high == 5.0


def test_unknown_devices_grids_and_currencies_are_named():
    with pytest.raises(SpecError, match="'H9000'"):
        cost.hour(Compute(), "USD", device="H9000")
    with pytest.raises(SpecError, match=r"compute\.grid is 'XX'"):
        cost.carbon(Figure(1, "kWh", "measured"), Compute(grid="XX"))
    with pytest.raises(SpecError, match="1 GBP is in USD"):
        cost.convert(1, "GBP", "USD")
    with pytest.raises(SpecError, match="unit 'kWh'"):
        cost.money(Figure(1, "s", "measured"), Figure(1, "kWh", "measured"))


@given(st.floats(1e-3, 1e4), st.sampled_from(["USD", "CNY", "EUR"]), st.sampled_from(["USD", "CNY", "EUR"]))
def test_money_comes_back_from_another_currency(amount, one, other):
    there = cost.convert(amount, one, other)
    assert cost.convert(there.value, other, one).value == pytest.approx(amount)
    venture = Venture(currency="CNY", exchange={"USD": 7.0, "EUR": 8.0})
    assert cost.convert(amount, "USD", "EUR", venture).value == pytest.approx(amount * 7 / 8)


def test_energy_and_carbon_follow_the_meter_when_there_is_one():
    seconds = Figure(3600, "s", "measured")
    used = cost.energy_kwh(seconds, Figure(500, "W", "measured"), Figure(1.2, "1", "assumed"))
    assert used.value == pytest.approx(0.6)
    assert (used.unit, used.basis) == ("kWh", "assumed")
    stated = cost.energy(seconds, Compute(power_w=100, pue=1.0))
    assert stated.value == pytest.approx(0.1) and stated.basis == "assumed"
    looked_up = cost.energy(seconds, Compute(), machine=machine(2, 8))
    assert looked_up.value == pytest.approx((2 * 3.5 + 8 * 0.392) * 1.56 / 1000)
    assert looked_up.basis == "fallback" and "no meter was read" in looked_up.note
    assert cost.carbon(used, Compute(grid="FR")).value == pytest.approx(0.6 * 0.056)
    assert cost.carbon(used, Compute()).value == pytest.approx(0.6 * 0.475)


def test_cost_of_requests_from_throughput_and_from_processor_time():
    compute = Compute(utilisation=0.5)
    measured = cost.cost_per_1000(Figure(2000, "requests/s", "measured"), Figure(0.1, "USD/h", "assumed"), compute)
    assert measured.value == pytest.approx(0.1 / 3600 / 2000 / 0.5 * 1000)
    before = cost.cost_per_1000_from_cpu(Figure(0.001, "s", "measured"), Figure(0.1, "USD/h", "assumed"), compute, cores=2)
    assert before.value == pytest.approx(measured.value)
    assert "before rehearsal" in before.note
    assert cost.cost_per_1000(Figure(2000, "requests/s", "measured"), PRICE, Compute()).basis == "fallback"
    with pytest.raises(ValueError, match="missing"):
        cost.cost_per_1000(Figure(0, "requests/s", "measured"), PRICE, compute)


@given(st.floats(0.01, 100), st.floats(0.1, 1e4), st.floats(1.01, 50))
def test_prices_scale(price, speed, factor):
    def each(price, speed):
        figure = cost.cost_per_1000(Figure(speed, "requests/s", "measured"), Figure(price, "USD/h", "assumed"), Compute())
        return figure.value

    assert each(price * factor, speed) == pytest.approx(factor * each(price, speed))
    assert each(price, speed * factor) == pytest.approx(each(price, speed) / factor)
