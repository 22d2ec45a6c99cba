"""`deep-clustering`: clusters in what an autoencoder keeps of a row."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import Route


class DeepClustering(Route):
    """Autoencoder and centres learned together (DEC: Xie, Girshick & Farhadi 2016, 1511.06335)."""

    name: ClassVar[str] = "deep-clustering"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = "features"
    gives: ClassVar[tuple[str, ...]] = ("clusters",)
    architecture: ClassVar[str] = "clusters.deep"

    clusters: Annotated[int, Field(ge=2, le=1000)] | Literal["auto"] = Field(
        "auto", description="how many, or auto: the number on which halves of the rows agree"
    )
    most: int = Field(10, ge=2, le=100, description="for auto: the largest number that is tried")
    width: int = Field(64, ge=4, le=4096, description="hidden size of the autoencoder")
    embedding: int = Field(8, ge=2, le=512, description="numbers that it keeps of a row")
    epochs: int = Field(
        60, ge=1, description="passes over the training split for the autoencoder; a quarter more with the centres"
    )
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")


ROUTE = DeepClustering
