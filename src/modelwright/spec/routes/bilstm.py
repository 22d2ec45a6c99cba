"""`bilstm`: a bidirectional LSTM over word embeddings learned from scratch."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.route import GradientRoute


class BiLSTM(GradientRoute):
    """Bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005) with masked max pooling."""

    name: ClassVar[str] = "bilstm"
    tasks: ClassVar[tuple[str, ...]] = ("text-classification",)
    reads: ClassVar[str] = "words"
    architecture: ClassVar[str] = "bilstm"

    vocabulary: int = Field(20_000, ge=100, description="tokens kept at most")
    max_tokens: int = Field(256, ge=8, le=4096, description="tokens read of each row")
    width: int = Field(128, ge=8, le=2048, description="hidden size per direction; embeddings have the same width")
    layers: int = Field(1, ge=1, le=8)
    dropout: float = Field(0.5, ge=0, lt=1)


ROUTE = BiLSTM
