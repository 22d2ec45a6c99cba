"""`arima`: autoregression and moving averages of differences."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class ARIMA(Route):
    """Seasonal ARIMA (Box & Jenkins 1970), orders by AICc in small steps (after Hyndman & Khandakar 2008), fitted by statsmodels."""

    name: ClassVar[str] = "arima"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "window"
    gives: ClassVar[tuple[str, ...]] = ("quantiles",)
    architecture: ClassVar[str] = "arima"

    order: tuple[int, int, int] | Literal["auto"] = Field(
        "auto", description="[p, d, q]: past values, differences, past errors; auto: d by KPSS, p and q up to 3 by AICc"
    )
    seasonal: tuple[int, int, int] | Literal["auto", "none"] = Field(
        "auto",
        description="[P, D, Q] of seasons; auto: D by the strength of seasons, P and Q up to 1, in seasons of up to 24 steps",
    )
    own: int = Field(
        30, ge=0, description="series with a model of their own at most; the others take the one that serves them best"
    )
    steps: int = Field(1500, ge=50, description="latest training steps of a series that are fitted")


ROUTE = ARIMA
