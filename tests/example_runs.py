"""A shipped project runs from its real data to its report, at a tiny budget; and its server says what a batch says.

The examples are tested in a file for each family of tasks, because the tests of a file run on one worker.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import modelwright as mw
from modelwright.data.rows import read_split
from modelwright.pipeline.table import STAGES
from modelwright.serve.app import create_app
from modelwright.spec.serve import Serve

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path.parent.name for path in FOLDER.glob("*/modelwright.yaml"))
TINY = (
    "train.budget={steps: 4}",
    "rehearse={connections: [2], seconds: 0.5}",
    "evaluate.resamples=100",
    "evaluate.explain.rows=2",
)
LIMIT, LIMIT_OF_TEXTS = 400, 160
"""Records that are read; texts cost the most."""
WHOLE = ("time-series-forecasting", "recommendation")
"""Tasks whose rows are drawn from many records: a series with gaps, or users with one film each, would be another problem."""
ROWS = 12
SMALL = {
    "text-generation": (
        "learn.vocabulary=600",
        "learn.context=128",
        "learn.dialogues.limit=60",
        "routes.decoder.size=200K",
        "rehearse={connections: [2], seconds: 1.5, answer_tokens: 4}",
    )
}
"""What makes a task's examples small beside their budget."""
CHARACTERS = 200
"""Of a text that is scored: what a small context holds."""
BEFORE = {"own-bert-labels": "own-bert"}
"""Projects that start from what another one's run has trained."""


def of_tasks(*tasks: str) -> list[str]:
    """Names of the examples of these tasks."""
    return [name for name in EXAMPLES if task_of(name) in tasks]


def task_of(name: str) -> str:
    text = (FOLDER / name / "modelwright.yaml").read_text(encoding="utf-8")
    return next(line.split("#")[0].split(":")[1].strip() for line in text.splitlines() if line.startswith("task:"))


def run_and_ask(name: str, examples: Path, tmp_path: Path) -> None:
    """Run an example to its report and ask its server what a batch says."""
    if name in BEFORE:
        mw.run(copied(examples / BEFORE[name], tmp_path), *TINY, f"data.limit={LIMIT_OF_TEXTS}", quiet=True)
    project = copied(examples / name, tmp_path)
    text = (project / "modelwright.yaml").read_text(encoding="utf-8")
    task = task_of(name)
    rows = LIMIT_OF_TEXTS if task.startswith(("text-", "sentence-", "fill-")) else LIMIT
    limit = [] if task in WHOLE else [f"data.limit={rows}"]
    money = ["venture.paths=500"] if "\nventure:" in text else []
    run = mw.run(project, *TINY, *limit, *money, *SMALL.get(task, ()), quiet=True)
    assert all((run.folder / stage).is_dir() for stage in STAGES)
    records = run.evidence.latest()
    if limit:
        assert records["data/rows-read"].value == rows
    assert {step for step in run.changed if step.startswith("train/")} == {
        f"train/{row['route']}" for row in run.decision["candidates"]
    }
    assert records["rehearse/throughput"].value > 0
    assert records["rehearse/2/errors"].value == 0
    predictor = mw.load(run.release)
    requests = [predictor.task.request_of(row) for row in read_split(run.folder / "data", "test")[:ROWS]]
    if task == "text-generation":
        requests = [{"text": request["text"][:CHARACTERS]} for request in requests]
    batch = [prediction.as_json() for prediction in predictor.predict(requests)]
    with TestClient(create_app(predictor, Serve())) as client:
        together = client.post("/v1/predict", json={"inputs": requests})
        assert together.status_code == 200, together.text
        one_by_one = [client.post("/v1/predict", json=request).json()["prediction"] for request in requests]
    assert_equal(together.json()["predictions"], batch, name)
    assert_equal([{**one, "row_id": str(place)} for place, one in enumerate(one_by_one)], batch, name)
    asked = json.loads((run.folder / "rehearse" / "request.json").read_text(encoding="utf-8"))
    assert predictor.predict([asked])[0].row_id == "0"


def copied(example: Path, into: Path) -> Path:
    """The project with the rows that it brings, without runs that lie beside it."""
    project = into / example.name
    project.mkdir()
    for file in (*example.glob("*.yaml"), *example.glob("*.jsonl")):
        shutil.copy(file, project)
    return project


def assert_equal(served: Any, batch: Any, where: str) -> None:
    """Exactly, and numbers within 1e-4."""
    if isinstance(batch, dict):
        assert set(served) == set(batch), where
        for key, value in batch.items():
            assert_equal(served[key], value, f"{where}.{key}")
    elif isinstance(batch, list | tuple):
        assert len(served) == len(batch), where
        for place, value in enumerate(batch):
            assert_equal(served[place], value, f"{where}[{place}]")
    elif isinstance(batch, float):
        assert served == pytest.approx(batch, rel=1e-4, abs=1e-4), where
    else:
        assert served == batch, where
