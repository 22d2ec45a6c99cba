"""The workbook's formulas, computed by LibreOffice, come to what the plan's own arithmetic says."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from modelwright.base.errors import ModelwrightError
from modelwright.report.excel import write_workbook
from modelwright.spec.compute import Compute
from modelwright.spec.financing import Financing
from modelwright.spec.venture import Venture
from modelwright.venture.assumptions import gather
from modelwright.venture.figures import Figure
from modelwright.venture.financing import finance
from modelwright.venture.paths import simulate
from modelwright.venture.sheet import model
from modelwright.venture.statements import listed_statements

openpyxl = pytest.importorskip("openpyxl")
OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
needs_office = pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed: formulas can't be recalculated")
MILLION = 1_000_000

SIMPLE = {
    "price": {"plan": "49 per month", "included_requests": 10000, "overage": 0.005},
    "customers": {
        "start": 60,
        "growth": "14% ± 5% per month",
        "churn": "4% ± 2% per month",
        "requests": "12000 ± 3000 per month",
        "acquisition_cost": "60 ± 20 USD",
        "market": 6000,
    },
    "team": [
        {"role": "engineer", "salary": "5500 per month", "count": 2},
        {"role": "seller", "salary": "4000 per month", "start_month": 7},
    ],
    "payroll_load": 0.25,
    "support_share": 0.06,
    "other_costs": "1200 ± 300 per month",
    "cash": 250000,
    "months": 24,
}
FULL = {
    **SIMPLE,
    "price": {
        "tiers": [
            {"name": "basic", "plan": "9 per month", "share": 0.7, "included_requests": 500, "overage": 0.01},
            {"name": "pro", "plan": "49 per month", "share": 0.3, "included_requests": 5000, "overage": 0.005},
        ],
        "enterprise": {
            "contracts": "0.5 per month",
            "value": "2000 per month",
            "start": 2,
            "sales_cycle_months": 4,
            "billed": "yearly",
        },
        "advertising": {"impressions": 2, "rpm": "3", "free_users": "20", "free_requests": "100 per month"},
    },
    "customers": {
        "start": 60,
        "growth": "6% per month",
        "churn": "4% per month",
        "requests": "3000 per month",
        "acquisition_cost": "60 USD",
        "expansion": "1% per month",
        "contraction": "0.5% per month",
    },
    "marketing": {
        "channels": [
            {"name": "search", "spend": "3000 per month", "cost_per_visit": "1.5"},
            {"name": "blog", "visits": "4000 per month"},
        ],
        "signup": "5%",
        "trial": "50%",
        "paid": "20%",
        "people": "2000 per month",
    },
    "accounts": {"receivable_days": 45, "payable_days": 20, "annual_share": 0.3, "tax_rate": 0.25},
}
TERMS = Financing.model_validate(
    {
        "founders": {"ann": 4 * MILLION, "bo": 4 * MILLION},
        "pool": {"granted": {"cy": 200_000}, "size": MILLION},
        "instruments": [
            {"holder": "angel", "amount": 500_000, "cap": 5 * MILLION},
            {"holder": "angel", "amount": 100_000, "cap": 8 * MILLION},
            {"holder": "lender", "kind": "note", "amount": 200_000, "cap": 6 * MILLION, "interest": "8% per year", "month": 2},
        ],
        "rounds": [
            {"name": "seed", "month": 8, "pre_money": 12 * MILLION, "investors": {"fund": 3 * MILLION}, "pool": "10%"},
            {
                "name": "A",
                "after": "seed",
                "pre_money": 9 * MILLION,
                "investors": {"big": 5 * MILLION},
                "pro_rata": ["fund"],
                "participating": True,
            },
        ],
        "exits": [
            {"proceeds": amount, "month": month}
            for amount in (400_000, 6 * MILLION, 12 * MILLION, 80 * MILLION)
            for month in (4, 12, 60)
        ],
    }
)


def make(stated, tmp_path, financing=None, machines=True):
    venture = Venture.model_validate(stated)
    capacity = Figure(2_000_000, "requests/month", "measured") if machines else None
    assumptions = gather(
        venture,
        Compute(utilisation=0.4),
        Figure(0.02, "USD", "measured"),
        Figure(7.5, "USD", "measured"),
        capacity,
        date(2026, 11, 22),
    )
    assert not assumptions.missing
    path = simulate(
        assumptions, {name: np.array([item.middle]) for name, item in assumptions.inputs.items()}, venture.months, True
    )
    made = listed_statements(assumptions, path, {}, "assumed", "the middle", TERMS if financing else None)
    plan = {"model": model(assumptions, venture.months), "missing": [], "statements": made}
    return plan, write_workbook(plan, financing, tmp_path / "plan.xlsx")


def recalculated(file: Path, tmp_path: Path):
    folder = tmp_path / "office"
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [
        str(OFFICE),
        profile,
        "--headless",
        "--convert-to",
        "xlsx:Calc MS Excel 2007 XML",
        "--outdir",
        str(folder),
        str(file),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    return openpyxl.load_workbook(folder / file.name, data_only=True)


def lines(book):
    return {row[0].value: [cell.value for cell in row[2:]] for row in book["Months"].iter_rows()}


@needs_office
def test_months_come_to_the_plans_own_path(tmp_path):
    plan, file = make(FULL, tmp_path, machines=False)
    assert_same_months(lines(recalculated(file, tmp_path)), plan)


def assert_same_months(found, plan):
    for name, expected in plan["model"]["path"].items():
        assert found[name] == pytest.approx(expected, rel=1e-9, abs=1e-6), name
    assert set(found["balance (0 if it balances)"]) == {0}


@needs_office
def test_owners_and_exits_come_to_the_exact_answer(tmp_path):
    money = finance(TERMS, currency="USD", cash={"p50": [250_000.0 - 9000 * month for month in range(1, 25)]}, cash_start=250_000)
    plan, file = make(SIMPLE, tmp_path, money)
    book = recalculated(file, tmp_path)
    found = lines(book)
    assert_same_months(found, plan)
    assert found["cash with new money"][-1] == pytest.approx(plan["model"]["path"]["cash"][-1] + 200_000 + 3 * MILLION)
    assert found["cash with new money"] == pytest.approx(plan["statements"]["balance"]["cash"], abs=1e-3)
    assert found["notes owed"] == pytest.approx(plan["statements"]["balance"]["notes"], abs=1e-3)
    assert set(found["balance with new money (0 if it balances)"]) == {0}
    table = [[cell.value for cell in row] for row in book["Cap table"].iter_rows()]
    starts = [place for place, row in enumerate(table) if row[0] == "step"]
    for place, step in zip(starts, money["steps"], strict=True):
        rows = {row[0]: row for row in table[place + 4 : place + 6 + len(step["holders"])]}
        for holder in step["holders"]:
            assert rows[holder["holder"]][8] == pytest.approx(holder["shares"], abs=2), holder
            assert rows[holder["holder"]][9] == pytest.approx(holder["share"], abs=1e-6)
        assert rows["total"][8] == pytest.approx(step["total"], abs=2 + len(step["holders"]))
    falls = [[cell.value for cell in row] for row in book["Waterfall"].iter_rows()]
    starts = [place for place, row in enumerate(falls) if row[0] == "proceeds"]
    assert len(starts) == len(money["exits"]) == 12
    for place, item in zip(starts, money["exits"], strict=True):
        rows = {row[0]: row for row in falls[place + 1 : place + 5 + len(item["terms"])]}
        for name, amount in item["classes"].items():
            assert rows[name][11] == pytest.approx(amount, rel=1e-6, abs=1), (item["proceeds"], item["month"], name)
        assert rows["total"][11] == pytest.approx(item["proceeds"], rel=1e-9)
        owners = {
            row[0]: row[1]
            for row in falls[place + 6 + len(item["terms"]) : place + 7 + len(item["terms"]) + len(item["holders"])]
        }
        for holder in item["holders"]:
            assert owners[holder["holder"]] == pytest.approx(holder["amount"], rel=1e-6, abs=1)


def test_figures_are_formulas_and_inputs_are_blue(tmp_path):
    _, file = make(SIMPLE, tmp_path)
    book = openpyxl.load_workbook(file)
    months = book["Months"]
    typed = [
        cell.coordinate for row in months.iter_rows(min_row=2, min_col=3) for cell in row if not str(cell.value).startswith("=")
    ]
    assert not typed, "every figure of a month follows from the assumptions"
    assumptions = {row[0].value: row[1] for row in book["Assumptions"].iter_rows(min_row=2)}
    assert assumptions["price"].value == 49 and assumptions["price"].font.color.rgb.endswith("0000FF")
    assert book["Assumptions"]["C2"].value.startswith("venture.")


def test_a_plan_with_gaps_is_no_workbook(tmp_path):
    with pytest.raises(ModelwrightError, match="nothing to compute") as caught:
        write_workbook({"missing": ["venture.cash"]}, None, tmp_path / "plan.xlsx")
    assert "venture.cash" in caught.value.remedy
