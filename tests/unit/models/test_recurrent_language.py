"""The LSTM language model goes through the ordinary exporter, and its graph is as surprised as it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch
from modelwright.compress.export import trace
from modelwright.models import registry
from modelwright.spec.routes.rnn_lm import RecurrentLanguage

AXES = {"input_ids": ("batch", "tokens"), "attention_mask": ("batch", "tokens")}


def inputs(lengths: list[int], tokens: int) -> dict[str, np.ndarray]:
    ids = np.random.default_rng(3).integers(3, 200, (len(lengths), tokens), dtype=np.int64)
    return {"input_ids": ids, "attention_mask": (np.arange(tokens) < np.asarray(lengths)[:, None]).astype(np.int64)}


def test_the_graph_says_what_the_module_says(tmp_path):
    route = RecurrentLanguage(width=16, layers=2, dropout=0.0)
    torch.manual_seed(0)
    module = registry.build(route, {"vocabulary": 200, "context": 32}, None).eval()
    path = tmp_path / "model.onnx"
    path.write_bytes(trace(module, inputs([9, 12, 5], 12), SimpleNamespace(axes=AXES)))
    graph = Graph(path, threads=1)
    for lengths, tokens in (([9, 12, 5], 12), ([20], 20), ([3, 1], 3)):
        given = inputs(lengths, tokens)
        found = graph.run(Batch(inputs=given, targets=None, row_ids=tuple(str(row) for row in range(len(lengths)))))
        np.testing.assert_allclose(found["surprise"], registry.outputs(module, given)["surprise"], atol=1e-4)
        assert not found["surprise"][given["attention_mask"] == 0].any()
