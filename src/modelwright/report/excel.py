"""The plan as an Excel workbook with live formulas: change an assumption, and the months, the cap table and the exits follow.

Needs openpyxl. Values that only the exact solver can find (a round's price, who converts in it) are inputs, marked as such;
everything that follows from them is a formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelwright.base.errors import ModelwrightError
from modelwright.base.optional import require
from modelwright.report.excel_months import write_assumptions, write_months
from modelwright.report.excel_owners import write_cap_table, write_waterfall

_ABOUT = (
    "Every input stands at its middle value; the plan's own ranges come from thousands of futures and are in the report.",
    "Assumptions, Team, Tiers and Channels hold inputs (blue). All other figures are formulas over them.",
    "Cap table: prices and conversions are solved exactly by modelwright and stand as inputs; shares and percentages are formulas.",
    "Waterfall: change the proceeds (blue). Classes choose by formula; a participating class with a cap is solved outside and stands as a value.",
)


def write_workbook(plan: Mapping[str, Any], financing: Mapping[str, Any] | None, out: Path) -> Path:
    """Write the workbook.

    Args:
        plan: plan.json with "model" (`venture.sheet.model`).
        financing: what `venture.financing.finance` returned; None leaves cap table and waterfall out.
        out: the file, `.xlsx`.

    Raises:
        ModelwrightError: the plan holds no model.
        MissingExtraError: openpyxl is not installed.
    """
    model = plan.get("model")
    if not model:
        raise ModelwrightError(
            "the plan has nothing to compute",
            expected='its "model", which is there when no assumption is missing',
            where=str(out),
            remedy=f"State what is missing: {', '.join(plan.get('missing', [])) or 'venture'}",
        )
    openpyxl = require("openpyxl", "data")
    book = openpyxl.Workbook()
    about = book.active
    about.title = "About"
    for row, text in enumerate(_ABOUT, 1):
        about.cell(row, 1, text)
    about.column_dimensions["A"].width = 130
    places = write_assumptions(book, model)
    write_months(book, model, places, plan.get("statements") or {})
    if financing and financing.get("steps"):
        write_cap_table(book, financing)
        if financing.get("exits"):
            write_waterfall(book, financing)
    out.parent.mkdir(parents=True, exist_ok=True)
    book.save(out)
    return out
