"""The measured learning curve: nested parts, kept when killed, and what can't be learned from is said."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.unit.train.conftest import TASK, small

from modelwright.base.console import Console
from modelwright.base.nouns import Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.train import LearningCurve
from modelwright.tasks.contract import get_task
from modelwright.train import learning
from modelwright.train.operations import forward, operations
from modelwright.train.route import Limits, train_route

SETTINGS = {"checkpoint": None, "seed": 0, "console": Console(quiet=True), "title": "small", "checkpoint_seconds": 20.0}


@given(some.lists(some.integers(1, 40), min_size=1, max_size=5), some.integers(0, 9), some.floats(0.05, 1))
def test_every_beginning_has_the_same_mix(sizes: list[int], seed: int, share: float) -> None:
    rows = [Row(f"{label}-{number}", {"label": str(label)}) for label, size in enumerate(sizes) for number in range(size)]
    ordered = learning.nested(rows, "label", seed)
    assert sorted(row.id for row in ordered) == sorted(row.id for row in rows)
    taken = Counter(row.values["label"] for row in ordered[: max(len(sizes), round(share * len(rows)))])
    assert len(taken) == len(sizes), "of each label at least one"
    if round(share * len(rows)) > 2 * len(sizes):
        for label, size in enumerate(sizes):
            assert abs(taken[str(label)] - size * share) <= 2 + len(sizes)


def test_without_labels_the_order_is_at_random_and_the_seed_decides() -> None:
    rows = [Row(str(number), {}) for number in range(50)]
    one, again, other = (learning.nested(rows, None, seed) for seed in (0, 0, 1))
    assert one == again != other
    assert sorted(one, key=lambda row: row.id) == sorted(rows, key=lambda row: row.id)


def measure(folder, rows, shares=(0.25, 0.5, 1.0), route=None, limits=Limits()):  # noqa: B008
    given = {name: value for name, value in SETTINGS.items() if name != "seed"}
    return learning.measure(
        get_task(TASK), route or small("tfidf-linear"), *rows, shares, folder=folder, limits=limits, seed=0, **given
    )


def test_points_are_measured_on_validation_and_the_whole_comes_last(rows, tmp_path) -> None:
    found = measure(tmp_path, rows)
    assert [(point["share"], point["rows"]) for point in found["points"]] == [(0.25, 24), (0.5, 48)]
    assert found["left_out"] == []
    assert found["seconds"] == pytest.approx(sum(point["seconds"] for point in found["points"]))
    result = train_route(get_task(TASK), small("tfidf-linear"), *rows, limits=Limits(), folder=tmp_path, **SETTINGS)
    whole = learning.add_whole(tmp_path, 96, result)
    assert whole["points"][-1] == {"share": 1.0, "rows": 96, "score": result["best_score"], "seconds": result["seconds"]}
    assert learning.add_whole(tmp_path, 96, result) == whole == read_json(tmp_path / "learning.json")
    assert all(0 <= point["score"] <= 1 for point in whole["points"])
    assert whole["points"][0]["score"] <= whole["points"][-1]["score"]
    assert not list(tmp_path.glob("learning-*")), "the smaller models are not kept"


def test_what_was_measured_before_a_kill_is_not_measured_again(rows, tmp_path) -> None:
    found = measure(tmp_path, rows)
    marked = {**found, "points": [{**found["points"][0], "score": 0.123}]}
    write_json(tmp_path / "learning.json", marked)
    again = measure(tmp_path, rows)
    assert [point["score"] for point in again["points"]] == [0.123, found["points"][1]["score"]]


def test_one_label_teaches_nothing_and_the_run_goes_on(rows, tmp_path) -> None:
    same = [Row(row.id, {**row.values, "label": "same"}) for row in rows[0]]
    found = measure(tmp_path, (same, same[:8]))
    assert found["points"] == []
    assert [item["share"] for item in found["left_out"]] == [0.25, 0.5]
    assert all("same" in item["why"] or "one" in item["why"] for item in found["left_out"])


def test_the_budget_ends_it(rows, tmp_path) -> None:
    found = measure(tmp_path, rows, route=small("encoder"), limits=Limits(seconds=1e-6))
    assert [item["share"] for item in found["left_out"]] == [0.5]  # the first was begun: nobody knew how long it would take
    assert "half of the route's time" in found["left_out"][0]["why"]


def test_shares_need_three_sizes() -> None:
    assert LearningCurve().shares == (0.125, 0.25, 0.5, 1.0)
    assert LearningCurve(shares=(0.5, 0.25)).shares == (0.25, 0.5, 1.0)
    for wrong in ((), (0.5,), (0.0, 0.5), (0.5, 1.5)):
        with pytest.raises(ValueError, match="at least two shares"):
            LearningCurve(shares=wrong)


def test_operations_of_a_reader_of_tokens_and_of_a_solver(rows, tmp_path) -> None:
    result = train_route(get_task(TASK), small("encoder"), *rows, limits=Limits(), folder=tmp_path, **SETTINGS)
    found = operations(tmp_path, small("encoder"), result, rows[0])
    assert found is not None
    tokens = result["tokens_per_second"] * result["rows"] / result["samples_per_second"]
    assert found.value == pytest.approx(6 * result["parameters"] * tokens)
    assert f"{result['parameters']:,}" in found.note
    assert operations(tmp_path, small("tfidf-linear"), result, rows[0]) is None


def test_operations_are_counted_where_no_tokens_are_read(rows, tmp_path) -> None:
    """One forward pass, counted: at least the products of the output layer, and in proportion to nothing but a row's own length."""
    result = train_route(get_task(TASK), small("textcnn"), *rows, limits=Limits(), folder=tmp_path, **SETTINGS)
    each = forward(tmp_path, rows[0][:8])
    assert each > 0
    found = operations(tmp_path, small("textcnn"), {**result, "tokens_per_second": None}, rows[0])
    assert found is not None
    assert found.value == pytest.approx(3 * forward(tmp_path, rows[0][:16]) * result["rows"])
