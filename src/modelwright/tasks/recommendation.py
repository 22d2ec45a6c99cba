"""`recommendation`: which items a user will like next, out of the whole catalogue.

Rows of the data are interactions (a user, an item, perhaps a rating, a moment and a title). What is learned from and asked are
histories: tasks/items/questions.py. Every figure ranks the full catalogue: ranking against a few drawn items flatters, and can
even turn the order of two models round (Krichene & Rendle 2020).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.nouns import Batch, Column, Example, Habits, Outputs, Prediction, Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.finite import finite
from modelwright.tasks.contract import TASK_FILE, Metric, Task, damaged
from modelwright.tasks.items import exam, histories
from modelwright.tasks.items.questions import questions
from modelwright.tasks.items.request import (
    MAX_HISTORY,
    RecommendationRequest,
    RecommendationSettings,
    Recommended,
    names,
    read,
    request_of,
)
from modelwright.tasks.measures import ranking

__all__ = ["TASK", "Recommendation", "RecommendationRequest", "RecommendationSettings", "Recommended"]

PLACES = 10
"""Places that figures look at."""
EXCLUDED = -1_000_000_000
"""The score that a model gives to an item which may not be recommended; whatever lies below a tenth of it is not shown."""
ITEMS_FILE = "items.json"


class Recommendation(Task):
    """A catalogue, and how histories are read.

    Args:
        items: in the order of the model's outputs: by the number of users who liked them, falling.
        counts: that number for each item.
        titles: for each item; empty where the data has none.
        users: in training.
        reads: one of `histories.READS`.
        limit: steps of a history that are read; for "profile" all are.
        half_life: days after which a lesson weighs half; None: all weigh the same.
        learn: the task's own settings.
    """

    name = "recommendation"
    about = "the items a user will like next, ranked over the whole catalogue"
    columns = (
        Column("user", "name", input=True),
        Column("item", "name", input=True),
        Column("rating", "number", input=False, required=False),
        Column("time", "time", input=False, required=False),
        Column("title", "text", input=False, required=False),
    )
    habits = Habits(duplicates="keep", contradictions="keep", split="time", split_role="time")
    settings = RecommendationSettings
    reads = histories.READS
    wants = "items"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("ndcg@10", "higher"),
        Metric("recall@10", "higher"),
        Metric("hit-rate@10", "higher"),
        Metric("mrr@10", "higher"),
        Metric("coverage@10", "higher"),
        Metric("novelty@10", "higher", unit="bit"),
        Metric("cold-ndcg@10", "higher"),
    )
    request = RecommendationRequest
    prediction = Recommended
    reference = "next"
    slices = ("history_size",)
    exam_kinds = exam.KINDS

    def __init__(
        self,
        items: tuple[str, ...],
        counts: Sequence[int],
        titles: tuple[str, ...],
        users: int,
        reads: str,
        limit: int,
        half_life: float | None,
        learn: RecommendationSettings,
    ) -> None:
        self.items, self.counts, self.titles, self.users = items, np.asarray(counts, np.int64), titles, users
        self.read, self.limit, self.half_life, self.learn = reads, limit, half_life, learn
        self.index = {item: number for number, item in enumerate(items)}
        self.loss = "cross-entropy"
        self.sizes = {"items": len(items), "excluded": EXCLUDED}
        count = str(len(items))  # an axis named by a number has that size
        own = {"profile": ("batch", count)} if reads == "profile" else {"item_ids": ("batch", "steps")}
        self.axes = {**own, "excluded": ("batch", count), "asked": ("batch", "2")}

    @classmethod
    def arrange(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, list[Row]]:
        assert isinstance(learn, RecommendationSettings)
        return questions(splits, learn.like_from, learn.again)

    @classmethod
    def described(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, Any]:
        """Users, items, the share of all pairs that occur, interactions of the median user, and what the test split asks about users
        and items that training never saw."""
        rows = [row for part in splits.values() for row in part]
        of_user = Counter(row.values["user"] for row in rows)
        items = {row.values["item"] for row in rows}
        pairs = {(row.values["user"], row.values["item"]) for row in rows}
        users_known = {row.values["user"] for row in splits["train"]}
        items_known = {row.values["item"] for row in splits["train"]}
        return {
            "users": len(of_user),
            "items": len(items),
            "density": len(pairs) / max(1, len(of_user) * len(items)),
            "interactions_of_the_median_user": float(np.median(list(of_user.values()))) if of_user else 0.0,
            "new_users_in_test": len({row.values["user"] for row in splits["test"]} - users_known),
            "new_items_in_test": len({row.values["item"] for row in splits["test"]} - items_known),
        }

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        learn = learn or RecommendationSettings()
        assert isinstance(learn, RecommendationSettings)
        counts, titles = Counter[str](), dict[str, str]()
        for row in rows:
            liked = _learned(row)
            counts.update(set(liked))
            titles |= dict(zip(row.values["history"], row.values.get("titles") or (), strict=False))
        items = tuple(
            sorted((item for item in counts if counts[item] >= learn.min_per_item), key=lambda one: (-counts[one], one))
        )
        if len(items) < 2:
            raise DataError(
                f"{len(rows):,} users for training liked {len(items)} different items",
                expected="at least two items to choose between",
                where="column role 'item'",
                remedy="Bring more interactions, or lower learn.min_per_item and learn.like_from.",
            )
        shown = tuple(titles.get(item, "") for item in items)
        limit = getattr(route, "history", 0)
        return cls(
            items,
            [counts[item] for item in items],
            shown if any(shown) else (),
            len(rows),
            route.reads,
            limit,
            getattr(route, "half_life", None),
            learn,
        )

    def encode(self, row: Row) -> Example:
        ids = self._ids(names(row, "history"))
        inputs = self._history(ids)
        excluded = set(self._ids(names(row, "exclude"))) | (set() if self.learn.again else set(ids))
        inputs["excluded"] = np.array(sorted(excluded), np.int64)
        # rows of a split are asked for as many items as the figures look at
        inputs["asked"] = np.array([row.values.get("k") or PLACES, len(set(ids))], np.int64)
        following, target = row.values.get("next"), None
        if following is not None:
            target = np.zeros(len(self.items), np.float32)
            target[self._ids(following)] = 1.0
        return Example(row.id, inputs, len(inputs["item_ids"]) if "item_ids" in inputs else 1, target)

    def _history(self, ids: Sequence[int]) -> dict[str, np.ndarray]:
        if self.read == "profile":
            items, weights = histories.profile(ids, self.learn.repeats == "count")
            return {"items": items, "weights": weights}
        return {"item_ids": histories.latest(ids, len(self.items), self.limit)}

    def _ids(self, names: Sequence[str]) -> list[int]:
        """Of the items that training knows, in order."""
        return [self.index[name] for name in names if name in self.index]

    def lessons(self, rows: Sequence[Row]) -> list[Example]:
        """A whole history (profile), each of its items after those before it (history), or its steps in windows (sequence)."""
        newest = max((moment for row in rows for moment in row.values.get("times") or ()), default=0.0)
        found: list[Example] = []
        for row in rows:
            liked = _learned(row)
            moments = [*(row.values.get("times") or ()), *[newest] * len(liked)][: len(liked)]
            known = [(self.index[name], moment) for name, moment in zip(liked, moments, strict=True) if name in self.index]
            ids, ages = [item for item, _ in known], [(newest - moment) / histories.DAY_S for _, moment in known]
            if self.read == "profile":
                found.append(histories.profile_lesson(row.id, ids, ages, self.learn.repeats == "count"))
                continue
            weights = [1.0 if self.half_life is None else 0.5 ** (age / self.half_life) for age in ages]
            teach = histories.pair_lessons if self.read == "history" else histories.step_lessons
            found += teach(row.id, ids, weights, len(self.items), self.limit)
        return found

    def collate(self, examples: Sequence[Example]) -> Batch:
        return histories.collate(examples, len(self.items))

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        scores = finite(outputs, "scores", row_ids)
        asked = np.asarray(outputs["asked_for"]).astype(np.int64)
        return [self._best(*of_row) for of_row in zip(row_ids, scores, asked.tolist(), strict=True)]

    def _best(self, row_id: str, scores: np.ndarray, asked: list[int]) -> Recommended:
        """The best of one row; of equal scores the item that more users liked comes first."""
        most, known = min(asked[0], len(scores)), asked[1]
        least = np.partition(scores, -most)[-most]
        places = np.flatnonzero((scores >= least) & (scores > EXCLUDED / 10))
        places = places[np.argsort(-scores[places], kind="stable")][:most]
        best, titles = tuple(self.items[at] for at in places), tuple(self.titles[at] for at in places if self.titles)
        return Recommended(row_id, best, tuple(scores[places].tolist()), titles, known)

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`items`: int64 [n, 10], −1 where a list is shorter; `hits`: bool [n, 10]; `liked`: int64 [n], how many items were liked
        later; `known`: int64 [n], different items in the history; `place`: int64 [n], the row's number.

        Raises:
            DataError: a row without "next".
        """
        items = np.full((len(rows), PLACES), -1, np.int64)
        hits, liked, known = np.zeros(items.shape, bool), np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
        for number, (prediction, row) in enumerate(zip(predictions, rows, strict=True)):
            assert isinstance(prediction, Recommended)
            following = set(row.values.get("next") or ())
            if not following:
                raise DataError(
                    "the row does not say what was liked next",
                    expected="at least one item to score against",
                    where=f"row {row.id}",
                    remedy="Ask only of users who liked something after the cut.",
                )
            best = prediction.items[:PLACES]
            items[number, : len(best)] = [self.index[item] for item in best]
            hits[number, : len(best)] = [item in following for item in best]
            liked[number], known[number] = len(following), len(set(names(row, "history")))
        return {"items": items, "hits": hits, "liked": liked, "known": known, "place": np.arange(len(rows))}

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Figures over users with a history; "cold-ndcg@10" is of those without (all of whom get the same answer). Where no row has
        a history, all count. Coverage depends on how many are asked: resampled rows, which hold copies, have none."""
        warm = aligned["known"] > 0
        counted = warm if warm.any() else np.ones(len(warm), bool)
        hits, liked, items = (aligned[name][counted] for name in ("hits", "liked", "items"))
        shown = items[items >= 0]
        figures = {
            "ndcg@10": float(ranking.ndcg(hits, liked).mean()),
            "recall@10": float(ranking.recall(hits, liked).mean()),
            "hit-rate@10": float(hits.any(1).mean()),
            "mrr@10": float(ranking.reciprocal_rank(hits).mean()),
        }
        if len(np.unique(aligned["place"])) == len(warm):
            figures["coverage@10"] = len(np.unique(shown)) / len(self.items)
        if len(shown):
            figures["novelty@10"] = float(ranking.self_information(self.counts, self.users)[shown].mean())
        if not warm.all():
            figures["cold-ndcg@10"] = float(ranking.ndcg(aligned["hits"][~warm], aligned["liked"][~warm]).mean())
        return figures

    def chance(self, rows: Sequence[Row]) -> float:
        """Of the headline metric, for giving everybody the items that most of these rows' users liked next, without those they had."""
        counts = Counter(item for row in rows for item in row.values["next"] if item in self.index)
        often = sorted(self.items, key=lambda item: (-counts[item], item))
        answers: list[Prediction] = []
        for row in rows:
            had = {*names(row, "exclude"), *(() if self.learn.again else names(row, "history"))}
            best = []
            for item in often:
                if item not in had:
                    best.append(item)
                    if len(best) == PLACES:
                        break
            answers.append(Recommended(row.id, tuple(best), (0.0,) * len(best), (), 0))
        return self.score(self.align(answers, rows))["ndcg@10"]

    def read_request(self, request: Any, row_id: str) -> Row:
        return read(request, row_id, self.learn.k)

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        return request_of(row)

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        titles = row.values.get("titles") or ()
        shown = [title or item for item, title in zip(names(row, "history"), [*titles, *[""] * MAX_HISTORY], strict=False)]
        return {"text": ", ".join(shown[-20:])}

    def save(self, folder: Path) -> None:
        content = {"task": self.name, "format": 1, "reads": self.read, "limit": self.limit, "half_life": self.half_life}
        write_json(folder / TASK_FILE, {**content, "users": self.users, "learn": self.learn.model_dump(mode="json")})
        write_json(folder / ITEMS_FILE, {"items": list(self.items), "counts": self.counts.tolist(), "titles": list(self.titles)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        path = folder / TASK_FILE
        try:
            content = read_json(path)
            learn = RecommendationSettings.model_validate(content["learn"])
            path = folder / ITEMS_FILE
            listed = read_json(path)
            items, titles = tuple(map(str, listed["items"])), tuple(map(str, listed["titles"]))
            half_life = content["half_life"]
            if len(items) != len(listed["counts"]) or content["reads"] not in cls.reads:
                raise ValueError("its parts do not fit together")
            return cls(
                items,
                [int(count) for count in listed["counts"]],
                titles,
                int(content["users"]),
                content["reads"],
                int(content["limit"]),
                None if half_life is None else float(half_life),
                learn,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(path, error) from error

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.rows(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_strange(cls) -> list[Row]:
        return [Row("strange", {"history": value}) for value in (None, 3.5, "one", ("a", 3), {"a": 1})]

    @classmethod
    def exam_unteachable(cls) -> list[list[Row]]:
        """No rows; users without a history; everybody with the same one item."""
        return [
            [],
            [Row(f"u{number}", {"user": f"u{number}", "history": ()}) for number in range(9)],
            [Row(f"u{number}", {"user": f"u{number}", "history": ("a",)}) for number in range(9)],
        ]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


def _learned(row: Row) -> list[str]:
    """Everything that a training row shows its user to have liked, oldest first."""
    return [*names(row, "history"), *(row.values.get("next") or ())]


TASK = Recommendation
