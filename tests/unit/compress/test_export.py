"""The exported graph is the module: any batch, any length, every route; and a graph that is not is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from modelwright.base.errors import TrainError
from modelwright.base.graph import Graph
from modelwright.compress import export as module
from modelwright.models import registry
from modelwright.spec.routes.route import GradientRoute, Route, all_routes
from modelwright.tasks.contract import get_task, routes_of
from modelwright.train.route import score_fitted

TASK = get_task("text-classification")
SMALL = {"width": 16, "layers": 2, "heads": 2, "max_tokens": 24, "vocabulary": 300, "channels": 4, "buckets": 1000}


def made(name: str) -> Route:
    kind = all_routes()[name]
    return kind.model_validate({key: value for key, value in SMALL.items() if key in kind.model_fields})


@pytest.fixture(scope="module")
def rows():
    return TASK.exam_rows(0)[:24]


@pytest.fixture
def start(rows, tmp_path) -> Path:
    """A BERT checkpoint with the tokenizer of our word reader."""
    transformers = pytest.importorskip("transformers")
    TASK.fit(rows, made("encoder")).save(tmp_path / "start")
    config = transformers.BertConfig(
        vocab_size=300,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "start")
    return tmp_path / "start"


def folder_of(route: Route, rows, checkpoint: Path | None, folder: Path) -> Path:
    """What training leaves behind, with random weights."""
    torch.manual_seed(0)
    task = TASK.fit(rows, route, checkpoint)
    task.save(folder)
    if isinstance(route, GradientRoute):
        registry.save(registry.build(route, task.sizes, checkpoint), route, task.sizes, folder / "checkpoint")
    else:
        registry.fit(route, task.sizes, task.encode_many(rows), 0).save(folder / "checkpoint")
    return folder


@pytest.mark.parametrize(
    "name", sorted(name for name, route in routes_of(TASK).items() if route.kind != "bought")
)  # the examiner exports what other tasks learn by
def test_the_graph_is_the_model_for_any_batch_and_length(name, rows, start, tmp_path):
    route = made(name)
    folder = folder_of(route, rows, start if name == "finetune" else None, tmp_path / "out")
    path = module.export(folder, route, rows[:5])
    assert path == folder / "model.onnx" and [item.name for item in folder.glob("model*")] == ["model.onnx"]
    onnx.checker.check_model(onnx.load(path))
    graph, task = Graph(path, threads=1), module.load_task(folder)
    assert graph.outputs == ["logits"]
    examples = task.encode_many(rows)
    for part in (examples, examples[7:9], examples[3:4]):
        batch = task.collate(part)
        if isinstance(route, GradientRoute):
            expected = registry.outputs(registry.load(folder / "checkpoint"), batch.inputs)
        else:
            expected = registry.load_fitted(route, folder / "checkpoint").outputs(batch.inputs)
        np.testing.assert_allclose(graph.run(batch)["logits"], expected["logits"], atol=1e-4)


def test_encoders_of_other_libraries_export_too(rows, start, tmp_path):
    transformers = pytest.importorskip("transformers")
    shutil.rmtree(start)
    TASK.fit(rows, made("encoder")).save(start)
    config = transformers.DistilBertConfig(
        vocab_size=300, dim=16, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=32
    )
    transformers.DistilBertModel(config).save_pretrained(start)
    route = made("finetune")
    folder = folder_of(route, rows, start, tmp_path / "out")
    path = module.export(folder, route, rows[:5])
    task = module.load_task(folder)
    batch = task.collate(task.encode_many(rows[4:11]))
    expected = registry.outputs(registry.load(folder / "checkpoint"), batch.inputs)["logits"]
    np.testing.assert_allclose(Graph(path, threads=1).run(batch)["logits"], expected, atol=1e-4)


def test_a_graph_that_disagrees_is_refused(rows, tmp_path, monkeypatch):
    route = made("fasttext")
    folder = folder_of(route, rows, None, tmp_path / "out")
    truth = registry.outputs
    monkeypatch.setattr(registry, "outputs", lambda *given: {key: array + 0.01 for key, array in truth(*given).items()})
    with pytest.raises(TrainError, match=r"disagree by 0\.01 on logits"):
        module.export(folder, route, rows[:5])


def test_a_fitted_route_scores_through_the_same_task(rows):
    route = made("tfidf-linear")
    task = TASK.fit(rows, route)
    fitted = registry.fit(route, task.sizes, task.encode_many(rows), 0)
    assert score_fitted(task, fitted, rows)["accuracy"] == 1.0
