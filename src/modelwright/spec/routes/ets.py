"""`ets`: exponential smoothing of level, trend and season."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class ETS(Route):
    """Additive exponential smoothing (Holt 1957; Winters 1960; Gardner & McKenzie 1985 for the damped trend; Hyndman et al. 2008)."""

    name: ClassVar[str] = "ets"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "window"
    gives: ClassVar[tuple[str, ...]] = ("quantiles",)
    architecture: ClassVar[str] = "ets"

    trend: Literal["auto", "none", "damped", "full"] = Field(
        "auto", description="none; damped: it fades; full: it goes on; auto: what misses least on training windows"
    )
    seasonal: Literal["auto", "yes", "no"] = Field("auto", description="whether seasons are smoothed; auto: if that misses less")
    own: int = Field(200, ge=0, description="series with parameters of their own at most; the others share those of all")


ROUTE = ETS
