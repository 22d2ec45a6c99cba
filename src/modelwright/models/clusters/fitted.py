"""What every clustering model keeps: named arrays, the sizes of its rows, and how its number of clusters was found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.errors import ReleaseError, TrainError
from modelwright.base.nouns import Example, Outputs, Sizes
from modelwright.base.optional import require
from modelwright.base.store import read_json, write_json, writing
from modelwright.base.vectors import vectors

WEIGHTS, SETTINGS = "model.safetensors", "clusters.json"


class Clusters(ABC):
    """A fitted clustering.

    Args:
        arrays: float32, by name; what they are is each model's affair.
        sizes: "numbers" and "categories" of the rows.
        tried: what was measured of other numbers of clusters; empty where the number was given.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], sizes: Sizes, tried: Sequence[Mapping[str, Any]] = ()) -> None:
        self.arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
        self.sizes = {"numbers": int(sizes["numbers"]), "categories": [int(count) for count in sizes["categories"]]}
        self.tried = list(tried)

    @property
    def parameters(self) -> int:
        """Learned numbers."""
        return sum(array.size for array in self.arrays.values())

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """{"logits": float32 [b, clusters]}."""
        return {"logits": self.logits(vectors(inputs, self.sizes)).astype(np.float32)}

    @abstractmethod
    def logits(self, rows: np.ndarray) -> np.ndarray:
        """How much rows [b, d] belong to each cluster: softmax gives shares."""

    @abstractmethod
    def graph(self) -> Any:
        """The same as an ONNX model."""

    def save(self, folder: Path) -> None:
        """Write `model.safetensors` and `clusters.json`."""
        library = require("safetensors.numpy", "train")
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            library.save_file(self.arrays, folder / WEIGHTS, metadata={"format": "np"})
        write_json(folder / SETTINGS, {"sizes": self.sizes, "tried": self.tried})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: missing or damaged.
        """
        library = require("safetensors", "train")
        try:
            settings = read_json(folder / SETTINGS)
            arrays = require("safetensors.numpy", "train").load_file(folder / WEIGHTS)
            return cls(arrays, settings["sizes"], settings["tried"])
        except (OSError, ValueError, KeyError, TypeError, library.SafetensorError) as error:
            raise ReleaseError(
                f"the clusters can't be loaded: {str(error)[:200]}",
                expected=f"{WEIGHTS} and {SETTINGS} as Modelwright wrote them",
                where=str(folder),
                remedy="Make them again: modelwright run --from train --force",
            ) from error


def rows_of(examples: Sequence[Example], sizes: Sizes, least: int) -> np.ndarray:
    """Training rows as vectors [n, d].

    Raises:
        TrainError: fewer different rows than clusters.
    """
    inputs = {name: np.stack([example.inputs[name] for example in examples]) for name in ("numbers", "categories")}
    rows = vectors(inputs, sizes)
    different = len(np.unique(rows, axis=0))
    if different < least:
        raise TrainError(
            f"there are {different} different rows for {least} clusters",
            expected="more different rows than clusters",
            where="routes: clusters",
            remedy=f"Ask for fewer clusters than {different}, or bring more rows.",
        )
    return rows
