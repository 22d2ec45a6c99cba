"""`popularity`: everybody gets what most people liked. The line that every recommender has to pass."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class Popularity(Route):
    """Items by the number of users who liked them; with a half-life, by the number of those who did so lately."""

    name: ClassVar[str] = "popularity"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "profile"
    gives: ClassVar[tuple[str, ...]] = ("items",)
    architecture: ClassVar[str] = "popularity"
    baseline: ClassVar[bool] = True

    half_life: float | None = Field(
        None, gt=0, description="days before the end of training after which an interaction weighs half; default: never"
    )


ROUTE = Popularity
