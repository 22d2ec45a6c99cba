"""`linear`: one weight for each column's features. Answers in microseconds, explains itself exactly, and is hard to beat on small tables."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.routes.route import Route


class Linear(Route):
    """Logistic regression, or least squares: ridge (Hoerl & Kennard 1970), lasso (Tibshirani 1996), elastic net (Zou & Hastie 2005)."""

    name: ClassVar[str] = "linear"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("classes", "number")
    architecture: ClassVar[str] = "linear_table"
    explains: ClassVar[bool] = True

    penalty: Literal["ridge", "lasso", "elastic"] = Field(
        "ridge", description="ridge: squares of the weights; lasso: their amounts, so that some become 0; elastic: half of each"
    )
    strength: float | Literal["auto"] = Field(
        "auto", description="inverse of the penalty; auto: by cross-validation on the training rows"
    )
    degree: Literal[1, 2] = Field(1, description="2: squares and products of the numbers as well (polynomial regression)")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.strength != "auto" and self.strength <= 0:
            raise ValueError(f"strength above 0, or auto, not {self.strength:g}")
        return self


ROUTE = Linear
