"""Tables measured: what columns are worth, where a threshold stands, what unsure answers cost, how numbers miss; and their charts."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects
import pytest

from modelwright.base.console import Console
from modelwright.base.graph import Graph
from modelwright.base.nouns import Row
from modelwright.evaluate.answers import Answer
from modelwright.evaluate.explain import of_columns
from modelwright.evaluate.numbers import residuals
from modelwright.evaluate.operating import coverage, operating
from modelwright.evaluate.route import evaluate_route
from modelwright.models import registry
from modelwright.report.charts import of_tables
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words
from modelwright.spec.evaluate import Evaluate
from modelwright.tasks.contract import get_task, routes_of


def made(folder, name: str, route: str, learn: dict | None = None, **settings):
    """A folder as training leaves it, of 400 rows where only `a` (strongly) and `kind` (less) matter."""
    task_type = get_task(name)
    draw = np.random.default_rng(0)
    rows = []
    for place in range(400):
        a, b, kind = float(draw.normal()), float(draw.normal()), str(draw.choice(["x", "y"]))
        score = 2 * a + (0.7 if kind == "x" else -0.7) + float(draw.normal(0, 0.7))
        answer = {"label": "bad" if score > 1 else "good"} if "classification" in name else {"target": 50 + 10 * score}
        rows.append(Row(f"r{place}", {"a": a, "b": b, "kind": kind, "same": "here", **answer}))
    chosen = routes_of(task_type)[route](**settings)
    task = task_type.fit(rows[:200], chosen, None, task_type.settings(**(learn or {})))
    fitted = registry.fit(chosen, task.sizes, task.encode_many(rows[:200]), 0)
    if "target" in rows[0].values:
        inputs = task.collate(task.encode_many(rows[200:300])).inputs
        task.watch(task.decode(fitted.outputs(inputs), [row.id for row in rows[200:300]]), rows[200:300])
    task.save(folder)
    (folder / "model.onnx").write_bytes(fitted.graph().SerializeToString())
    return task, rows[200:300], rows[300:]


@pytest.mark.parametrize(
    ("name", "route"),
    [("tabular-classification", "boosting"), ("tabular-classification", "svm"), ("tabular-regression", "linear")],
)
def test_columns_are_worth_what_the_answer_loses_without_them(tmp_path, name, route):
    task, validation, _ = made(tmp_path, name, route)
    found = of_columns(task, Graph(tmp_path / "model.onnx", threads=1), validation, 0)["importance"]
    assert [item["column"] for item in found["columns"]][:2] == ["a", "kind"]
    strongest, second, last = found["columns"]
    assert strongest["drop"] > 2 * second["drop"] > 0.02
    assert abs(last["drop"]) < 0.03
    assert all(item["low"] <= item["drop"] <= item["high"] for item in found["columns"])
    assert found["metric"] == ("r2" if "regression" in name else "roc-auc")
    amounts = [item["contribution"] for item in found["columns"]]
    if route == "svm":
        assert amounts == [None] * 3
    else:
        assert amounts[0] > amounts[1] > amounts[2]


def test_the_same_seed_deals_alike(tmp_path):
    task, validation, _ = made(tmp_path, "tabular-regression", "linear")
    graph = Graph(tmp_path / "model.onnx", threads=1)
    assert of_columns(task, graph, validation, 3) == of_columns(task, graph, validation, 3)
    assert of_columns(task, graph, validation, 3) != of_columns(task, graph, validation, 4)


def test_tasks_without_columns_have_no_such_part(source, rows):
    from modelwright.tasks.contract import load_task

    assert of_columns(load_task(source), Graph(source / "model.onnx"), rows(20, 1), 0) == {}


def test_a_threshold_is_set_on_validation_and_judged_on_test():
    class Looking:
        positive, labels = 1, ("good", "bad")

        class learn:  # noqa: N801  (a stand-in for settings)
            specificity = 0.75

    truth = np.array([0, 0, 0, 0, 1, 1])
    chances = np.array([0.1, 0.2, 0.3, 0.9, 0.6, 0.8])
    validation = {"truth": truth, "probabilities": np.stack([1 - chances, chances], 1)}
    test_chances = np.array([0.2, 0.35, 0.1, 0.2, 0.6, 0.25])
    test = {"truth": truth, "probabilities": np.stack([1 - test_chances, test_chances], 1)}
    found = operating(Looking(), validation, test)["operating"]  # type: ignore[arg-type]
    assert 0.3 < found["threshold"] < 0.31
    assert (found["sensitivity"], found["specificity"], found["precision"]) == (0.5, 0.75, 0.5)
    assert found["positive"] == "bad"
    everybody = {"truth": np.ones(6, int), "probabilities": test["probabilities"]}
    assert operating(Looking(), validation, everybody) == {}  # type: ignore[arg-type]


def test_the_surest_answers_are_right_more_often():
    sure = [0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.55, 0.52, 0.51, 0.5]
    right = [True, True, True, True, False, True, False, True, False, False]
    found = [
        Answer(Row(str(place), {}), ("x",), ("x",) if good else ("y",), chance, {}, False)
        for place, (chance, good) in enumerate(zip(sure, right, strict=True))
    ]
    parts = coverage(found[::-1], 0.65)["coverage"]
    assert parts["curve"][0] == {"share": 1.0, "accuracy": 0.6, "rows": 10, "probability": 0.5}
    assert (
        parts["curve"][-1] == {"share": 0.05, "accuracy": 1.0, "rows": 0, "probability": 0.99} or parts["curve"][-1]["rows"] >= 1
    )
    assert parts["floor"] == {"probability": 0.65, "share": 0.5, "accuracy": 0.8, "rows": 5}
    assert "floor" not in coverage(found, None)["coverage"]


def test_how_numbers_miss():
    truth = np.arange(100.0)
    found = residuals({"truth": truth, "value": truth + np.where(truth < 50, -2.0, 4.0)}, 0)["residuals"]
    assert found["quantiles"] == {"p5": -2, "p25": -2, "p50": 1, "p75": 4, "p95": 4}
    assert len(found["points"]) == 100
    assert [group["rows"] for group in found["groups"]] == [10] * 10
    assert (found["groups"][0]["error"], found["groups"][-1]["error"]) == (2, 4)
    assert residuals({"truth": np.array([0, 1]), "probabilities": np.zeros((2, 2))}, 0) == {}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("name", "learn", "charts"),
    [
        ("tabular-classification", {"abstain_below": 0.8}, {"columns", "coverage"}),
        ("tabular-classification", {}, {"columns"}),
        ("tabular-regression", {}, {"columns", "residuals"}),
    ],
)
def test_an_evaluated_table_has_its_parts_and_its_charts(tmp_path, name, learn, charts, language):
    source, out = tmp_path / "train", tmp_path / "evaluate"
    source.mkdir()
    _, validation, test = made(source, name, "linear", learn)
    found = evaluate_route(source, Evaluate(resamples=100, latency_seconds=0.05), validation, test, out, Console(quiet=True), 0)
    assert json.loads((out / "evaluation.json").read_text(encoding="utf-8")) == found
    if "regression" in name:
        assert found["splits"]["test"]["metrics"]["coverage"]["value"] == pytest.approx(0.9, abs=0.1)
    else:
        assert found["operating"]["positive"] == "bad"
    drawn = of_tables.draw(found, "evaluate/linear/evaluation.json", Words(language), Numbers(language))
    assert set(drawn) == charts
    for chart in drawn.values():
        assert plotly.graph_objects.Figure(resolved(chart.spec)).data
        assert len({len(row) for row in chart.rows} | {len(chart.columns)}) == 1
        assert "{" not in chart.caption + chart.title
    assert found["importance"]["left_out"] == {"same": "constant"}
    assert ("same (the same in every row)" if language == "en" else "same (每行相同)") in drawn["columns"].caption


def resolved(value):
    """As the page's script does it: "@name" becomes a colour or a font."""
    if isinstance(value, str) and value.startswith("@"):
        return "#123456"
    if isinstance(value, list):
        return [resolved(item) for item in value]
    return {key: resolved(item) for key, item in value.items()} if isinstance(value, dict) else value


def test_numbers_given_as_texts_are_sliced_by_size():
    from modelwright.evaluate.slices import slice_rows

    rows = [Row(str(place), {"age": str(20 + place), "sex": "fm"[place % 2]}) for place in range(30)]
    parts = slice_rows(rows, (), ("age", "sex"))
    assert [(column, value, len(where)) for column, value, where in parts] == [
        ("age", "20–29", 10),
        ("age", "30–39", 10),
        ("age", "40–49", 10),
        ("sex", "f", 15),
        ("sex", "m", 15),
    ]
