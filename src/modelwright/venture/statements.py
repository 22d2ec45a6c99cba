"""Three statements by month: income, cash flow, balance sheet, of one future or of all.

Revenue is earned month by month; cash follows the bills (`ledger`). Training is an expense, nothing is capitalised. New money
comes in as the founders state it (`funding`); a note's interest is an expense that is added to the note, and lowers no tax here.
Assets (cash, receivables) = liabilities (payables, deferred revenue, notes) + equity, every month; cash below zero is what is
missing, and stays on the asset side with its sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.spec.financing import Financing
from modelwright.venture.assumptions import Assumptions
from modelwright.venture.funding import Funding, funding
from modelwright.venture.paths import KINDS, SALES, STOCKS, Paths

COST_OF_REVENUE = ("compute", "support")
EXPENSES = tuple(kind for kind in KINDS if kind not in COST_OF_REVENUE)
_SEARCHED = 4096


def statements(found: Paths, new: Funding | None = None) -> dict[str, dict[str, np.ndarray]]:
    """The statements of every path, months × paths, from the lines of a simulation with `detail`.

    Args:
        new: the money that comes in; None: none does.

    Returns:
        {"income": {…, "revenue", …, "gross", …, "operating", "interest", "tax", "net"}, "cash_flow": {"net", "interest",
        "receivables", "payables", "deferred", "operating", "shares", "notes", "financing", "cash"}, "balance": {"cash",
        "receivables", "assets", "payables", "deferred", "notes", "equity", "claims"}}; in the cash flow everything has the sign
        with which it moves cash (interest is added back: it is not paid), and "shares" holds SAFEs too.

    Raises:
        ValueError: simulated without detail.
    """
    lines = found.lines
    if not lines:
        raise ValueError("statements need a simulation with detail=True")
    revenue = sum((lines[name] for name in SALES), np.zeros_like(found.cash_mp))
    gross = revenue - lines["compute"] - lines["support"]
    operating = gross - sum(lines[name] for name in EXPENSES)
    new = new or funding(None, len(found.cash_mp))
    flat = np.zeros_like(found.cash_mp)
    issued, borrowed, interest, converted, owed = (
        flat + line[:, None] for line in (new.issued, new.borrowed, new.interest, new.converted, new.notes)
    )
    net = operating - interest - lines["tax"]
    opening: dict[str, np.ndarray | float] = {"receivables": 0.0, "payables": 0.0, "deferred": lines["deferred-start"]}
    moved = {name: _change(lines[name], opening[name]) for name in STOCKS}
    moved["receivables"] = -moved["receivables"]
    equity = found.cash_start - lines["deferred-start"] - new.opening_notes + np.cumsum(net + issued + converted, axis=0)
    cash = found.cash_mp + np.cumsum(issued + borrowed, axis=0)
    return {
        "income": {
            **{name: lines[name] for name in SALES},
            "revenue": revenue,
            **{name: lines[name] for name in COST_OF_REVENUE},
            "gross": gross,
            **{name: lines[name] for name in EXPENSES},
            "operating": operating,
            "interest": interest,
            "tax": lines["tax"],
            "net": net,
        },
        "cash_flow": {
            "net": net,
            "interest": interest,
            **moved,
            "operating": net + interest + sum(moved.values()),
            "shares": issued,
            "notes": borrowed,
            "financing": issued + borrowed,
            "cash": cash,
        },
        "balance": {
            "cash": cash,
            "receivables": lines["receivables"],
            "assets": cash + lines["receivables"],
            "payables": lines["payables"],
            "deferred": lines["deferred"],
            "notes": owed,
            "equity": equity,
            "claims": lines["payables"] + lines["deferred"] + owed + equity,
        },
    }


def _change(stock_mp: np.ndarray, opening: np.ndarray | float) -> np.ndarray:
    before = np.vstack([np.broadcast_to(opening, (1, stock_mp.shape[1])), stock_mp[:-1]])
    return stock_mp - before


def nearest(found: Paths, fan: dict[str, dict[str, list[float]]]) -> int:
    """The future that runs closest to the P50 curves of cash and revenue, of the first 4,096: mean square distance in
    widths of each month's P10–P90 range."""
    count = min(found.cash_mp.shape[1], _SEARCHED)
    distance = np.zeros(count)
    for name, values in (("cash", found.cash_mp), ("revenue", found.revenue_mp)):
        low, middle, high = (np.array(fan[name][share])[:, None] for share in ("p10", "p50", "p90"))
        width = np.maximum(high - low, 1e-9 * np.maximum(np.abs(middle), 1.0))
        distance += np.mean(((values[:, :count] - middle) / width) ** 2, axis=0)
    return int(distance.argmin())


def listed_statements(
    assumptions: Assumptions, found: Paths, inputs: dict[str, float], basis: str, note: str, financing: Financing | None = None
) -> dict[str, Any]:
    """plan.json's "statements": those of the one path of `found`, as plain numbers.

    Args:
        inputs: the values of that future's inputs, by short name.
        financing: terms in the plan's currency; None: no new money.
    """
    new = funding(financing, len(found.cash_mp))
    made = statements(found, new)
    deferred = float(found.lines["deferred-start"][0, 0])
    gap = float(np.max(np.abs(made["balance"]["assets"] - made["balance"]["claims"])))
    return {
        "currency": assumptions.currency,
        "opening": {
            "cash": assumptions.cash,
            "deferred": deferred,
            "notes": new.opening_notes,
            "equity": assumptions.cash - deferred - new.opening_notes,
        },
        **{
            name: {line: [round(float(value), 4) for value in values[:, 0]] for line, values in part.items()}
            for name, part in made.items()
        },
        "customers": [round(float(value), 4) for value in found.customers_mp[:, 0]],
        "joined": [round(float(value), 4) for value in found.lines["joined"][:, 0]],
        "inputs": [
            {"name": name, "key": assumptions.inputs[name].key, "value": value, "basis": assumptions.inputs[name].basis}
            for name, value in inputs.items()
            if assumptions.inputs[name].said
        ],
        "gap": gap,
        "financed": financing is not None,
        "basis": basis,
        "note": note,
    }
