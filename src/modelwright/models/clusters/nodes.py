"""Pieces of ONNX graphs that models of distances share: a row's vector, and distances to points."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.base.nouns import Sizes
from modelwright.base.vectors import SCALE, width
from modelwright.models.table_graph import TableGraph


class Distances(TableGraph):
    """A graph over table rows whose output is "logits" [b, answers].

    Args:
        answers: how many logits.
    """

    def __init__(self, sizes: Sizes, answers: int) -> None:
        super().__init__({**sizes, "classes": answers})

    def vectors(self) -> str:
        """`base.vectors.vectors` as nodes: float32 [b, width]."""
        scale = np.full(width(self.sizes), SCALE, np.float32)
        scale[: int(self.sizes["numbers"])] = 1
        return self.node("Mul", [self.features(), self.constant("scale_of_features", scale)], "vectors")

    def squared(self, rows: str, points: np.ndarray, name: str, kind: type[np.floating] = np.float32) -> str:
        """Squared distances [b, points] between rows [b, d] and constant points [points, d], in their `kind`; never below 0."""
        transposed = self.constant(f"{name}_points", points.T.astype(kind))
        lengths = self.constant(f"{name}_lengths", (points.astype(np.float64) ** 2).sum(1)[None].astype(kind))
        product = self.node("MatMul", [rows, transposed], f"{name}_product")
        twice = self.node("Mul", [product, self.constant(f"{name}_two", kind(-2))], f"{name}_twice")
        own = self.node("ReduceSumSquare", [rows], f"{name}_own", axes=[1], keepdims=1)
        summed = self.node("Add", [self.node("Add", [twice, lengths], f"{name}_sum"), own], f"{name}_raw")
        return self.node("Relu", [summed], name)

    def finished(self) -> Any:
        """The `onnx.ModelProto`."""
        return self.model("clusters")
