"""`fasttext`: the mean of hashed n-gram embeddings, then a linear layer."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.route import GradientRoute


class FastText(GradientRoute):
    """Bag of word n-gram embeddings with the hashing trick (Joulin et al. 2017, 1607.01759)."""

    name: ClassVar[str] = "fasttext"
    reads: ClassVar[str] = "hashed-ngrams"
    architecture: ClassVar[str] = "fasttext"

    ngrams: int = Field(2, ge=1, le=4, description="longest word n-gram")
    buckets: int = Field(50_000, ge=1000, description="rows of the hashed embedding table")
    max_tokens: int = Field(1024, ge=8, description="n-grams read of each row")
    width: int = Field(64, ge=4, le=1024, description="embedding size")
    dropout: float = Field(0.2, ge=0, lt=1)
    epochs: int = Field(6, ge=1, description="passes over the training split at most")
    learning_rate: float = Field(2e-2, gt=0, description="peak learning rate")


ROUTE = FastText
