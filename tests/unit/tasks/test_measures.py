"""Figures beside scikit-learn's, on many draws, and their speed under resampling."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from sklearn import metrics

from modelwright.tasks.measures.classification import (
    calibration_error,
    indicators,
    log_loss,
    precision_recall_f1,
    roc_auc,
    sigmoid,
    softmax,
)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_one_label_figures_agree_with_scikit_learn(seed, classes):
    generator = np.random.default_rng(seed)
    truth, answer = generator.integers(0, classes, 30), generator.integers(0, max(2, classes - 2), 30)
    ours = precision_recall_f1(indicators(truth, classes), indicators(answer, classes), every=False)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, answer, average="macro", zero_division=0)
    assert ours["macro-f1"] == pytest.approx(f1)
    assert ours["macro-precision"] == pytest.approx(precision)
    assert ours["macro-recall"] == pytest.approx(recall)
    assert ours["micro-f1"] == pytest.approx(metrics.f1_score(truth, answer, average="micro"))


@pytest.mark.parametrize("seed", range(8))
def test_several_label_figures_agree_with_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    truth, answer = generator.random((2, 40, 5)) < [[[0.5]], [[0.3]]]
    ours = precision_recall_f1(truth, answer, every=True)
    assert ours["macro-f1"] == pytest.approx(metrics.f1_score(truth, answer, average="macro", zero_division=0))
    assert ours["micro-f1"] == pytest.approx(metrics.f1_score(truth, answer, average="micro", zero_division=0))


@pytest.mark.parametrize("digits", [1, 3, 15])
def test_roc_auc_agrees_with_scikit_learn_ties_included(digits):
    generator = np.random.default_rng(1)
    chances = np.round(softmax(generator.normal(size=(80, 4))), digits)
    truth = generator.integers(0, 4, 80)
    expected = np.mean([metrics.roc_auc_score(truth == one, chances[:, one]) for one in range(4)])
    assert roc_auc(indicators(truth, 4), chances) == pytest.approx(expected)


def test_roc_auc_of_a_class_without_rows_is_missing():
    assert roc_auc(indicators(np.array([0, 1]), 3), np.ones((2, 3)) / 3) is None
    assert roc_auc(indicators(np.array([0, 0]), 1), np.ones((2, 1))) is None


def test_log_loss_agrees_with_scikit_learn():
    generator = np.random.default_rng(2)
    chances, truth = softmax(generator.normal(size=(50, 3)) * 5), generator.integers(0, 3, 50)
    assert log_loss(chances[np.arange(50), truth]) == pytest.approx(metrics.log_loss(truth, chances, labels=[0, 1, 2]))
    assert np.isfinite(log_loss(np.array([0.0, 1.0])))


def test_calibration_error_by_hand():
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False, True, False])
    assert calibration_error(confidence, right) == pytest.approx(4 / 6 * 0.2 + 2 / 6 * 0.05)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0.0


def test_softmax_and_sigmoid_survive_extreme_logits():
    extreme = np.array([[1e4, -1e4, 0.0], [-3e38, -3e38, -3e38]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert softmax(extreme).sum(1) == pytest.approx([1, 1])
        assert sigmoid(np.array([-1e4, 0.0, 1e4])) == pytest.approx([0, 0.5, 1])
    one = softmax(np.array([[0.3, -0.7]]))[0, 1]
    assert sigmoid(np.array(-1.0)) == pytest.approx(one)


def test_a_thousand_resamples_of_500_rows_are_quick():
    from modelwright.tasks.text.ngrams import NGrams
    from modelwright.tasks.text_classification import TextClassification

    generator = np.random.default_rng(3)
    task = TextClassification(tuple("abcde"), False, NGrams((), 1, 0, 0))
    aligned = {"truth": generator.integers(0, 5, 500), "probabilities": softmax(generator.normal(size=(500, 5)))}
    draws = generator.integers(0, 500, (300, 500))
    start = time.process_time()
    for draw in draws:
        task.score({name: array[draw] for name, array in aligned.items()})
    assert (time.process_time() - start) / 300 * 1000 < 3
