"""`boosting`: gradient-boosted trees on a table's columns. Most often the best there is for tables."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class Boosting(Route):
    """LightGBM (Ke et al. 2017), exported as one tree operator; reasons by SHAP (Lundberg et al. 2020)."""

    name: ClassVar[str] = "boosting"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("classes", "number")
    architecture: ClassVar[str] = "boosting"
    explains: ClassVar[bool] = True
    keeps_direction: ClassVar[bool] = True

    trees: int = Field(500, ge=1, le=20_000, description="rounds at most; with early stopping, fewer")
    early_stopping: int = Field(
        30, ge=0, description="rounds without a smaller loss on training rows held aside before stopping; 0: all rounds are run"
    )
    learning_rate: float = Field(0.05, gt=0, le=1, description="how much of each tree is added")
    leaves: int = Field(15, ge=2, le=1024, description="leaves of a tree at most")
    rows_per_leaf: int = Field(20, ge=1, description="training rows that a leaf must hold")
    features_share: float = Field(0.8, gt=0, le=1, description="share of the features that each tree may use")
    rows_share: float = Field(0.9, gt=0, le=1, description="share of the rows that each tree sees")
    l1: float = Field(0.0, ge=0, description="L1 penalty on leaves")
    l2: float = Field(1.0, ge=0, description="L2 penalty on leaves")


ROUTE = Boosting
