"""`evaluate:` how sure, and for whom."""

from __future__ import annotations

from pydantic import Field

from modelwright.spec.section import Section


class Explain(Section):
    """Which words, and which parts of an image, spoke for an answer; shown in the report for the route that is taken."""

    rows: int = Field(
        12,
        ge=0,
        le=200,
        description="test rows explained: mistakes and right answers in equal parts; 0 switches explanations off",
    )


class Evaluate(Section):
    """Intervals and slices."""

    resamples: int = Field(1000, ge=100, le=100_000, description="bootstrap resamples behind each 95 % interval")
    slices: tuple[str, ...] = Field((), description="columns to slice by; length is always sliced")
    groups: tuple[str, ...] = Field(
        (), description="columns that name groups of people, between which the quality should not differ; sliced by as well"
    )
    mistakes: int = Field(20, ge=0, le=1000, description="most confident mistakes to keep")
    latency_seconds: float = Field(
        1.5, ge=0.05, le=600, description="seconds that requests are timed one at a time, for each route and each variant"
    )
    explain: Explain = Field(Explain(), description="explanations of answers over texts and images")
