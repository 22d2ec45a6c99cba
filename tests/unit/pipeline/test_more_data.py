"""What twice the rows would bring, from the measured curves of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from made_project import settings
from modelwright.base.errors import SpecError
from modelwright.pipeline.business import more_data
from modelwright.pipeline.steps.train import curve
from modelwright.spec.load import load
from modelwright.tasks.contract import TASKS

POINTS = [
    {"share": share, "rows": round(share * 1000), "score": 0.97 - 2 * (share * 1000) ** -0.5, "seconds": 1.0}
    for share in (0.125, 0.25, 0.5, 1.0)
]


def found(**changes: Any) -> dict[str, Any]:
    return {"metric": "macro-f1", "better": "higher", "unit": "1", "points": POINTS, "left_out": [], "seconds": 1.0, **changes}


def project(folder: Path, **changes: Any):
    (folder / "modelwright.yaml").write_text(yaml.safe_dump(settings(**changes)), encoding="utf-8")
    return load(folder, TASKS).project


def test_the_chosen_routes_curve_counts_and_prices_decide(tmp_path: Path) -> None:
    venture = {**settings()["venture"], "currency": "EUR", "data": {"cost_per_row": "0.1 EUR", "worth_per_point": 5000}}
    made = more_data(project(tmp_path, venture=venture), "bilstm", {"tfidf-linear": found(metric="other"), "bilstm": found()})
    assert (made["route"], made["metric"]) == ("bilstm", "macro-f1")
    assert made["cost"] == pytest.approx(100)
    assert made["worth_it"] is True
    assert made["asked"] == []
    assert made["gain"][1] == pytest.approx(2 * (1000**-0.5 - 2000**-0.5), abs=0.004)


def test_a_route_without_a_curve_borrows_another_and_prices_are_asked_for(tmp_path: Path) -> None:
    made = more_data(project(tmp_path), "bilstm", {"tfidf-linear": found()})
    assert made["route"] == "tfidf-linear"
    assert made["asked"] == ["venture.data.cost_per_row", "venture.data.worth_per_point"]
    assert made["cost"] is made["may_cost"] is made["worth_it"] is None


def test_without_a_curve_it_is_asked_for_and_says_why_parts_are_missing(tmp_path: Path) -> None:
    here = project(tmp_path)
    assert more_data(here, "bilstm", {}) == {"missing": ["train.learning_curve"], "left_out": []}
    short = found(points=POINTS[2:], left_out=[{"share": 0.125, "why": "one label"}])
    made = more_data(here, "bilstm", {"tfidf-linear": short})
    assert made["missing"] == ["train.learning_curve"]
    assert made["left_out"] == [{"route": "tfidf-linear", "share": 0.125, "why": "one label"}]
    endless = found(unit="USD")  # better when higher, and nobody knows how high it can get
    assert "missing" in more_data(here, "bilstm", {"tfidf-linear": endless})


def test_curves_are_measured_for_solved_routes_unless_others_are_named(tmp_path: Path) -> None:
    here = project(tmp_path)
    assert [bool(curve(here, name)) for name in ("tfidf-linear", "bilstm")] == [True, False]
    asked = project(tmp_path, train={"learning_curve": {"routes": ["bilstm"], "shares": [0.5, 0.25]}})
    assert [curve(asked, name) for name in ("tfidf-linear", "bilstm")] == [(), (0.25, 0.5, 1.0)]
    none = project(tmp_path, train={"learning_curve": None})
    assert curve(none, "tfidf-linear") == ()
    with pytest.raises(SpecError, match="textcnn"):
        project(tmp_path, train={"learning_curve": {"routes": ["textcnn"]}})
