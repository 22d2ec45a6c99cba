"""Attention becomes one operator where it is ours, with and without padding; anything else is left alone."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch
from modelwright.compress import export
from modelwright.compress.attention import fuse
from modelwright.models.encoder import Encoder, Shape, TextClassifier
from modelwright.tasks.contract import get_task

LAYERS, HEADS = 2, 4


def inputs(rows: int, tokens: int, padded: int = 0) -> dict[str, np.ndarray]:
    """Token ids and a mask that hides the last `padded` tokens of every row but the first."""
    mask = np.ones((rows, tokens), np.int64)
    mask[1:, tokens - padded :] = 0
    return {"token_ids": np.random.default_rng(tokens).integers(1, 50, (rows, tokens)), "mask": mask}


@pytest.fixture(scope="module")
def module() -> torch.nn.Module:
    torch.manual_seed(0)
    shape = Shape(vocabulary=50, positions=16, width=16, feed_forward=32, layers=LAYERS, heads=HEADS)
    encoder = Encoder(shape, 0.0)
    encoder.initialise()
    return TextClassifier(encoder, 16, 3, "mean", 0.0).eval()


@pytest.fixture(scope="module")
def traced(module) -> onnx.ModelProto:
    """As the exporter writes it, before anything is fused."""
    task, given = get_task("text-classification"), inputs(3, 9, 4)
    arguments = {name: torch.from_numpy(array) for name, array in given.items()}
    axes = dict.fromkeys(given, ("batch", "tokens"))
    return onnx.load_from_string(export._traced(module, arguments, ["logits"], type("Read", (task,), {"axes": axes})))


def answer(model: onnx.ModelProto, path, given: dict[str, np.ndarray]) -> np.ndarray:
    onnx.save(model, path)
    rows = len(given["mask"])
    return Graph(path, threads=1).run(Batch(tuple(map(str, range(rows))), given))["logits"]


def test_each_layer_has_one_attention_and_answers_as_before(module, traced, tmp_path):
    fused, layers = fuse(traced)
    onnx.checker.check_model(fused)
    kinds = [node.op_type for node in fused.graph.node]
    assert layers == kinds.count("Attention") == LAYERS
    assert "Softmax" not in kinds and kinds.count("Expand") == 1 and len(kinds) < len(traced.graph.node) / 2
    for given in (inputs(3, 9, 4), inputs(1, 16), inputs(5, 2, 1), inputs(2, 1)):
        before = answer(traced, tmp_path / "before.onnx", given)
        np.testing.assert_allclose(answer(fused, tmp_path / "after.onnx", given), before, atol=1e-5)
        expected = module(torch.from_numpy(given["token_ids"]), torch.from_numpy(given["mask"]))["logits"].detach().numpy()
        np.testing.assert_allclose(before, expected, atol=1e-5)


def test_padding_changes_nothing(traced, tmp_path):
    fused, _ = fuse(traced)
    given = inputs(2, 12, 5)
    short = {name: array[1:, :7] for name, array in given.items()}
    together = answer(fused, tmp_path / "a.onnx", given)[1]
    np.testing.assert_allclose(together, answer(fused, tmp_path / "b.onnx", short)[0], atol=1e-5)


def test_other_scales_and_foreign_graphs_are_left_alone(traced):
    other = onnx.ModelProto()
    other.CopyFrom(traced)
    for node in other.graph.node:
        if node.op_type == "Softmax":  # scores that are something else than a product of query and key
            node.input[0] = other.graph.input[1].name
    before = other.SerializeToString()
    same, layers = fuse(other)
    assert layers == 0 and same.SerializeToString() == before
    unscaled = onnx.ModelProto()
    unscaled.CopyFrom(traced)
    for node in unscaled.graph.node:
        if node.op_type == "Sqrt":
            node.op_type = "Exp"
    assert fuse(unscaled)[1] == 0
