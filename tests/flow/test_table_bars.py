"""Shipped tables reach their bars with the routes that take seconds; figures are read from the run's own evaluation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import modelwright as mw

BARS = [
    # example, routes, metric, bar of the test figure, bar of its interval's upper end
    ("german-credit", "{linear: {}, boosting: {}}", "roc-auc", 0.78, 0.8),
    ("breast-cancer", "{linear: {}, svm: {}}", "roc-auc", 0.98, 0.99),  # 199 patients: the mean over splits is in benchmarks/
    ("equipment-failure", "{linear: {}}", "roc-auc", 0.7, 0.74),
]


@pytest.mark.network
@pytest.mark.parametrize(("name", "routes", "metric", "bar", "upper"), BARS, ids=[bar[0] for bar in BARS])
def test_a_shipped_table_reaches_its_bar(
    name: str, routes: str, metric: str, bar: float, upper: float, examples: Path, tmp_path: Path
) -> None:
    shutil.copy(examples / name / "modelwright.yaml", tmp_path)
    quick = ("rehearse={connections: [2], seconds: 0.5}", "evaluate.resamples=200", "venture=null", "choose.latency_ms_p95=null")
    run = mw.run(tmp_path, f"routes={routes}", *quick, quiet=True)
    taken = run.decision["route"]
    evaluation = json.loads((run.folder / "evaluate" / taken / "evaluation.json").read_text(encoding="utf-8"))
    figure = evaluation["splits"]["test"]["metrics"][metric]
    assert figure["value"] >= bar
    assert figure["high"] >= upper
    columns = evaluation["importance"]["columns"]
    assert columns[0]["drop"] > 0.01
    assert {item["column"] for item in columns} <= set(mw.load(run.release).task.reader.sizes["sources"])
