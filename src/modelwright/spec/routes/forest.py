"""`forest`: many trees on resampled rows, averaged. Needs no tuning."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.routes.route import Route

_MOST_LEAVES = 500_000


class Forest(Route):
    """Random forest (Breiman 2001), exported as one tree operator; reasons by SHAP (Lundberg et al. 2020)."""

    name: ClassVar[str] = "forest"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("classes", "number")
    architecture: ClassVar[str] = "forest"
    explains: ClassVar[bool] = True
    keeps_direction: ClassVar[bool] = True

    trees: int = Field(200, ge=1, le=10_000, description="trees grown")
    leaves: int = Field(128, ge=2, le=65_536, description="leaves of a tree at most, the most useful splits first")
    rows_per_leaf: int = Field(3, ge=1, description="training rows that a leaf must hold")
    features_share: float | Literal["auto"] = Field(
        "auto",
        description="share of the features that each split may choose from; auto: the square root of their number, for numbers a third",
    )

    @model_validator(mode="after")
    def _explainable(self) -> Self:
        if self.trees * self.leaves > _MOST_LEAVES:
            raise ValueError(
                f"trees × leaves at most {_MOST_LEAVES:,}, or the graph that gives reasons grows beyond hundreds of MB"
            )
        if self.features_share != "auto" and not 0 < self.features_share <= 1:
            raise ValueError(f"a share between 0 and 1, or auto, not {self.features_share:g}")
        return self


ROUTE = Forest
