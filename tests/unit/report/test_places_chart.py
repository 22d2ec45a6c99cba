"""The chart of recommendations: drawn where lists were ranked, absent elsewhere, in both languages."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.evaluate.ranking import by_places
from modelwright.report.charts.of_items import places
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

ALIGNED = {
    "hits": np.array([[True, False], [False, True], [True, True]]),
    "liked": np.array([1, 2, 2]),
    "known": np.array([3, 1, 0]),
}
SPLITS = {"test": {"metrics": {"coverage@10": {"value": 0.25}, "novelty@10": {"value": 2.5}}}}


def test_each_place_is_worth_what_the_list_up_to_it_is() -> None:
    found = by_places(ALIGNED)["ranking"]
    assert (found["rows"], found["without_history"], found["places"]) == (2, 1, [1, 2])
    assert found["hit_rate"] == [0.5, 1.0]
    assert found["recall"] == [0.5, 0.75]
    second = 1 / np.log2(3)
    np.testing.assert_allclose(found["ndcg"], [0.5, (1 + second / (1 + second)) / 2])


def test_other_tasks_and_only_new_users_have_none() -> None:
    assert by_places({"truth": np.zeros(3)}) == {}
    assert by_places({**ALIGNED, "known": np.zeros(3, int)}) == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_drawn_with_its_numbers_in_words(language: str) -> None:
    words = Words(language)
    evaluation = {**by_places(ALIGNED), "splits": SPLITS}
    chart = places(evaluation, "evaluate/ease/evaluation.json", words, Numbers(language))
    assert chart is not None
    assert [trace["y"] for trace in chart.spec["data"]][:2] == [[0.5, 1.0], [0.5, 0.75]]
    assert "25%" in chart.caption.replace(" ", "")
    assert len(chart.rows) == 2
    assert len(chart.columns) == len(chart.rows[0]) == 4


def test_nothing_ranked_is_no_chart() -> None:
    words = Words("en")
    assert places({"splits": SPLITS}, "x", words, Numbers("en")) is None
