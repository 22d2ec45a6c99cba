"""`hdbscan`: dense groups of any shape; rows between them belong to none."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class HDBSCAN(Route):
    """Hierarchical density-based clustering (Campello, Moulavi & Sander 2013); it finds the number of clusters itself."""

    name: ClassVar[str] = "hdbscan"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("clusters", "none")
    architecture: ClassVar[str] = "clusters.density"

    smallest: int | None = Field(
        None, ge=2, description="rows of the smallest group that counts; default: a hundredth of them, at least 5"
    )
    neighbours: int | None = Field(None, ge=1, description="neighbours that make a place dense; default: as many as `smallest`")


ROUTE = HDBSCAN
