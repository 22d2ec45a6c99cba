"""A shipped project runs from its real data to its report, at a tiny budget; and its server says what a batch says.

The examples are tested in a file for each family of tasks, because the tests of a file run on one worker.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.unit.report import test_report_page as walk

import modelwright as mw
from modelwright.data.rows import read_split
from modelwright.pipeline.runner import Run
from modelwright.pipeline.table import STAGES
from modelwright.report.notes import Notes
from modelwright.report.page import write
from modelwright.serve.app import create_app
from modelwright.spec.serve import Serve

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path.parent.name for path in FOLDER.glob("*/modelwright.yaml"))
TINY = (
    "train.budget={steps: 4}",
    "rehearse={connections: [2], seconds: 0.5}",
    "evaluate.resamples=100",
    "evaluate.latency_seconds=0.2",
)
LIMIT, LIMIT_OF_TEXTS = 400, 160
"""Records that are read; texts cost the most."""
WHOLE = ("time-series-forecasting", "recommendation")
"""Tasks whose rows are drawn from many records: a series with gaps, or users with one film each, would be another problem."""
ROWS = 12
SMALL: dict[str, tuple[str, ...]] = {
    "text-generation": (
        "learn.vocabulary=600",
        "learn.context=128",
        "learn.dialogues.limit=60",
        "routes.decoder.size=200K",
        "rehearse={connections: [2], seconds: 1.5, answer_tokens: 4}",
    ),
    "search-engine": ("routes.minilm.max_tokens=32", "routes.hybrid.max_tokens=32"),
    "customer-service": ("routes.hybrid.max_tokens=32", "routes.sentence-encoder.max_tokens=32"),
    "news-desk": ("routes.finetune.max_tokens=48", "choose.at_least=0.5"),
    "groceries": ("routes.finetune.size=96",),
}
"""What makes a task's examples, or one of them, small beside their budget."""
CHARACTERS = 200
"""Of a text that is scored: what a small context holds."""
EXPLAINED = ("chinese-sentiment", "digits")
BEFORE = {"own-bert-labels": "own-bert"}
"""Projects that start from what another one's run has trained."""


def of_tasks(*tasks: str) -> list[str]:
    """Names of the examples of these tasks."""
    return [name for name in EXAMPLES if task_of(name) in tasks]


def task_of(name: str) -> str:
    text = (FOLDER / name / "modelwright.yaml").read_text(encoding="utf-8")
    return next(line.split("#")[0].split(":")[1].strip() for line in text.splitlines() if line.startswith("task:"))


def run_and_ask(name: str, examples: Path, into: Path) -> Run:
    """Run an example to its report, in a folder of its name, and ask its server what a batch says; the run."""
    if name in BEFORE and not (into / BEFORE[name]).exists():
        mw.run(copied(examples / BEFORE[name], into), *TINY, _explained(name), f"data.limit={LIMIT_OF_TEXTS}", quiet=True)
    project = copied(examples / name, into)
    text = (project / "modelwright.yaml").read_text(encoding="utf-8")
    task = task_of(name)
    rows = LIMIT_OF_TEXTS if task.startswith(("text-", "sentence-", "fill-")) else LIMIT
    limit = [] if task in WHOLE else [f"data.limit={rows}"]
    money = ["venture.paths=500"] if "\nventure:" in text else []
    small = (_explained(name), *SMALL.get(task, ()), *SMALL.get(name, ()))
    run = mw.run(project, *TINY, *limit, *money, *small, quiet=True)
    assert all((run.folder / stage).is_dir() for stage in STAGES)
    records = run.evidence.latest()
    assert not left_in_english(run)
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
    return run


def left_in_english(run: Run) -> list[str]:
    """What the Chinese page would show in English of the notes of figures."""
    reason = run.decision["reason"]
    notes = Notes("zh", {reason["en"]: reason["zh"]})
    clauses = [clause for record in run.evidence.latest().values() for clause in notes(record.note).split("；")]
    return [
        clause
        for clause in clauses
        if re.search(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", clause) and not re.search("[一-鿿]", clause)
    ]


def _explained(name: str) -> str:
    """Explaining takes longer than all else: one route over texts and one over images are explained."""
    return f"evaluate.explain.rows={2 if name in EXPLAINED else 0}"


def walk_the_page(run: Run, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the ten questions is answered in its section, and no number stands without a source; in both languages."""
    monkeypatch.setattr(walk.page_module, "_library", lambda: "window.Plotly = {}")
    for language in ("en", "zh"):
        text = write(run.folder, into / language, language).read_text(encoding="utf-8")
        page = walk.Page(text)
        walk.test_each_of_the_ten_questions_is_answered_in_its_section((language, text, page))
        walk.test_no_number_stands_without_a_source((language, text, page))


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
