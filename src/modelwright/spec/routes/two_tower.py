"""`two-tower`: a vector for what a user had lately, a vector for each item; near ones are recommended."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.route import BatchSize, GradientRoute


class TwoTower(GradientRoute):
    """A pooled history through a small network, against item vectors, with a softmax over the whole catalogue (Covington, Adams &
    Sargin 2016; Yi et al. 2019)."""

    name: ClassVar[str] = "two-tower"
    reads: ClassVar[str] = "history"
    gives: ClassVar[tuple[str, ...]] = ("items",)
    architecture: ClassVar[str] = "two_tower"

    history: int = Field(50, ge=1, le=2000, description="items of a history that are read, the latest")
    width: int = Field(64, ge=8, le=1024, description="length of the vectors")
    dropout: float = Field(0.2, ge=0, lt=1)
    half_life: float | None = Field(
        None, gt=0, description="days before the end of training after which an interaction teaches half as much; default: never"
    )
    epochs: int = Field(20, ge=1, description="passes over all interactions at most")
    batch_size: BatchSize = Field(256, description="interactions per optimiser step")
    learning_rate: float = Field(3e-3, gt=0, description="peak learning rate")


ROUTE = TwoTower
