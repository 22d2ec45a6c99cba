"""`train:` what all routes share in training."""

from __future__ import annotations

from pydantic import Field

from modelwright.spec.routes.route import Budget
from modelwright.spec.section import Section


class Train(Section):
    """The budget per route, the seed, and how often progress is kept."""

    budget: Budget = Budget(minutes=10)
    seed: int = Field(0, ge=0, description="seed for weights, order and dropout")
    checkpoint_seconds: float = Field(20.0, gt=0, description="a killed run loses at most about this much training")
