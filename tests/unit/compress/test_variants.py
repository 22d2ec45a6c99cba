"""int8 graphs against their originals, and the taking of variants."""

from __future__ import annotations

import json
import logging

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from modelwright.base.console import Console
from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch, Row
from modelwright.compress import int8, variants
from modelwright.compress.variants import Variant, compress
from modelwright.models import registry
from modelwright.spec.compress import Compress
from modelwright.spec.routes.route import all_routes
from modelwright.tasks.contract import Metric, load_task
from modelwright.tasks.text_classification import TextClassification

QUIET = Console(quiet=True)
WORDS = {"sport": "match goal team coach", "trade": "shares market bank profit", "film": "actor scene screen plot"}


def rows(count: int, seed: int) -> list[Row]:
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        label = str(generator.choice(list(WORDS)))
        words = [*generator.choice(WORDS[label].split(), 3), *(f"w{word}" for word in generator.integers(0, 900, 20))]
        found.append(Row(f"r{number}", {"text": " ".join(map(str, words)), "label": label}))
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A trained TF-IDF route whose table is large enough to be quantised."""
    folder = tmp_path_factory.mktemp("source")
    route = all_routes()["tfidf-linear"](min_count=1)
    task = TextClassification.fit(rows(400, 0), route)
    task.save(folder)
    fitted = registry.fit(route, task.sizes, task.encode_many(rows(400, 0)), 0)
    onnx.save(fitted.graph(), str(folder / "model.onnx"))
    return folder


def make(path, nodes, inputs, outputs, constants, opset=17):
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def perceptron(path, width=128, opset=17):
    """Table look-up, mean, Gemm with relu, MatMul with bias: [batch, tokens] → [batch, 3]."""
    generator = np.random.default_rng(0)
    constants = {
        "table": generator.normal(size=(500, width)).astype(np.float32) * np.linspace(0.01, 10, width, dtype=np.float32),
        "first": generator.normal(size=(width, width)).astype(np.float32) / 11,
        "bias": generator.normal(size=width).astype(np.float32),
        "second": generator.normal(size=(width, width)).astype(np.float32) / 11,
        "last": generator.normal(size=(width, 3)).astype(np.float32) / 11,
    }
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["fetched"]),
        helper.make_node("ReduceMean", ["fetched"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Gemm", ["mean", "first", "bias"], ["one"], transB=1),
        helper.make_node("Relu", ["one"], ["two"]),
        helper.make_node("MatMul", ["two", "second"], ["three"]),
        helper.make_node("MatMul", ["three", "last"], ["logits"]),
    ]
    return make(path, nodes, [("ids", TensorProto.INT64, ["b", "t"])], [("logits", ["b", 3])], constants, opset)


def answer(path, **inputs):
    return Graph(path, threads=1).run(Batch(("r",), inputs))


def relative(first, second) -> float:
    return float(np.abs(first - second).max() / np.abs(first).max())


def kinds(path):
    return [node.op_type for node in onnx.load(str(path)).graph.node]


def test_a_table_is_kept_as_integers_with_one_scale_per_column():
    table = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32) * np.array([1e-3, 1, 100, 0], np.float32)
    integers, scales = int8.columns(table)
    assert integers.dtype == np.int8 and scales.shape == (4,)
    assert np.all(np.abs(integers * scales - table) <= scales / 2 + 1e-7)
    assert np.abs(integers[:, :3]).max() == 127 and not integers[:, 3].any()


def test_products_and_tables_become_integers_and_the_last_small_layer_stays(tmp_path):
    source, target = perceptron(tmp_path / "float.onnx"), tmp_path / "int8.onnx"
    assert int8.quantise(source, target) == 3
    kept = {tensor.name: tensor.data_type for tensor in onnx.load(str(target)).graph.initializer}
    assert kept["table_int8"] == TensorProto.INT8 and kept["last"] == TensorProto.FLOAT and "table" not in kept
    assert sum(kind == TensorProto.INT8 for kind in kept.values()) >= 3
    assert target.stat().st_size < 0.4 * source.stat().st_size
    ids = np.random.default_rng(1).integers(0, 500, (16, 9))
    assert relative(answer(source, ids=ids)["logits"], answer(target, ids=ids)["logits"]) < 0.03


def test_the_tables_of_an_old_graph_become_integers_too(tmp_path):
    source, target = perceptron(tmp_path / "float.onnx", opset=12), tmp_path / "int8.onnx"
    assert int8.quantise(source, target) == 3
    assert "table" not in {tensor.name for tensor in onnx.load(str(target)).graph.initializer}
    ids = np.random.default_rng(1).integers(0, 500, (16, 9))
    assert relative(answer(source, ids=ids)["logits"], answer(target, ids=ids)["logits"]) < 0.03


def test_nothing_is_printed_logged_or_left_behind(tmp_path, caplog, capfd, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    handlers = list(logging.getLogger().handlers)
    with caplog.at_level(logging.DEBUG):
        int8.quantise(perceptron(tmp_path / "float.onnx"), tmp_path / "int8.onnx")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "") and list(temporary.iterdir()) == []
    assert logging.getLogger().handlers == handlers


def test_an_lstm_is_quantised_and_stays_close(tmp_path):
    generator, width = np.random.default_rng(0), 64
    constants = {
        "table": generator.normal(size=(200, width)).astype(np.float32),
        "w": generator.normal(size=(1, 4 * width, width)).astype(np.float32) / 8,
        "r": generator.normal(size=(1, 4 * width, width)).astype(np.float32) / 8,
        "b": generator.normal(size=(1, 8 * width)).astype(np.float32) / 8,
    }
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["fetched"]),
        helper.make_node("LSTM", ["fetched", "w", "r", "b"], ["all", "last"], hidden_size=width),
    ]
    source = make(
        tmp_path / "float.onnx", nodes, [("ids", TensorProto.INT64, ["t", "b"])], [("last", [1, "b", width])], constants
    )
    assert int8.quantise(source, tmp_path / "int8.onnx") == 2
    assert "DynamicQuantizeLSTM" in kinds(tmp_path / "int8.onnx")
    ids = generator.integers(0, 200, (12, 4))
    first, second = answer(source, ids=ids)["last"], answer(tmp_path / "int8.onnx", ids=ids)["last"]
    assert np.abs(first - second).max() < 0.05


def test_notes_of_shapes_that_contradict_the_weights_do_no_harm(tmp_path):
    path = perceptron(tmp_path / "float.onnx")
    model = onnx.load(str(path))
    model.graph.value_info.append(helper.make_tensor_value_info("three", TensorProto.FLOAT, ["b", 7]))
    onnx.save(model, str(path))
    assert int8.quantise(path, tmp_path / "int8.onnx") == 3


def test_a_table_that_is_more_than_looked_up_stays(tmp_path):
    table = np.random.default_rng(0).normal(size=(100, 64)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["fetched"]),
        helper.make_node("Transpose", ["table"], ["turned"]),
        helper.make_node("MatMul", ["fetched", "turned"], ["scores"]),
    ]
    source = make(tmp_path / "f.onnx", nodes, [("ids", TensorProto.INT64, ["b"])], [("scores", ["b", 100])], {"table": table})
    assert int8.quantise(source, tmp_path / "q.onnx") == 0 and not (tmp_path / "q.onnx").exists()


def test_a_graph_without_large_weights_is_left_alone(tmp_path):
    source = perceptron(tmp_path / "small.onnx", width=8)
    assert int8.quantise(source, tmp_path / "q.onnx") == 0 and not (tmp_path / "q.onnx").exists()


def test_int8_of_a_trained_route_keeps_its_quality_and_is_written_for_serving(source, tmp_path):
    validation, test = rows(120, 1), rows(150, 2)
    found = compress(source, Compress(methods=("int8",)), "macro-f1", validation, tmp_path / "out", QUIET, 0.1)
    original, small = found["variants"]
    assert (original["name"], small["name"]) == ("original", "int8")
    assert original["validation"]["macro-f1"]["value"] > 0.9
    assert small["validation"]["macro-f1"]["value"] >= original["validation"]["macro-f1"]["value"] - 0.01
    assert small["size_bytes"] < original["size_bytes"]
    assert json.loads((tmp_path / "out" / "variants.json").read_text(encoding="utf-8")) == found
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        {path.name for path in source.iterdir()} | {"variants.json"}
    )
    taken = next(one for one in found["variants"] if one["taken"])
    assert taken["name"] == found["chosen"]
    assert all(one["test"] is None for one in found["variants"])
    task, graph = load_task(tmp_path / "out"), Graph(tmp_path / "out" / "model.onnx")
    figures = task.score(task.align(variants.predict(task, graph, test), test))
    assert figures["macro-f1"] > 0.9


def test_without_methods_the_original_is_measured_and_kept(source, tmp_path):
    found = compress(source, Compress(), "accuracy", rows(40, 1), tmp_path, QUIET, 0.1)
    assert found["chosen"] == "original" and len(found["variants"]) == 1
    assert found["variants"][0]["latency_ms"]["p95"] > 0 and found["variants"][0]["validation"]["accuracy"]["value"] > 0.8
    assert found["reason"]["en"].startswith("not asked for: ") and "未要求压缩" in found["reason"]["zh"]
    assert (tmp_path / "model.onnx").read_bytes() == (source / "model.onnx").read_bytes()


def test_variants_are_timed_as_long_as_asked(source, tmp_path):
    short, long = (
        compress(source, Compress(), "accuracy", rows(40, 1), tmp_path / str(seconds), QUIET, seconds) for seconds in (0.1, 1.0)
    )
    assert long["variants"][0]["latency_ms"]["count"] > 3 * short["variants"][0]["latency_ms"]["count"]


def test_a_variant_that_ruins_the_answers_is_refused(source, tmp_path, monkeypatch):
    def ruin(original, target):
        model = onnx.load(str(original))
        table = next(tensor for tensor in model.graph.initializer if tensor.name == "table")
        table.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(table), "table"))
        onnx.save(model, str(target))
        return 1

    monkeypatch.setattr(variants, "METHODS", {"int8": ruin})
    monkeypatch.setattr(variants, "WORTH", 0.0)
    found = compress(source, Compress(methods=("int8",)), "macro-f1", rows(60, 1), tmp_path, QUIET, 0.1)
    assert found["chosen"] == "original"
    assert "int8 loses" in found["reason"]["en"] and "0.010 is allowed" in found["reason"]["en"]


def test_a_method_that_finds_nothing_says_so(source, tmp_path, monkeypatch):
    monkeypatch.setattr(variants, "METHODS", {"int8": lambda original, target: 0})
    found = compress(source, Compress(methods=("int8",)), "macro-f1", rows(40, 1), tmp_path, QUIET, 0.1)
    assert found["chosen"] == "original" and "nothing in this graph worth quantising" in found["reason"]["en"]


def test_an_unknown_metric_is_our_own_mistake(source, tmp_path):
    with pytest.raises(ValueError):
        compress(source, Compress(), "no-such", rows(20, 1), tmp_path, QUIET, 0.1)


def measured(name, size, p50, value):
    return Variant(name, None, size, {"p50": p50}, {"macro-f1": value, "log-loss": 1 - value})


@pytest.mark.parametrize(
    ("small", "max_loss", "taken"),
    [
        (measured("int8", 25, 4.0, 0.960), 0.01, "int8"),  # four times smaller, 2.5 times faster, 0.010 lost
        (measured("int8", 25, 4.0, 0.959), 0.01, "original"),  # one point too many
        (measured("int8", 25, 4.0, 0.959), 0.02, "int8"),
        (measured("int8", 95, 10.0, 0.970), 0.01, "original"),  # gains too little
        (measured("int8", 25, 13.0, 0.970), 0.01, "original"),  # four times smaller, but too slow
        (measured("int8", 25, 12.0, 0.970), 0.01, "int8"),
        (measured("int8", 100, 5.0, 0.980), 0.0, "int8"),  # only faster, and better
    ],
)
def test_which_variant_is_taken(small, max_loss, taken):
    original = measured("original", 100, 10.0, 0.970)
    assert variants._take([original, small], Metric("macro-f1", "higher"), max_loss).name == taken
    assert variants._take([original, small], Metric("log-loss", "lower"), max_loss).name == taken
