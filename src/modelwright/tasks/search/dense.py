"""Passages by their vectors: exactly, or through a graph of neighbours where there are many.

Exact search compares the question with every passage: one product of a matrix and a vector, 20 million multiplications a
millisecond and core. Beyond some ten thousand passages an HNSW graph (Malkov & Yashunin 2018, 1603.09320; library faiss, extra
`search`) looks at a few hundred of them and finds nearly all of the nearest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from modelwright.base.optional import require
from modelwright.base.store import writing
from modelwright.tasks.contract import damaged

Method = Literal["exact", "hnsw"]
VECTORS, GRAPH = "vectors.npy", "vectors.faiss"
LINKS, BUILD_EFFORT, ASK_EFFORT = 32, 200, 128


class Dense:
    """Vectors of length one, and how the nearest are found.

    Args:
        vectors: float32 [passages, width].
        graph: a faiss index of the same vectors; None: exact search.
    """

    def __init__(self, vectors: np.ndarray, graph: Any = None) -> None:
        self.vectors, self.graph = np.ascontiguousarray(vectors, np.float32), graph

    @classmethod
    def build(cls, vectors: np.ndarray, method: Method) -> Self:
        """The index of `vectors`; cosines are then products."""
        found = cls(vectors)
        if method == "hnsw":
            faiss = require("faiss", "search")
            found.graph = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
            found.graph.hnsw.efConstruction = BUILD_EFFORT
            found.graph.add(found.vectors)
            found.graph.hnsw.efSearch = ASK_EFFORT
        return found

    @property
    def method(self) -> Method:
        return "exact" if self.graph is None else "hnsw"

    def nearest(self, question: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the nearest passages, nearest first (of equals the lower number), and their cosines.

        Args:
            question: float32 [width], of length one.
        """
        most = min(most, len(self.vectors))
        if self.graph is not None:
            cosines, numbers = self.graph.search(question[None].astype(np.float32), most)
            found = numbers[0][numbers[0] >= 0]  # −1 where the graph finds fewer
            return found.astype(np.int64), cosines[0][: len(found)]
        return best(self.vectors @ question.astype(np.float32), most)

    def cosines(self, question: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Of some passages."""
        return self.vectors[numbers] @ question.astype(np.float32)

    def save(self, folder: Path) -> None:
        """`vectors.npy`, and `vectors.faiss` where there is a graph."""
        with writing(folder):
            np.save(folder / VECTORS, self.vectors, allow_pickle=False)
            if self.graph is not None:
                require("faiss", "search").write_index(self.graph, str(folder / GRAPH))

    @classmethod
    def load(cls, folder: Path, method: Method) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: files are missing or damaged.
        """
        try:
            with (folder / VECTORS).open("rb") as file:
                vectors = np.load(file, allow_pickle=False)
            if vectors.ndim != 2 or vectors.dtype != np.float32:
                raise ValueError(f"an array of {vectors.dtype} with {vectors.ndim} axes")
        except (OSError, ValueError, EOFError) as error:
            raise damaged(folder / VECTORS, error) from error
        if method == "exact":
            return cls(vectors)
        faiss = require("faiss", "search")
        try:
            graph = faiss.read_index(str(folder / GRAPH))
            if graph.ntotal != len(vectors):
                raise ValueError(f"{graph.ntotal} vectors, expected {len(vectors)}")
            graph.hnsw.efSearch = ASK_EFFORT
        except (RuntimeError, ValueError, AttributeError) as error:
            raise damaged(folder / GRAPH, error) from error
        return cls(vectors, graph)


def best(scores: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the largest of `scores`, largest first, of equals the lower place; and these scores."""
    if most >= len(scores):
        places = np.arange(len(scores))
    else:
        least = np.partition(scores, -most)[-most]
        above, equal = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
        places = np.sort(np.concatenate([above, equal[: most - len(above)]]))
    places = places[np.argsort(-scores[places], kind="stable")]
    return places, scores[places]
