"""`bert`: an encoder that learns from texts alone, as the start of other routes."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.attention import BertLayout
from modelwright.spec.routes.route import BatchSize


class Bert(BertLayout):
    """Masked language modelling from random weights (Devlin et al. 2019, 1810.04805); its checkpoint loads as a BertForPreTraining
    (without pairs: as a BertForMaskedLM), and `finetune` takes it by run://."""

    name: ClassVar[str] = "bert"
    reads: ClassVar[str] = "masked-text"
    gives: ClassVar[tuple[str, ...]] = ("masked-tokens",)
    architecture: ClassVar[str] = "masked"

    pieces: Literal["wordpiece", "words"] = Field(
        "wordpiece", description="wordpiece: pieces of words, nothing is unknown; words: whole words that occur twice"
    )
    vocabulary: int = Field(8_000, ge=100, description="tokens kept at most")
    max_tokens: int = Field(128, ge=16, le=4096, description="tokens of a passage, and positions that the encoder has")
    masked: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of tokens hidden in training; default: learn.masked, which is what figures are measured with",
    )
    dropout: float = Field(0.1, ge=0, lt=1)
    epochs: int = Field(20, ge=1, description="passes over the training documents at most, each with other passages and masks")
    batch_size: BatchSize = Field(32, description="passages per optimiser step")


ROUTE = Bert
