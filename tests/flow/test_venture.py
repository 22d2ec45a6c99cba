"""The venture's answers rest on what a real run measured: from rows to the checklist, the learning curve and the page."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from tests.unit.report import test_report_page as walk

import modelwright as mw
from made_project import make
from modelwright.base.evidence import Evidence
from modelwright.base.store import read_json
from modelwright.pipeline.runner import Run
from modelwright.report.page import write

COMPLIANCE = {"markets": ["EU"], "role": "provider", "use": ["none"], "personal_data": False, "generative": False}


def by_hand(folder: Path) -> Path:
    """A project whose rows hold an address, with two groups of people."""
    project = make(
        folder,
        routes={"tfidf-linear": {}},
        evaluate={"resamples": 200, "groups": ["desk"]},
        compliance=COMPLIANCE,
        language="zh",
    )
    with (project / "rows.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    rows[7][0] += " write to ann.lee@example.org"
    with (project / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return project


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return mw.run(by_hand(tmp_path_factory.mktemp("venture") / "made"), quiet=True)


@pytest.fixture(scope="module")
def records(run: Run) -> dict[str, Evidence]:
    return run.evidence.latest()


def items(run: Run) -> dict[str, dict[str, Any]]:
    content = read_json(run.folder / "plan" / "compliance.json")
    return {item["id"]: item for item in content["items"]}


def test_personal_data_in_the_rows_fail_the_item_and_are_not_written_down(run: Run, records: dict[str, Evidence]) -> None:
    assert records["data/personal-data-kept"].value == records["data/personal-data/email"].value == 1
    assert items(run)["personal-data"]["state"] == "fail", "stated as none, but found"
    found = read_json(run.folder / "data" / "privacy.json")
    assert found["kinds"]["email"]["columns"] == {"text": 1}
    assert "ann.lee" not in (run.folder / "data" / "privacy.json").read_text()
    risks = {risk["id"]: risk["state"] for risk in read_json(run.folder / "plan" / "risks.json")["risks"]}
    assert "triggered" in {risks[name] for name in risks if "personal" in name}


def test_the_gap_between_groups_decides_its_item(run: Run, records: dict[str, Evidence]) -> None:
    gap = records["evaluate/tfidf-linear/fairness-gap"]
    assert gap.value == records["evaluate/tfidf-linear/fairness-gap/desk"].value
    assert gap.low is not None
    assert gap.high is not None
    assert items(run)["bias"]["state"] == ("pass" if float(gap.value) <= 0.05 else "fail")


def test_mistyped_texts_cost_what_was_measured(run: Run, records: dict[str, Evidence]) -> None:
    loss = records["evaluate/tfidf-linear/robustness-loss"]
    found = read_json(run.folder / "evaluate" / "tfidf-linear" / "robustness.json")
    assert loss.value == pytest.approx(found["clean"] - found["disturbed"])
    assert loss.low is not None


def test_operations_are_bounded_by_time_and_devices(run: Run, records: dict[str, Evidence]) -> None:
    assert records["train/tfidf-linear/devices"].value == 1
    assert "train/tfidf-linear/flops" not in records, "nobody counts a solver's operations"
    flops = read_json(run.folder / "plan" / "compliance.json")["classification"]["flops"]
    assert flops["kind"] == "at most"
    assert flops["value"] < 1e23


def test_what_nobody_measured_is_no_evidence(run: Run) -> None:
    found = items(run)
    checks = {check["text"]["en"]: check["state"] for item in found.values() for check in item["checks"]}
    assert checks["disturbed inputs cost at most 0.1 of the metric"] != "no evidence", "texts are disturbed by evaluate"
    assert checks["two annotators agree on at least 80% of a sample"] == "no evidence"
    assert found["monitoring-and-incidents"]["state"] == "no evidence"


def test_the_learning_curve_is_measured_and_read_further(run: Run, records: dict[str, Evidence]) -> None:
    learned = read_json(run.folder / "plan" / "learning.json")
    assert learned["route"] == "tfidf-linear"
    points = {
        name: record for name, record in records.items() if name.startswith("learning/tfidf-linear/0") or name.endswith("/1")
    }
    assert [point["score"] for point in learned["points"]] == [
        points[name].value for name in points if name.startswith("learning/")
    ]
    assert learned["rows_more"] == 2 * records["data/rows-train"].value
    assert learned["asked"] == ["venture.data.cost_per_row", "venture.data.worth_per_point"]
    page = (run.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "没有测量学习曲线" not in page


def test_the_page_of_a_real_run_stands_up_to_the_walk(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk.page_module, "_library", lambda: "window.Plotly = {}")
    content = write(run.folder, tmp_path / "out", "zh").read_text(encoding="utf-8")
    page = walk.Page(content)
    walk.test_no_number_stands_without_a_source(("zh", content, page))
    walk.test_links_resolve_and_ids_are_unique(("zh", content, page))
