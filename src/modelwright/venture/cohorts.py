"""Cohorts: of those who joined in one month, how many are left later; expected, and measured where there are records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.venture.assumptions import Assumptions
from modelwright.venture.survival import BetaGeometric, Records, at, kaplan_meier

MONTHS = 24
_SHARES = (0.1, 0.5, 0.9)


def cohorts(
    assumptions: Assumptions,
    values: Mapping[str, np.ndarray],
    joined: list[float],
    records: Records | None,
    law: BetaGeometric | None,
) -> dict[str, Any]:
    """plan.json's "cohorts".

    Args:
        joined: customers won in each month of the future whose statements are shown.

    Returns:
        {"months": [0…], "survival": {"p10", "p50", "p90"}, "kaplan_meier": {"months", "share", "low", "high"} or None,
        "law": {"alpha", "beta", "log_likelihood", "survival"} or None, "rows": [{"month", "joined", "left": [...]}], "basis",
        "source", "note"}. Rows use the law where there is one.
    """
    months = np.arange(min(MONTHS, len(joined)) + 1)
    kept = 1 - np.quantile(values["churn"], [1 - share for share in _SHARES])
    expected = {
        f"p{share * 100:.0f}": [float(keep**month) for month in months] for share, keep in zip(_SHARES, kept, strict=True)
    }
    fitted = law.survival(len(months)) if law is not None else None
    curve = fitted if fitted is not None else np.array(expected["p50"])
    churn = assumptions.inputs["churn"]
    return {
        "months": months.tolist(),
        "survival": expected,
        "kaplan_meier": _measured(records, months) if records is not None else None,
        "law": None
        if law is None or fitted is None
        else {
            "alpha": law.alpha,
            "beta": law.beta,
            "log_likelihood": law.log_likelihood,
            "survival": fitted.tolist(),
            "source": "shifted-beta-geometric by maximum likelihood (Fader & Hardie 2007)",
        },
        "rows": [
            {"month": number, "joined": won, "left": [won * float(share) for share in curve[: len(joined) - number + 1]]}
            for number, won in enumerate(joined[:MONTHS], 1)
        ],
        "basis": "estimated" if law is not None else churn.basis,
        "source": churn.source,
        "note": "customers who joined in a month and are still there; survival by "
        + ("the law fitted to the usage records" if law is not None else "one churn for all customers of a future"),
    }


def _measured(records: Records, months: np.ndarray) -> dict[str, Any]:
    curve = kaplan_meier(records.durations, records.observed)
    seen = months[months <= records.durations.max()]
    place = np.searchsorted(curve.times, seen, side="right") - 1

    def bound(values: np.ndarray) -> list[float]:
        return [1.0 if spot < 0 else float(values[spot]) for spot in place]

    return {
        "months": seen.tolist(),
        "share": at(curve, seen).tolist(),
        "low": bound(curve.low),
        "high": bound(curve.high),
        "customers": int(records.durations.size),
        "departures": int(records.observed.sum()),
        "basis": "measured",
        "source": records.source,
        "note": "Kaplan & Meier 1958; 95 % intervals by Greenwood's formula",
    }
