"""`rnn-lm`: a recurrent language model, small and quick, to be beaten."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.route import BatchSize, GradientRoute


class RecurrentLanguage(GradientRoute):
    """LSTM language model (Mikolov et al. 2010; Zaremba et al. 2014) whose output layer is its embedding table (Press & Wolf 2017)."""

    name: ClassVar[str] = "rnn-lm"
    reads: ClassVar[str] = "byte-pairs"
    gives: ClassVar[tuple[str, ...]] = ("next-tokens",)
    architecture: ClassVar[str] = "recurrent_language"

    width: int = Field(256, ge=8, le=4096, description="hidden size; embeddings have the same width")
    layers: int = Field(2, ge=1, le=8)
    dropout: float = Field(0.1, ge=0, lt=1, description="between layers, not between steps")
    epochs: int = Field(4, ge=1, description="passes over the corpus at most")
    batch_size: BatchSize = Field(16, description="rows of `context` tokens per step")
    learning_rate: float = Field(3e-3, gt=0, description="peak learning rate")


ROUTE = RecurrentLanguage
