"""What is strange: thresholds from validation, labels that only measure, novelty, and tables without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.base.console import Console
from modelwright.base.errors import SpecError
from modelwright.base.nouns import Row
from modelwright.compress.export import CHECKPOINT, export
from modelwright.models import registry
from modelwright.models.isolation_forest import _path
from modelwright.tasks.anomaly_detection import AnomalyDetection, AnomalySettings, Strangeness
from modelwright.tasks.contract import TASKS, load_task
from modelwright.train.route import Limits, train_route

ROUTES = TASKS.routes("anomaly-detection")
ROWS = AnomalyDetection.exam_rows(0)
BARE = [Row(row.id, {name: value for name, value in row.values.items() if name != "label"}) for row in ROWS]


def fitted(rows: list[Row] = ROWS, **learn: Any) -> AnomalyDetection:
    return AnomalyDetection.fit(rows, ROUTES["isolation-forest"](), learn=AnomalySettings.model_validate(learn))


def said(scores: list[float]) -> list[Strangeness]:
    return [Strangeness(str(place), score, None, None) for place, score in enumerate(scores)]


def test_the_share_of_the_strangest_rows_is_flagged():
    task = fitted(share=0.1)
    task.watch(said(np.linspace(0, 1, 1000).tolist()), ROWS)
    outputs = {"values": np.array([0.5, 0.89, 0.91, 2.0], np.float32)}
    found = task.decode(outputs, ["a", "b", "c", "d"])
    assert [one.anomaly for one in found] == [False, False, True, True]
    assert found[0].rank == pytest.approx(0.5, abs=0.01)
    assert found[3].rank == 1


def test_before_it_has_watched_it_claims_nothing():
    found = fitted().decode({"values": np.array([9.0], np.float32)}, ["a"])[0]
    assert (found.rank, found.anomaly) == (None, None)
    answers = fitted().decode({"values": np.arange(200, dtype=np.float32)}, [row.id for row in ROWS])
    assert set(fitted().score(fitted().align(answers, ROWS))) == {"roc-auc", "average-precision"}


def test_figures_with_labels():
    task = fitted(share=0.25)
    rows = [Row(str(place), {"label": label}) for place, label in enumerate(["fine", "fine", "fault", "fine"])]
    task.watch(said([0.1, 0.2, 0.3, 0.4]), rows)
    answers = task.decode({"values": np.array([0.1, 0.35, 0.6, 0.2], np.float32)}, [row.id for row in rows])
    figures = task.score(task.align(answers, rows))
    assert figures["roc-auc"] == 1
    assert figures["average-precision"] == 1
    assert figures["recall"] == 1
    assert figures["precision"] == pytest.approx(1 / sum(bool(one.anomaly) for one in answers))


def test_the_rarest_label_is_the_anomaly_unless_it_is_named():
    assert fitted().anomaly == "fault"
    assert fitted(anomaly="fine").anomaly == "fine"
    with pytest.raises(SpecError, match="no training row has"):
        fitted(anomaly="broken")


def test_known_anomalies_can_be_kept_out_of_what_is_usual():
    task = fitted(novelty=True)
    assert {(row.values["label"], task.encode(row).weight) for row in ROWS} == {("fine", 1.0), ("fault", 0.0)}
    assert {fitted().encode(row).weight for row in ROWS} == {1.0}
    wild = [*ROWS, Row("wild", {**ROWS[0].values, "heat": 1e6, "label": "fault"})]
    (column,) = (column for column in fitted(wild, novelty=True).reader.columns if column.name == "heat")
    assert column.high < 1e3  # type: ignore[attr-defined]


def test_settings_about_labels_need_labels():
    for learn in ({"novelty": True}, {"anomaly": "fault"}):
        with pytest.raises(SpecError, match="no labels"):
            fitted(BARE, **learn)


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_without_labels_the_number_of_alarms_is_what_is_measured(name, tmp_path: Path):
    route = ROUTES[name].model_validate({"epochs": 3, "width": 16} if name == "autoencoder" else {"trees": 20})
    result = train_route(
        AnomalyDetection,
        route,
        BARE[:150],
        BARE[150:],
        checkpoint=None,
        limits=Limits(None, None),
        seed=0,
        folder=tmp_path,
        console=Console(quiet=True),
        title=name,
        checkpoint_seconds=3600,
    )
    task = load_task(tmp_path)
    assert task.metrics[0].name == result["metric"] == "alarm-rate-error"
    assert isinstance(task, AnomalyDetection) and len(task.ranks) > 0
    assert export(tmp_path, route, BARE[:8]).is_file()
    answers = task.decode({"values": np.zeros(2, np.float32)}, ["a", "b"])
    assert set(task.score(task.align(answers, BARE[:2]))) == {"alarm-rate-error"}


def test_the_forest_says_what_the_library_says(tmp_path):
    library = pytest.importorskip("sklearn.ensemble")
    route, task = ROUTES["isolation-forest"].model_validate({"trees": 50}), fitted()
    examples = task.encode_many(ROWS)
    model = registry.fit(route, task.sizes, examples, 3)
    batch = task.collate(examples)
    from modelwright.models.table_graph import features

    given = features(batch.inputs, task.sizes)
    theirs = library.IsolationForest(n_estimators=50, max_samples=200, random_state=3).fit(given).score_samples(given)
    np.testing.assert_allclose(-(2 ** model.outputs(batch.inputs)["values"].astype(np.float64)), theirs, atol=1e-5)
    model.save(tmp_path / CHECKPOINT)
    again = registry.load_fitted(route, tmp_path / CHECKPOINT)
    np.testing.assert_array_equal(again.outputs(batch.inputs)["values"], model.outputs(batch.inputs)["values"])


def test_path_lengths_of_the_paper():
    np.testing.assert_allclose(_path(np.array([1.0, 2.0])), [0, 1])
    assert _path(np.array([256.0]))[0] == pytest.approx(10.244, abs=1e-3)
