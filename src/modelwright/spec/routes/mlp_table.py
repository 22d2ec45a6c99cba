"""`mlp` for tables: layers of neurons over embedded columns."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Activation, BatchSize, GradientRoute


class MlpTable(GradientRoute):
    """Multilayer perceptron whose numbers are embedded piecewise linearly or periodically (Gorishniy et al. 2022, 2203.05556)."""

    name: ClassVar[str] = "mlp"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("classes", "number")
    architecture: ClassVar[str] = "mlp_table"

    numbers: Literal["piecewise", "periodic", "plain"] = Field(
        "piecewise",
        description="piecewise: how far into each of its quantile bins a number reaches; periodic: learned sines and cosines; plain: as it is",
    )
    embedding: int = Field(8, ge=1, le=256, description="numbers that a category, or a periodic number, becomes")
    width: int = Field(128, ge=8, le=4096, description="neurons of a layer")
    layers: int = Field(2, ge=1, le=16)
    activation: Activation = Field("relu", description="after each layer")
    dropout: float = Field(0.15, ge=0, lt=1)
    epochs: int = Field(60, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(64, description="rows per optimiser step")
    learning_rate: float = Field(2e-3, gt=0, description="peak learning rate")
    patience: int = Field(10, ge=0, description="evaluations without a better validation score before stopping; 0: never")
    precision: Literal["auto", "float32", "bfloat16"] = Field("float32", description="auto: bfloat16 where the hardware has it")


ROUTE = MlpTable
