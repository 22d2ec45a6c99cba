"""What fitted recommenders share: a profile in, a score for every item out, as numpy and as a graph.

Whoever has no history gets the prior: how many users liked each item. Items that may not be recommended get the lowest score,
within the graph, so that no caller can forget to leave them out.

Shapes: b batch, n items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.nouns import Example, Outputs, Sizes
from modelwright.base.optional import require
from modelwright.base.store import writing

WEIGHTS_FILE = "model.safetensors"
_OPSET = 17
Step = tuple[str, tuple[str, ...], str, dict[str, Any]]
"""Operator, inputs, output, attributes."""


class ItemScores(ABC):
    """A fitted recommender of some kind: its arrays, and how they become scores.

    Args:
        arrays: float32, by the names that `names` lists; among them "prior" [n].
        excluded: the score of items that may not be recommended.
    """

    architecture: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    def __init__(self, arrays: Mapping[str, np.ndarray], excluded: float) -> None:
        self.arrays = {name: np.ascontiguousarray(arrays[name], np.float32) for name in self.names}
        self.excluded = np.float32(excluded)

    @property
    def parameters(self) -> int:
        """Learned numbers."""
        return sum(array.size for array in self.arrays.values())

    @abstractmethod
    def raw(self, profile_bn: np.ndarray) -> np.ndarray:
        """Scores float32 [b, n] (or [n], the same for all) before anybody's exclusions."""

    @abstractmethod
    def steps(self) -> tuple[list[Step], dict[str, np.ndarray]]:
        """The same as operators that end in "raw", and their further constants."""

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """What the graph computes, in numpy: "scores" float32 [b, n] and "asked_for", as it was asked."""
        profile_bn = inputs["profile"]
        raw_bn = np.where(profile_bn.sum(1, keepdims=True) > 0, self.raw(profile_bn), self.arrays["prior"])
        scores_bn = np.where(inputs["excluded"], self.excluded, raw_bn).astype(np.float32)
        return {"scores": scores_bn, "asked_for": inputs["asked"]}

    def graph(self) -> Any:
        """An `onnx.ModelProto`: profile float32 [b, n], excluded bool [b, n], asked int64 [b, 2] → scores float32 [b, n], asked_for int64 [b, 2]."""
        onnx = require("onnx", "train")
        make, kinds = onnx.helper, onnx.TensorProto
        steps, more = self.steps()
        constants = {**self.arrays, **more, "lowest": self.excluded, "nothing": np.float32(0), "axis_1": np.array([1], np.int64)}
        steps = [
            *steps,
            ("ReduceSum", ("profile", "axis_1"), "known", {"keepdims": 1}),
            ("Greater", ("known", "nothing"), "warm", {}),
            ("Where", ("warm", "raw", "prior"), "of_all", {}),
            ("Where", ("excluded", "lowest", "of_all"), "scores", {}),
            ("Identity", ("asked",), "asked_for", {}),
        ]
        items = len(self.arrays["prior"])
        nodes = [make.make_node(kind, list(given), [result], name=result, **options) for kind, given, result, options in steps]
        graph = make.make_graph(
            nodes,
            self.architecture,
            [
                make.make_tensor_value_info("profile", kinds.FLOAT, ["batch", items]),
                make.make_tensor_value_info("excluded", kinds.BOOL, ["batch", items]),
                make.make_tensor_value_info("asked", kinds.INT64, ["batch", 2]),
            ],
            [
                make.make_tensor_value_info("scores", kinds.FLOAT, ["batch", items]),
                make.make_tensor_value_info("asked_for", kinds.INT64, ["batch", 2]),
            ],
            [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )
        model = make.make_model(graph, producer_name="modelwright", opset_imports=[make.make_opsetid("", _OPSET)])
        model.ir_version = 8  # as old as the opset, so that older runtimes load it too
        onnx.checker.check_model(model)
        return model

    def save(self, folder: Path) -> None:
        """Write `model.safetensors`."""
        library = require("safetensors.numpy", "train")
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            notes = {"format": "np", "architecture": self.architecture}
            library.save_file({**self.arrays, "excluded": np.array([self.excluded])}, folder / WEIGHTS_FILE, metadata=notes)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: the file is missing or damaged.
        """
        library = require("safetensors.numpy", "train")
        try:
            arrays = library.load_file(folder / WEIGHTS_FILE)
            return cls(arrays, float(arrays["excluded"][0]))
        except Exception as error:  # the library has an error class of its own, which is no ValueError
            raise ReleaseError(
                f"the weights can't be read: {str(error)[:200]}",
                expected=f"{', '.join(cls.names)} as Modelwright wrote them",
                where=str(folder / WEIGHTS_FILE),
                remedy="Make them again: modelwright run --from train",
            ) from error


def matrix(examples: Sequence[Example], sizes: Sizes) -> Any:
    """Profiles as a sparse matrix [users, n]; those without an item are left out: they say nothing of items."""
    sparse = require("scipy.sparse", "train")
    known = [example for example in examples if len(example.inputs["items"])]
    items = np.concatenate([example.inputs["items"] for example in known])
    weights = np.concatenate([example.inputs["weights"] for example in known])
    rows = np.repeat(np.arange(len(known)), [len(example.inputs["items"]) for example in known])
    return sparse.csr_matrix((weights.astype(np.float64), (rows, items)), shape=(len(known), sizes["items"]))


def popularity(examples: Sequence[Example], sizes: Sizes, half_life: float | None) -> np.ndarray:
    """Which share of users liked each item, float64 [n].

    Args:
        half_life: days after which an interaction weighs half; a user then weighs as much as the latest of theirs. None: all
            weigh the same.
    """
    shares, users = np.zeros(sizes["items"]), 0.0
    for example in examples:
        items, ages = example.inputs["items"], example.inputs["ages"]
        if len(items):
            weights = np.ones(len(items)) if half_life is None else 0.5 ** (ages / half_life)
            shares[items] += weights
            users += float(weights.max())
    return shares / max(users, 1e-12)
