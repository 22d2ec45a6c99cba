"""The ten stages, for real, on made-up rows: artefacts, evidence, what is kept and what is done again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import modelwright as mw
import processor_time
from killing import kill
from made_project import make
from modelwright.base.errors import DataError, ModelwrightError
from modelwright.base.store import read_json
from modelwright.pipeline.table import STAGES


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("flow") / "made")


@pytest.fixture(scope="module")
def first(project: Path):
    return mw.run(project, quiet=True)


def test_ten_stages_leave_their_artefacts(first) -> None:
    for stage in STAGES:
        assert (first.folder / stage).is_dir(), stage
    assert read_json(first.folder / "run.json")["status"] == "finished"
    assert first.decision["route"] in ("tfidf-linear", "bilstm")
    assert first.report.stat().st_size > 10_000
    assert (first.release / "model.onnx").is_file()
    assert not list(first.folder.rglob("*.partial"))


def test_every_stage_left_evidence_with_basis_and_source(first) -> None:
    records = first.evidence.latest()
    for prefix in ("data/", "forecast/", "train/", "evaluate/", "choose/", "compress/", "release/", "rehearse/", "plan/"):
        assert any(name.startswith(prefix) for name in records), prefix
    for record in records.values():
        assert record.basis in ("measured", "estimated", "assumed", "fallback")
        assert record.source.run == first.id
        assert record.source.hardware
        assert record.source.input_hash


def test_released_model_answers_like_the_evaluation(first) -> None:
    """Served and batch answers agree: the release predicts what the evaluation wrote down for its variant's labels."""
    model = mw.load(first.release)
    answers = model.predict(["ship crane tide anchor quay the morning", "oven flour butter dough pan of"])
    assert [answer.label for answer in answers] == ["harbour", "kitchen"]


def test_second_run_keeps_everything_in_under_a_second(project: Path, first) -> None:
    command = ["-m", "modelwright", "run", str(project), "--json"]
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) | {"stages": {}} == {"run": first.id, "folder": str(first.folder), "changed": [], "stages": {}}
    processor_time.assert_within_a_second(*command)


def test_new_price_repeats_only_plan_and_report(project: Path, first) -> None:
    run = mw.run(project, "venture.price.plan=29 per month", quiet=True)
    assert run.id != first.id
    assert run.changed == ("plan", "report")
    assert run.evidence.get("train/bilstm/time") == first.evidence.get("train/bilstm/time")


def test_changed_route_leaves_the_other_routes_training_alone(project: Path, first) -> None:
    run = mw.run(project, "routes.bilstm.width=24", quiet=True)
    assert {"forecast/bilstm", "train/bilstm", "evaluate/bilstm"} <= set(run.changed)
    assert not {"data", "train/tfidf-linear", "evaluate/tfidf-linear"} & set(run.changed)


def test_until_stops_and_the_same_command_goes_on(tmp_path: Path) -> None:
    project = make(tmp_path / "made", routes={"tfidf-linear": {}})
    half = mw_run(project, "--until", "evaluate")
    assert half["changed"][-1] == "evaluate/tfidf-linear"
    whole = mw_run(project)
    assert whole["run"] == half["run"]
    assert whole["changed"][0] == "choose"
    again = mw_run(project, "--from", "plan")
    assert again["changed"] == ["plan", "report"]


def mw_run(project: Path, *options: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "modelwright", "run", str(project), "--json", *options], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_killed_training_is_continued_with_the_same_losses(tmp_path: Path) -> None:
    """SIGKILL in the middle of training; the same command goes on from the checkpoint and ends where an untouched run ends."""
    routes = {"bilstm": {"width": 32, "epochs": 12, "patience": 0, "max_tokens": 32}}
    untouched = make(tmp_path / "untouched", routes=routes, train={"budget": {"steps": 60}, "checkpoint_seconds": 0.2})
    killed = make(tmp_path / "killed", routes=routes, train={"budget": {"steps": 60}, "checkpoint_seconds": 0.2})
    expected = mw_run(untouched, "--until", "train")

    process = subprocess.Popen(
        [sys.executable, "-m", "modelwright", "run", str(killed), "--until", "train"], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(killed.glob("runs/*/train/bilstm.partial/resume/state-*.safetensors")):
        assert process.poll() is None, "the run ended before its first checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    kill(process)
    (partial,) = killed.glob("runs/*/train/bilstm.partial")

    finished = mw_run(killed, "--until", "train")
    assert finished["run"] == partial.parent.parent.name
    assert _losses(killed) == _losses(untouched)
    assert expected["changed"][-1] == finished["changed"][-1] == "train/bilstm"


def _losses(project: Path) -> list[float]:
    (curve,) = project.glob("runs/*/train/bilstm/curve.jsonl")
    points = [json.loads(line) for line in curve.read_text().splitlines()]
    return [point["loss"] for point in points if "loss" in point]


def test_failed_step_keeps_what_was_finished_and_says_what_to_do(tmp_path: Path) -> None:
    project = make(tmp_path / "made", data={"source": "rows.csv", "columns": {"text": "body", "label": "subject"}})
    with pytest.raises(DataError) as caught:
        mw.run(project, quiet=True)
    assert "subject" in str(caught.value)
    assert "topic" in str(caught.value)  # the columns that exist
    (run,) = project.glob("runs/2*")
    assert read_json(run / "run.json")["status"] == "failed"
    assert not (run / "data").exists()


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    import fcntl

    project = make(tmp_path / "made")
    (project / "runs").mkdir()
    with (project / "runs" / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ModelwrightError, match="another run of this project"):
            mw.run(project, quiet=True)
