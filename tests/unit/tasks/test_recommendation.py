"""Recommendation: questions that never look ahead, users and items nobody knows, lists longer than the catalogue, and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.console import Console
from modelwright.base.errors import DataError, RequestError
from modelwright.base.graph import Graph
from modelwright.base.journey import predict
from modelwright.base.nouns import Row
from modelwright.compress.export import export
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.spec.data import Data
from modelwright.spec.routes.ease import Ease
from modelwright.spec.routes.popularity import Popularity
from modelwright.spec.routes.sequential import Sequential
from modelwright.spec.routes.two_tower import TwoTower
from modelwright.tasks.items import histories
from modelwright.tasks.items.questions import SPLITS, questions, size_in_words
from modelwright.tasks.measures import ranking
from modelwright.tasks.recommendation import PLACES, Recommendation, RecommendationSettings, Recommended
from modelwright.train.plan import Limits
from modelwright.train.route import train_route

QUIET = Console(quiet=True)
HISTORIES = {"ada": "abc", "bo": "abd", "cy": "bcd", "di": "ab", "ed": "ef"}
LEARNED = [Row(user, {"user": user, "history": tuple(items)}) for user, items in HISTORIES.items()]


def bought(user: str, item: str, time: float, rating: float | None = None) -> Row:
    return Row(f"{user}-{item}-{time}", {"user": user, "item": item, "time": time, "rating": rating, "title": f"The {item}"})


def asked(history: str, following: str = "", exclude: str = "", **more: Any) -> Row:
    values = {"user": "x", "history": tuple(history), "exclude": tuple(exclude), "next": tuple(following), **more}
    return Row("x", values)


def fitted(route: Any = None, **learn: Any) -> Recommendation:
    return Recommendation.fit(LEARNED, route or Popularity(), None, RecommendationSettings(**learn))


def served(folder: Path, route: Any, **learn: Any) -> tuple[Recommendation, Graph]:
    limits, learned = Limits(None, None), RecommendationSettings(**learn)
    train_route(
        Recommendation,
        route,
        LEARNED,
        [asked("ab", "c")],
        checkpoint=None,
        limits=limits,
        seed=0,
        folder=folder,
        console=QUIET,
        title=route.name,
        checkpoint_seconds=3600,
        learn=learned,
    )
    return Recommendation.load(folder), Graph(export(folder, route, LEARNED[:2]), threads=1)


# questions


def test_a_question_is_what_was_liked_before_the_cut_and_its_answer_what_was_liked_after() -> None:
    splits = {
        "train": [bought("ada", "b", 2, 5), bought("ada", "a", 1, 4), bought("ada", "c", 3, 1)],
        "validation": [bought("ada", "d", 4, 5), bought("ada", "a", 4, 5), bought("bo", "a", 4, 2)],
        "test": [bought("ada", "e", 6, 5), bought("ada", "f", 5, 2), bought("bo", "b", 6, 4), bought("ada", "e", 7, 5)],
    }
    found = questions(splits, 4, again=False)
    (learned,) = found["train"]
    assert learned.values["history"] == ("a", "b")
    assert learned.values["times"] == (1, 2)
    assert learned.values["titles"] == ("The a", "The b")
    assert learned.values["exclude"] == ("c",)
    assert "next" not in learned.values
    (held,) = found["validation"]  # a was had before, and bo liked nothing
    assert (held.id, held.values["next"], held.values["history"]) == ("ada", ("d",), ("a", "b"))
    ada, bo = found["test"]
    assert ada.values["history"] == ("a", "b", "d", "a")
    assert ada.values["next"] == ("e",)
    assert (bo.values["history"], bo.values["exclude"], bo.values["next"]) == ((), ("a",), ("b",))
    assert (ada.values["history_size"], bo.values["history_size"]) == ("1–4", "0")
    assert questions(splits, 4, again=True)["validation"][0].values["next"] == ("d", "a")


def test_without_a_threshold_every_interaction_counts() -> None:
    splits = {"train": [bought("ada", "a", 1)], "validation": [bought("ada", "b", 2)], "test": [bought("bo", "a", 3)]}
    found = questions(splits, None, again=False)
    assert [found[name][0].values["history"] for name in SPLITS] == [("a",), ("a",), ()]
    with pytest.raises(DataError, match="has no rating"):
        questions(splits, 4, again=False)
    rated = {"train": [bought("ada", "a", 1, 2.0)], "validation": [], "test": []}
    with pytest.raises(DataError, match="none of 1 interactions"):
        questions(rated, 4, again=False)


@settings(max_examples=60, deadline=None)
@given(
    interactions=st.lists(
        st.tuples(st.sampled_from("pqrs"), st.sampled_from("abcdef"), st.integers(0, 30)), min_size=9, max_size=60
    ),
    again=st.booleans(),
)
def test_no_history_looks_ahead_and_no_answer_lies_behind(interactions: list[tuple[str, str, int]], again: bool) -> None:
    ordered = sorted(interactions, key=lambda one: one[2])
    thirds = {name: ordered[place * len(ordered) // 3 : (place + 1) * len(ordered) // 3] for place, name in enumerate(SPLITS)}
    splits = {name: [bought(*one) for one in part] for name, part in thirds.items()}
    found = questions(splits, None, again)
    for place, name in enumerate(SPLITS[1:], 1):
        before = {one for earlier in SPLITS[:place] for one in thirds[earlier]}
        for row in found[name]:
            mine = [one for one in before if one[0] == row.id]
            assert set(zip(row.values["history"], row.values["times"], strict=True)) == {(item, time) for _, item, time in mine}
            assert list(row.values["times"]) == sorted(row.values["times"])
            assert set(row.values["next"]) <= {item for user, item, _ in thirds[name] if user == row.id}
            if not again:
                assert not set(row.values["next"]) & set(row.values["history"])


def test_the_card_tells_who_is_new() -> None:
    splits = {
        "train": [bought("ada", "a", 1), bought("ada", "b", 2), bought("ada", "a", 3)],
        "validation": [bought("bo", "a", 4)],
        "test": [bought("cy", "c", 5), bought("ada", "b", 6)],
    }
    assert Recommendation.described(splits, RecommendationSettings()) == {
        "users": 3,
        "items": 3,
        "density": 4 / 9,
        "interactions_of_the_median_user": 1.0,
        "new_users_in_test": 1,
        "new_items_in_test": 1,
    }


def movies(count: int = 60) -> str:
    """Six users, interactions one second apart."""
    lines = [f"u{place % 6},i{place * 7 % 11},{1 + place % 5},{1000 + place}" for place in range(count)]
    return "\n".join(["user,item,rating,time", *lines]) + "\n"


def test_by_time_no_test_interaction_is_earlier_than_one_for_training(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(movies())
    seen: dict[str, Any] = {}

    def arrange(splits: Any) -> Any:
        seen.update(splits)
        return Recommendation.arrange(splits, RecommendationSettings())

    out = tmp_path / "out"
    out.mkdir()
    card = prepare(
        Data(source="rows.csv"), Recommendation.columns, tmp_path, out, QUIET, habits=Recommendation.habits, arrange=arrange
    )
    ends = {name: [row.values["time"] for row in rows] for name, rows in seen.items()}
    assert {name: len(times) for name, times in ends.items()} == {"train": 42, "validation": 6, "test": 12}
    assert max(ends["train"]) < min(ends["validation"]) <= max(ends["validation"]) < min(ends["test"])
    assert card["splits"] == {name: len(read_split(out, name)) for name in SPLITS}
    assert card["quarantine"] == {}  # one user who has one item twice is no copy
    again = read_split(out, "test")
    assert all(isinstance(row.values["history"], tuple) and row.values["next"] for row in again)


def test_what_is_no_interaction_lies_in_quarantine(tmp_path: Path) -> None:
    bad = ["u1,,3,1001", ",i2,3,1002", "u1,i2,inf,1003", "u1,i2,3,some day", "u1,i2,three,1004"]
    (tmp_path / "rows.csv").write_text(movies() + "\n".join(bad) + "\nu9,i3,,1059\n")
    out = tmp_path / "out"
    out.mkdir()
    arrange = {
        "habits": Recommendation.habits,
        "arrange": lambda splits: Recommendation.arrange(splits, RecommendationSettings()),
    }
    card = prepare(Data(source="rows.csv"), Recommendation.columns, tmp_path, out, QUIET, **arrange)
    assert card["rows_kept"] == 61  # an interaction without a rating is one
    assert card["quarantine"] == {"wrong_type": 3, "missing_text": 2}
    quarantined = (out / "quarantine.csv").read_text()
    assert all(line in quarantined for line in ("not a finite number", "no date or number", "not a number", "is empty"))


def test_leave_last_out_holds_out_one_of_each_user(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(movies())
    seen: dict[str, Any] = {}
    out = tmp_path / "out"
    out.mkdir()

    def arrange(splits: Any) -> Any:
        seen.update(splits)
        return Recommendation.arrange(splits, RecommendationSettings(again=True))

    spec = Data.model_validate({"source": "rows.csv", "split": {"by": "last"}})
    prepare(spec, Recommendation.columns, tmp_path, out, QUIET, habits=Recommendation.habits, arrange=arrange)
    for name in ("validation", "test"):
        assert sorted(row.values["user"] for row in seen[name]) == [f"u{number}" for number in range(6)]
    latest = {row.values["user"]: row.values["time"] for row in seen["test"]}
    assert all(row.values["time"] < latest[row.values["user"]] for name in SPLITS[:2] for row in seen[name])
    assert all(len(row.values["next"]) == 1 for row in read_split(out, "test"))


def test_leave_last_out_without_times_goes_by_the_sources_order(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("user,item\n" + "".join(f"u{place % 3},i{place}\n" for place in range(12)))
    out = tmp_path / "out"
    out.mkdir()
    spec = Data.model_validate({"source": "rows.csv", "split": {"by": "last"}})
    arrange = {
        "habits": Recommendation.habits,
        "arrange": lambda splits: Recommendation.arrange(splits, RecommendationSettings()),
    }
    prepare(spec, Recommendation.columns, tmp_path, out, QUIET, **arrange)
    assert [row.values["next"] for row in read_split(out, "test")] == [("i9",), ("i10",), ("i11",)]
    assert read_split(out, "test")[0].values["history"] == ("i0", "i3", "i6")


@pytest.mark.parametrize(("items", "words"), [(0, "0"), (1, "1–4"), (4, "1–4"), (5, "5–19"), (99, "20–99"), (100, "100+")])
def test_sizes_in_words(items: int, words: str) -> None:
    assert size_in_words(items) == words


# histories as numbers


def test_an_item_had_twice_counts_once_or_twice() -> None:
    once, count = fitted(), fitted(repeats="count")
    assert once.encode(asked("aab")).inputs["weights"].tolist() == [1.0, 1.0]
    weights = count.collate([count.encode(asked("aab"))]).inputs["profile"][0]
    assert weights[count.index["a"]] == 2.0
    assert weights[count.index["b"]] == 1.0
    assert weights.sum() == 3.0


def test_the_catalogue_is_ordered_by_users_and_small_items_can_stay_out() -> None:
    task = fitted()
    assert task.items == ("b", "a", "c", "d", "e", "f")
    assert task.counts.tolist() == [4, 3, 2, 2, 1, 1]
    assert fitted(min_per_item=2).items == ("b", "a", "c", "d")
    with pytest.raises(DataError, match="liked 1 different items"):
        fitted(min_per_item=4)


def test_steps_teach_every_item_once_in_windows() -> None:
    found = histories.step_lessons("x", [0, 1, 2, 3, 4], [1.0, 1.0, 0.5, 0.5, 0.5], 9, 3)
    assert [example.inputs["item_ids"].tolist() for example in found] == [[10, 1], [2, 3, 4]]
    assert [example.target.tolist() for example in found if example.target is not None] == [[0, 1], [2, 3, 4]]
    assert [example.weight for example in found] == [1.0, 0.5]
    batch = histories.collate(found, 9)
    assert batch.targets is not None
    assert batch.targets.tolist() == [[0, 1, histories.NOT_COUNTED], [2, 3, 4]]
    assert batch.weights is not None
    assert batch.weights.tolist() == [1.0, 0.5]
    assert set(batch.inputs) == {"item_ids"}


def test_pairs_ask_for_each_item_after_those_before_it() -> None:
    found = histories.pair_lessons("x", [0, 1, 2], [1.0] * 3, 9, 2)
    assert [example.inputs["item_ids"].tolist() for example in found] == [[10], [10, 1], [1, 2]]
    assert [int(example.target) for example in found if example.target is not None] == [0, 1, 2]


def test_what_is_old_teaches_less_after_a_half_life() -> None:
    day = 86_400.0
    rows = [Row("u", {"user": "u", "history": ("a", "b", "c"), "times": (0.0, 10 * day, 20 * day)})]
    task = Recommendation.fit(rows, TwoTower(half_life=10))
    assert [example.weight for example in task.lessons(rows)] == [0.25, 0.5, 1.0]
    steps = Recommendation.fit(rows, Sequential(half_life=10))
    assert [round(example.weight, 6) for example in steps.lessons(rows)] == [round(1.75 / 3, 6)]
    (whole,) = Recommendation.fit(rows, Ease()).lessons(rows)
    assert sorted(whole.inputs["ages"].tolist()) == [0.0, 10.0, 20.0]


# answers


def test_who_has_no_history_gets_what_most_liked(tmp_path: Path) -> None:
    task, graph = served(tmp_path, Ease(strength=1.0))
    (cold,) = predict(task, graph, [task.read_request({"history": [], "k": 3}, "0")])
    assert cold.items == ("b", "a", "c")
    assert cold.known == 0
    (unknown,) = predict(task, graph, [task.read_request({"history": ["never seen"], "k": 3}, "0")])
    assert (unknown.items, unknown.scores, unknown.known) == (cold.items, cold.scores, 0)


def test_an_unknown_item_is_ignored_and_counted_as_unknown(tmp_path: Path) -> None:
    task, graph = served(tmp_path, Ease(strength=1.0))
    plain, mixed = predict(task, graph, [asked("ab"), asked("azb")])
    assert plain.items == mixed.items
    assert plain.known == mixed.known == 2


def test_more_items_than_the_catalogue_holds_are_all_that_are_left(tmp_path: Path) -> None:
    task, graph = served(tmp_path, Ease(strength=1.0))
    rows = [task.read_request({"history": ["a", "b"], "exclude": ["e"], "k": 1000}, "0")]
    rows.append(task.read_request({"history": list("abcdef"), "k": 1000}, "1"))
    some, none = predict(task, graph, rows)
    assert set(some.items) == {"c", "d", "f"}
    assert list(some.scores) == sorted(some.scores, reverse=True)
    assert none.items == ()
    assert json.loads(json.dumps(none.as_json()))["items"] == []


def test_had_items_come_again_only_where_the_project_says_so(tmp_path: Path) -> None:
    task, graph = served(tmp_path, Popularity(), again=True)
    (found,) = predict(task, graph, [asked("ba", exclude="c", k=2)])
    assert found.items == ("b", "a")
    (rest,) = predict(task, graph, [asked("ba", exclude="b", k=2)])
    assert rest.items == ("a", "c")


def test_a_request_that_names_no_number_gets_the_projects(tmp_path: Path) -> None:
    task, graph = served(tmp_path, Popularity(), k=2)
    assert len(predict(task, graph, [task.read_request(["e"], "0")])[0].items) == 2
    assert len(predict(task, graph, [asked("e", "a")])[0].items) == 5  # a row of a split: as many as figures look at
    for wrong in ({"history": "abc"}, {"history": [1]}, {"history": [], "k": 0}, {"k": 3}, 7, {"history": [], "how": 1}):
        with pytest.raises(RequestError):
            task.read_request(wrong, "0")


def test_titles_travel_with_the_answer(tmp_path: Path) -> None:
    rows = [Row(row.id, {**row.values, "titles": tuple(f"The {item}" for item in row.values["history"])}) for row in LEARNED]
    task = Recommendation.fit(rows, Popularity())
    task.save(tmp_path)
    scores = np.array([[6, 5, 4, 3, 2, 1]], np.float32)
    outputs = {"scores": scores, "asked_for": np.array([[2, 0]])}
    (found,) = Recommendation.load(tmp_path).decode(outputs, ["0"])
    assert (found.items, found.titles) == (("b", "a"), ("The b", "The a"))  # type: ignore[attr-defined]
    assert task.shown(rows[4])["text"] == "The e, The f"
    assert fitted().decode(outputs, ["0"])[0].titles == ()  # type: ignore[attr-defined]


# figures


def test_figures_of_ranked_lists() -> None:
    hits = np.array([[True, False, True], [False, False, False], [False, True, False]])
    liked = np.array([2, 1, 5])
    at = 1 / np.log2([2, 3, 4])
    np.testing.assert_allclose(ranking.ndcg(hits, liked), [(at[0] + at[2]) / (at[0] + at[1]), 0, at[1] / at.sum()])
    np.testing.assert_allclose(ranking.recall(hits, liked), [1, 0, 0.2])
    np.testing.assert_allclose(ranking.reciprocal_rank(hits), [1, 0, 0.5])
    np.testing.assert_allclose(ranking.self_information(np.array([8, 2, 0]), 8), [0, 2, 3])


def test_users_without_a_history_have_a_figure_of_their_own() -> None:
    task = fitted()
    rows = [asked("a", "bc"), asked("", "b"), asked("", "f")]
    lists = [Recommended("x", tuple(items), tuple(range(len(items), 0, -1)), (), 0) for items in ("bcd", "ba", "ba")]
    figures = task.score(task.align(lists, rows))
    assert figures["ndcg@10"] == 1.0
    assert figures["recall@10"] == figures["hit-rate@10"] == figures["mrr@10"] == 1.0
    assert figures["cold-ndcg@10"] == 0.5
    assert figures["coverage@10"] == 3 / 6
    np.testing.assert_allclose(figures["novelty@10"], -np.log2(np.array([4, 2, 2]) / 5).mean())
    cold = task.score(task.align(lists[1:], rows[1:]))
    assert cold["ndcg@10"] == cold["cold-ndcg@10"] == 0.5
    assert set(figures) == {metric.name for metric in Recommendation.metrics}


def test_a_liked_item_that_the_catalogue_lacks_counts_as_missed() -> None:
    task = fitted()
    (known,) = [task.score(task.align([Recommended("x", ("c",), (1.0,), (), 1)], [asked("ab", "c")]))]
    (unknown,) = [task.score(task.align([Recommended("x", ("c",), (1.0,), (), 1)], [asked("ab", "cz")]))]
    assert known["recall@10"] == 1.0
    assert unknown["recall@10"] == 0.5
    assert unknown["ndcg@10"] < known["ndcg@10"]


def test_resampled_rows_have_no_coverage() -> None:
    task = fitted()
    aligned = task.align([Recommended("x", ("c",), (1.0,), (), 1)] * 2, [asked("ab", "c"), asked("a", "d")])
    assert aligned["items"].shape == (2, PLACES)
    assert "coverage@10" in task.score(aligned)
    assert "coverage@10" not in task.score({name: array[[0, 0]] for name, array in aligned.items()})


def test_chance_is_what_most_of_these_users_liked_next() -> None:
    rows = [asked("a", "b"), asked("c", "b"), asked("d", "e")]
    best = 1.0 + 1.0 + 1 / np.log2(3)
    np.testing.assert_allclose(fitted().chance(rows), best / 3)


def test_a_row_without_an_answer_is_not_scored() -> None:
    with pytest.raises(DataError, match="does not say what was liked next"):
        fitted().align([Recommended("x", ("c",), (1.0,), (), 1)], [asked("ab")])
