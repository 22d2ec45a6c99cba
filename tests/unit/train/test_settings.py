"""The settings of a training: none is accepted and ignored, all survive the way through a file, and old ones mean what they did."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from pydantic import ValidationError
from tests.unit.train.conftest import TASK, small
from tests.unit.train.test_route import curve, losses

from modelwright.base.errors import SpecError
from modelwright.spec.load import load
from modelwright.spec.routes.route import Activation, GradientRoute, Initialiser, LossName, Optimizer, Schedule
from modelwright.tasks.contract import TASKS, get_task
from modelwright.train.plan import evaluate_every
from modelwright.train.route import Limits, prepare

PROJECT = f"project: a\ntask: {TASK}\ndata: {{source: catalogue://bbc-news}}\nroutes:\n  encoder: {{%s}}\n"

# losses of steps 1, 12 and 36 on the made rows, as they were when these settings were the only ones
BEFORE = {
    "adamw": ({}, [1.099062, 1.080283, 0.819952]),
    "sgd": ({"optimizer": "sgd", "learning_rate": 0.05, "schedule": "linear"}, [1.099062, 0.993162, 0.93389]),
}


@pytest.mark.parametrize("name", BEFORE)
def test_the_old_settings_give_the_old_losses(name, train, tmp_path):
    settings, expected = BEFORE[name]
    train(small(precision="float32", **settings))
    found = losses(tmp_path / "out")
    assert [found[0], found[11], found[-1]] == pytest.approx(expected, rel=1e-3)  # processors differ in the last digits


IGNORED = [
    {"momentum": 0.5},
    {"nesterov": False, "optimizer": "adam"},
    {"betas": (0.8, 0.9), "optimizer": "sgd"},
    {"epsilon": 1e-6, "optimizer": "sgd"},
    {"rms_decay": 0.99},
    {"rate_floor": 0.1, "schedule": "constant"},
    {"decay_share": 0.5},
    {"drop_every": 0.5},
    {"drop_factor": 0.5, "schedule": "linear"},
    {"initialiser_scale": 0.1, "initialiser": "he-normal"},
]


@pytest.mark.parametrize("settings", IGNORED, ids=str)
def test_a_setting_that_would_be_ignored_is_refused(settings):
    setting = next(iter(settings))
    with pytest.raises(ValidationError, match=f"{setting} only with"):
        small(**settings)


def test_a_setting_that_says_the_default_is_no_contradiction():
    assert small(momentum=0.9, decay_share=0.2) == small()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("optimizer: adam, momentum: 0.5", "momentum only with optimizer: sgd or muon; here it is adam"),
        ("batch_size: 0", "a whole number of at least 1, or full"),
        ("batch_size: all", "a whole number of at least 1, or full"),
        ("batch_size: true", "a whole number of at least 1, or full"),
        ("schedule: sideways", "'inverse-sqrt' or 'one-cycle'"),
        ("betas: [0.9, 1.0]", "less than 1"),
        ("l1: -1", "greater than or equal to 0"),
    ],
)
def test_a_wrong_setting_is_an_error_with_its_place(written, said, tmp_path):
    (tmp_path / "modelwright.yaml").write_text(PROJECT % written)
    with pytest.raises(SpecError) as caught:
        load(tmp_path, TASKS)
    assert said in caught.value.expected and "modelwright.yaml:5" in caught.value.where


@pytest.mark.parametrize(
    "settings",
    [
        *({"optimizer": name} for name in get_args(Optimizer)),
        *({"schedule": name} for name in get_args(Schedule)),
        *({"initialiser": name} for name in get_args(Initialiser)),
        {"batch_size": "full", "rows_at_once": 7, "optimizer": "sgd", "momentum": 0.3},
    ],
    ids=str,
)
def test_settings_survive_a_file(settings):
    route = small(**settings)
    assert type(route).model_validate(json.loads(json.dumps(route.model_dump(mode="json", by_alias=True)))) == route


@pytest.mark.parametrize("name", get_args(Optimizer))
def test_every_optimiser_learns(name, train, tmp_path):
    rate = {"sgd": 0.05, "adagrad": 0.02}.get(name, 5e-3)
    result = train(small(optimizer=name, learning_rate=rate, epochs=6))
    assert result["best_score"] > 0.8
    assert losses(tmp_path / "out")[-1] < 0.9 * losses(tmp_path / "out")[0]


@pytest.mark.parametrize("settings", [{"loss": "focal"}, {"label_smoothing": 0.1}, {"initialiser": "xavier-uniform"}], ids=str)
def test_a_setting_reaches_the_training(settings, train, tmp_path):
    train(small(epochs=1), folder=tmp_path / "plain")
    result = train(small(epochs=4, **settings), folder=tmp_path / "set")
    assert losses(tmp_path / "set")[0] != losses(tmp_path / "plain")[0]
    assert result["best_score"] > 0.8


def test_full_batch_is_one_step_an_epoch_and_the_same_in_parts(train, tmp_path):
    settings: dict[str, Any] = {
        "batch_size": "full",
        "patience": 0,
        "dropout": 0.0,
        "epochs": 8,
        "precision": "float32",
        "learning_rate": 0.01,
    }
    whole = train(small(rows_at_once=1000, **settings), folder=tmp_path / "whole")
    parts = train(small(rows_at_once=10, **settings), folder=tmp_path / "parts")
    assert whole["steps"] == parts["steps"] == 8 and whole["epochs"] == 8.0
    assert whole["rows"] == parts["rows"] == 8 * 96
    assert losses(tmp_path / "parts") == pytest.approx(losses(tmp_path / "whole"), rel=1e-3)
    found = losses(tmp_path / "whole")
    assert found == sorted(found, reverse=True), "plain descent on all rows goes down in every step"


def test_rows_per_step_and_per_part():
    route = GradientRoute
    assert (route().rows_per_step(1000), route().rows_per_part(1000)) == (32, 32)
    assert route(batch_size="full").rows_per_step(1000) == 1000
    assert route(batch_size="full").rows_per_part(1000) == 256
    assert route(batch_size="full", rows_at_once=900).rows_per_part(1000) == 900
    assert route(batch_size=64, rows_at_once=16).rows_per_part(1000) == 16
    assert route(batch_size=8, rows_at_once=16).rows_per_part(1000) == 8


def test_stochastic_descent_is_one_row_a_step(train):
    result = train(small(batch_size=1, epochs=1, optimizer="sgd", learning_rate=0.01))
    assert result["steps"] == result["rows"] == 96


def test_the_wanted_loss_ends_it(train, tmp_path):
    result = train(small(epochs=60, patience=0, stop_at_loss=0.3))
    assert result["stopped_by"] == "loss" and result["steps"] < 60 * 12 and result["steps"] % 12 == 0
    epochs = [sum(losses(tmp_path / "out")[at : at + 12]) / 12 for at in range(0, result["steps"], 12)]
    assert epochs[-1] <= 0.3 < min(epochs[:-1])
    assert curve(tmp_path / "out")[-1]["step"] == result["steps"], "the last epoch was scored"


def test_spent_money_is_called_money(train):
    result = train(small(epochs=100_000, patience=0), limits=Limits(seconds=2.0, seconds_by="money"))
    assert result["stopped_by"] == "money"


@pytest.mark.parametrize("choices", [Optimizer, Schedule, LossName, Initialiser, Activation])
def test_the_docs_name_every_choice_and_every_setting(choices):
    text = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    missing = [name for name in get_args(choices) if f"`{name}`" not in text]
    own = set(GradientRoute.model_fields) - {"precision", "compile", "budget", "seed"}
    assert not missing and not [name for name in own if not re.search(rf"\b{name}\b", text)]


def test_weighted_rows_in_parts_are_the_weighted_whole(rows):
    """A row of weight 2 counts as two rows; computed in parts or at once, the step is the same."""
    route = small(precision="float32", dropout=0.0, optimizer="sgd", learning_rate=0.1)
    task = get_task(TASK).fit(rows[0], route)
    results = []
    for way in ("whole", "parts", "twice"):
        with torch.random.fork_rng():
            ready = prepare(task, route, *rows, None, 0)
        chosen = ready.examples[:6]
        heavy = [dataclasses.replace(example, weight=2.0 if at == 3 else 1.0) for at, example in enumerate(chosen)]
        if way == "parts":
            parts = [(2 / 7, task.collate(heavy[:2])), (5 / 7, task.collate(heavy[2:]))]
        else:
            parts = [(1.0, task.collate(heavy if way == "whole" else [*chosen, chosen[3]]))]
        results.append((ready.stepper.learn(parts, 1.0), ready.stepper.optimiser.snapshot()))
    (told, weights), *others = results
    for other, found in others:
        assert other == pytest.approx(told, rel=1e-4)
        for name, weight in weights.items():
            torch.testing.assert_close(found[name], weight, rtol=1e-4, atol=1e-6)


def test_many_short_epochs_are_evaluated_a_hundred_times(train, tmp_path):
    settings: dict[str, Any] = {"batch_size": "full", "epochs": 250, "optimizer": "sgd", "learning_rate": 0.01, "patience": 2}
    result = train(small(**settings, schedule="constant", dropout=0.0), limits=Limits(steps=230))
    told = [record["step"] for record in curve(tmp_path / "out") if "validation" in record]
    assert told[:3] == [3, 6, 9], "230 epochs: every third"
    scores = [record["validation"]["macro-f1"] for record in curve(tmp_path / "out") if "validation" in record]
    if result["stopped_by"] == "patience":
        assert scores[-1] <= max(scores[:-1]) and scores[-2] <= max(scores[:-2]) and told[-1] == 3 * len(told)
    else:
        assert told[-1] == result["steps"] == 230


@pytest.mark.parametrize(
    ("steps", "per_epoch", "every"), [(1200, 12, 1), (1212, 12, 2), (500, 1, 5), (5, 12, 1), (10_000, 1, 100)]
)
def test_epochs_between_evaluations(steps, per_epoch, every):
    assert evaluate_every(steps, per_epoch) == every
