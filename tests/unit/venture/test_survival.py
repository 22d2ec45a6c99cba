"""How long customers stay: the published worked case, hand counts, and records that replace what founders assumed."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.base.errors import DataError
from modelwright.venture.survival import Records, at, discounted, fit, kaplan_meier, lifetime_months
from venture_plans import figure, planned, settings_of

HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491)
REGULAR = (1000, 631, 468, 382, 326, 289, 262, 241)


def cohort(left):
    """Records of a cohort of which `left` remain after 0, 1, 2, … periods."""
    durations, observed = [], []
    for period in range(1, len(left)):
        gone = left[period - 1] - left[period]
        durations += [period] * gone
        observed += [True] * gone
    last = len(left) - 1
    return np.array(durations + [last] * left[-1]), np.array(observed + [False] * left[-1])


@pytest.mark.parametrize(
    "left, alpha, beta, likelihood",
    [(HIGH_END, 0.668, 3.806, -1611.2), (REGULAR, 0.704, 1.182, -1680.3)],
    ids=["high", "regular"],
)
def test_fader_and_hardie_2007(left, alpha, beta, likelihood):
    """Their two cohorts, seven years of each: table of estimates in the paper."""
    law = fit(*cohort(left))
    assert (law.alpha, law.beta) == pytest.approx((alpha, beta), abs=6e-4)
    assert law.log_likelihood == pytest.approx(likelihood, abs=0.06)
    assert law.survival(8) == pytest.approx(np.array(left) / 1000, abs=0.02)
    assert (np.diff(law.survival(60)) <= 0).all()


def test_a_law_of_alike_customers_is_one_churn():
    left = [round(100_000 * 0.9**month) for month in range(13)]
    assert fit(*cohort(left)).survival(13) == pytest.approx(0.9 ** np.arange(13), abs=1e-3)


def test_kaplan_meier_by_hand():
    """At risk 5, 4, 2: S = 4/5, then · 3/4, then · 1/2; the censored at 2 and 3 only leave the risk."""
    curve = kaplan_meier(np.array([1, 2, 2, 3, 4]), np.array([True, True, False, True, False]))
    assert curve.times.tolist() == [1, 2, 3]
    assert curve.share == pytest.approx([0.8, 0.6, 0.3])
    assert at(curve, np.array([0, 0.5, 1, 2.5, 9])) == pytest.approx([1, 1, 0.8, 0.6, 0.3])
    assert ((curve.low < curve.share) & (curve.share < curve.high) & (curve.high <= 1) & (curve.low >= 0)).all()
    gone = kaplan_meier(np.array([1, 2]), np.array([True, True]))
    assert gone.share[-1] == gone.low[-1] == gone.high[-1] == 0


def test_without_censoring_kaplan_meier_is_the_share_left():
    durations, observed = cohort(HIGH_END)
    assert kaplan_meier(durations, observed).share == pytest.approx(np.array(HIGH_END[1:]) / 1000)


def test_lifetimes_by_hand():
    assert lifetime_months(np.array([0.0, 0.5, 1.0]), np.zeros(1), 3).tolist() == pytest.approx([3, 1.75, 1])
    assert lifetime_months(np.array([0.0]), np.array([1.0]), 3).tolist() == pytest.approx([1.75])
    assert discounted(np.array([1, 0.5, 0.25]), np.array([0.0, 1.0])) == pytest.approx([1.75, 1 + 0.25 + 0.0625])


@pytest.mark.parametrize(
    "durations, observed", [([1, 2], [True]), ([-1.0], [True]), ([float("nan")], [False]), ([], [])], ids=str
)
def test_records_that_make_no_sense_are_refused(durations, observed):
    with pytest.raises(DataError, match="usage records"):
        Records(np.array(durations), np.array(observed))


def test_nobody_who_left_tells_no_churn():
    with pytest.raises(DataError, match="0 departures"):
        planned(settings_of(), records=Records(np.array([3.0, 4.0]), np.array([False, False])))


def test_records_replace_the_assumptions_and_say_so():
    durations, observed = cohort(HIGH_END)
    records = Records(durations, observed, np.full(durations.size, 1200.0), "records.csv")
    found = planned(settings_of(customers={"churn": "50% per month"}), records=records)
    rows = {row["key"]: row for row in found["assumptions"]}
    assert rows["venture.customers.churn"]["basis"] == rows["venture.customers.requests"]["basis"] == "measured"
    assert rows["venture.customers.growth"]["basis"] == "assumed"
    assert "records.csv" in rows["venture.customers.churn"]["source"]
    assert found["unit"]["requests"] == 1200
    churn = observed.sum() / durations.sum()
    assert figure(found, "net-revenue-retention")["value"] == pytest.approx((1 - churn) ** 12, rel=0.02)
    assert "Fader" in figure(found, "lifetime-value")["note"]
    assert found["cohorts"]["law"]["alpha"] == pytest.approx(0.668, abs=1e-3)
    assert found["cohorts"]["kaplan_meier"]["share"][:4] == pytest.approx([1, 0.869, 0.743, 0.653])
    assert found["cohorts"]["basis"] == "estimated" and found["cohorts"]["kaplan_meier"]["basis"] == "measured"
    assumed = planned(settings_of())["cohorts"]
    assert assumed["kaplan_meier"] is None and assumed["law"] is None and assumed["basis"] == "assumed"
