"""`lstm`: a recurrent network for all series together."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import BatchSize, GradientRoute


class ForecastLSTM(GradientRoute):
    """LSTM over the history (Hochreiter & Schmidhuber 1997), quantiles of all steps at once (Wen et al. 2017, 1711.11053)."""

    name: ClassVar[str] = "lstm"
    reads: ClassVar[str] = "window"
    gives: ClassVar[tuple[str, ...]] = ("quantiles",)
    architecture: ClassVar[str] = "forecast_lstm"

    width: int = Field(48, ge=4, le=2048, description="hidden size")
    layers: int = Field(1, ge=1, le=8)
    dropout: float = Field(0.1, ge=0, lt=1)
    epochs: int = Field(60, ge=1, description="passes over the training windows at most")
    batch_size: BatchSize = Field(32, description="windows per optimiser step")
    learning_rate: float = Field(3e-3, gt=0, description="peak learning rate")
    patience: int = Field(12, ge=0, description="evaluations without a better validation score before stopping; 0: never")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "float32", description="bfloat16 keeps three digits, which is too few for most series; auto: where the hardware has it"
    )


ROUTE = ForecastLSTM
