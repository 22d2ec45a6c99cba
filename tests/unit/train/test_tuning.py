"""The search for settings: trials, budget, halving, resuming, importance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import SpecError, TrainError
from modelwright.models import registry
from modelwright.spec.load import load
from modelwright.spec.routes.route import Route
from modelwright.spec.tune import Range, Tuning
from modelwright.tasks.contract import TASKS, Metric, get_task
from modelwright.train import tuning
from modelwright.train.plan import Limits
from modelwright.train.tuning import TUNING, Search, Trial, grid, tune_route

TASK = get_task("text-classification")
LINEAR = TASKS.routes(TASK.name)["tfidf-linear"]
CNN = TASKS.routes(TASK.name)["textcnn"]
F1 = Metric("macro-f1", "higher")
STRENGTHS = Tuning.model_validate({"space": {"strength": {"low": 1e-3, "high": 100.0, "log": True}}, "trials": 6})


def search(folder: Path, route: Route, how: Tuning, **more: Any) -> tuple[dict[str, Any], Route]:
    folder.mkdir(exist_ok=True)
    settings: dict[str, Any] = {
        "checkpoint": None,
        "limits": Limits(None, None),
        "seed": 3,
        "folder": folder,
        "title": "it",
    } | more
    settings |= {"console": Console(quiet=True), "checkpoint_seconds": 3600}
    return tune_route(TASK, route, how, TASK.exam_rows(0), TASK.exam_rows(1)[:40], **settings)


def test_the_best_trial_is_kept_and_said_to_be_better_than_what_was_written(tmp_path):
    written = CNN.model_validate({"width": 16, "channels": 8, "kernels": (1, 2), "epochs": 4, "learning_rate": 1e-8})
    how = Tuning.model_validate({"space": {"learning_rate": {"low": 1e-4, "high": 0.05, "log": True}}, "trials": 6})
    result, route = search(tmp_path, written, how)
    found = json.loads((tmp_path / TUNING).read_text())
    scores = [trial["score"] for trial in found["trials"]]
    assert len(scores) == 6
    assert found["trials"][0]["settings"] == {}
    assert found["written"] == scores[0]
    assert result["best_score"] == max(scores) > scores[0]
    assert found["best"] == scores.index(max(scores))
    assert route.learning_rate == found["trials"][found["best"]]["settings"]["learning_rate"] != written.learning_rate
    assert registry.describe(tmp_path / "checkpoint")[0] == route
    assert not (tmp_path / "tuning").exists()
    assert json.loads((tmp_path / "result.json").read_text()) == result


def test_a_search_that_was_cut_off_makes_the_same_trials(tmp_path, monkeypatch):
    whole = search(tmp_path / "whole", LINEAR.model_validate({"min_count": 1}), STRENGTHS)
    made = []
    train = tuning.train_route

    def killed(task, route, *rest, **more):
        made.append(route.strength)
        if len(made) == 4:
            raise KeyboardInterrupt
        return train(task, route, *rest, **more)

    monkeypatch.setattr(tuning, "train_route", killed)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "cut", LINEAR.model_validate({"min_count": 1}), STRENGTHS)
    with (tmp_path / "cut" / "tuning" / "trials.jsonl").open("a") as file:
        file.write('{"number": 3, "sett')  # half a line
    again = search(tmp_path / "cut", LINEAR.model_validate({"min_count": 1}), STRENGTHS)
    assert len(made) == 4 + 3  # the fourth once more, and the two that were left
    assert made[4] == made[3]
    settings = [
        [trial["settings"] for trial in json.loads((tmp_path / name / TUNING).read_text())["trials"]] for name in ("whole", "cut")
    ]
    assert settings[0] == settings[1]
    assert again[1] == whole[1]
    assert search(tmp_path / "cut", LINEAR.model_validate({"min_count": 1}), STRENGTHS)[1] == whole[1]
    assert len(made) == 7  # a finished search is not made again


def test_a_grid_tries_every_combination():
    how = Tuning.model_validate(
        {"method": "grid", "trials": 50, "space": {"width": {"low": 8, "high": 32, "points": 3}, "pooling": ["mean", "first"]}}
    )
    assert grid(how) == [{"width": width, "pooling": pooling} for width in (8, 20, 32) for pooling in ("mean", "first")]
    logarithmic = Range.model_validate({"low": 1e-4, "high": 1e-2, "log": True, "points": 3})
    assert tuning._points(logarithmic) == pytest.approx([1e-4, 1e-3, 1e-2])


def test_the_draws_depend_on_the_seed_and_the_number_only(tmp_path):
    def asked(seed: int) -> dict[str, Any]:
        found = Search(STRENGTHS, LINEAR(), F1, seed, tmp_path)
        found.trials = [Trial(0, {}, 0.5), Trial(1, {"strength": 3.0}, 0.7)]
        return found.ask().settings

    assert asked(1) == asked(1) != asked(2)


@pytest.mark.parametrize(("path", "stopped"), [([0.3], True), ([0.6], False), ([0.9, 0.9, 0.1], False), ([0.3, 0.35], True)])
def test_the_worse_half_is_stopped_at_rungs_only(tmp_path, path, stopped):
    found = Search(STRENGTHS, LINEAR(), F1, 0, tmp_path)
    found.trials = [Trial(number, {}, best, path=[best] * 4) for number, best in enumerate((0.5, 0.55, 0.4))]
    assert found.hopeless(path) is stopped


def test_trials_that_have_no_hope_are_stopped_early(tmp_path):
    written = CNN.model_validate(
        {"width": 16, "channels": 8, "kernels": (1, 2), "epochs": 8, "learning_rate": 0.01, "patience": 0}
    )
    how = Tuning.model_validate({"method": "grid", "trials": 4, "space": {"learning_rate": [0.02, 0.005, 1e-7]}})
    _, route = search(tmp_path, written, how)
    found = json.loads((tmp_path / TUNING).read_text())
    assert [trial["state"] for trial in found["trials"]][-1] == "stopped"
    assert len(found["trials"][-1]["path"]) < 8
    assert route.learning_rate != 1e-7
    assert registry.describe(tmp_path / "checkpoint")[0].learning_rate == route.learning_rate


def test_the_setting_that_matters_is_the_most_important(tmp_path):
    how = Tuning.model_validate({"space": {"strength": {"low": 0.0, "high": 1.0}, "min_count": {"low": 1, "high": 9}}})
    found = Search(how, LINEAR(), F1, 0, tmp_path)
    found.trials = [
        Trial(number, {"strength": number / 20, "min_count": 1 + number % 9}, score=number / 20) for number in range(1, 20)
    ]
    importance = found.importance()
    assert next(iter(importance)) == "strength"
    assert sum(importance.values()) == pytest.approx(1)


def test_the_budget_is_the_whole_searchs(tmp_path, monkeypatch):
    shares = []

    def train(task, route, *rest, limits, folder, **more):
        shares.append(limits.seconds)
        (folder / "result.json").write_text("{}")
        return {"best_score": 0.5, "seconds": 4.0, "stopped_by": "fitted"}

    monkeypatch.setattr(tuning, "train_route", train)
    search(tmp_path, LINEAR(), STRENGTHS, limits=Limits(12.0, None))
    assert shares == pytest.approx([2.0, 8 / 5, 4 / 4])  # each took 4 s: after three the twelve are spent
    assert len(json.loads((tmp_path / TUNING).read_text())["trials"]) == 3


def test_the_route_as_written_must_train(tmp_path, monkeypatch):
    def diverged(*rest, **more):
        raise TrainError("diverged", expected="a finite loss", where="it", remedy="Lower it.")

    monkeypatch.setattr(tuning, "train_route", diverged)
    with pytest.raises(TrainError, match="diverged"):
        search(tmp_path, LINEAR(), STRENGTHS)


@pytest.mark.parametrize(
    ("space", "came"),
    [
        ("{strenght: [1, 2]}", "strenght"),
        ("{strength: [-1]}", "-1"),
        ("{strength: {low: 2, high: 1}}", "low below high"),
        ("{strength: {low: 0, high: 1, log: true}}", "above 0"),
        ("{}", "space"),
    ],
)
def test_impossible_searches_are_refused_with_their_place(tmp_path, space, came):
    file = tmp_path / "modelwright.yaml"
    file.write_text(
        f"project: desk\ntask: text-classification\ndata: {{source: news.csv}}\nroutes: {{tfidf-linear: {{}}}}\n"
        f"tune: {{tfidf-linear: {{space: {space}}}}}\n"
    )
    with pytest.raises(SpecError, match=r"modelwright.yaml:\d") as caught:
        load(tmp_path, TASKS)
    assert came in str(caught.value)


def test_only_routes_of_the_project_are_tuned(tmp_path):
    (tmp_path / "modelwright.yaml").write_text(
        "project: desk\ntask: text-classification\ndata: {source: news.csv}\nroutes: {tfidf-linear: {}}\n"
        "tune: {bilstm: {space: {width: [8, 16]}}}\n"
    )
    with pytest.raises(SpecError, match="bilstm"):
        load(tmp_path, TASKS)
