"""Optimisers against torch's own, masters for bfloat16, decay groups, and the narrow vocabulary."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from modelwright.base.nouns import Example
from modelwright.spec.routes.textcnn import TextCNN
from modelwright.train.optimisers import Optimiser
from modelwright.train.vocabulary import Vocabulary


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def made() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.Linear(5, 1))


def learn(module: nn.Module, step, values: torch.Tensor, count: int) -> None:
    for _ in range(count):
        module(values.to(next(module.parameters()).dtype)).float().square().mean().backward()
        step()


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_steps_are_torchs_own(kind):
    ours, values = made(), torch.randn(8, 6)
    theirs = copy.deepcopy(ours)
    route = TextCNN(optimizer=kind, learning_rate=0.01, weight_decay=0.1, clip=0.05)
    mine = Optimiser(ours, route)
    learn(ours, lambda: mine.step(0.5), values, 5)
    decayed = [parameter for parameter in theirs.parameters() if parameter.ndim == 2]
    others = [parameter for parameter in theirs.parameters() if parameter.ndim != 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    if kind == "adamw":
        reference: torch.optim.Optimizer = torch.optim.AdamW(groups, lr=0.005)
    else:
        reference = torch.optim.SGD(groups, lr=0.005, momentum=0.9, nesterov=True)

    def step() -> None:
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.05)
        reference.step()
        reference.zero_grad()

    learn(theirs, step, values, 5)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_masters_keep_updates_that_bfloat16_would_lose():
    module = nn.Linear(4, 1, bias=False).to(torch.bfloat16)
    with torch.no_grad():
        module.weight.fill_(1.0)
    optimiser = Optimiser(module, TextCNN(optimizer="sgd", learning_rate=1e-4, momentum=0.0, weight_decay=0.0, clip=0.0))
    for _ in range(100):  # each step moves a weight by 1e-4; the last bit of 1.0 in bfloat16 is 4e-3 below it
        module.weight.grad = torch.ones_like(module.weight)
        optimiser.step(1.0)
    torch.testing.assert_close(optimiser.weights[0], torch.full((1, 4), 0.99), rtol=0, atol=1e-5)
    assert module.weight[0, 0].item() == pytest.approx(0.99, abs=4e-3)


def test_a_gradient_that_is_no_number_changes_nothing():
    module = made()
    optimiser = Optimiser(module, TextCNN())
    before = [parameter.detach().clone() for parameter in module.parameters()]
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    assert math.isnan(optimiser.step(1.0))
    assert all(torch.equal(one, other) for one, other in zip(before, module.parameters(), strict=True))


def test_biases_norms_and_tables_are_not_decayed():
    module = nn.Sequential(nn.Embedding(5, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    optimiser = Optimiser(module, TextCNN(weight_decay=0.3))
    decayed = {id(p) for group in optimiser.inner[0].param_groups if group["weight_decay"] for p in group["params"]}
    assert decayed == {id(module[2].weight)}


class Bag(nn.Module):
    vocabulary_table = "inner.words"

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.inner = nn.ModuleDict({"words": nn.Embedding(rows, 8)})
        self.head = nn.Linear(8, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.inner["words"](ids).mean(1))


def test_learning_with_a_narrow_vocabulary_is_learning_with_the_whole():
    whole, ids = Bag(1000), np.array([[3, 500, 3], [7, 999, 500]])
    narrow = copy.deepcopy(whole)
    examples = [Example(str(number), {"token_ids": row}, 3) for number, row in enumerate(ids)]
    vocabulary = Vocabulary(narrow, examples)
    assert narrow.inner["words"].num_embeddings == 5  # the four that occur, and 0
    for module, used in ((whole, ids), (narrow, vocabulary.narrow("token_ids", ids))):
        optimiser = Optimiser(module, TextCNN(learning_rate=0.1))
        for _ in range(4):
            nn.functional.cross_entropy(module(torch.from_numpy(used)), torch.tensor([0, 1])).backward()
            optimiser.step(1.0)
    vocabulary.widen(narrow)
    for (name, one), other in zip(whole.named_parameters(), narrow.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize("case", ["no table named", "frozen", "most rows in use"])
def test_a_vocabulary_is_left_alone_when_there_is_nothing_to_gain(case):
    module, ids = Bag(5), np.arange(5)
    if case == "no table named":
        module.vocabulary_table = "somewhere.else"
        ids = ids[:1]
    if case == "frozen":
        module.inner.requires_grad_(False)
        ids = ids[:1]
    vocabulary = Vocabulary(module, [Example("a", {"token_ids": ids}, 5)])
    assert vocabulary.rows is None and vocabulary.narrow("token_ids", ids) is ids
    vocabulary.widen(module)
    assert module.inner["words"].num_embeddings == 5


def test_exact_continuation_of_the_optimiser(tmp_path: Path):
    values = torch.randn(8, 6)
    straight = made()
    broken = copy.deepcopy(straight)
    first = Optimiser(straight, TextCNN())
    learn(straight, lambda: first.step(1.0), values, 6)
    second = Optimiser(broken, TextCNN())
    learn(broken, lambda: second.step(1.0), values, 3)
    held = {name: tensor.clone() for name, tensor in second.tensors().items()}
    fresh = made()
    third = Optimiser(fresh, TextCNN())
    third.restore(held)
    learn(fresh, lambda: third.step(1.0), values, 3)
    assert all(torch.equal(one, other) for one, other in zip(straight.parameters(), fresh.parameters(), strict=True))
