"""Probabilities calibrated, doubts admitted, numbers with intervals, figures of decisions, reasons and requests of table tasks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from modelwright.base.errors import DataError, ReleaseError, RequestError, SpecError
from modelwright.base.nouns import Row
from modelwright.spec.routes.boosting import Boosting
from modelwright.spec.routes.svm import Svm
from modelwright.tasks.answers.calibration import Calibration
from modelwright.tasks.answers.numbers import Scale
from modelwright.tasks.measures.operating import (
    average_precision,
    brier,
    sensitivity_at_specificity,
    threshold_at_specificity,
)
from modelwright.tasks.measures.regression import errors
from modelwright.tasks.table import exam
from modelwright.tasks.tabular_classification import TabularClassification, TabularClassificationSettings
from modelwright.tasks.tabular_regression import TabularRegression, TabularRegressionSettings

DRAW = np.random.default_rng(0)
POSITIVE = DRAW.random(300) < 0.3
SCORES = np.round(np.clip(DRAW.normal(0.3 + 0.3 * POSITIVE, 0.2), 0, 1), 2)  # rounded: ties


def labels(kind: str = "two-classes", route=None, **learn) -> TabularClassification:
    rows = TabularClassification.exam_rows(0, kind)
    return TabularClassification.fit(rows, route or Boosting(), None, TabularClassificationSettings(**learn))


def numbers(**learn) -> TabularRegression:
    return TabularRegression.fit(TabularRegression.exam_rows(0), Boosting(), None, TabularRegressionSettings(**learn))


def test_average_precision_and_brier_are_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    assert average_precision(POSITIVE, SCORES) == pytest.approx(metrics.average_precision_score(POSITIVE, SCORES))
    both = np.stack([1 - SCORES, SCORES], 1)
    truth = np.stack([~POSITIVE, POSITIVE], 1)
    assert brier(truth, both) == pytest.approx(metrics.brier_score_loss(POSITIVE, SCORES))
    assert average_precision(np.zeros(5, bool), SCORES[:5]) is None


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.95, 0.999])
def test_no_lower_threshold_clears_enough(wanted):
    threshold = threshold_at_specificity(POSITIVE, SCORES, wanted)
    assert threshold is not None
    assert (SCORES[~POSITIVE] < threshold).mean() >= wanted
    lower = max((score for score in SCORES if score < threshold), default=0.0)
    assert (SCORES[~POSITIVE] < lower).mean() < wanted
    assert sensitivity_at_specificity(POSITIVE, SCORES, wanted) == (SCORES[POSITIVE] >= threshold).mean()


def test_one_kind_of_rows_has_no_threshold():
    assert sensitivity_at_specificity(np.ones(4, bool), SCORES[:4], 0.9) is None
    assert sensitivity_at_specificity(np.zeros(4, bool), SCORES[:4], 0.9) is None


def test_errors_of_numbers_are_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    truth, value = DRAW.normal(10, 3, 50), DRAW.normal(10, 3, 50)
    found = errors(truth, value)
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, value))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, value))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, value))
    assert found["median-absolute-error"] == pytest.approx(metrics.median_absolute_error(truth, value))
    assert found["mape"] == pytest.approx(metrics.mean_absolute_percentage_error(truth, value))


def test_figures_that_are_not_defined_are_left_out():
    assert "mape" not in errors(np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    assert "r2" not in errors(np.array([2.0, 2.0]), np.array([1.0, 3.0]))


def overconfident(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities whose logits are three times too large, and labels drawn from the true ones."""
    draw = np.random.default_rng(classes)
    logits = draw.normal(0, 1, (4000, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    stated = np.exp(3 * logits) / np.exp(3 * logits).sum(1, keepdims=True)
    return stated, np.array([draw.choice(classes, p=row) for row in true])


@pytest.mark.parametrize("classes", [2, 4])
def test_temperature_finds_how_far_logits_are_off(classes):
    stated, truth = overconfident(classes)
    learned = Calibration.learn("temperature", stated, truth)
    assert learned.temperature == pytest.approx(3, rel=0.1)
    np.testing.assert_array_equal(learned.apply(stated).argmax(1), stated.argmax(1))


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_calibrated_probabilities_mean_more_and_sum_to_one(method, classes):
    stated, truth = overconfident(classes)
    learned = Calibration.learn(method, stated, truth)
    again = Calibration.from_json(learned.as_json())
    corrected = again.apply(stated)
    np.testing.assert_array_equal(corrected, learned.apply(stated))
    np.testing.assert_allclose(corrected.sum(1), 1)
    assert (corrected > 0).all()
    everyone = np.arange(len(truth))
    loss = [-np.log(chances[everyone, truth]).mean() for chances in (stated, corrected)]
    assert loss[1] < 0.8 * loss[0]


def test_isotonic_is_scikit_learns():
    isotonic = pytest.importorskip("sklearn.isotonic")
    stated, truth = np.stack([1 - SCORES, SCORES], 1), POSITIVE.astype(np.int64)
    model = isotonic.IsotonicRegression(out_of_bounds="clip").fit(SCORES, POSITIVE)
    found = Calibration.learn("isotonic", stated, truth).apply(stated)[:, 1]
    np.testing.assert_allclose(found, model.predict(SCORES), atol=2e-6)


def test_a_task_learns_its_calibration_on_validation_and_keeps_it(tmp_path):
    task = labels(calibrate="temperature")
    rows = TabularClassification.exam_rows(1)
    draw = np.random.default_rng(0)
    logits = (
        np.array([[0, 8.0] if row.values["label"] == "yes" else [8.0, 0] for row in rows]) * (draw.random(120) < 0.8)[:, None]
    )
    logits[draw.random(120) < 0.15] *= -1
    ids = [row.id for row in rows]
    before = task.decode({"logits": logits}, ids)
    task.watch(before, rows)
    assert task.calibration.temperature > 1.5
    task.save(tmp_path)
    after = TabularClassification.load(tmp_path).decode({"logits": logits}, ids)
    assert after == task.decode({"logits": logits}, ids)
    assert max(one.probability for one in after) < max(one.probability for one in before)
    assert [one.label for one in after] == [one.label for one in before]


def test_answers_below_the_floor_are_marked():
    logits = np.array([[0.0, 3.0], [0.0, 0.2]])
    found = labels(abstain_below=0.8).decode({"logits": logits}, ["a", "b"])
    assert [(one.label, one.abstained) for one in found] == [("yes", False), ("yes", True)]
    assert found[1].as_json()["abstained"] is True
    assert "abstained" not in labels().decode({"logits": logits}, ["a", "b"])[0].as_json()


def test_rare_labels_count_more_where_the_project_says_so():
    rows = [row for place, row in enumerate(TabularClassification.exam_rows(0)) if row.values["label"] == "yes" or place % 3 == 0]
    task = TabularClassification.fit(rows, Boosting(), None, TabularClassificationSettings(class_weight="balanced"))
    weights = {row.values["label"]: example.weight for row, example in zip(rows, task.encode_many(rows), strict=True)}
    counts = {label: sum(row.values["label"] == label for row in rows) for label in weights}
    assert weights["yes"] * counts["yes"] == pytest.approx(weights["no"] * counts["no"])
    batch = task.collate(task.encode_many(rows))
    assert batch.weights is not None
    assert batch.weights.mean() == pytest.approx(1, rel=1e-5)
    assert labels().collate(labels().encode_many(rows)).weights is None


@pytest.mark.parametrize(("kind", "named"), [("two-classes", "maybe"), ("three-classes", "high")])
def test_the_label_to_be_found_must_be_one_of_two(kind, named):
    with pytest.raises(SpecError, match=r"learn\.positive"):
        labels(kind, positive=named)


def test_figures_of_a_decision_are_there_for_two_labels_only():
    for kind, there in (("two-classes", True), ("three-classes", False)):
        task, rows = labels(kind), TabularClassification.exam_rows(1, kind)
        logits = np.random.default_rng(0).normal(size=(len(rows), len(task.labels)))
        figures = task.score(task.align(task.decode({"logits": logits}, [row.id for row in rows]), rows))
        assert ("sensitivity-at-specificity" in figures) == there
        assert {"average-precision", "brier", "roc-auc"} <= set(figures)


def test_several_labels_a_row_are_refused():
    rows = [Row(row.id, {**row.values, "label": (row.values["label"],)}) for row in TabularClassification.exam_rows(0)]
    with pytest.raises(DataError, match="several labels"):
        TabularClassification.fit(rows, Boosting())


@pytest.mark.parametrize("kind", ["plain", "log"])
def test_a_scale_takes_numbers_there_and_back(kind):
    targets = np.array([0.0, 5.0, 100.0, 3000.0])
    scale = Scale.fit(targets, kind)
    learned = np.array([scale.learned(target) for target in targets.tolist()])
    assert learned.mean() == pytest.approx(0, abs=1e-9)
    assert learned.std() == pytest.approx(1)
    np.testing.assert_allclose(scale.value(learned), targets, atol=1e-9)


def test_no_answer_runs_away_behind_a_logarithm():
    scale = Scale.fit(np.array([1.0, 10.0, 1000.0]), "log")
    assert scale.value(np.array([1e6]))[0] == pytest.approx(1000 + 10 * 999)


@pytest.mark.parametrize(("targets", "kind"), [([4.0] * 5, "plain"), ([-2.0, 1.0], "log"), ([1e9, 1e9 + 1e-7], "plain")])
def test_targets_that_can_not_be_learned_are_refused(targets, kind):
    with pytest.raises(DataError):
        Scale.fit(np.array(targets), kind)


def test_a_target_without_a_logarithm_names_its_row():
    with pytest.raises(DataError, match="row 9"):
        numbers(scale="log").encode(Row("9", {**exam.table(0, 1)[0][0], "target": -5.0}))


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_cover_the_stated_share_of_new_rows(level, tmp_path):
    task = numbers(interval=level)
    rows = [
        Row(str(place), {**columns, "target": 1000 + 150 * score}) for place, (columns, score) in enumerate(exam.table(5, 2000))
    ]
    draw = np.random.default_rng(0)
    outputs = {"values": np.array([task.scale.learned(row.values["target"]) for row in rows]) + draw.standard_t(4, len(rows))}
    found = task.decode(outputs, [row.id for row in rows])
    assert found[0].low is None
    assert "coverage" not in task.score(task.align(found, rows))
    task.watch(found[:1000], rows[:1000])
    task.save(tmp_path)
    again = TabularRegression.load(tmp_path)
    after = again.decode({"values": outputs["values"][1000:]}, [row.id for row in rows[1000:]])
    figures = again.score(again.align(after, rows[1000:]))
    assert figures["coverage"] == pytest.approx(level, abs=0.05)
    assert figures["interval-width"] > 0


def test_outputs_that_are_no_numbers_are_refused():
    with pytest.raises(ReleaseError, match="row b"):
        numbers().decode({"values": np.array([0.0, np.nan])}, ["a", "b"])


def test_a_row_without_a_target_is_not_scored():
    task = numbers()
    row = Row("7", exam.table(0, 1)[0][0])
    with pytest.raises(DataError, match="row 7"):
        task.align(task.decode({"values": np.zeros(1)}, ["7"]), [row])


GOOD = exam.table(0, 1)[0][0]


@pytest.mark.parametrize(
    ("features", "said", "expected"),
    [
        ({name: value for name, value in GOOD.items() if name != "size"}, "'size' is missing", "a number"),
        ({**GOOD, "sise": 3}, "'sise' that training did not see", "Did you mean size?"),
        ({**GOOD, "size": "large"}, "column 'size' holds the text 'large'", "a number"),
        ({**GOOD, "size": True}, "the truth value True", "a number"),
        ({**GOOD, "sold": "soon"}, "column 'sold' holds the text 'soon'", "2026-05-31"),
    ],
)
def test_a_request_that_does_not_fit_is_told_in_four_parts(features, said, expected):
    task = labels()
    with pytest.raises(RequestError, match=said) as caught:
        task.read_request({"features": features}, "0")
    assert expected in caught.value.expected
    assert caught.value.where
    assert caught.value.remedy


def test_columns_that_were_left_out_may_come_or_stay_away():
    task = labels()
    assert task.reader.left_out == {"country": "constant"}
    bare = {name: value for name, value in GOOD.items() if name != "country"}
    left, right = (task.encode(task.read_request({"features": features}, "0")) for features in (GOOD, bare))
    np.testing.assert_equal(left.inputs, right.inputs)


def test_reasons_are_refused_where_a_route_has_none():
    with pytest.raises(RequestError, match="reasons"):
        labels(route=Svm()).read_request({"features": GOOD, "explain": True}, "0")
    assert "explain" not in labels(route=Svm()).axes


def test_reasons_speak_for_the_label_that_is_given():
    task = labels("three-classes")
    row = task.read_request({"features": GOOD, "explain": True}, "0")
    example = task.encode(row)
    seen = np.concatenate([example.inputs["numbers"], example.inputs["categories"]])[None].astype(np.float32)
    contributions = np.zeros((1, len(task.reader.columns), 3), np.float32)
    contributions[0, 0] = [2.0, -1.0, 0.0]
    contributions[0, 1] = [0.1, 0.1, 0.7]
    outputs = {
        "logits": np.array([[3.0, 0, 0]]),
        "contributions": contributions,
        "explained": np.ones(1, np.float32),
        "seen": seen,
    }
    found = task.decode(outputs, ["0"])[0]
    assert [(one["feature"], one["contribution"]) for one in found.reasons] == [("size", 2.5), ("age", pytest.approx(-0.3))]
    assert found.reasons[0]["value"] == pytest.approx(GOOD["size"], rel=1e-5)
    assert found.as_json()["reasons"][0]["feature"] == "size"
    quiet = task.decode({**outputs, "explained": np.zeros(1, np.float32)}, ["0"])[0]
    assert quiet.reasons == ()
    assert dataclasses.replace(found, reasons=()) == quiet


def test_the_request_type_names_every_column():
    schema = labels().request.model_json_schema()
    features = schema["properties"]["features"]
    assert set(features["required"]) == set(GOOD) - {"country"}
    assert features["properties"]["size"]["type"] == ["number", "string", "null"]
    example = schema["examples"][0]
    task = labels()
    assert task.encode(task.read_request(example, "0")).target is None


def test_a_row_and_its_request_are_read_alike():
    task = numbers()
    for row in TabularRegression.exam_rows(3)[:20]:
        left, right = task.encode(row), task.encode(task.read_request(TabularRegression.request_of(row), row.id))
        np.testing.assert_equal(left.inputs, right.inputs)
