"""Paired comparisons: against scipy, against simulation, and where draws are no pairs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from modelwright.evaluate.files import draws_file, predictions_file
from modelwright.evaluate.intervals import draw
from modelwright.evaluate.paired import compare, mcnemar, paired_bootstrap

IDS = [f"r{number}" for number in range(200)]


def mean(aligned):
    return {"accuracy": float(aligned["right"].mean())}


def draws(right, seed=0, resamples=500):
    return draw(mean, {"right": np.asarray(right)}, IDS[: len(right)], resamples, seed)


@pytest.mark.parametrize(("both", "first", "second"), [(50, 8, 3), (50, 0, 0), (10, 1, 0), (0, 30, 12), (90, 5, 5), (3, 0, 9)])
def test_mcnemar_is_the_binomial_test_on_the_rows_that_differ(both, first, second):
    left = [True] * both + [True] * first + [False] * second
    right = [True] * both + [False] * first + [True] * second
    expected = 1.0 if first + second == 0 else binomtest(first, first + second, 0.5).pvalue
    assert mcnemar(left, right) == pytest.approx(expected)
    assert mcnemar(right, left) == pytest.approx(expected)


def test_mcnemar_takes_thousands_of_rows():
    left = [True] * 2600 + [False] * 2400
    right = [not row for row in left]
    assert mcnemar(left, right) == pytest.approx(binomtest(2600, 5000, 0.5).pvalue)


def test_a_clear_difference_is_significant_and_has_the_right_sign():
    generator = np.random.default_rng(0)
    good, bad = generator.random(200) < 0.95, generator.random(200) < 0.6
    found = paired_bootstrap(draws(good), draws(bad), "accuracy")
    assert found.difference == pytest.approx(good.mean() - bad.mean())
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 0.01
    assert paired_bootstrap(draws(bad), draws(good), "accuracy").p_value == pytest.approx(found.p_value)


def test_the_same_route_twice_is_no_difference():
    right = np.random.default_rng(1).random(100) < 0.8
    found = paired_bootstrap(draws(right), draws(right), "accuracy")
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1.0)


def test_equal_routes_are_rarely_called_different():
    generator = np.random.default_rng(2)
    called = 0
    for world in range(200):
        left, right = generator.random((2, 100)) < 0.8
        called += paired_bootstrap(draws(left, world, 200), draws(right, world, 200), "accuracy").p_value <= 0.05
    assert called / 200 <= 0.10


def test_macro_f1_compares_as_well():
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 3, 150)
    good = np.where(generator.random(150) < 0.95, truth, generator.integers(0, 3, 150))
    bad = np.where(generator.random(150) < 0.5, truth, generator.integers(0, 3, 150))

    def score(aligned):
        return {"macro-f1": float(f1_score(aligned["truth"], aligned["answer"], average="macro"))}

    first, second = (draw(score, {"truth": truth, "answer": answer}, IDS[:150], 100, 0) for answer in (good, bad))
    assert paired_bootstrap(first, second, "macro-f1").p_value < 0.05


def test_draws_of_other_rows_are_no_pairs():
    right = np.ones(50, bool)
    with pytest.raises(ValueError, match="not paired"):
        paired_bootstrap(draws(right, seed=0), draws(right, seed=1), "accuracy")


def write_folder(folder, answers, truths, with_label=True):
    folder.mkdir()
    right = [answer == truth for answer, truth in zip(answers, truths, strict=True)]
    draws(right).save(folder / draws_file("validation"))
    rows = [
        {"row_id": row, "truth": truth, **({"label": answer} if with_label else {"value": 1.0})}
        for row, truth, answer in zip(IDS, truths, answers, strict=False)
    ]
    (folder / predictions_file("validation")).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_accuracy_is_compared_by_mcnemar_where_answers_are_labels(tmp_path):
    truths = ["a"] * 100
    left = write_folder(tmp_path / "left", ["a"] * 96 + ["b"] * 4, truths)
    right = write_folder(tmp_path / "right", ["b"] * 12 + ["a"] * 88, truths)
    found = compare(left, right, "validation", "accuracy")
    assert found.test == "exact McNemar"
    assert found.p_value == pytest.approx(binomtest(12, 16, 0.5).pvalue)
    assert found.difference == pytest.approx(0.08)


def test_other_answers_fall_back_on_the_bootstrap(tmp_path):
    truths = ["a"] * 100
    left = write_folder(tmp_path / "left", ["a"] * 96 + ["b"] * 4, truths, with_label=False)
    right = write_folder(tmp_path / "right", ["a"] * 90 + ["b"] * 10, truths, with_label=False)
    assert compare(left, right, "validation", "accuracy").test == "paired bootstrap"
