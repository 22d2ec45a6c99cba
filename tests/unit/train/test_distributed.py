"""Two processes learn what one learns: the same loss at every step, the same weights at the end, copied or shared out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from modelwright.base.console import Console
from modelwright.base.errors import TrainError
from modelwright.data.rows import read_split, write_split
from modelwright.spec.routes.route import all_routes
from modelwright.tasks.contract import get_task
from modelwright.train.distributed import train_together
from modelwright.train.route import Limits, train_route

TASK = get_task("text-generation")
# float32, so that nothing but the order of additions differs; a batch that two can't share evenly
ROUTE = all_routes()["decoder"].model_validate(
    {"width": 32, "layers": 2, "heads": 2, "learning_rate": 3e-3, "batch_size": 5, "epochs": 2, "precision": "float32"}
)
LEARN = TASK.settings.model_validate({"vocabulary": 300, "context": 32})
TOLERANCE = 1e-4  # of the loss, in nats: a float32 sum in another order, carried through the steps


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = TASK.exam_rows(0)
    write_split(folder, "train", rows[:-20])
    write_split(folder, "validation", rows[-20:])
    return folder


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    given = {"checkpoint": None, "limits": Limits(steps=8), "seed": 0, "console": Console(quiet=True), "title": "decoder"}
    return {**given, "folder": folder, "checkpoint_seconds": 20.0, "learn": LEARN, **more}


def losses(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    train_route(TASK, ROUTE, read_split(data, "train"), read_split(data, "validation"), **settings(folder))
    return folder


@pytest.mark.parametrize("sharded", [False, True])
def test_two_processes_learn_what_one_learns(sharded, data, alone, tmp_path):
    folder = tmp_path / "two"
    result = train_together(TASK, ROUTE, {"main": data}, processes=2, sharded=sharded, **settings(folder))
    assert (result["processes"], result["sharded"], result["steps"]) == (2, sharded, 8)
    assert losses(folder) == pytest.approx(losses(alone), abs=TOLERANCE)
    assert losses(folder)[-1] < losses(folder)[0] - 0.1  # it is learning that agrees, not standing still
    assert result["rows"] == json.loads((alone / "result.json").read_text())["rows"]
    assert result["best_score"] == pytest.approx(json.loads((alone / "result.json").read_text())["best_score"], abs=1e-3)
    ours, theirs = (load_file(path / "checkpoint" / "model.safetensors") for path in (folder, alone))
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], atol=2e-3, rtol=0.0)


def test_a_problem_in_one_of_them_is_told_as_it_was(data, tmp_path):
    folder = tmp_path / "diverges"
    route = ROUTE.with_settings({"learning_rate": 1e30, "clip": 0.0, "warmup": 0.0, "optimizer": "sgd", "betas": (0.9, 0.95)})
    with pytest.raises(TrainError, match="diverged"):
        train_together(TASK, route, {"main": data}, processes=2, sharded=False, **settings(folder))
