"""Two processes learn what one learns: the same loss at every step, the same weights at the end, copied or shared out; killed, they go on
together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from killing import kill
from modelwright.base.console import Console
from modelwright.base.errors import TrainError
from modelwright.base.nouns import Row
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


WORDS = ("red", "blue", "green", "black", "white")
# in whatever precision this machine learns in
PHASED = ROUTE.with_settings(
    {
        "precision": "auto",
        "epochs": 1,
        "dialogue": {"epochs": 12, "batch_size": 5, "learning_rate": 6e-3},
        "preference": {"epochs": 1},
    }
)
KILLED = """
import sys
from pathlib import Path
import test_distributed
test_distributed.through_all_phases(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def through_all_phases(data: Path, folder: Path) -> dict[str, Any]:
    splits = {"main": data / "few", **{name: data / name for name in ("dialogues", "preferences")}}
    given = settings(folder, limits=Limits(), checkpoint_seconds=1e-9)
    return train_together(TASK, PHASED, splits, processes=2, sharded=True, **given)


def asked(number: int) -> str:
    return json.dumps([{"role": "user", "content": f"say {WORDS[number % 5]}"}])


def test_killed_processes_go_on_with_their_shards_in_the_phase_they_were_in(data, tmp_path):
    documents = TASK.exam_rows(0)
    (data / "few").mkdir()
    write_split(data / "few", "train", documents[:30])
    write_split(data / "few", "validation", documents[-5:])
    for name, answers in (("dialogues", ()), ("preferences", ("chosen", "rejected"))):
        (data / name).mkdir()
        for split, count in (("train", 41), ("validation", 6)):
            rows = [Row(f"{split}{n}", {"messages": asked(n)}) for n in range(count)]
            for n, row in enumerate(rows):
                answer = {"role": "assistant", "content": WORDS[n % 5]}
                row.values.update({key: WORDS[(n + at) % 5] for at, key in enumerate(answers)})
                if not answers:
                    row.values["messages"] = json.dumps([*json.loads(asked(n)), answer])
            write_split(data / name, split, rows)
    whole, killed = through_all_phases(data, tmp_path / "whole"), tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(data), str(killed)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
    )
    curve = killed / "dialogue" / "curve.jsonl"
    deadline = time.monotonic() + 120
    while process.poll() is None and (not curve.exists() or curve.read_text().count("\n") < 20):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None, "it was over before it could be killed"
    kill(process)
    before = (killed / "pretrain" / "phase.json").stat().st_mtime_ns
    assert not (killed / "dialogue" / "phase.json").exists()
    result = through_all_phases(data, killed)
    assert (killed / "pretrain" / "phase.json").stat().st_mtime_ns == before, "a finished phase is not learned again"
    assert [one["name"] for one in result["phases"]] == ["pretrain", "dialogue", "preference"]
    assert [one["steps"] for one in result["phases"]] == [one["steps"] for one in whole["phases"]]
    ours, theirs = (load_file(tmp_path / name / "checkpoint" / "model.safetensors") for name in ("killed", "whole"))
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], atol=0.0, rtol=0.0)
    learned = losses(killed / "dialogue")
    assert learned == losses(tmp_path / "whole" / "dialogue")
    assert sum(learned[-5:]) < 0.7 * sum(learned[:5])


def test_a_problem_in_one_of_them_is_told_as_it_was(data, tmp_path):
    folder = tmp_path / "diverges"
    route = ROUTE.with_settings({"learning_rate": 1e30, "clip": 0.0, "warmup": 0.0, "optimizer": "sgd", "betas": (0.9, 0.95)})
    with pytest.raises(TrainError, match="diverged"):
        train_together(TASK, route, {"main": data}, processes=2, sharded=False, **settings(folder))
