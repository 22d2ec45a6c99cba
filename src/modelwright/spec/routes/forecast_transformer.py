"""`transformer`: attention over the history, for all series together."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.spec.attention import heads_divide_width
from modelwright.spec.routes.route import BatchSize, GradientRoute


class ForecastTransformer(GradientRoute):
    """Transformer encoder over history and horizon (Vaswani et al. 2017), quantiles of all steps at once."""

    name: ClassVar[str] = "transformer"
    reads: ClassVar[str] = "window"
    gives: ClassVar[tuple[str, ...]] = ("quantiles",)
    architecture: ClassVar[str] = "forecast_transformer"

    width: int = Field(48, ge=4, le=2048, description="hidden size; a multiple of heads")
    layers: int = Field(2, ge=1, le=24)
    heads: int = Field(4, ge=1, le=64)
    dropout: float = Field(0.1, ge=0, lt=1)
    epochs: int = Field(60, ge=1, description="passes over the training windows at most")
    batch_size: BatchSize = Field(32, description="windows per optimiser step")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    patience: int = Field(12, ge=0, description="evaluations without a better validation score before stopping; 0: never")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "float32", description="bfloat16 keeps three digits, which is too few for most series; auto: where the hardware has it"
    )
    _heads = model_validator(mode="after")(heads_divide_width)


ROUTE = ForecastTransformer
