"""`train:` what all routes share in training."""

from __future__ import annotations

from pydantic import Field, field_validator

from modelwright.spec.routes.route import Budget
from modelwright.spec.section import Section


class LearningCurve(Section):
    """The same route on smaller parts of the training split: what would more data bring?"""

    shares: tuple[float, ...] = Field(
        (0.125, 0.25, 0.5, 1.0), description="of the training rows, ascending; the whole is always one"
    )
    routes: tuple[str, ...] | None = Field(
        None, description="measured for these; default: those solved in seconds (kind fit), of tasks with a truth in each row"
    )

    @field_validator("shares")
    @classmethod
    def _nested(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        whole = tuple(sorted({*shares, 1.0}))
        if len(whole) < 3 or whole[0] <= 0 or whole[-1] > 1:
            raise ValueError("at least two shares above 0 and below 1, like [0.25, 0.5]: a curve takes three sizes")
        return whole


class Train(Section):
    """The budget per route, the seed, and how often progress is kept."""

    budget: Budget = Budget(minutes=10)
    seed: int = Field(0, ge=0, description="seed for weights, order and dropout")
    checkpoint_seconds: float = Field(20.0, gt=0, description="a killed run loses at most about this much training")
    processes: int = Field(
        1,
        ge=1,
        le=64,
        description="processes on this machine that train together, for routes trained by gradient descent: each on a GPU of its own "
        "where there are some, and each with its part of every batch",
    )
    sharded: bool = Field(
        False, description="with several processes: share out weights and optimiser among them (FSDP2) instead of copying (DDP)"
    )
    learning_curve: LearningCurve | None = Field(
        LearningCurve(), description="quality at several sizes of the training split, on validation rows; null: not measured"
    )
