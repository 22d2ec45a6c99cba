"""From interactions to questions: "who had had these items: what did they take next?"

The cut between the splits is where the question is asked. What lies before it is the user's history, what lies after it the
answer; nothing is ever taken from the far side of the cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelwright.base.errors import DataError
from modelwright.base.nouns import Row

SPLITS = ("train", "validation", "test")  # in the order of time
_SIZES = ((0, "0"), (4, "1–4"), (19, "5–19"), (99, "20–99"))
_MORE = "100+"


@dataclass(frozen=True, slots=True)
class Interaction:
    """One user had one item, once.

    Args:
        place: where it stands in time: its moment; among equal moments (or without any) its split, and its place in the source.
        liked: False where the rating says otherwise.
        title: of the item, for people; None if there is none.
    """

    item: str
    place: tuple[float, int, int]
    liked: bool
    title: str | None

    @property
    def moment(self) -> float:
        return self.place[0]


def questions(splits: Mapping[str, Sequence[Row]], like_from: float | None, again: bool) -> dict[str, list[Row]]:
    """One row per user and split, ordered by the user's name.

    Values of a row: "user"; "history": the items that the user liked before the cut, oldest first; "times": their moments
    (seconds since 1970, where the data has times); "titles": theirs (where the data has titles); "exclude": items that the user
    had and did not like; "next": different items that the user liked after the cut, in order; "history_size": in words, to slice
    by. A row for training has no "next": its history is what is learned. Users who liked nothing in a split give it no row.

    Args:
        splits: interactions, with "user", "item", and "rating", "time" and "title" where the data has them.
        like_from: rating from which an interaction is liked; None: all are.
        again: whether items that a user has had may be asked for again.

    Raises:
        DataError: no interaction for training is liked; or ratings are wanted and there are none.
    """
    found = {name: _by_user(splits[name], like_from, part) for part, name in enumerate(SPLITS)}
    arranged = {"train": [_row(user, known, None) for user, known in sorted(found["train"].items()) if any(map(_liked, known))]}
    if not arranged["train"]:
        raise DataError(
            f"none of {len(splits['train']):,} interactions for training has a rating of {like_from or 0:g} or more",
            expected="interactions that were liked",
            where="learn.like_from",
            remedy="Lower learn.like_from, or leave it out: then every interaction counts.",
        )
    before: dict[str, list[Interaction]] = {user: list(known) for user, known in found["train"].items()}
    for name in SPLITS[1:]:
        arranged[name] = []
        for user, after in sorted(found[name].items()):
            known = before.get(user, [])
            had = set() if again else {one.item for one in known}
            following = tuple(dict.fromkeys(one.item for one in after if one.liked and one.item not in had))
            if following:
                arranged[name].append(_row(user, known, following))
        for user, after in found[name].items():
            before[user] = sorted([*before.get(user, []), *after], key=lambda one: one.place)
    return arranged


def _liked(one: Interaction) -> bool:
    return one.liked


def _by_user(rows: Sequence[Row], like_from: float | None, part: int) -> dict[str, list[Interaction]]:
    users: dict[str, list[Interaction]] = {}
    for number, row in enumerate(rows):
        values = row.values
        place = (float(values.get("time") or 0.0), part, number)
        found = Interaction(values["item"], place, _likes(row, like_from), values.get("title"))
        users.setdefault(values["user"], []).append(found)
    for found_of_user in users.values():
        found_of_user.sort(key=lambda one: one.place)
    return users


def _likes(row: Row, like_from: float | None) -> bool:
    if like_from is None:
        return True
    rating = row.values.get("rating")
    if rating is None:
        raise DataError(
            "learn.like_from is set, and the interaction has no rating",
            expected="a rating in every row",
            where=f"row {row.id}",
            remedy="Name the column under data.columns.rating, fill its empty cells, or leave learn.like_from out.",
        )
    return bool(rating >= like_from)


def _row(user: str, known: Sequence[Interaction], following: tuple[str, ...] | None) -> Row:
    liked = [one for one in known if one.liked]
    values: dict[str, Any] = {"user": user, "history": tuple(one.item for one in liked)}
    values["times"] = tuple(one.moment for one in liked)
    values["titles"] = tuple(one.title or "" for one in liked)
    held = set(values["history"])
    values["exclude"] = tuple(dict.fromkeys(one.item for one in known if not one.liked and one.item not in held))
    values["history_size"] = size_in_words(len(held))
    if following is not None:
        values["next"] = following
    return Row(user, values)


def size_in_words(items: int) -> str:
    """How much is known of a user: "0", "1–4", "5–19", "20–99", "100+" different items."""
    return next((words for most, words in _SIZES if items <= most), _MORE)
