"""`isolation-forest`: what is strange is cut off from the rest by few random cuts."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class IsolationForest(Route):
    """Isolation forest (Liu, Ting & Zhou 2008), with reasons by SHAP."""

    name: ClassVar[str] = "isolation-forest"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("outlier",)
    architecture: ClassVar[str] = "isolation_forest"
    explains: ClassVar[bool] = True

    trees: int = Field(200, ge=1, le=5000, description="trees grown")
    sample: int = Field(256, ge=2, description="rows that each tree is grown on")


ROUTE = IsolationForest
