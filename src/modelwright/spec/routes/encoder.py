"""`encoder`: a small BERT trained from random weights."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.routes.route import BatchSize, GradientRoute


class Encoder(GradientRoute):
    """Transformer encoder in BERT's layout (Devlin et al. 2019) with mean pooling; its checkpoint loads as a BertModel."""

    name: ClassVar[str] = "encoder"
    reads: ClassVar[str] = "words"
    architecture: ClassVar[str] = "encoder"

    vocabulary: int = Field(8_000, ge=100, description="tokens kept at most")
    max_tokens: int = Field(128, ge=8, le=4096, description="tokens read of each row")
    width: int = Field(128, ge=16, le=4096, description="hidden size; a multiple of heads")
    layers: int = Field(2, ge=1, le=48)
    heads: int = Field(4, ge=1, le=64)
    activation: Literal["gelu", "gelu-tanh", "relu", "silu", "mish", "tanh"] = Field(
        "gelu", description="between the two matrices of a layer; those that BERT's format knows"
    )
    dropout: float = Field(0.2, ge=0, lt=1)
    epochs: int = Field(8, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(16, description="rows per optimiser step")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"a width that is a multiple of heads ({self.heads}), not {self.width}")
        return self


ROUTE = Encoder
