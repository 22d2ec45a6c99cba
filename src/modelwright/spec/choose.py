"""`choose:` which route is taken, and under which conditions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modelwright.spec.quantities import MoneyField
from modelwright.spec.section import Section


class Choose(Section):
    """Conditions and preference. Choosing looks at the validation split only; the test split confirms."""

    metric: str | None = Field(None, description="the metric that decides; default: the task's headline metric")
    at_least: float | None = Field(None, description="floor of the metric")
    latency_ms_p95: float | None = Field(None, gt=0, description="ceiling of the 95th percentile of one request, in milliseconds")
    cost_per_1000: MoneyField | None = Field(None, description="ceiling of 1,000 requests' cost on this machine")
    prefer: Literal["quality", "cost", "latency"] = Field(
        "quality", description="what decides among routes that are equally good"
    )
    significance: float = Field(0.05, gt=0, lt=1, description="routes whose paired test gives a larger p are equally good")
