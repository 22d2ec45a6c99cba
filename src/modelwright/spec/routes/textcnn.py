"""`textcnn`: convolutions of several widths over word embeddings."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from modelwright.spec.routes.route import Activation, GradientRoute


class TextCNN(GradientRoute):
    """Convolutions of several widths, max pooling over time (Kim 2014)."""

    name: ClassVar[str] = "textcnn"
    reads: ClassVar[str] = "words"
    architecture: ClassVar[str] = "textcnn"

    vocabulary: int = Field(8_000, ge=100, description="tokens kept at most")
    max_tokens: int = Field(256, ge=8, le=4096, description="tokens read of each row")
    width: int = Field(128, ge=8, le=2048, description="embedding size")
    channels: int = Field(100, ge=4, le=2048, description="filters per kernel width")
    kernels: tuple[Annotated[int, Field(ge=1, le=32)], ...] = Field(
        (3, 4, 5), min_length=1, description="kernel widths in tokens"
    )
    activation: Activation = Field("relu", description="of the convolutions")
    dropout: float = Field(0.5, ge=0, lt=1)
    epochs: int = Field(8, ge=1, description="passes over the training split at most")
    learning_rate: float = Field(3e-3, gt=0, description="peak learning rate")


ROUTE = TextCNN
