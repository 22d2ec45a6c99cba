"""`als`: users and items as short vectors, found by alternating least squares. For catalogues too large for a square of items."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class Als(Route):
    """Matrix factorisation of implicit feedback (Hu, Koren & Volinsky 2008); a history is folded in when it is asked."""

    name: ClassVar[str] = "als"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "profile"
    gives: ClassVar[tuple[str, ...]] = ("items",)
    architecture: ClassVar[str] = "als"

    factors: int = Field(32, ge=2, le=512, description="length of the vectors")
    strength: float = Field(10.0, gt=0, description="L2 penalty on the vectors")
    confidence: float = Field(
        4.0, gt=0, le=200, description="how much more surely a user likes an item they had than dislikes one they had not"
    )
    sweeps: int = Field(15, ge=1, le=200, description="times that all users and all items are solved")
    trend: float = Field(0.0, ge=0, description="how much the share of users who liked an item lately is added to its score")
    half_life: float = Field(
        30.0, gt=0, description="days before the end of training after which a like counts half for the trend"
    )


ROUTE = Als
