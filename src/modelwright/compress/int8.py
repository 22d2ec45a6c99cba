"""int8: weights as 8-bit integers, and matrix products computed in them.

Products (MatMul, Gemm, LSTM): weights symmetric int8 with one scale per output column, activations uint8 with a scale found as
the graph runs (Zafrir et al. 2019, 1910.06188). Signed weights beside unsigned activations is the pair that VNNI instructions
take: on such processors it is about twice as fast as unsigned weights.
Tables that are only looked up (embeddings, TF-IDF weights): int8 with one scale per column; a row is scaled after it was fetched.
Small products and tables stay as they are: nothing to gain there, and a classifier's last layer decides on every digit.
Convolutions stay as well: ONNX Runtime's ConvInteger took three times as long as its float32 Conv (256 tokens, 128 wide, Zen 4).
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.optional import require
from modelwright.base.store import write_bytes

SMALLEST = 4096
"""Weights with fewer numbers than this are left in float32."""

_PRODUCTS = ("MatMul", "Gemm", "LSTM")


def quantise(source: Path, target: Path) -> int:
    """Write an int8 variant of a float32 graph.

    Args:
        source: an ONNX graph in one file.
        target: where the variant is written, whole or not at all.

    Returns:
        How many weights (tensors) were quantised; 0 if the graph has none that is worth it, and nothing is written.
    """
    onnx = require("onnx", "train")
    model = onnx.load(str(source))
    del model.graph.value_info[:]  # shapes noted by exporters may contradict weights that were transposed later
    _name_nodes(model.graph)
    products = _large_products(model.graph)
    if products:
        model = _quantise_products(model, products)
    tables = _quantise_tables(model, onnx)
    if tables or products:
        write_bytes(target, model.SerializeToString())
    return tables + len(products)


def _name_nodes(graph: Any) -> None:
    """Give every node a name of its own, by which it can be picked."""
    seen: set[str] = set()
    for index, node in enumerate(graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}_{index}"
        seen.add(node.name)


def _large_products(graph: Any) -> list[str]:
    """Names of the products with a constant weight that is worth quantising."""
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type in _PRODUCTS and len(node.input) > 1 and sizes.get(node.input[1], 0) >= SMALLEST
    ]


def _quantise_products(model: Any, names: list[str]) -> Any:
    """ONNX Runtime's dynamic quantisation of the named nodes."""
    quantization = require("onnxruntime.quantization", "train")
    onnx = require("onnx", "train")
    # the mark of a prepared graph: without it the library writes advice to the root logger
    onnx.helper.set_model_props(
        model, {**{p.key: p.value for p in model.metadata_props}, "onnx.quant.pre_process": "onnxruntime.quant"}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantization.quantize_dynamic(
            model,
            str(path),
            op_types_to_quantize=list(_PRODUCTS),
            nodes_to_quantize=names,
            per_channel=True,
            reduce_range=False,
            weight_type=quantization.QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        return onnx.load(str(path))


def _quantise_tables(model: Any, onnx: Any) -> int:
    """Replace float32 tables that are only looked up along their first axis; returns how many."""
    graph = model.graph
    users = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            users[name].append(node)
    done = 0
    outputs = {output.name for output in graph.output}
    for tensor in list(graph.initializer):
        wide = len(tensor.dims) == 2 and tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) >= SMALLEST
        mine = users[tensor.name]  # none: it belongs to a graph inside this one
        if not wide or not mine or tensor.name in outputs or not all(_looks_up(node, tensor.name) for node in mine):
            continue
        numbers, scales = columns(onnx.numpy_helper.to_array(tensor))
        names = {part: f"{tensor.name}_{part}" for part in ("int8", "scale")}
        graph.initializer.remove(tensor)
        graph.initializer.extend(
            [
                onnx.numpy_helper.from_array(numbers, names["int8"]),
                onnx.numpy_helper.from_array(scales, names["scale"]),
            ]
        )
        for node in mine:
            _dequantise_after(graph, node, names, onnx)
        done += 1
    return done


def _looks_up(node: Any, table: str) -> bool:
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
    return node.op_type == "Gather" and node.input[0] == table and node.input[1] != table and axis == 0


def _dequantise_after(graph: Any, node: Any, names: dict[str, str], onnx: Any) -> None:
    """Let `node` fetch integers, and scale them afterwards. As a cast and a product: DequantizeLinear says the same in one node,
    and takes four times as long with a scale per column."""
    result, fetched, numbers = node.output[0], f"{node.output[0]}_int8", f"{node.output[0]}_float"
    node.input[0], node.output[0] = names["int8"], fetched
    cast = onnx.helper.make_node("Cast", [fetched], [numbers], name=f"{node.name}_cast", to=onnx.TensorProto.FLOAT)
    scaling = onnx.helper.make_node("Mul", [numbers, names["scale"]], [result], name=f"{node.name}_scaled")
    place = list(graph.node).index(node) + 1
    graph.node.insert(place, scaling)
    graph.node.insert(place, cast)


def columns(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A table as symmetric int8 [rows, columns] and float32 scales [columns]: table ≈ integers · scales."""
    largest = np.abs(table).max(axis=0)
    scales = np.where(largest > 0, largest / 127, 1.0).astype(np.float32)
    return np.rint(table / scales).clip(-127, 127).astype(np.int8), scales
