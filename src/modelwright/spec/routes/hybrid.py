"""`hybrid`: search by meaning and by words; each finds what the other misses."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.sentence_encoder import SentenceEncoder


class Hybrid(SentenceEncoder):
    """A sentence encoder and BM25, their lists joined by reciprocal rank fusion (Cormack, Clarke & Büttcher 2009)."""

    name: ClassVar[str] = "hybrid"
    words: ClassVar[bool] = True

    k1: float = Field(1.2, ge=0, le=10, description="of BM25: how much a word's repetitions count")
    b: float = Field(0.75, ge=0, le=1, description="of BM25: how far long texts are marked down for their length")


ROUTE = Hybrid
