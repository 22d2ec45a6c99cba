"""Direct preference optimisation against its formula, and against a problem whose answer is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from tests.unit.train.test_phases import COLOURS, LEARN, TASK, dialogues, preferences
from torch import nn
from torch.nn import functional

from modelwright.base.console import Console
from modelwright.base.errors import DataError, TrainError
from modelwright.base.nouns import Row
from modelwright.models import registry
from modelwright.spec.routes.decoder import Decoder
from modelwright.spec.routes.phases import Preference
from modelwright.train import preference
from modelwright.train.preference import Pairs, Preferring, answer_labels, losses, margins, refer
from modelwright.train.ready import make_ready

ROUTE = Decoder(width=32, layers=1, heads=2, epochs=1, batch_size=8, learning_rate=1e-3, precision="float32")


@pytest.fixture
def task():
    return TASK.fit(dialogues(40, 0), ROUTE, None, LEARN)


@pytest.fixture
def model(task) -> nn.Module:
    torch.manual_seed(1)
    return registry.build(ROUTE, task.sizes, None)


def said(task, row: Row, role: str) -> Row:
    prompt = json.loads(row.values["messages"])
    return Row(role, {"messages": json.dumps([*prompt, {"role": "assistant", "content": row.values[role]}])})


def test_loss_and_margin_are_the_papers():
    nats = torch.tensor([[3.0, 2.0], [1.5, 4.0]])
    reference = torch.tensor([[3.5, 2.5], [2.0, 1.0]])
    found = margins(nats, reference, 0.3)
    # log π − log π₀ is reference − nats, for the chosen and the rejected answer
    assert found.tolist() == pytest.approx([0.3 * ((3.5 - 3.0) - (2.5 - 2.0)), 0.3 * ((2.0 - 1.5) - (1.0 - 4.0))])
    plain = [-math.log(1 / (1 + math.exp(-m))) for m in found.tolist()]
    assert losses(found, 0.0).tolist() == pytest.approx(plain)
    swapped = [-math.log(1 / (1 + math.exp(m))) for m in found.tolist()]
    assert losses(found, 0.1).tolist() == pytest.approx([0.9 * a + 0.1 * b for a, b in zip(plain, swapped, strict=True)])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_where_three_of_four_prefer_an_answer_the_margin_is_log_three(smoothing):
    """Two answers, wanted 3 : 1. What minimises the loss is known: σ(m) is the share that prefers (Bradley & Terry 1952), smoothed."""
    logits = nn.Parameter(torch.zeros(2))
    start = -functional.log_softmax(torch.tensor([0.3, -0.4]), 0)
    reference = torch.stack([start, start, start, start.flip(0)])
    optimiser = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        nats = -functional.log_softmax(logits, 0)
        found = losses(margins(torch.stack([nats, nats, nats, nats.flip(0)]), reference, 0.1), smoothing).mean()
        found.backward()
        return found

    optimiser.step(loss)
    nats = -functional.log_softmax(logits.detach(), 0)
    share = 0.75 * (1 - smoothing) + 0.25 * smoothing
    assert float(margins(nats[None], start[None], 0.1)) == pytest.approx(math.log(share / (1 - share)), abs=1e-3)


def test_a_models_nats_are_those_of_its_logits(task, model):
    rows = preferences(6, 5)
    pairs = Pairs(task)
    batch = pairs.collate(pairs.lessons(pairs.usable(rows)))
    inputs = {name: torch.from_numpy(array) for name, array in batch.inputs.items()}
    inputs["reference"] = torch.rand(6, 2)
    settings = Preference(beta=0.2, label_smoothing=0.1, likelihood=0.5)
    with torch.no_grad():
        found = Preferring(model, settings)(**inputs)
    for number, row in enumerate(rows):
        logs, counts = [], []
        for role in ("chosen", "rejected"):
            example = task.encode(said(task, row, role))
            ids, labels = (torch.from_numpy(array) for array in (example.inputs["input_ids"], example.target))
            log_tv = functional.log_softmax(model.logits(ids[None], torch.ones_like(ids)[None])[0].detach(), -1)
            places = [t for t in range(1, len(ids)) if labels[t] != -100]
            logs.append(sum(float(log_tv[t - 1, ids[t]]) for t in places))
            counts.append(len(places))
        assert [-value for value in found["nats"][number].tolist()] == pytest.approx(logs, rel=1e-4)
        reference = inputs["reference"][number]
        margin = 0.2 * ((logs[0] + float(reference[0])) - (logs[1] + float(reference[1])))
        assert float(found["margins"][number]) == pytest.approx(margin, abs=1e-4)
        loss = -0.9 * math.log(1 / (1 + math.exp(-margin))) - 0.1 * math.log(1 / (1 + math.exp(margin)))
        assert float(found["values"][number]) == pytest.approx(loss - 0.5 * logs[0] / counts[0], rel=1e-4)


def test_the_gradient_is_that_of_plain_log_probabilities(task, model):
    """The model's own loss throws its logits away piece by piece; here each answer's pieces weigh differently, and with both signs."""
    pairs = Pairs(task)
    batch = pairs.collate(pairs.lessons(pairs.usable(preferences(5, 6))))
    inputs = {name: torch.from_numpy(array) for name, array in batch.inputs.items()}
    inputs["reference"] = torch.rand(5, 2)
    wrapped = Preferring(model, Preference(beta=0.5))
    wrapped(**inputs)["values"].mean().backward()
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    ids, labels = inputs["input_ids"].flatten(0, 1), inputs["labels"].flatten(0, 1)
    logs = functional.log_softmax(model.logits(ids, inputs["attention_mask"].flatten(0, 1))[:, :-1], -1)
    wanted = labels[:, 1:] != -100
    nats = -(logs.gather(2, ids[:, 1:, None])[..., 0] * wanted).sum(1).view(5, 2)
    losses(margins(nats, inputs["reference"], 0.5), 0.0).mean().backward()
    for name, parameter in model.named_parameters():
        assert torch.allclose(found[name], parameter.grad, atol=1e-5, rtol=1e-3), name


def test_only_the_last_answer_is_compared():
    task = TASK.fit(dialogues(40, 0), ROUTE, None, TASK.settings(vocabulary=300, context=96))
    earlier = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "red"},
        {"role": "user", "content": "say blue"},
    ]
    pairs = Pairs(task)
    row = Row("p", {"messages": json.dumps(earlier), "chosen": "blue", "rejected": "green is it"})
    example = pairs.lessons(pairs.usable([row]))[0]
    for answer, role in enumerate(("chosen", "rejected")):
        labels = example.inputs["labels"][answer]
        whole = task.encode(said(task, row, role))
        learned = np.flatnonzero(labels != -100)
        assert (np.diff(learned) == 1).all() and (whole.target != -100).sum() > len(learned)
        assert labels[learned].tolist() == whole.inputs["input_ids"][learned].tolist()
        assert row.values[role] in task.words.decode(labels[learned].tolist())
    assert answer_labels(np.array([-100, 5, -100, 7, 8])).tolist() == [-100, -100, -100, 7, 8]
    assert answer_labels(np.array([-100, -100])).tolist() == [-100, -100]


def test_a_long_prompt_loses_its_oldest_exchanges(task):
    earlier = [{"role": "user", "content": "say white"}, {"role": "assistant", "content": "white"}] * 9
    row = Row(
        "p", {"messages": json.dumps([*earlier, {"role": "user", "content": "say blue"}]), "chosen": "blue", "rejected": "red"}
    )
    pairs = Pairs(task)
    example = pairs.lessons(pairs.usable([row]))[0]
    assert example.length == 2 * example.inputs["input_ids"].shape[1] <= 2 * LEARN.context and pairs.left_out == 0
    text = task.words.decode(example.inputs["input_ids"][0].tolist())
    assert "say blue" in text and text.count("white") < 18 and (example.inputs["labels"] != -100).any(1).all()
    long = Row("q", {**row.values, "messages": json.dumps([{"role": "user", "content": "say blue " * 30}])})
    with pytest.raises(DataError, match="beyond the context"):
        Pairs(task).usable([long])


def test_pairs_that_teach_nothing_are_left_out_and_counted(task):
    rows = preferences(4, 7)
    same = [Row(f"same{n}", {**row.values, "rejected": row.values["chosen"]}) for n, row in enumerate(rows)]
    pairs = Pairs(task)
    assert [row.id for row in pairs.usable([*rows, *same])] == [row.id for row in rows] and pairs.left_out == 4
    with pytest.raises(DataError) as caught:
        Pairs(task).usable(same)
    assert caught.value.where == "learn.preferences" and "4 pairs" in caught.value.came


def test_before_the_first_step_nothing_is_preferred(task, model, tmp_path):
    """The reference is the model itself, so every margin is zero; a second run reads the file instead of asking the model."""
    pairs = Pairs(task)
    rows, held = pairs.usable(preferences(12, 8)), pairs.usable(preferences(6, 9))
    made = refer(make_ready(Preferring(model, Preference()), pairs, ROUTE, rows, held), tmp_path, Console(quiet=True), "chat")
    scores = made.stepper.score(made.held, made.rows)
    assert scores["preferred"] == pytest.approx(0.5, abs=1e-9) and scores["preference-loss"] == pytest.approx(
        math.log(2), abs=1e-5
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    pairs = Pairs(task)
    rows, held = pairs.usable(preferences(12, 8)), pairs.usable(preferences(6, 9))
    again = refer(make_ready(Preferring(model, Preference()), pairs, ROUTE, rows, held), tmp_path, Console(quiet=True), "chat")
    before, after = ([one.inputs["reference"].tolist() for one in way.examples] for way in (made, again))
    assert before == after and abs(again.stepper.score(again.held, again.rows)["margin"]) > 1e-4
    (tmp_path / preference.REFERENCE).write_bytes(b"broken")
    with pytest.raises(TrainError, match="damaged"):
        refer(again, tmp_path, Console(quiet=True), "chat")


def test_it_learns_what_is_preferred(task, model, tmp_path):
    pairs = Pairs(task)
    rows, held = pairs.usable(preferences(64, 10)), pairs.usable(preferences(24, 11))
    route = Preference(learning_rate=3e-3).applied(ROUTE)
    made = refer(make_ready(Preferring(model, Preference()), pairs, route, rows, held), tmp_path, Console(quiet=True), "chat")
    for _ in range(40):
        made.stepper.learn([(1.0, pairs.collate(made.examples))], 1.0)
    scores = made.stepper.score(made.held, made.rows)
    assert scores["preferred"] > 0.8 and scores["margin"] > 0.1 and scores["preference-loss"] < 0.6
    assert len(COLOURS) == 5
