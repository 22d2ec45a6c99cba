"""The three statements: they balance every month in every future, and agree with a venture counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.spec.financing import Financing
from modelwright.venture.assumptions import gather
from modelwright.venture.draws import draw
from modelwright.venture.figures import Figure
from modelwright.venture.funding import funding
from modelwright.venture.paths import simulate
from modelwright.venture.statements import statements
from venture_plans import COMPUTE, TODAY, planned, settings_of

UNSURE = {"growth": "12% ± 6% per month", "churn": "4% ± 2% per month", "requests": "1500 ± 800 per month", "start": 40}
LICENCES = {"contracts": "0.5 ± 0.2 per month", "value": "30000 ± 9000 per year", "sales_cycle_months": 3, "billed": "yearly"}
TERMS = st.fixed_dictionaries(
    {
        "receivable_days": st.floats(0, 200),
        "payable_days": st.floats(0, 200),
        "annual_share": st.floats(0, 1),
        "tax_rate": st.floats(0, 0.9),
    }
)


def detailed(venture, capacity=None):
    assumptions = gather(
        venture, COMPUTE, Figure(0.05, "USD", "fallback", 0.01, 0.06), Figure(9, "USD", "measured"), capacity, TODAY
    )
    return simulate(assumptions, draw(assumptions.inputs, venture.paths, venture.seed), venture.months, detail=True)


INSTRUMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "holder": st.sampled_from(["angel", "lender"]),
            "kind": st.sampled_from(["note", "post-money-safe", "pre-money-safe"]),
            "amount": st.floats(1, 1e6),
            "month": st.integers(0, 30),
        }
    ),
    max_size=4,
)


def financing_of(instruments, rounds):
    owned = [{**item, **({"interest": "8% per year"} if item["kind"] == "note" else {})} for item in instruments]
    priced = [
        {"name": f"round {month}", "month": month, "pre_money": 1e8, "investors": {"fund": 1e6 + month}} for month in rounds
    ]
    return Financing.model_validate({"founders": {"ann": 1000}, "instruments": owned, "rounds": priced})


@settings(max_examples=25, deadline=None)
@given(
    TERMS,
    st.integers(0, 1000),
    st.floats(0, 1e6),
    st.booleans(),
    st.one_of(st.none(), st.floats(1e3, 1e7)),
    INSTRUMENTS,
    st.sets(st.integers(0, 30), max_size=3),
)
def test_the_balance_sheet_balances_every_month_in_every_future(terms, seed, cash, licences, capacity, instruments, rounds):
    price = {"enterprise": LICENCES if licences else None, "advertising": {"impressions": 0.5, "rpm": "3 ± 1"}}
    venture = settings_of(customers=UNSURE, price=price, accounts=terms, seed=seed, cash=cash, months=24)
    found = detailed(venture, Figure(capacity, "requests/month", "measured") if capacity else None)
    stated = financing_of(instruments, rounds)
    made = statements(found, funding(stated, venture.months))
    scale = np.maximum(np.abs(made["balance"]["cash"]).max(), 1.0)
    balance, flow, income = made["balance"], made["cash_flow"], made["income"]
    assert np.abs(balance["assets"] - balance["claims"]).max() <= 1e-9 * scale
    before = np.vstack([np.full(found.cash_mp.shape[1], cash), flow["cash"][:-1]])
    assert np.abs(flow["cash"] - before - flow["operating"] - flow["financing"]).max() <= 1e-9 * scale
    came = sum(item["amount"] for item in instruments if 1 <= item["month"] <= 24)
    came += sum(1e6 + month for month in rounds if 1 <= month <= 24)
    assert np.allclose(flow["cash"][-1] - found.cash_mp[-1], came)
    assert (balance["notes"] >= -1e-6).all()
    assert np.allclose(income["revenue"], found.revenue_mp) and (income["tax"] >= 0).all()
    assert np.allclose(income["net"], income["operating"] - income["interest"] - income["tax"])
    assert np.allclose(income["operating"], found.revenue_mp - found.costs_mp, atol=1e-6)
    assert (balance["payables"] >= -1e-6).all() and (balance["deferred"] >= 0).all()


def test_bills_by_hand():
    """Revenue 2,500 a month is paid a month late, suppliers (7.50 + 250 + 300) half a month late, people at once."""
    month = 365.25 / 12
    found = planned(settings_of(accounts={"receivable_days": month, "payable_days": month / 2}))["statements"]
    assert found["balance"]["receivables"][:2] == pytest.approx([2500, 2500])
    assert found["balance"]["payables"][:2] == pytest.approx([557.5 / 2, 557.5 / 2])
    assert found["balance"]["cash"][0] == pytest.approx(10000 - 2500 - 557.5 / 2)
    assert found["balance"]["cash"][1] - found["balance"]["cash"][0] == pytest.approx(2500 - 2500 - 557.5)
    assert found["income"]["gross"][0] == pytest.approx(2500 - 7.5 - 250)
    assert found["gap"] < 1e-6 and found["opening"]["equity"] == 10000


def test_a_note_bears_interest_until_a_round_makes_it_shares():
    """12,000 at 8 % a year from month 2, a SAFE of 5,000 in month 3, a round of 1,000,000 in month 5: 3 months of 80."""
    note = {"holder": "lender", "kind": "note", "amount": 12_000, "interest": "8% per year", "month": 2}
    safe = {"holder": "angel", "amount": 5_000, "cap": 50_000_000, "month": 3}
    seed = {"name": "seed", "month": 5, "pre_money": 1e8, "investors": {"fund": 1e6}}
    terms = Financing.model_validate({"founders": {"ann": 1000}, "instruments": [note, safe], "rounds": [seed]})
    plain, found = (planned(settings_of(), financing=item)["statements"] for item in (None, terms))
    assert found["balance"]["notes"][:6] == pytest.approx([0, 12_000, 12_080, 12_160, 0, 0])
    assert found["income"]["interest"][:6] == pytest.approx([0, 0, 80, 80, 80, 0])
    assert found["cash_flow"]["financing"][:6] == pytest.approx([0, 12_000, 5_000, 0, 1e6, 0])
    gained = np.array(found["balance"]["cash"]) - plain["balance"]["cash"]
    assert gained[:5] == pytest.approx([0, 12_000, 17_000, 17_000, 1_017_000])
    owned = np.array(found["balance"]["equity"]) - plain["balance"]["equity"]
    assert owned[:5] == pytest.approx([0, 0, 4_920, 4_840, 1_017_000])  # all that came is the owners' in the end
    assert found["gap"] < 1e-6 and found["financed"] and not plain["financed"]


def test_a_note_that_is_there_on_day_one_is_owed_on_day_one():
    terms = Financing.model_validate(
        {"founders": {"ann": 1000}, "instruments": [{"holder": "lender", "kind": "note", "amount": 4_000}]}
    )
    found = planned(settings_of(), financing=terms)["statements"]
    assert found["opening"] == {"cash": 10000, "deferred": 0, "notes": 4_000, "equity": 6_000}
    assert found["balance"]["notes"] == pytest.approx([4_000] * 12) and found["gap"] < 1e-6


def test_financing_in_another_currency_is_refused():
    terms = Financing.model_validate({"founders": {"ann": 1000}, "currency": "CNY"})
    with pytest.raises(SpecError, match="one currency"):
        planned(settings_of(), financing=terms)


def test_a_year_paid_ahead_is_owed_on_day_one_and_grows_with_the_customers():
    """100 customers · 20 · half of them · 5.5 months = 5,500 is owed; twice the customers bring as much cash again."""
    steady = planned(settings_of(accounts={"annual_share": 0.5}))["statements"]
    assert steady["opening"] == {"cash": 10000, "deferred": 5500, "notes": 0, "equity": 4500}
    assert steady["cash_flow"]["deferred"] == pytest.approx([0.0] * 12)
    growing = planned(settings_of(accounts={"annual_share": 0.5}, customers={"growth": "10% per month"}))["statements"]
    assert growing["cash_flow"]["deferred"][1] > 0


def test_tax_comes_after_losses_are_made_good():
    """Losses of 557.50 a month turn to profits of 1,942.50 when the team leaves nothing to pay."""
    profits = planned(settings_of(team=[], accounts={"tax_rate": 0.25}))["statements"]["income"]
    assert profits["tax"] == pytest.approx([0.25 * 1942.5] * 12)
    late = planned(settings_of(team=[], accounts={"tax_rate": 0.25}), training=Figure(2500, "USD", "measured"))["statements"][
        "income"
    ]
    assert late["tax"][:2] == pytest.approx([0, 0.25 * (2 * 1942.5 - 2500)])


def test_what_is_not_stated_is_asked_for():
    asked = {row["key"]: row for row in planned(settings_of())["asked"]}
    for name in ("receivable_days", "payable_days", "annual_share", "tax_rate"):
        assert asked[f"venture.accounts.{name}"]["en"] and asked[f"venture.accounts.{name}"]["zh"]
    assert planned(settings_of(cash=None))["statements"] == {}


def test_the_statements_are_those_of_a_future_near_the_middle():
    found = planned(settings_of(customers=UNSURE, months=24, paths=2000))
    middle = np.array(found["fan"]["cash"]["p50"])
    width = np.array(found["fan"]["cash"]["p90"]) - np.array(found["fan"]["cash"]["p10"])
    assert (np.abs(np.array(found["statements"]["balance"]["cash"]) - middle) < 0.25 * width).all()
    assert {row["name"] for row in found["statements"]["inputs"]} >= {"growth", "churn", "price"}


def test_statements_need_detail():
    venture = settings_of()
    assumptions = gather(venture, COMPUTE, Figure(0.05, "USD", "measured"), None, None, TODAY)
    with pytest.raises(ValueError, match="detail"):
        statements(simulate(assumptions, draw(assumptions.inputs, 200, 0), 12))
