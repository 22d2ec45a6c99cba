"""`seasonal-naive`: each step as it was one season before."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.spec.routes.route import Route


class SeasonalNaive(Route):
    """The forecast that others must beat: MASE measures in its errors (Hyndman & Koehler 2006)."""

    name: ClassVar[str] = "seasonal-naive"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "window"
    gives: ClassVar[tuple[str, ...]] = ("quantiles",)
    architecture: ClassVar[str] = "seasonal_naive"
    baseline: ClassVar[bool] = True


ROUTE = SeasonalNaive
