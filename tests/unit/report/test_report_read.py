"""A run folder as it is: missing is missing, damaged is an error with the next step."""

from __future__ import annotations

import json

import pytest
from tests.report_run import ROUTES, build

from modelwright.base.errors import DataError
from modelwright.base.store import file_hash
from modelwright.report.read import read_run


def test_everything_is_read_in_the_projects_order(tmp_path):
    run = read_run(build(tmp_path))
    assert run.routes == ROUTES and run.chosen == "tfidf-linear" and run.metric == "macro-f1"
    assert list(run.curves) == ["bilstm", "finetune"], "a fit route has no curve"
    assert run.evidence["rehearse/64/p95"].value == 41.0
    assert run.model_card
    for path, artefact in run.artefacts.items():
        assert artefact.sha256 == file_hash(tmp_path / path)
        assert artefact.stage == path.partition("/")[0]


def test_missing_is_none(tmp_path):
    run = read_run(build(tmp_path, without=("plan/plan.json", "data/card.json", "run.json", "evidence.jsonl")))
    assert run.plan is None and run.card is None and run.info == {} and run.evidence == {} and run.records == ()
    assert "plan/plan.json" not in run.artefacts


def test_the_headline_metric_stands_in_for_a_missing_decision(tmp_path):
    run = read_run(build(tmp_path, without=("choose/decision.json",)))
    assert run.chosen is None and run.metric == "macro-f1"


def test_unfinished_folders_are_no_routes(tmp_path):
    run = build(tmp_path)
    (run / "train/encoder.partial").mkdir()
    (run / "train/encoder.partial/result.json").write_text("{}")
    (run / "train/extra").mkdir()
    (run / "train/extra/result.json").write_text("{}")
    assert read_run(run).routes == (*ROUTES, "extra")


@pytest.mark.parametrize(
    ("path", "content", "remedy"),
    [
        ("plan/plan.json", "{", "modelwright run --from plan"),
        ("choose/decision.json", "[1]", "modelwright run --from choose"),
        ("train/bilstm/curve.jsonl", '{"step": 1}\n{"st\n', "modelwright run --from train"),
        ("evidence.jsonl", '{"name": "x"}\n', "modelwright run"),
    ],
)
def test_damaged_files_are_named_with_the_next_step(tmp_path, path, content, remedy):
    run = build(tmp_path)
    (run / path).write_text(content)
    with pytest.raises(DataError) as caught:
        read_run(run)
    assert path in caught.value.where and remedy in caught.value.remedy and caught.value.expected


def test_line_separators_inside_a_curve_do_not_cut_it(tmp_path):
    run = build(tmp_path)
    line = {"step": 1, "epoch": 0.1, "seconds": 1.0, "loss": 1.0, "learning_rate": 1e-3, "note": "a\u2028b"}
    (run / "train/bilstm/curve.jsonl").write_text(json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_run(run).curves["bilstm"] == (line,)
