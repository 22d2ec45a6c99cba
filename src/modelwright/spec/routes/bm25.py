"""`bm25`: search by words. Nothing is trained; strong wherever questions use the words of their answers."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class BM25(Route):
    """Okapi BM25 over an inverted index (Robertson & Zaragoza 2009); words, or one and two characters of scripts without spaces."""

    name: ClassVar[str] = "bm25"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "terms"
    gives: ClassVar[tuple[str, ...]] = ("passages",)
    architecture: ClassVar[str] = "bm25"

    k1: float = Field(1.2, ge=0, le=10, description="how much a word's repetitions count")
    b: float = Field(0.75, ge=0, le=1, description="how far long texts are marked down for their length")


ROUTE = BM25
