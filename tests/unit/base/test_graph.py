"""A graph on the runtime: types are adapted, foreign inputs left out, damaged files named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from modelwright.base.errors import ReleaseError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """y = x + x, shape (batch, 2); twice = cast(n) * 2 as int64."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_runs_a_batch_in_the_graphs_own_types(path: Path) -> None:
    graph = Graph(path, threads=1)
    x = np.arange(6, dtype=np.float64).reshape(3, 2)
    outputs = graph.run(Batch(("a", "b", "c"), {"x": x, "not in the graph": np.zeros(3)}))
    assert list(outputs) == ["y"]
    assert outputs["y"].dtype == np.float32
    np.testing.assert_array_equal(outputs["y"], 2 * x)


def test_an_input_that_the_batch_lacks_is_an_error(path: Path) -> None:
    with pytest.raises(KeyError, match="x"):
        Graph(path).run(Batch(("a",), {"z": np.zeros((1, 2))}))


@pytest.mark.parametrize("content", [b"", b"not a graph", None])
def test_a_damaged_graph_is_a_release_error(path: Path, content: bytes | None) -> None:
    path.write_bytes(path.read_bytes()[:40] if content is None else content)
    with pytest.raises(ReleaseError) as caught:
        Graph(path)
    assert caught.value.where == str(path)
    assert caught.value.exit_code == 6


def test_a_missing_graph_is_a_release_error(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError):
        Graph(tmp_path / "model.onnx")
