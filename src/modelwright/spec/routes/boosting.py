"""`boosting`: gradient-boosted trees on a table's columns. Most often the best there is for tables."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.routes.route import Route

_MANY_ROWS, _MOST_LEAVES = 5_000, 500_000


class Boosting(Route):
    """LightGBM (Ke et al. 2017), exported as one tree operator; reasons by SHAP (Lundberg et al. 2020)."""

    name: ClassVar[str] = "boosting"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("classes", "number")
    architecture: ClassVar[str] = "boosting"
    explains: ClassVar[bool] = True
    keeps_direction: ClassVar[bool] = True

    trees: int = Field(1000, ge=1, le=20_000, description="rounds at most; with early stopping, fewer")
    early_stopping: int = Field(
        30, ge=0, description="rounds without a smaller loss on training rows held aside before stopping; 0: all rounds are run"
    )
    learning_rate: float = Field(0.05, gt=0, le=1, description="how much of each tree is added")
    leaves: int | Literal["auto"] = Field(
        "auto", description="leaves of a tree at most; auto: 15, and from 5,000 training rows on 31"
    )
    rows_per_leaf: int = Field(20, ge=1, description="training rows that a leaf must hold")
    features_share: float = Field(0.8, gt=0, le=1, description="share of the features that each tree may use")
    rows_share: float = Field(0.9, gt=0, le=1, description="share of the rows that each tree sees")
    l1: float = Field(0.0, ge=0, description="L1 penalty on leaves")
    l2: float = Field(1.0, ge=0, description="L2 penalty on leaves")

    @model_validator(mode="after")
    def _explainable(self) -> Self:
        if self.leaves != "auto" and not 2 <= self.leaves <= 1024:
            raise ValueError(f"leaves from 2 to 1024, or auto, not {self.leaves}")
        if self.trees * (31 if self.leaves == "auto" else self.leaves) > _MOST_LEAVES:
            raise ValueError(
                f"trees × leaves at most {_MOST_LEAVES:,}, or the graph that gives reasons grows beyond hundreds of MB"
            )
        return self

    def leaves_for(self, rows: int) -> int:
        """Leaves of a tree at most, on so many training rows."""
        return (31 if rows >= _MANY_ROWS else 15) if self.leaves == "auto" else self.leaves


ROUTE = Boosting
