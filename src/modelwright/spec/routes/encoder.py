"""`encoder`: a small BERT trained from random weights."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.attention import BertLayout
from modelwright.spec.routes.route import BatchSize


class Encoder(BertLayout):
    """Transformer encoder in BERT's layout (Devlin et al. 2019) with mean pooling; its checkpoint loads as a BertModel."""

    name: ClassVar[str] = "encoder"
    reads: ClassVar[str] = "words"
    architecture: ClassVar[str] = "encoder"

    vocabulary: int = Field(8_000, ge=100, description="tokens kept at most")
    max_tokens: int = Field(128, ge=8, le=4096, description="tokens read of each row")
    dropout: float = Field(0.2, ge=0, lt=1)
    epochs: int = Field(8, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(16, description="rows per optimiser step")


ROUTE = Encoder
