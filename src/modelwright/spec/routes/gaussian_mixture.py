"""`gaussian-mixture`: clusters of their own width and direction, with shares instead of hard borders."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class GaussianMixture(Route):
    """Gaussian mixture by expectation maximisation (Dempster, Laird & Rubin 1977)."""

    name: ClassVar[str] = "gaussian-mixture"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("clusters",)
    architecture: ClassVar[str] = "clusters.mixture"

    clusters: Annotated[int, Field(ge=2, le=1000)] | Literal["auto"] = Field(
        "auto", description="how many, or auto: the number on which halves of the rows agree"
    )
    most: int = Field(10, ge=2, le=100, description="for auto: the largest number that is tried")
    covariance: Literal["full", "tied", "diag", "spherical"] = Field("full", description="what shapes clusters may have")
    starts: int = Field(3, ge=1, le=1000, description="random starts, the best of which is kept")


ROUTE = GaussianMixture
