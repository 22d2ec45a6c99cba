"""Ownership, exactly: worked cases, and totals that are conserved whatever the terms."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.venture.captable import CapTable, Convertible, Round, price_round, pro_rata
from modelwright.venture.protection import Protection, conversion_price, ratchet_price

FOUNDERS = CapTable({"founders": 8_000_000})
MILLION = 1_000_000


def test_worked_case_discount_only_safe():
    found = price_round(FOUNDERS, Round({"fund": 3 * MILLION}, 12 * MILLION), [Convertible("angel", MILLION, discount="0.2")])
    assert found.price == Fraction(43, 32)
    assert found.table.total == Fraction(480 * MILLION, 43)
    assert found.table.share("fund") == Fraction(1, 5)


def test_a_post_money_safe_owns_its_share_before_the_new_money():
    found = price_round(FOUNDERS, Round({"fund": 5 * MILLION}, 20 * MILLION), [Convertible("angel", MILLION, cap=10 * MILLION)])
    before_money = sum(found.table.holders[name] for name in ("founders", "angel"))
    assert found.table.holders["angel"] / before_money == Fraction(1, 10)
    assert found.price == 20 * MILLION / before_money
    assert found.table.share("fund") == Fraction(1, 5)


def test_a_cap_above_the_price_gives_the_discount_or_the_price():
    high_cap = Convertible("angel", MILLION, cap=100 * MILLION)
    plain = price_round(FOUNDERS, Round({"fund": 3 * MILLION}, 12 * MILLION), [high_cap])
    assert plain.converted[0] == MILLION / plain.price
    discounted = Convertible("angel", MILLION, cap=100 * MILLION, discount="0.2")
    found = price_round(FOUNDERS, Round({"fund": 3 * MILLION}, 12 * MILLION), [discounted])
    assert found.price == Fraction(43, 32)


def test_a_discounted_safe_counts_inside_a_capped_ones_denominator():
    capped, discounted = Convertible("one", MILLION, cap=10 * MILLION), Convertible("two", MILLION, discount="0.2")
    found = price_round(FOUNDERS, Round({"fund": 3 * MILLION}, 12 * MILLION), [capped, discounted])
    before_money = found.table.total - found.new["fund"]
    assert found.table.holders["one"] / before_money == Fraction(1, 10)


def test_a_note_converts_at_the_better_of_cap_and_discount():
    note = Convertible("lender", "1100000", cap=5 * MILLION, discount="0.2", kind="pre")
    found = price_round(FOUNDERS, Round({"fund": 5 * MILLION}, 20 * MILLION), [note])
    assert found.converted[0] == Fraction(1_100_000 * 8_000_000, 5_000_000)
    low = price_round(FOUNDERS, Round({"fund": MILLION}, 4 * MILLION), [note])
    assert low.converted[0] == 1_100_000 / (low.price * Fraction(8, 10))


def test_the_pool_inside_the_pre_money_is_paid_by_those_before():
    before = CapTable({"founders": 9_000_000}, unissued=1_000_000)
    inside = price_round(before, Round({"fund": 5 * MILLION}, 20 * MILLION, pool="0.15"))
    assert inside.table.unissued / inside.table.total == Fraction(15, 100)
    assert inside.table.share("fund") == Fraction(1, 5)
    assert inside.table.share("founders") == Fraction(65, 100)
    outside = price_round(before, Round({"fund": 5 * MILLION}, 20 * MILLION, pool="0.15", pool_inside=False))
    assert outside.table.unissued / outside.table.total == Fraction(15, 100)
    assert outside.price == 2
    assert outside.table.share("fund") < Fraction(1, 5)
    enough = price_round(before, Round({"fund": 5 * MILLION}, 20 * MILLION, pool="0.05"))
    assert enough.pool_increase == 0 and enough.table.unissued == 1_000_000


def test_anti_dilution():
    assert conversion_price(Fraction(1), Fraction(8_000_000), Fraction(2_000_000), Fraction(1, 2)) == Fraction(9, 10)
    assert ratchet_price(Fraction(1), Fraction(1, 2)) == Fraction(1, 2)
    assert conversion_price(Fraction(1), Fraction(8), Fraction(2), Fraction(3)) == 1


@pytest.mark.parametrize("kind", ["broad", "ratchet"])
def test_protection_and_price_satisfy_each_other(kind):
    """The shares a protection adds count in the pre-money, lower the price and so add more: both hold at once, exactly."""
    before = CapTable({"founders": 8_000_000, "seed": 2_000_000})
    seed = Protection({"seed": 2_000_000}, 2, kind)
    found = price_round(before, Round({"fund": 2 * MILLION}, 8 * MILLION), protections=[seed])
    assert found.price < Fraction(8, 10)
    assert (found.table.total - found.new["fund"]) * found.price == 8 * MILLION
    now = {
        "broad": conversion_price(Fraction(2), before.total, found.new["fund"], found.price),
        "ratchet": ratchet_price(Fraction(2), found.price),
    }[kind]
    assert found.protected[0] == 4 * MILLION / now - 2 * MILLION
    assert found.table.holders["seed"] == 2 * MILLION + found.protected[0]


def test_a_dearer_round_protects_nobody():
    before = CapTable({"founders": 8_000_000, "seed": 2_000_000})
    terms = Round({"fund": 5 * MILLION}, 30 * MILLION)
    plain = price_round(before, terms)
    assert price_round(before, terms, protections=[Protection({"seed": 2_000_000}, 2)]).table == plain.table


def test_forty_safes_take_no_longer_than_a_few():
    safes = [Convertible(f"angel {number}", 25_000, cap=(4 + number) * MILLION, discount="0.2") for number in range(40)]
    found = price_round(FOUNDERS, Round({"fund": 5 * MILLION}, 20 * MILLION), safes)
    assert (found.table.total - found.new["fund"]) * found.price == 20 * MILLION


def test_pro_rata_keeps_a_holders_share():
    before = CapTable({"founders": 8, "angel": 2})
    stake = pro_rata(before, "angel", Fraction(1000))
    found = price_round(before, Round({"fund": 1000 - stake, "angel": stake}, 4000))
    assert found.table.share("angel") == before.share("angel")


SAFES = st.builds(
    Convertible,
    holder=st.sampled_from(["one", "two", "three"]),
    amount=st.integers(10_000, 800_000),
    cap=st.one_of(st.none(), st.integers(4_000_000, 60_000_000)),
    discount=st.sampled_from(["0", "0.1", "0.2"]),
    kind=st.sampled_from(["post", "pre"]),
)


@settings(max_examples=150)
@given(
    st.lists(SAFES, max_size=4),
    st.integers(100_000, 10_000_000),
    st.integers(8_000_000, 80_000_000),
    st.sampled_from(["0", "0.1", "0.2"]),
    st.booleans(),
)
def test_everything_is_conserved_and_everyone_gets_what_was_agreed(safes, money, pre_money, pool, inside):
    before = CapTable({"founders": 7_000_000, "staff": 1_000_000}, unissued=500_000)
    terms = Round({"fund": money}, pre_money, pool, inside)
    found = price_round(before, terms, safes)
    table = found.table
    assert table.total == before.total + sum(found.converted) + sum(found.new.values()) + found.pool_increase
    assert sum(table.share(name) for name in table.holders) + table.unissued / table.total == 1
    assert found.new["fund"] * found.price == money
    counted = table.total - found.new["fund"] - (0 if inside else found.pool_increase)
    assert counted * found.price == pre_money
    if Fraction(pool):
        assert table.unissued / table.total >= Fraction(pool)
    capitalisation = before.total + sum(found.converted)
    for item, shares in zip(safes, found.converted, strict=True):
        assert shares >= item.amount / (found.price * (1 - item.discount))
        if item.cap is not None and item.kind == "post":
            assert shares >= item.amount / item.cap * capitalisation
    whole = table.whole()
    assert 0 <= table.total - whole.total < len(table.holders) + 1


@given(st.integers(2, 1000))
def test_prices_scale_with_shares(factor):
    terms, safes = Round({"fund": 3 * MILLION}, 12 * MILLION), [Convertible("angel", MILLION, cap=8 * MILLION)]
    one = price_round(FOUNDERS, terms, safes)
    many = price_round(CapTable({"founders": 8_000_000 * factor}), terms, safes)
    assert many.price * factor == one.price
    assert many.table.share("angel") == one.table.share("angel")


def test_terms_that_use_the_company_up_are_refused():
    with pytest.raises(SpecError, match="own 100% of the company"):
        price_round(FOUNDERS, Round({"fund": MILLION}, 10 * MILLION), [Convertible("angel", MILLION, cap=MILLION)])
    with pytest.raises(SpecError, match="use up the whole pre-money"):
        price_round(FOUNDERS, Round({"fund": MILLION}, MILLION), [Convertible("angel", 2 * MILLION, discount="0.2")])
    with pytest.raises(SpecError, match="use up the whole pre-money"):
        price_round(FOUNDERS, Round({"fund": 9 * MILLION}, MILLION, pool="0.2"))
    for wrong in ({"amount": 0}, {"amount": 5, "discount": 1}, {"amount": 5, "cap": -1}):
        with pytest.raises(SpecError, match="angel"):
            Convertible("angel", **wrong)
    with pytest.raises(SpecError, match="negative"):
        CapTable({"founders": -1})
    with pytest.raises(SpecError, match="0 at 1e"):
        price_round(FOUNDERS, Round({}, MILLION))
