"""`bilstm`: a bidirectional LSTM over word embeddings learned from scratch."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.route import BatchSize, GradientRoute


class BiLSTM(GradientRoute):
    """Bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005) with masked mean and max pooling."""

    name: ClassVar[str] = "bilstm"
    reads: ClassVar[str] = "words"
    architecture: ClassVar[str] = "bilstm"

    vocabulary: int = Field(8_000, ge=100, description="tokens kept at most")
    max_tokens: int = Field(192, ge=8, le=4096, description="tokens read of each row")
    width: int = Field(128, ge=8, le=2048, description="hidden size per direction; embeddings have the same width")
    layers: int = Field(1, ge=1, le=8)
    dropout: float = Field(0.3, ge=0, lt=1)
    epochs: int = Field(8, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(16, description="rows per optimiser step")
    learning_rate: float = Field(3e-3, gt=0, description="peak learning rate")


ROUTE = BiLSTM
