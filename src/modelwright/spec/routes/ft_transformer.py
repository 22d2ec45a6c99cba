"""`ft-transformer`: every column a token, attention between them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.spec.attention import heads_divide_width
from modelwright.spec.routes.route import BatchSize, GradientRoute


class FtTransformer(GradientRoute):
    """FT-Transformer (Gorishniy et al. 2021, 2106.11959)."""

    name: ClassVar[str] = "ft-transformer"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("classes", "number")
    architecture: ClassVar[str] = "ft_transformer"

    width: int = Field(64, ge=8, le=1024, description="size of a token; a multiple of heads")
    layers: int = Field(2, ge=1, le=12)
    heads: int = Field(4, ge=1, le=32)
    dropout: float = Field(0.15, ge=0, lt=1)
    epochs: int = Field(40, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(64, description="rows per optimiser step")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    patience: int = Field(8, ge=0, description="evaluations without a better validation score before stopping; 0: never")
    precision: Literal["auto", "float32", "bfloat16"] = Field("float32", description="auto: bfloat16 where the hardware has it")
    _heads = model_validator(mode="after")(heads_divide_width)


ROUTE = FtTransformer
