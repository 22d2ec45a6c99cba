"""`fusion`: the members' graphs side by side in one graph, and a head that makes one answer of theirs.

    probabilities   logits = ln Σ sₘ · softmax(zₘ)      (with several labels a row: the log-odds of Σ sₘ · sigmoid(zₘ))
    logits          logits = Σ sₘ · zₘ + b
    values          values = Σ sₘ · vₘ + b                (numbers, in the scale that the members share)

(Genest & Zidek 1986.) Shares sₘ of probabilities sum to 1. The members share nothing: each keeps its inputs and weights under its name.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch, Outputs
from modelwright.base.optional import require
from modelwright.base.store import read_json, write_json, writing

HEAD_FILE, GRAPH = "fusion.json", "model.onnx"
_TINY = 1e-12
_LOGITS, _VALUES = "logits", "values"


@dataclass(frozen=True)
class Head:
    """How the members' logits become one answer.

    Args:
        of: what is summed.
        several: whether a row may have several labels (sigmoid), or has one (softmax).
        shares: of each member, in their order.
        bias: of each class, or the number's; empty for none.
    """

    of: Literal["probabilities", "logits", "values"]
    several: bool
    shares: tuple[float, ...]
    bias: tuple[float, ...] = ()

    @property
    def output(self) -> str:
        """The name of what members give and the fusion gives."""
        return _VALUES if self.of == _VALUES else _LOGITS

    def combine(self, logits_mbc: np.ndarray) -> np.ndarray:
        """Logits [batch, classes] of the members' [members, batch, classes], float32; values without the axis of classes."""
        shares_m11 = np.array(self.shares, np.float32).reshape(-1, *[1] * (logits_mbc.ndim - 1))
        if self.of != "probabilities":
            found = (shares_m11 * logits_mbc).sum(0)
            return (found + np.array(self.bias, np.float32) if self.bias else found).astype(np.float32)
        if self.several:
            present, absent = ((shares_m11 * 0.5 * (1 + np.tanh(sign * logits_mbc / 2))).sum(0) for sign in (1, -1))
            return (np.log(np.maximum(present, _TINY)) - np.log(np.maximum(absent, _TINY))).astype(np.float32)
        chances_mbc = np.exp(logits_mbc - logits_mbc.max(2, keepdims=True))
        chances_mbc /= chances_mbc.sum(2, keepdims=True)
        return np.log(np.maximum((shares_m11 * chances_mbc).sum(0), _TINY)).astype(np.float32)


class Fitted:
    """Members and head.

    Args:
        graphs: each member's ONNX file, by name, in the head's order.
        head: combines their answers.
    """

    def __init__(self, graphs: Mapping[str, Path], head: Head) -> None:
        self.graphs, self.head = dict(graphs), head

    @property
    def parameters(self) -> int:
        """Learned numbers: the members' constants (which hold their weights) and the head's."""
        onnx = require("onnx", "train")
        members = [onnx.load(str(path)).graph.initializer for path in self.graphs.values()]
        inside = sum(int(np.prod(tensor.dims)) for tensors in members for tensor in tensors)
        return inside + len(self.head.shares) + len(self.head.bias)

    @cached_property
    def sessions(self) -> dict[str, Graph]:
        return {name: Graph(path) for name, path in self.graphs.items()}

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """The members asked one by one, then the head: {"logits": float32 [batch, classes]} or {"values": float32 [batch]}."""
        return {self.head.output: self.head.combine(self.member_outputs(inputs))}

    def member_outputs(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """[members, batch, classes], or [members, batch] of numbers."""
        found = []
        for name, graph in self.sessions.items():
            own = {key: inputs[f"{name}.{key}"] for key in graph.inputs}
            found.append(graph.run(Batch((), own))[self.head.output])
        return np.stack(found)

    def save(self, folder: Path) -> None:
        """Write `fusion.json` (the head) and each member's graph as `<member>/model.onnx`."""
        for name, path in self.graphs.items():
            with writing(folder):
                (folder / name).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / name / GRAPH)
        head = {"of": self.head.of, "several": self.head.several, "shares": self.head.shares, "bias": self.head.bias}
        write_json(folder / HEAD_FILE, {"format": 1, "members": list(self.graphs), **head})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: fusion.json is missing or damaged.
        """
        try:
            content = read_json(folder / HEAD_FILE)
            shares, bias = (tuple(map(float, content[key])) for key in ("shares", "bias"))
            head = Head(content["of"], bool(content["several"]), shares, bias)
            return cls({name: folder / name / GRAPH for name in map(str, content["members"])}, head)
        except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ReleaseError(
                f"the fusion can't be read: {str(error)[:200]}",
                expected="members, shares and bias as Modelwright wrote them",
                where=str(folder / HEAD_FILE),
                remedy="Make it again: modelwright run --from train",
            ) from error

    def graph(self) -> Any:
        """An `onnx.ModelProto`: every member's inputs under its name → logits float32 [batch, classes], or values [batch]."""
        onnx = require("onnx", "train")
        opset = max(_opset(onnx.load(str(path), load_external_data=False)) for path in self.graphs.values())
        output = self.head.output
        parts = [_named(onnx, onnx.load(str(path)), name, opset, output) for name, path in self.graphs.items()]
        nodes, constants = [node for part in parts for node in part.graph.node], []
        for kind, given, result, options in _steps(self.head, [part.graph.output[0].name for part in parts]):
            nodes.append(onnx.helper.make_node(kind, list(given), [result], name=result, **options))
        for name, value in _constants(self.head).items():
            constants.append(onnx.numpy_helper.from_array(value, name))
        shape = ["batch"] if output == _VALUES else ["batch", _classes(parts)]
        graph = onnx.helper.make_graph(
            nodes,
            "fusion",
            [given for part in parts for given in part.graph.input],
            [onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, shape)],
            [tensor for part in parts for tensor in part.graph.initializer] + constants,
        )
        model = onnx.helper.make_model(graph, producer_name="modelwright", opset_imports=_opsets(onnx, parts, opset))
        model.ir_version = max(part.ir_version for part in parts)
        onnx.checker.check_model(model)
        return model


def _steps(head: Head, logits: Sequence[str]) -> list[tuple[str, tuple[str, ...], str, dict[str, Any]]]:
    """The head as nodes: (operator, inputs, output, attributes)."""
    steps: list[tuple[str, tuple[str, ...], str, dict[str, Any]]] = []
    if head.of != "probabilities":
        for number, name in enumerate(logits):
            steps.append(("Mul", (name, f"share_{number}"), f"shared_{number}", {}))
        total = "summed" if head.bias else head.output
        steps.append(("Sum", tuple(f"shared_{number}" for number in range(len(logits))), total, {}))
        if head.bias:
            steps.append(("Add", (total, "bias"), head.output, {}))
        return steps
    if not head.several:
        _pool(steps, "Softmax", logits, "", {"axis": -1})
        return [*steps, ("Log", ("mean",), _LOGITS, {})]
    _pool(steps, "Sigmoid", logits, "", {})
    opposite = [f"opposite_{number}" for number in range(len(logits))]
    steps += [("Neg", (name,), result, {}) for name, result in zip(logits, opposite, strict=True)]
    _pool(steps, "Sigmoid", opposite, "_absent", {})
    steps += [("Log", (f"mean{end}",), f"logarithm{end}", {}) for end in ("", "_absent")]
    return [*steps, ("Sub", ("logarithm", "logarithm_absent"), _LOGITS, {})]


def _pool(steps: list[Any], kind: str, logits: Sequence[str], end: str, options: dict[str, Any]) -> None:
    """Append: the mean of the members' probabilities, never exactly 0, as `mean` + `end`."""
    shared = []
    for number, name in enumerate(logits):
        steps.append((kind, (name,), f"chances_{number}{end}", options))
        steps.append(("Mul", (f"chances_{number}{end}", f"share_{number}"), f"shared_{number}{end}", {}))
        shared.append(f"shared_{number}{end}")
    steps += [("Sum", tuple(shared), f"sum{end}", {}), ("Max", (f"sum{end}", "tiny"), f"mean{end}", {})]


def _constants(head: Head) -> dict[str, np.ndarray]:
    found = {f"share_{number}": np.array(share, np.float32) for number, share in enumerate(head.shares)}
    if head.of == "probabilities":
        return {**found, "tiny": np.array(_TINY, np.float32)}
    return {**found, "bias": np.array(head.bias, np.float32)} if head.bias else found


def _opset(model: Any) -> int:
    return next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def _named(onnx: Any, model: Any, name: str, opset: int, output: str) -> Any:
    """A member's model in the common opset, with everything in it under the member's name; only the batch axis is shared."""
    if len(model.functions):
        model = onnx.inliner.inline_local_functions(model)
    if _opset(model) != opset:
        model = onnx.version_converter.convert_version(model, opset)
    del model.graph.value_info[:]  # shapes that exporters noted; the runtime finds its own
    _only(output, model.graph)
    model = onnx.compose.add_prefix(model, f"{name}.")
    for value in (*model.graph.input, *model.graph.output):
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            if axis == 0:
                size.dim_param = "batch"
            elif size.dim_param:
                size.dim_param = f"{name}.{size.dim_param}"
    return model


def _only(output: str, graph: Any) -> None:
    """Leave out what `output` does not need: a member's reasons are not those of all. Nodes stand in order, so one pass from the end finds
    them."""
    needed, kept = {output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
            needed.update(name for attribute in node.attribute for name in _used_inside(attribute))
    for items, wanted in (
        (graph.node, kept[::-1]),
        (graph.output, [item for item in graph.output if item.name == output]),
        (graph.input, [item for item in graph.input if item.name in needed]),
        (graph.initializer, [item for item in graph.initializer if item.name in needed]),
    ):
        wanted = list(wanted)
        del items[:]
        items.extend(wanted)


def _used_inside(attribute: Any) -> set[str]:
    """What the graphs inside a node (the branches of an If) read, their own names included."""
    inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
    names = {name for graph in inner for node in graph.node for name in node.input}
    return names | {name for graph in inner for node in graph.node for one in node.attribute for name in _used_inside(one)}


def _classes(models: Sequence[Any]) -> int | str:
    """How many classes; a name where no member states it."""
    sizes = [output.type.tensor_type.shape.dim[-1] for model in models for output in model.graph.output]
    return next((size.dim_value for size in sizes if size.dim_value), "classes")


def _opsets(onnx: Any, models: Sequence[Any], opset: int) -> list[Any]:
    """The common opset, and whatever other domains the members use."""
    others = {
        entry.domain: entry.version for model in models for entry in model.opset_import if entry.domain not in ("", "ai.onnx")
    }
    return [onnx.helper.make_opsetid(domain, version) for domain, version in {"": opset, **others}.items()]
