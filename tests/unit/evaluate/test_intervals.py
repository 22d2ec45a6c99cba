"""Bootstrap intervals: they cover, repeat under a seed, and admit what they don't know."""

from __future__ import annotations

import time

import numpy as np
import pytest

from modelwright.evaluate.intervals import Draws, draw
from modelwright.tasks.text_classification import TextClassification


def accuracy(aligned):
    return {"accuracy": float(aligned["right"].mean())}


def ids(count: int) -> list[str]:
    return [f"r{number}" for number in range(count)]


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(0)
    truth, covered, worlds = 0.85, 0, 300
    for world in range(worlds):
        right = generator.random(200) < truth
        figure = draw(accuracy, {"right": right}, ids(200), 200, world).figures()["accuracy"]
        covered += figure["low"] <= truth <= figure["high"]
    assert 0.90 <= covered / worlds <= 0.985


def test_interval_width_is_that_of_the_binomial():
    right = np.arange(400) < 320
    figure = draw(accuracy, {"right": right}, ids(400), 4000, 1).figures()["accuracy"]
    spread = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert figure["value"] == 0.8
    assert figure["low"] == pytest.approx(0.8 - spread, abs=0.006)
    assert figure["high"] == pytest.approx(0.8 + spread, abs=0.006)


def test_the_seed_and_the_rows_decide_the_draws():
    right = np.random.default_rng(0).random(50) < 0.7
    first, same = (draw(accuracy, {"right": right}, ids(50), 100, 3) for _ in range(2))
    other_seed = draw(accuracy, {"right": right}, ids(50), 100, 4)
    other_rows = draw(accuracy, {"right": right}, ["x", *ids(50)[1:]], 100, 3)
    assert np.array_equal(first.resampled["accuracy"], same.resampled["accuracy"]) and first.key == same.key
    assert not np.array_equal(first.resampled["accuracy"], other_seed.resampled["accuracy"])
    assert len({first.key, other_seed.key, other_rows.key}) == 3


def test_a_metric_undefined_on_most_resamples_has_no_interval():
    def sometimes(aligned):
        found = {"mean": float(aligned["x"].mean())}
        if (aligned["x"] == 1).any():
            found["rare"] = 1.0
        return found

    x = np.zeros(100)
    x[0] = 1  # in 63 % of resamples
    figures = draw(sometimes, {"x": x}, ids(100), 400, 0).figures()
    assert figures["rare"] == {"value": 1.0, "low": 1.0, "high": 1.0}

    def hardly_ever(aligned):
        found = sometimes(aligned)
        if (aligned["x"] == 1).sum() != 1:
            found.pop("rare", None)
        return found

    figures = draw(hardly_ever, {"x": x}, ids(100), 400, 0).figures()  # in 37 %
    assert figures["rare"] == {"value": 1.0, "low": None, "high": None}
    assert figures["mean"]["low"] is not None


def test_no_resamples_give_figures_without_interval():
    assert draw(accuracy, {"right": np.array([1, 0])}, ids(2), 0, 0).figures() == {
        "accuracy": {"value": 0.5, "low": None, "high": None}
    }


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        draw(accuracy, {"right": np.array([])}, [], 10, 0)


def test_draws_survive_the_disk(tmp_path):
    kept = draw(accuracy, {"right": np.arange(30) % 3 == 0}, ids(30), 64, 2)
    kept.save(tmp_path / "resamples-test.npz")
    back = Draws.load(tmp_path / "resamples-test.npz")
    assert back.key == kept.key and dict(back.values) == dict(kept.values)
    assert np.array_equal(back.resampled["accuracy"], kept.resampled["accuracy"])


def test_a_thousand_resamples_of_every_classification_figure_take_little_time():
    class NoReader:
        vocabulary, padding, axes = 1, 0, {}

    task = TextClassification(("a", "b", "c", "d", "e"), False, NoReader())
    generator = np.random.default_rng(0)
    truth, chances = generator.integers(0, 5, 425), generator.random((425, 5))
    chances /= chances.sum(1, keepdims=True)
    started = time.perf_counter()
    drawn = draw(task.score, {"truth": truth, "probabilities": chances}, ids(425), 1000, 0)
    assert time.perf_counter() - started < 3
    assert {"macro-f1", "accuracy", "roc-auc", "ece"} <= drawn.figures().keys()
