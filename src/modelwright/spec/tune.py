"""`tune:` which settings of a route are searched, how, and how long. Everything is judged on the validation split, and every trial is
paid from the route's own budget."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.section import Section


class Range(Section):
    """Numbers from `low` to `high`, both included. Whole numbers where both are whole and no `log` is asked for."""

    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")
    log: bool = Field(False, description="draw evenly on a logarithmic scale")
    points: int = Field(5, ge=2, description="values on a grid")
    whole: bool | None = Field(None, description="whole numbers only; default: if both ends are written as whole numbers")

    @model_validator(mode="before")
    @classmethod
    def _remember_wholeness(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("whole") is None:
            ends = [raw.get("low"), raw.get("high")]
            return {**raw, "whole": all(isinstance(end, int) and not isinstance(end, bool) for end in ends)}
        return raw

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low below high, not {self.low:g} to {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"a low above 0 on a logarithmic scale, not {self.low:g}")
        return self

    def number(self, value: float) -> float | int:
        """`value` as the setting takes it."""
        return round(value) if self.whole else value


class Tuning(Section):
    """The search for one route's settings. The first trial is always the route as it is written: what tuning brings is measured
    against it."""

    space: dict[str, Range | tuple[Any, ...]] = Field(
        min_length=1, description="setting → {low, high, log, points}, or a list of choices"
    )
    method: Literal["grid", "random", "bayesian"] = Field(
        "bayesian",
        description="grid: every combination; random (Bergstra & Bengio 2012); bayesian: tree-structured Parzen estimators "
        "(Bergstra et al. 2011)",
    )
    trials: int = Field(16, ge=2, le=10_000, description="trials at most, the route as written included")
    halving: bool = Field(
        True,
        description="stop trials early that are among the worse half at the same number of evaluations (asynchronous successive "
        "halving, Li et al. 2020, 1810.05934); for routes trained by gradient descent",
    )
