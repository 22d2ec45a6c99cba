"""Rounds through time, returns, need and runway: nothing is lost or made, and wrong terms are refused by name."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modelwright.base.errors import SpecError
from modelwright.spec.financing import Financing
from modelwright.venture.financing import finance, need
from modelwright.venture.returns import irr, payouts
from modelwright.venture.rounds import history, owed

MILLION = 1_000_000
SEED = {"name": "seed", "month": 8, "pre_money": "12000000 USD", "investors": {"fund": 3 * MILLION}, "pool": "10%"}
STATED = {
    "founders": {"ann": 4 * MILLION, "bo": 4 * MILLION},
    "pool": {"granted": {"cy": 200_000}, "size": MILLION},
    "instruments": [
        {"holder": "angel", "amount": 500_000, "cap": 5 * MILLION},
        {
            "holder": "lender",
            "kind": "note",
            "amount": 200_000,
            "cap": 6 * MILLION,
            "discount": "20%",
            "interest": "8% per year",
            "month": 2,
        },
    ],
    "rounds": [
        SEED,
        {"name": "A", "after": "seed", "pre_money": 9 * MILLION, "investors": {"big": 5 * MILLION}, "pro_rata": ["fund"]},
    ],
    "exits": [{"proceeds": 5 * MILLION, "month": 48}, {"proceeds": 50 * MILLION, "month": 60}],
}
CASH = {"p50": [200_000.0 - 40_000 * month for month in range(1, 37)]}


def read(**changes):
    return Financing.model_validate({**STATED, **changes})


def test_the_whole_story():
    found = finance(read(), currency="USD", cash=CASH, cash_start=200_000)
    assert json.loads(json.dumps(found)) == found
    _start, seed, later = found["steps"]
    shares = {row["holder"]: row["share"] for row in seed["holders"]}
    assert shares["fund"] == pytest.approx(0.2) and seed["unissued_share"] == pytest.approx(0.1)
    assert later["month"] == 26
    paid = {row["holder"]: row["paid"] for row in later["holders"]}
    assert paid["fund"] == pytest.approx(MILLION) and paid["big"] == pytest.approx(4 * MILLION)
    assert set(later["protected"]) == {"seed", "seed-2"}, "the cheaper round protects who paid more than its price"
    assert found["need"]["p50"] == {"month": 3, "start_month": 1, "late": True, "amount": 40_000 * 34, "empty_month": 6}
    assert [row["month"] for row in found["money_in"]] == [2, 8, 26]
    assert found["money_in"][0]["months_added"] == pytest.approx(5)
    assert found["money_in"][1]["in_time"]
    assert found["cash"]["p50"][-1] == CASH["p50"][-1] + 200_000 + 3 * MILLION + 5 * MILLION
    assert not found["missing"]


def test_interest_is_simple_and_counts_in_the_conversion():
    note = read().instruments[1]
    assert owed(note, 8) == 200_000 * (1 + Fraction(8, 100) / 2)
    known = history(read(), until=10)
    assert known.steps[1].converted[1] == ("lender", Fraction(208_000), Fraction(312_000))


def test_worked_case_of_liquidation():
    """5 million for 25 %, not participating: the table of the brief's worked case, by holder."""
    terms = {**SEED, "month": 1, "pre_money": 15 * MILLION, "investors": {"fund": 5 * MILLION}, "pool": 0.0}
    stated = Financing.model_validate({"founders": {"ann": 750_000}, "rounds": [terms]})
    for proceeds, expected in ((3, 3), (5, 5), (10, 5), (20, 5), (40, 10), (100, 25)):
        _, holders = payouts(history(stated), Fraction(proceeds * MILLION), 12)
        assert holders["fund"] == expected * MILLION
        assert sum(holders.values()) == proceeds * MILLION


def test_the_return_per_year():
    assert irr([(0, -100), (1, 39), (2, 59), (3, 55), (4, 20)]) == pytest.approx(0.28095, abs=5e-6)
    assert irr([(0, -1), (1, 0)]) == -1
    assert irr([(0, 5)]) is None
    found = finance(read(), currency="USD")["exits"][1]
    rows = {row["holder"]: row for row in found["holders"]}
    assert rows["angel"]["invested"] == 500_000
    assert rows["angel"]["multiple"] == pytest.approx((1 + rows["angel"]["per_year"]) ** 5)
    assert rows["ann"]["invested"] is None and rows["ann"]["per_year"] is None
    assert sum(row["amount"] for row in found["holders"]) == pytest.approx(50 * MILLION)


def test_an_exit_before_a_round_pays_the_instruments_that_wait():
    early = read(exits=[{"proceeds": 400_000, "month": 4}, {"proceeds": 20 * MILLION, "month": 4}])
    poor, rich = finance(early, currency="USD")["exits"]
    amounts = {row["holder"]: row["amount"] for row in poor["holders"]}
    assert amounts["lender"] == pytest.approx(200_000 * (1 + 0.08 / 6)), "a note is paid before a SAFE"
    assert amounts["angel"] == pytest.approx(400_000 - amounts["lender"]) and amounts["ann"] == 0
    amounts = {row["holder"]: row["amount"] for row in rich["holders"]}
    assert amounts["angel"] == pytest.approx(0.1 * 20 * MILLION), "500,000 at a cap of 5 million are a tenth"


def test_discount_only_at_an_exit():
    item = {"holder": "angel", "amount": 80_000, "discount": "20%"}
    stated = read(instruments=[item], rounds=[], exits=[{"proceeds": MILLION}])
    (found,) = finance(stated, currency="USD")["exits"]
    assert {row["holder"]: row["amount"] for row in found["holders"]}["angel"] == pytest.approx(100_000)


def test_nothing_is_needed_where_the_cash_lasts():
    assert need([100.0, 120.0, 140.0], 90.0, 3, 6) is None
    assert finance(None, currency="USD", cash=CASH, cash_start=200_000)["missing"] == ["financing"]
    assert finance(None, currency="USD")["missing"] == ["venture", "financing"]


INSTRUMENTS = st.fixed_dictionaries(
    {
        "holder": st.sampled_from(["angel", "uncle", "ann"]),
        "kind": st.sampled_from(["post-money-safe", "pre-money-safe", "note"]),
        "amount": st.integers(10_000, 400_000),
        "cap": st.one_of(st.none(), st.integers(3 * MILLION, 40 * MILLION)),
        "discount": st.sampled_from([0.0, "15%", 0.2]),
        "month": st.integers(0, 50),
    }
)
ROUNDS = st.fixed_dictionaries(
    {
        "month": st.integers(1, 48),
        "pre_money": st.integers(6 * MILLION, 60 * MILLION),
        "investors": st.dictionaries(st.sampled_from(["fund", "big", "angel"]), st.integers(100_000, 4 * MILLION), min_size=1),
        "pool": st.sampled_from([0.0, "10%"]),
        "pool_inside": st.booleans(),
        "preference": st.sampled_from([1.0, 1.5]),
        "participating": st.booleans(),
        "anti_dilution": st.sampled_from(["none", "broad", "ratchet"]),
        "pro_rata": st.sampled_from([(), ("ann",)]),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(INSTRUMENTS, max_size=3), st.lists(ROUNDS, max_size=3), st.integers(0, 200 * MILLION))
def test_totals_are_conserved_whatever_the_terms(instruments, rounds, proceeds):
    named = [{**item, "name": f"round {place}"} for place, item in enumerate(rounds)]
    stated = read(instruments=instruments, rounds=named, exits=[])
    try:
        known = history(stated)
        by_class, by_holder = payouts(known, Fraction(proceeds), 60)
    except SpecError as error:
        assert "pre-money" in error.came or "own" in error.came
        return
    for step in known.steps:
        assert sum(step.table.share(name) for name in step.table.holders) + step.table.unissued / step.table.total == 1
    classes = sum((item.shares for item in known.classes), Fraction(0))
    assert classes + sum(known.common.values()) + known.table.unissued == known.table.total
    assert sum(by_class.values()) == sum(by_holder.values()) == proceeds
    assert all(money >= 0 for money in by_holder.values())
    for step, before in zip(known.steps[1:], known.steps, strict=False):
        added = sum(shares for _, _, shares in step.converted) + sum((step.protected or {}).values())
        assert step.table.total == before.table.total + added + step.pool_increase + step.raised / step.price
        counted = before.table.total + added
        inside = next(item for item in stated.rounds if item.name == step.name).pool_inside
        assert (counted + (step.pool_increase if inside else 0)) * step.price == step.pre_money


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            {"rounds": [{**SEED, "month": None, "after": "A"}, {**SEED, "name": "A", "month": None, "after": "seed"}]},
            "without a circle: seed → A → seed",
        ),
        ({"rounds": [{**SEED, "month": None, "after": "B"}]}, "which is none"),
        ({"rounds": [{**SEED, "month": 3, "after": "seed"}]}, "either a month or `after`"),
        ({"rounds": [SEED, SEED]}, "a name of its own"),
        ({"pool": {"granted": {"cy": 300_000}, "size": 200_000}}, "at least the 300,000 options"),
        ({"rounds": [{**SEED, "pool": "85%"}]}, "leave nothing to those before"),
        ({"instruments": [{"holder": "angel", "amount": MILLION, "cap": 900_000}]}, "a cap above the amount"),
        (
            {"instruments": [{"holder": "angel", "amount": "100000 EUR", "cap": 5 * MILLION}]},
            "everything in one currency, USD: angel's amount is in EUR",
        ),
        ({"instruments": [{"holder": "angel", "amount": "100000 per month"}]}, "has a period"),
        ({"instruments": [{"holder": "angel", "amount": 100_000, "discount": 20}]}, "write 20% if that is meant"),
        ({"instruments": [{"holder": "angel", "amount": 100_000, "interest": "8% per year"}]}, "interest on a note only"),
        ({"instruments": [{"holder": "angel", "amount": 100_000, "kind": "note", "interest": "8%"}]}, "with its period"),
        ({"instruments": [{"holder": "angel", "amount": 0}]}, "above 0"),
        ({"instruments": [{"holder": "angel", "amount": -5}]}, "greater than or equal to 0"),
        ({"rounds": [{**SEED, "most": 3}]}, "together with `participating"),
        ({"founders": {}}, "at least 1 item"),
    ],
)
def test_wrong_terms_are_refused(changes, said):
    with pytest.raises(ValidationError, match=said.replace("(", r"\(").replace("`", "`")):
        read(**changes)


def test_wrong_worlds_are_refused():
    with pytest.raises(SpecError, match="financing counts in USD, the plan in EUR"):
        finance(read(), currency="EUR")
    with pytest.raises(SpecError, match="angel has a pro rata right in the round seed, but owns no shares"):
        history(read(rounds=[{**SEED, "pro_rata": ["angel"]}]))
    with pytest.raises(SpecError, match="use up the whole") as caught:
        history(read(rounds=[{**SEED, "pre_money": 400_000}]))
    assert caught.value.where.startswith("financing.rounds (seed)")


def test_the_example_of_the_page_is_a_section_that_works():
    page = (Path(__file__).parents[3] / "docs" / "financing.md").read_text(encoding="utf-8")
    stated = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    found = finance(Financing.model_validate(stated["financing"]), currency="USD")
    assert [step["name"] for step in found["steps"]] == ["start", "seed", "A"] and len(found["exits"]) == 2
