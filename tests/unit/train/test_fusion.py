"""The regression over members, on problems whose answer is known."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from modelwright.models.fusion import Head
from modelwright.train.fusion import cross_fitted, fit_head, fit_numbers


def made(rows: int, classes: int, noise: tuple[float, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of members that see the truth through noise of a given size."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    seen = [2 * np.eye(classes)[truth] + size * random.normal(size=(rows, classes)) for size in noise]
    return np.stack(seen), truth


def accuracy(logits_bc: np.ndarray, truth: np.ndarray) -> float:
    return float((logits_bc.argmax(1) == truth).mean())


def nats(logits_bc: np.ndarray, truth: np.ndarray) -> float:
    top = logits_bc - logits_bc.max(1, keepdims=True)
    return float((np.log(np.exp(top).sum(1)) - top[np.arange(len(truth)), truth]).mean())


@pytest.mark.parametrize("classes", [2, 5])
def test_a_member_that_sees_more_counts_more(classes):
    logits, truth = made(2_000, classes, (1.0, 2.0, 8.0))
    head = fit_head(logits, truth, several=False, strength=10.0)
    # with independent noise the best shares fall with its variance: 1 : 1/4 : 1/64
    best = np.array([1, 1 / 4, 1 / 64])
    assert np.array(head.shares) / head.shares[0] == pytest.approx(best, abs=0.08)
    together = accuracy(head.combine(logits), truth)
    assert all(together > accuracy(own, truth) for own in logits)


def test_the_solution_is_the_minimum():
    logits, truth = made(500, 3, (1.0, 1.5))
    head = fit_head(logits, truth, several=False, strength=1e6)
    least = nats(head.combine(logits), truth)
    for place in range(2):
        for step in (-0.02, 0.02):
            shares = list(head.shares)
            shares[place] += step
            assert nats(Head("logits", False, tuple(shares), head.bias).combine(logits), truth) > least


def test_a_misleading_member_gets_nothing_but_no_negative_share():
    logits, truth = made(1_000, 2, (1.0, 1.0))
    head = fit_head(np.stack([logits[0], -logits[1]]), truth, several=False, strength=10.0)
    assert head.shares[1] == 0.0
    assert head.shares[0] > 0.5


def test_a_small_strength_keeps_the_shares_equal():
    logits, truth = made(200, 2, (1.0, 8.0))
    loose, tight = (fit_head(logits, truth, several=False, strength=strength) for strength in (10.0, 1e-6))
    assert tight.shares == pytest.approx((0.5, 0.5), abs=1e-2)
    assert abs(loose.shares[0] - loose.shares[1]) > 0.3


def test_several_labels_a_row():
    random = np.random.default_rng(1)
    truth = (random.random((1_500, 4)) < 0.3).astype(np.float32)
    seen = np.stack([4 * truth - 2 + size * random.normal(size=truth.shape) for size in (1.5, 6.0)])
    head = fit_head(seen, truth, several=True, strength=10.0)
    assert head.shares[0] > 5 * head.shares[1] >= 0
    right = ((head.combine(seen) > 0) == (truth > 0.5)).mean()
    assert right > max(((own > 0) == (truth > 0.5)).mean() for own in seen)


def test_the_cross_fitted_answer_of_a_row_does_not_know_its_label():
    logits, truth = made(40, 2, (1.0, 1.0))
    answers = cross_fitted(logits, truth, partial(fit_head, several=False, strength=1.0))
    changed = truth.copy()
    changed[::5] = 1 - changed[::5]  # exactly the first part
    again = cross_fitted(logits, changed, partial(fit_head, several=False, strength=1.0))
    np.testing.assert_allclose(again[::5], answers[::5], atol=1e-6)
    assert np.abs(again[1::5] - answers[1::5]).max() > 1e-3


@pytest.mark.parametrize("several", [False, True])
def test_a_mean_of_probabilities_is_one(several):
    logits, _ = made(50, 3, (1.0, 2.0))
    mean = Head("probabilities", several, (0.25, 0.75)).combine(logits)
    if several:
        chances = 1 / (1 + np.exp(-logits))
        found = 1 / (1 + np.exp(-mean))
    else:
        chances = np.exp(logits) / np.exp(logits).sum(2, keepdims=True)
        found = np.exp(mean)
    np.testing.assert_allclose(found, 0.25 * chances[0] + 0.75 * chances[1], atol=1e-5)


def test_probabilities_of_sure_members_stay_finite():
    logits = np.array([[[500.0, -500.0]], [[800.0, -800.0]]])
    for several in (False, True):
        assert np.isfinite(Head("probabilities", several, (0.5, 0.5)).combine(logits.astype(np.float32))).all()


def test_numbers_are_weighed_by_least_squares_that_never_count_against_a_member():
    draw = np.random.default_rng(0)
    truth = draw.normal(size=400)
    values = np.stack([truth + 0.3 * draw.normal(size=400), truth + 0.6 * draw.normal(size=400), -truth])
    head = fit_numbers(values, truth + 0.5, strength=1e6)
    design = np.column_stack([values[:2].T, np.ones(400)])
    by_hand = np.linalg.lstsq(design, truth + 0.5, rcond=None)[0]
    assert head.shares[2] == pytest.approx(0, abs=1e-6)
    assert [*head.shares[:2], *head.bias] == pytest.approx(by_hand, abs=0.05)
    combined = head.combine(values)
    assert combined.shape == (400,)
    assert np.square(combined - truth - 0.5).mean() < min(np.square(one - truth - 0.5).mean() for one in values)
    tight = fit_numbers(values, truth, strength=1e-9)
    assert tight.shares == pytest.approx([1 / 3] * 3, abs=1e-3)
