"""`sequential`: self-attention over the order in which a user had items."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.route import BatchSize, GradientRoute


class Sequential(GradientRoute):
    """Causal self-attention that foretells each next item (SASRec, Kang & McAuley 2018), with a softmax over the whole catalogue in
    place of drawn negatives (Klenitskiy & Vasilev 2023)."""

    name: ClassVar[str] = "sequential"
    reads: ClassVar[str] = "sequence"
    gives: ClassVar[tuple[str, ...]] = ("items",)
    architecture: ClassVar[str] = "sequential"

    history: int = Field(50, ge=2, le=2000, description="items of a history that are read, the latest")
    width: int = Field(64, ge=8, le=1024, description="a multiple of heads")
    layers: int = Field(2, ge=1, le=12)
    heads: int = Field(2, ge=1, le=32)
    dropout: float = Field(0.3, ge=0, lt=1)
    half_life: float | None = Field(
        None, gt=0, description="days before the end of training after which an interaction teaches half as much; default: never"
    )
    epochs: int = Field(60, ge=1, description="passes over all histories at most")
    batch_size: BatchSize = Field(64, description="histories (in windows of `history` items) per optimiser step")
    learning_rate: float = Field(2e-3, gt=0, description="peak learning rate")
    patience: int = Field(8, ge=0, description="evaluations without a better validation score before stopping; 0: never")


ROUTE = Sequential
