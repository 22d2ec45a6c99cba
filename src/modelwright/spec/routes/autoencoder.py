"""`autoencoder`: what is strange can't be rebuilt from a few numbers."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.route import GradientRoute


class Autoencoder(GradientRoute):
    """Autoencoder with a narrow middle; strange is what it rebuilds badly (Hawkins et al. 2002)."""

    name: ClassVar[str] = "autoencoder"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("outlier",)
    architecture: ClassVar[str] = "autoencoder"

    width: int = Field(64, ge=4, le=4096, description="hidden size")
    embedding: int | None = Field(
        None, ge=1, le=512, description="numbers kept of a row; default: a third of what it has, at least 2"
    )
    noise: float = Field(
        0.1, ge=0, le=2, description="deviation of what is added to the numbers in training (Vincent et al. 2008)"
    )
    epochs: int = Field(40, ge=1, description="passes over the training split at most")
    batch_size: int = Field(64, ge=1, description="rows per optimiser step")
    patience: int = Field(0, ge=0, description="evaluations without a better validation score before stopping; 0: never")


ROUTE = Autoencoder
