"""The part that all fitted table models share: from numbers and categories to one row of features, and ONNX graphs around it.

    features = (numbers, one-hot(category 1), one-hot(category 2), …)

Scores become logits by a fixed matrix: of two classes only the second is scored, z, and softmax of (−z/2, z/2) is its sigmoid.
Contributions are computed only where a row asks for them (`explain` 1): an `If` leaves them out otherwise.

Shapes: b batch, d features, s columns that are read ("sources"), k scores, c classes (1 for numbers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Outputs, Sizes
from modelwright.base.optional import require

_OPSET, _TREES_OPSET = 17, 3


def depths(sizes: Sizes) -> list[int]:
    return [int(depth) for depth in sizes["categories"]]


def features(inputs: Mapping[str, np.ndarray], sizes: Sizes) -> np.ndarray:
    """float32 [b, d]."""
    numbers, categories = inputs["numbers"], inputs["categories"]
    parts = [numbers.astype(np.float32)]
    for place, depth in enumerate(depths(sizes)):
        parts.append((categories[:, place, None] == np.arange(depth)).astype(np.float32))
    return np.concatenate(parts, 1)


def of_examples(examples: Sequence[Example], sizes: Sizes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, targets and weights of training rows."""
    stacked = {name: np.stack([example.inputs[name] for example in examples]) for name in ("numbers", "categories")}
    targets = np.stack([np.asarray(example.target) for example in examples])
    return features(stacked, sizes), targets, np.array([example.weight for example in examples], np.float64)


def sources(sizes: Sizes) -> np.ndarray:
    """Of each feature, the place of the column that it comes from: int64 [d]."""
    found = list(sizes["number_sources"])
    for source, depth in zip(sizes["category_sources"], depths(sizes), strict=True):
        found += [source] * depth
    return np.array(found, np.int64)


def monotone(sizes: Sizes) -> list[int] | None:
    """1, −1 or 0 for each feature; None where no direction is asked for."""
    directions = [int(direction) for direction in sizes["monotone"]]
    return [*directions, *[0] * sum(depths(sizes))] if any(directions) else None


def spread_scores(sizes: Sizes) -> np.ndarray:
    """float32 [k, c]: scores to logits, or to the one value."""
    classes = int(sizes.get("classes", 1))
    return np.array([[-0.5, 0.5]], np.float32) if classes == 2 else np.eye(classes, dtype=np.float32)


def explained(inputs: Mapping[str, np.ndarray], contributions: Any, sizes: Sizes) -> Outputs:
    """The outputs about reasons, as the graph gives them.

    Args:
        contributions: a function without arguments: float [b, s, c]. Called only if a row asks.
    """
    asked = inputs["explain"].astype(np.float32)
    shape = (len(asked), len(sizes["sources"]), int(sizes.get("classes", 1)))
    given = contributions() * asked[:, None, None] if asked.max(initial=0) > 0 else np.zeros(shape)
    return {
        "contributions": given.astype(np.float32),
        "explained": asked,
        "seen": np.concatenate([inputs["numbers"], inputs["categories"].astype(np.float32)], 1),
    }


class TableGraph:
    """Collects the nodes of a graph over "numbers" [b, n], "categories" [b, m] and "explain" [b]."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.onnx = require("onnx", "train")
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, name: str, value: Any) -> str:
        self.constants[name] = np.asarray(value)
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, domain: str = "", **options: Any) -> str:
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [output], name=output, domain=domain, **options))
        return output

    def features(self) -> str:
        """The name of [b, d]."""
        parts = ["numbers"] if self.sizes["numbers"] else []
        if self.sizes["categories"]:
            starts = np.cumsum([0, *depths(self.sizes)])
            self.node("Add", ["categories", self.constant("starts", starts[:-1].astype(np.int64))], "places")
            self.constant("off_on", np.array([0, 1], np.float32))
            self.node("OneHot", ["places", self.constant("depth", np.int64(starts[-1])), "off_on"], "each_one_hot", axis=-1)
            parts.append(
                self.node("ReduceSum", ["each_one_hot", self.constant("axis_1", np.array([1], np.int64))], "one_hot", keepdims=0)
            )
        return self.node("Concat", parts, "features", axis=1) if len(parts) > 1 else parts[0]

    def reasons(self, build: Any, value_infos: Sequence[Any] = ()) -> None:
        """Add the outputs about reasons.

        Args:
            build: a function that adds nodes (constants too) and gives the name of [b, s, c]; its nodes run only if a row asks.
        """
        make, floating = self.onnx.helper, self.onnx.TensorProto.FLOAT
        classes, count = int(self.sizes.get("classes", 1)), len(self.sizes["sources"])
        shape = ["batch", count, classes]
        before, self.nodes = self.nodes, []
        inside = build()
        branch, self.nodes = self.nodes, before
        then = make.make_graph(branch, "asked", [], [make.make_tensor_value_info(inside, floating, None)])
        self.constant("column_and_class", np.array([count, classes], np.int64))
        empty = [
            make.make_node("Shape", ["explain"], ["rows"], name="rows"),
            make.make_node("Concat", ["rows", "column_and_class"], ["empty_shape"], name="empty_shape", axis=0),
            make.make_node("ConstantOfShape", ["empty_shape"], ["nothing"], name="nothing"),
        ]
        otherwise = make.make_graph(empty, "not_asked", [], [make.make_tensor_value_info("nothing", floating, None)])
        self.node("ReduceMax", ["explain"], "highest", keepdims=0)
        self.node("Greater", ["highest", self.constant("zero", np.float32(0))], "any_asked")
        self.node("If", ["any_asked"], "contributions_of_all", then_branch=then, else_branch=otherwise)
        self.node("Unsqueeze", ["explain", self.constant("last_axes", np.array([1, 2], np.int64))], "explain_as_cube")
        self.node("Mul", ["contributions_of_all", "explain_as_cube"], "contributions")
        self.node("Identity", ["explain"], "explained")
        self.node("Cast", ["categories"], "categories_as_numbers", to=floating)
        self.node("Concat", ["numbers", "categories_as_numbers"], "seen", axis=1)
        self.reason_outputs = [
            make.make_tensor_value_info("contributions", floating, shape),
            make.make_tensor_value_info("explained", floating, ["batch"]),
            make.make_tensor_value_info("seen", floating, ["batch", self.sizes["numbers"] + len(self.sizes["categories"])]),
        ]

    def model(self, name: str) -> Any:
        """An `onnx.ModelProto` whose answer is the node "logits" [b, c], or "values" [b] where there are no classes."""
        make, floating = self.onnx.helper, self.onnx.TensorProto.FLOAT
        classes = self.sizes.get("classes")
        answer = ("values", ["batch"]) if classes is None else ("logits", ["batch", int(classes)])
        reasons = getattr(self, "reason_outputs", [])
        inputs = [
            make.make_tensor_value_info("numbers", floating, ["batch", self.sizes["numbers"]]),
            make.make_tensor_value_info("categories", self.onnx.TensorProto.INT64, ["batch", len(self.sizes["categories"])]),
            make.make_tensor_value_info("explain", floating, ["batch"]),
        ]
        graph = make.make_graph(
            self.nodes,
            name,
            inputs if reasons else inputs[:2],
            [make.make_tensor_value_info(answer[0], floating, answer[1]), *reasons],
            [self.onnx.numpy_helper.from_array(value, key) for key, value in self.constants.items()],
        )
        opsets = [make.make_opsetid("", _OPSET), make.make_opsetid("ai.onnx.ml", _TREES_OPSET)]
        model = make.make_model(graph, producer_name="modelwright", opset_imports=opsets)
        model.ir_version = 8  # as old as the opset, so that older runtimes load it too
        self.onnx.checker.check_model(model)
        return model

    def answer(self, scores: str) -> None:
        """From scores [b, k] to "logits" [b, c], or "values" [b]."""
        if "classes" in self.sizes:
            self.node("MatMul", [scores, self.constant("scores_to_logits", spread_scores(self.sizes))], "logits")
        else:
            self.node("Squeeze", [scores, self.constant("score_axis", np.array([1], np.int64))], "values")


def answer(scores_bk: np.ndarray, sizes: Sizes) -> Outputs:
    """As `TableGraph.answer`."""
    if "classes" in sizes:
        return {"logits": (scores_bk @ spread_scores(sizes)).astype(np.float32)}
    return {"values": scores_bk[:, 0].astype(np.float32)}
