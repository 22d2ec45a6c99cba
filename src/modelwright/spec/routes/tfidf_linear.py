"""`tfidf-linear`: word and character n-grams, TF-IDF, a linear classifier. Trains in seconds; often hard to beat on topics."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class TfidfLinear(Route):
    """Multinomial logistic regression on L2-normalised sublinear TF-IDF (Sparck Jones 1972; Joachims 1998)."""

    name: ClassVar[str] = "tfidf-linear"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "ngrams"
    architecture: ClassVar[str] = "tfidf_linear"

    words: int = Field(2, ge=0, le=3, description="longest word n-gram; 0: none")
    characters: int = Field(0, ge=0, le=5, description="longest character n-gram (from 2); for Chinese 0 means 'choose'")
    min_count: int = Field(2, ge=1, description="rows an n-gram must occur in to be kept")
    max_features: int = Field(200_000, ge=10, description="n-grams kept at most, the most frequent first")
    idf_power: float = Field(1.5, ge=0, le=4, description="how much rare n-grams outweigh common ones: the power of the idf")
    label_power: float = Field(
        0.5, ge=0, le=4, description="how much n-grams that tell labels apart outweigh others: the power of their log-count ratio"
    )
    strength: float = Field(10.0, gt=0, description="inverse of the L2 penalty (C)")


ROUTE = TfidfLinear
