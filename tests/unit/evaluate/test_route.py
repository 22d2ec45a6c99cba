"""A whole evaluation of a real small route, and what it leaves on disk for choosing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from modelwright.base.console import Console
from modelwright.base.errors import DataError, ReleaseError, SpecError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Row
from modelwright.evaluate.choosing import Candidate, choose
from modelwright.evaluate.files import read_predictions
from modelwright.evaluate.route import evaluate_route
from modelwright.spec.choose import Choose
from modelwright.spec.evaluate import Evaluate
from modelwright.tasks.contract import load_task

SETTINGS = Evaluate(resamples=100, slices=("source", "copy"), mistakes=5, latency_seconds=0.05)
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def evaluated(source, rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluated")
    found = evaluate_route(source, SETTINGS, rows(60, 1), rows(90, 2), out, QUIET, 0)
    return out, found


def test_what_is_returned_is_what_is_written(evaluated):
    out, found = evaluated
    assert json.loads((out / "evaluation.json").read_text(encoding="utf-8")) == found
    assert sorted(path.name for path in out.iterdir()) == [
        "evaluation.json",
        "predictions-test.jsonl",
        "predictions-validation.jsonl",
        "resamples-test.npz",
        "resamples-validation.npz",
    ]


def test_figures_are_scikit_learns_on_the_written_predictions(evaluated, rows):
    out, found = evaluated
    for split, given in (("validation", rows(60, 1)), ("test", rows(90, 2))):
        lines = read_predictions(out, split)
        truth, label = [line["truth"] for line in lines], [line["label"] for line in lines]
        assert [line["row_id"] for line in lines] == [row.id for row in given]
        assert truth == [row.values["label"] for row in given]
        metrics = found["splits"][split]["metrics"]
        assert found["splits"][split]["rows"] == len(given)
        assert metrics["macro-f1"]["value"] == pytest.approx(f1_score(truth, label, average="macro"))
        assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(truth, label))
        assert metrics["accuracy"]["low"] < metrics["accuracy"]["value"] < metrics["accuracy"]["high"]


def test_predictions_in_batches_are_those_of_single_requests(evaluated, source, rows):
    out, _ = evaluated
    task, graph = load_task(source), Graph(source / "model.onnx")
    for row, line in zip(rows(90, 2)[:10], read_predictions(out, "test"), strict=False):
        (alone,) = task.decode(graph.run(task.collate([task.encode(row)])), [row.id])
        assert alone.label == line["label"] and alone.probability == pytest.approx(line["probability"], abs=1e-5)


def test_parts_of_the_test_split(evaluated):
    _, found = evaluated
    counts = np.array(found["confusion"]["counts"])
    accuracy = found["splits"]["test"]["metrics"]["accuracy"]["value"]
    assert counts.sum() == 90 and np.trace(counts) == pytest.approx(accuracy * 90)
    assert sum(part["rows"] for part in found["calibration"]["bins"]) == 90
    wrong = 90 - np.trace(counts)
    assert 0 < len(found["mistakes"]) == min(5, wrong)
    confidence = [one["probability"] for one in found["mistakes"]]
    assert confidence == sorted(confidence, reverse=True) and all(one["truth"] != one["predicted"] for one in found["mistakes"])
    slices = {(one["column"], one["value"]): one for one in found["slices"]}
    assert {column for column, _ in slices} == {"length", "source", "copy"}
    assert slices["copy", "one"]["small"] and slices["copy", "one"]["metrics"]["accuracy"]["low"] is None
    assert slices["source", "paper"]["rows"] + slices["source", "radio"]["rows"] == 90


def test_speed_size_and_chance(evaluated, source, rows):
    _, found = evaluated
    latency = found["latency_ms"]
    assert set(latency) == {"p50", "p95", "p99", "mean", "count"}
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] and latency["count"] >= 5
    assert found["cpu_seconds_per_request"] > 0
    task_files = [path for path in source.iterdir() if path.name != "model.onnx"]
    assert found["size_bytes"] == (source / "model.onnx").stat().st_size + sum(path.stat().st_size for path in task_files)
    assert found["chance"] == pytest.approx(load_task(source).chance(rows(90, 2)))
    assert found["headline"] == "macro-f1"


def test_two_evaluated_routes_can_be_chosen_from(evaluated, weak_source, rows, tmp_path):
    out, good = evaluated
    weak = evaluate_route(weak_source, SETTINGS, rows(60, 1), rows(90, 2), tmp_path, QUIET, 0)
    for metric in load_task(weak_source).metrics[:2]:
        candidates = [
            Candidate(
                name,
                found["splits"]["validation"]["metrics"][metric.name],
                found["splits"]["test"]["metrics"][metric.name],
                found["latency_ms"]["p95"],
                None,
                "USD",
                found["size_bytes"],
                1.0,
            )
            for name, found in (("good", good), ("weak", weak))
        ]
        decision = choose(candidates, Choose(prefer="latency"), metric, {"good": out, "weak": tmp_path})
        p_value = decision["candidates"][1]["p_value"]
        assert decision["route"] == "good" and p_value < 0.05
        assert decision["candidates"][1]["p_test"] == ("exact McNemar" if metric.name == "accuracy" else "paired bootstrap")
        assert decision["confirmed_on_test"] is True


def test_several_labels_a_row(several_source, rows, tmp_path):
    validation, test = rows(30, 1, several=True), rows(60, 2, several=True)
    found = evaluate_route(several_source, Evaluate(resamples=100, latency_seconds=0.05), validation, test, tmp_path, QUIET, 0)
    assert "confusion" not in found
    assert sum(part["rows"] for part in found["calibration"]["bins"]) == 60 * 3
    assert isinstance(found["mistakes"][0]["truth"], list)
    assert read_predictions(tmp_path, "test")[0]["truth"] == list(test[0].values["label"])


def test_wrong_input_is_refused_before_any_work(source, rows, tmp_path):
    good = rows(20, 1)
    with pytest.raises(DataError, match="validation split has no rows"):
        evaluate_route(source, Evaluate(), [], good, tmp_path / "a", QUIET, 0)
    with pytest.raises(SpecError, match="sauce"):
        evaluate_route(source, Evaluate(slices=("sauce",)), good, good, tmp_path / "b", QUIET, 0)
    with pytest.raises(ReleaseError):
        evaluate_route(tmp_path / "nowhere", Evaluate(), good, good, tmp_path / "c", QUIET, 0)
    unlabelled = [Row(row.id, {"text": row.values["text"]}) for row in good]
    with pytest.raises(DataError, match="no label"):
        evaluate_route(source, Evaluate(), good, unlabelled, tmp_path / "d", QUIET, 0)
    assert not any((tmp_path / name / "evaluation.json").exists() for name in "abcd")


def test_requests_are_timed_as_long_as_asked(source, rows, tmp_path, evaluated):
    longer = evaluate_route(
        source, SETTINGS.model_copy(update={"latency_seconds": 0.5}), rows(60, 1), rows(90, 2), tmp_path, QUIET, 0
    )
    assert longer["latency_ms"]["count"] > 3 * evaluated[1]["latency_ms"]["count"]


def test_a_damaged_graph_is_a_release_error(source, rows, tmp_path):
    load_task(source).save(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"\x08\x01broken")
    with pytest.raises(ReleaseError, match="can't be loaded"):
        evaluate_route(tmp_path, Evaluate(), rows(20, 1), rows(20, 2), tmp_path / "out", QUIET, 0)
