"""`ease`: which items go together, solved in one step. Small to medium catalogues; often hard to beat."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class Ease(Route):
    """A linear model that predicts each item from all others, in closed form (Steck 2019, 1905.03375), and what is liked lately."""

    name: ClassVar[str] = "ease"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "profile"
    gives: ClassVar[tuple[str, ...]] = ("items",)
    architecture: ClassVar[str] = "ease"

    strength: float = Field(200.0, gt=0, description="L2 penalty: larger for fewer users or a longer tail")
    even: float = Field(
        0.0,
        ge=0,
        le=1,
        description="how far users count alike in learning: each is divided by the number of their items to this power; 0: not at all",
    )
    trend: float = Field(0.0, ge=0, description="how much the share of users who liked an item lately is added to its score")
    half_life: float = Field(
        30.0, gt=0, description="days before the end of training after which a like counts half for the trend"
    )


ROUTE = Ease
