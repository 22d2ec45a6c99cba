"""`learn:` of time-series-forecasting."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from modelwright.spec.section import Section
from modelwright.tasks.series.grid import NAME

NEEDED = (0.1, 0.5, 0.9)
"""Levels that every forecast has: the median, and the 80 % interval whose coverage is measured."""


class Forecasting(Section):
    """How far ahead, from how much of the past, by which steps."""

    horizon: int = Field(12, ge=1, le=1000, description="steps ahead that are forecast")
    history: int | Literal["auto"] = Field(
        "auto", description="steps before it that are looked at; auto: three seasons or three horizons, as far as the rows reach"
    )
    frequency: str = Field(
        "auto",
        description="of the steps: s, min, H, D with a count before it (15min), B (weekdays), W (or W-SUN), M, Q, Y, N (numbers)",
    )
    season: int | Literal["auto"] = Field(
        "auto",
        description="steps after which the series repeats itself, 1 for none; auto: by frequency, if training rows show it",
    )
    known: tuple[str, ...] = Field((), description="columns of numbers whose future is known: prices set ahead, holidays")
    quantiles: tuple[float, ...] = Field((0.1, 0.5, 0.9), description="levels that are forecast; 0.1, 0.5 and 0.9 among them")
    calendar: bool = Field(True, description="whether models see the place in the day, the week and the year")
    transform: Literal["auto", "none", "log"] = Field(
        "auto", description="log: learn logarithms (of positive values); auto: where swings grow with the level"
    )
    gaps: Literal["interpolate", "refuse"] = Field(
        "interpolate", description="missing steps: fill them from what came before the forecast (they are never scored), or stop"
    )
    repeats: Literal["quarantine", "sum", "mean", "last"] = Field(
        "quarantine", description="several values in one step of a series: keep the first, or make them one"
    )
    stride: int = Field(1, ge=1, description="steps between the forecasts that are scored; horizon's number: no step twice")
    windows: int = Field(20_000, ge=100, description="windows per split at most, spread evenly")

    @field_validator("history")
    @classmethod
    def _history(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 2 <= value <= 10_000:
            raise ValueError(f"auto, or 2 to 10,000 steps, not {value}")
        return value

    @field_validator("season")
    @classmethod
    def _season(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 5_000:
            raise ValueError(f"auto, or 1 to 5,000 steps, not {value}")
        return value

    @field_validator("frequency")
    @classmethod
    def _frequency(cls, value: str) -> str:
        if value != "auto" and not NAME.fullmatch(value):
            raise ValueError(
                f"auto, or one of s, min, H, D (with a count before it), B, W, W-MON to W-SUN, M, Q, Y, N, not {value!r}"
            )
        return value

    @field_validator("quantiles")
    @classmethod
    def _quantiles(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)) or not all(0 < level < 1 for level in value):
            raise ValueError("rising levels between 0 and 1")
        if missing := [level for level in NEEDED if level not in value]:
            raise ValueError(f"{', '.join(map(str, NEEDED))} among the levels; missing: {', '.join(map(str, missing))}")
        if any(round(1 - level, 9) not in {round(one, 9) for one in value} for level in value):
            raise ValueError("levels in pairs, like 0.05 and 0.95: intervals are calibrated by pairs")
        return value

    @model_validator(mode="after")
    def _history_holds_a_season(self) -> Self:
        if isinstance(self.history, int) and isinstance(self.season, int) and self.history < self.season:
            raise ValueError(f"a history of at least one season ({self.season} steps), not {self.history}")
        if len(set(self.known)) != len(self.known):
            raise ValueError("each known column once")
        return self
