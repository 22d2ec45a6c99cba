"""`kmeans`: round clusters around centres."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class KMeans(Route):
    """k-means (Lloyd 1982; k-means++ starts, Arthur & Vassilvitskii 2007); the number of clusters is chosen by stability."""

    name: ClassVar[str] = "kmeans"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("clusters",)
    architecture: ClassVar[str] = "clusters.kmeans"

    clusters: Annotated[int, Field(ge=2, le=1000)] | Literal["auto"] = Field(
        "auto", description="how many, or auto: the number on which halves of the rows agree"
    )
    most: int = Field(10, ge=2, le=100, description="for auto: the largest number that is tried")
    starts: int = Field(10, ge=1, le=1000, description="random starts, the best of which is kept")


ROUTE = KMeans
