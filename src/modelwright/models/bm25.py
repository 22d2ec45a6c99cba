"""`bm25`: the question's terms, handed on to the index, which belongs to the task. Nothing is learned from rows but the index itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.nouns import Example, Outputs, Sizes
from modelwright.base.optional import require
from modelwright.base.store import read_json, write_json

SETTINGS = "bm25.json"
_OPSET = 17


class Fitted:
    """A graph that passes terms on.

    Args:
        terms: numbers of terms in a question.
    """

    def __init__(self, terms: int) -> None:
        self.terms = terms

    @property
    def parameters(self) -> int:
        """Learned numbers: none."""
        return 0

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """What the graph says: "terms_asked" int64 [batch, terms] and "asked_for" int64 [batch, 1]."""
        return {"terms_asked": inputs["terms"], "asked_for": inputs["asked"]}

    def save(self, folder: Path) -> None:
        """Write `bm25.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SETTINGS, {"terms": self.terms})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: the file is missing or damaged.
        """
        try:
            return cls(int(read_json(folder / SETTINGS)["terms"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReleaseError(
                f"can't be read: {error}",
                expected="the number of terms, as Modelwright wrote it",
                where=str(folder / SETTINGS),
                remedy="Make it again: modelwright run --from train",
            ) from error

    def graph(self) -> Any:
        """An `onnx.ModelProto`: terms int64 [batch, terms], asked int64 [batch, 1] → the same, as terms_asked and asked_for."""
        onnx = require("onnx", "train")
        make, kind = onnx.helper, onnx.TensorProto.INT64
        shapes = {"terms": ["batch", self.terms], "asked": ["batch", 1]}
        names = {"terms": "terms_asked", "asked": "asked_for"}
        graph = make.make_graph(
            [make.make_node("Identity", [name], [names[name]], name=names[name]) for name in shapes],
            "bm25",
            [make.make_tensor_value_info(name, kind, shape) for name, shape in shapes.items()],
            [make.make_tensor_value_info(names[name], kind, shape) for name, shape in shapes.items()],
        )
        model = make.make_model(graph, producer_name="modelwright", opset_imports=[make.make_opsetid("", _OPSET)])
        model.ir_version = 8  # as old as the opset, so that older runtimes load it too
        onnx.checker.check_model(model)
        return model


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Nothing is drawn and nothing is learned: the arguments are those that fit routes share."""
    return Fitted(int(sizes["terms"]))
