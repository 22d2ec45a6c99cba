"""The queue with real runs: a worker is killed in the middle of a training, and the next one goes on with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from killing import kill
from made_project import make

pytest.importorskip("torch")

PYTHON = [sys.executable, "-m", "modelwright", "queue"]


def queue(folder: Path, *arguments: str) -> list | dict:
    done = subprocess.run(
        [*PYTHON, *arguments, "--queue", "q.sqlite", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout)


def test_a_killed_workers_training_is_continued_and_its_money_is_measured(tmp_path: Path) -> None:
    routes = {"tfidf-linear": {}, "bilstm": {"width": 16, "epochs": 60, "max_tokens": 32, "patience": 0}}
    train = {"budget": {"minutes": 2}, "checkpoint_seconds": 0.1}
    make(tmp_path / "long", project="long", routes=routes, train=train)
    make(tmp_path / "short", project="short", routes={"tfidf-linear": {}})
    (tmp_path / "q.yaml").write_text("slots: 2\nbudget: 5 USD\n")
    assert queue(tmp_path, "add", "long", "--priority", "1")["id"] == 1  # type: ignore[call-overload]
    assert queue(tmp_path, "add", "short", "train.seed=1")["overrides"] == ["train.seed=1"]  # type: ignore[call-overload]

    command = [*PYTHON, "work", "--queue", "q.sqlite", "--slots", "1"]
    working = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 240
    while not list((tmp_path / "long").glob("runs/*/train/bilstm.partial/resume/state-*.safetensors")):
        assert working.poll() is None
        assert time.monotonic() < until, (tmp_path / "q.logs" / "1.log").read_text()
        time.sleep(0.02)
    kill(working)

    done = queue(tmp_path, "work", "--until-empty")["done"]  # type: ignore[call-overload]
    assert {(item["job"], item["state"]) for item in done} == {(1, "finished"), (2, "finished")}
    shown = queue(tmp_path, "show")
    assert isinstance(shown, dict)
    long, short = sorted(shown["jobs"], key=lambda job: job["id"])
    (run,) = (tmp_path / "long" / "runs").glob("2*")
    assert long["run"] == str(run)
    lines = (tmp_path / "q.logs" / "1.log").read_text().splitlines()
    trained = [line for line in lines if "tfidf-linear: validation" in line]
    assert [line.endswith("[kept]") for line in trained] == [False, True]  # the second worker did not train it again
    assert any("bilstm: going on from step" in line for line in lines)
    records = [json.loads(line) for line in (run / "evidence.jsonl").read_text().splitlines()]
    measured = {record["name"]: record["value"] for record in records}
    assert long["money"] == pytest.approx(measured["train/tfidf-linear/money"] + measured["train/bilstm/money"])
    assert long["trains"] == ["train/tfidf-linear", "train/bilstm"]
    assert (long["money_basis"], short["money_basis"]) == ("measured", "measured")
    assert shown["spent"] == pytest.approx(long["money"] + short["money"])
    assert 0 < shown["usage"]["utilisation"] <= 1
    assert (shown["workers"], shown["busy"]) == (0, 0)
