"""`svm`: the widest margin between classes, straight or curved; for numbers, support vector regression."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class Svm(Route):
    """Support vector machine (Cortes & Vapnik 1995) with probabilities by Platt scaling (Platt 1999)."""

    name: ClassVar[str] = "svm"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("classes", "number")
    architecture: ClassVar[str] = "svm_table"

    kernel: Literal["rbf", "linear"] = Field("rbf", description="rbf: exp(−γ·distance²); linear: a straight boundary")
    strength: float = Field(1.0, gt=0, description="what a row on the wrong side costs (C)")
    gamma: float | None = Field(None, gt=0, description="γ of rbf; default: 1 / (features · their variance)")
    exact_rows: int = Field(
        2_000,
        ge=100,
        le=20_000,
        description="rbf with more training rows is approximated by as many points as `points` (Nyström)",
    )
    points: int = Field(500, ge=10, le=5_000, description="points of the approximation")
    epsilon: float = Field(0.1, ge=0, description="for numbers: errors up to this, in standard deviations, cost nothing")


ROUTE = Svm
