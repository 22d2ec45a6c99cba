"""Several processes are a setting of the project file: the run goes on as any other, and says how many there were."""

from __future__ import annotations

from pathlib import Path

from made_project import make
from modelwright.base.console import Console
from modelwright.base.store import read_json
from modelwright.pipeline import runner
from modelwright.spec.load import load
from modelwright.tasks.contract import TASKS


def test_a_route_is_trained_by_two_processes(tmp_path: Path) -> None:
    routes = {"cnn": {"route": "textcnn", "width": 16, "channels": 16, "epochs": 2, "max_tokens": 32}, "tfidf-linear": {}}
    project = make(tmp_path / "made", routes=routes, train={"processes": 2, "learning_curve": None}, venture=None)
    run = runner.run(load(project, TASKS), Console(quiet=True), until="train")
    result = read_json(run.folder / "train/cnn/result.json")
    assert (result["processes"], result["sharded"]) == (2, False)
    assert result["epochs"] == 2.0
    assert (run.folder / "train/cnn/model.onnx").exists()
    assert "processes" not in read_json(run.folder / "train/tfidf-linear/result.json")  # nothing is trained step by step there
    assert run.evidence.latest()["train/cnn/devices"].note.startswith("2 processes")
