"""The sentence encoder: its loss against plain arithmetic, its files in other libraries, a checkpoint taken as it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

import tiny_checkpoints
from modelwright.base.console import Console
from modelwright.base.nouns import Row
from modelwright.models import registry
from modelwright.models.sentence_encoder import SentenceEncoder as Module
from modelwright.spec.routes.hybrid import Hybrid
from modelwright.spec.routes.sentence_encoder import SentenceEncoder
from modelwright.tasks.search import exam
from modelwright.tasks.sentence_similarity import SentenceSimilarity
from modelwright.train.forecast import forecast_route
from modelwright.train.route import Limits, train_route


class Table(torch.nn.Module):
    """A vector for each token."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(20, 6)

    def forward(self, token_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.table(token_ids)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoints.bert(tmp_path_factory.mktemp("checkpoint"), [row.values["text"] for row in exam.rows(0, "words")])


def test_the_loss_is_that_of_both_directions_without_other_passages_of_the_same_document():
    torch.manual_seed(0)
    module = Module(Table(), 6, "mean", 0.1)
    questions, passages = torch.randint(1, 20, (4, 3)), torch.randint(1, 20, (4, 5))
    ones, more = torch.ones_like(questions), torch.ones_like(passages)
    document = torch.tensor([7, 8, 7, 9])  # the first and the third ask for the same
    values = module(questions, ones, passage_ids=passages, passage_mask=more, document=document)["values"]
    left = functional.normalize(module.backbone.table(questions).mean(1), dim=1)
    right = functional.normalize(module.backbone.table(passages).mean(1), dim=1)
    scores = (left @ right.T / 0.1).detach().numpy().astype(np.float64)
    for row, others in enumerate(([1, 3], [0, 2, 3], [1, 3], [0, 1, 2])):
        there = np.log(np.exp(scores[row, [row, *others]]).sum()) - scores[row, row]
        back = np.log(np.exp(scores[[row, *others], row]).sum()) - scores[row, row]
        assert values[row].item() == pytest.approx((there + back) / 2, rel=1e-4)


def taught(route: SentenceEncoder, checkpoint: Path, folder: Path) -> dict:
    rows = exam.rows(0, "words")
    return train_route(
        SentenceSimilarity,
        route,
        rows,
        exam.rows(1, "words"),
        checkpoint=checkpoint,
        limits=Limits(None, 20),
        seed=0,
        folder=folder,
        console=Console(quiet=True),
        title=route.name,
        checkpoint_seconds=3600,
    )


def test_a_checkpoint_is_taken_as_it_is(checkpoint, tmp_path):
    route = Hybrid(method="none", max_tokens=48)
    result = taught(route, checkpoint, tmp_path)
    assert (result["steps"], result["rows"], result["stopped_by"]) == (0, 0, "untrained")
    assert result["best_score"] > 0.5
    from safetensors.torch import load_file

    before, after = load_file(checkpoint / "model.safetensors"), load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in after)
    found = SentenceSimilarity.load(tmp_path)
    assert found.dense is not None
    assert found.confidence is not None


def test_what_is_learned_loads_in_transformers_and_says_the_same(checkpoint, tmp_path):
    from transformers import AutoModel

    route = SentenceEncoder(method="lora", max_tokens=48, epochs=5, batch_size=16, learning_rate=1e-2, patience=0)
    result = taught(route, checkpoint, tmp_path)
    assert result["steps"] == 20
    module = registry.load(tmp_path / "checkpoint")
    task = SentenceSimilarity.load(tmp_path)
    inputs = task.collate(task.encode_many(exam.rows(2, "words")[:8])).inputs
    ours = registry.outputs(module, inputs)["embedding"]
    theirs = AutoModel.from_pretrained(tmp_path / "checkpoint", add_pooling_layer=False).eval()
    ids, mask = torch.from_numpy(inputs["token_ids"]), torch.from_numpy(inputs["mask"])
    with torch.inference_mode():
        hidden = theirs(input_ids=ids, attention_mask=mask).last_hidden_state * mask[:, :, None]
    expected = functional.normalize(hidden.sum(1) / mask.sum(1, keepdim=True), dim=1)
    np.testing.assert_allclose(ours, expected.numpy(), atol=1e-4)
    modules = json.loads((tmp_path / "checkpoint" / "modules.json").read_text())
    assert [one["type"].rpartition(".")[2] for one in modules] == ["Transformer", "Pooling", "Normalize"]


def test_the_vectors_of_the_collection_are_the_finished_models(checkpoint, tmp_path):
    taught(SentenceEncoder(max_tokens=48, epochs=2, batch_size=16, precision="float32", patience=0), checkpoint, tmp_path)
    task, module = SentenceSimilarity.load(tmp_path), registry.load(tmp_path / "checkpoint")
    assert task.dense is not None
    inputs = task.collate(task.collection()).inputs
    np.testing.assert_allclose(task.dense.vectors, registry.outputs(module, inputs)["embedding"], atol=1e-4)


def test_what_costs_nothing_to_train_is_forecast_so(checkpoint):
    rows = exam.rows(0, "words")
    common = {"checkpoint": checkpoint, "limits": Limits(None, None), "seed": 0, "console": Console(quiet=True)}
    found = forecast_route(SentenceSimilarity, SentenceEncoder(method="none", max_tokens=48), rows, rows[:20], **common)
    assert found["steps"] == 0
    assert 0 < found["seconds_low"] <= found["seconds"] <= found["seconds_high"] < 60


def test_settings_of_a_training_that_is_none_are_refused():
    with pytest.raises(ValidationError, match="epochs, learning_rate with method: none"):
        SentenceEncoder(method="none", epochs=3, learning_rate=1e-3)
    assert not SentenceEncoder(method="none", max_tokens=64).trained


def test_a_collection_without_questions_teaches_nothing(checkpoint):
    from modelwright.base.errors import DataError

    rows = [Row(row.id, {**row.values, "query": None}) for row in exam.rows(0, "words")]
    task = SentenceSimilarity.fit(rows, SentenceEncoder(max_tokens=48), checkpoint)
    with pytest.raises(DataError, match="has a question"):
        task.lessons(rows)
