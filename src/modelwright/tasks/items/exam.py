"""Made rows for the examiner: users of three tastes, each with items of its own."""

from __future__ import annotations

import random
from typing import Any

from modelwright.base.nouns import Row
from modelwright.tasks.items.questions import size_in_words

KINDS = ("tastes", "tastes-with-dislikes")
_TASTES, _ITEMS, _USERS = 3, 14, 90
_HISTORY, _NEXT = 6, 4
_NEW_EVERY = 15  # every so many users nothing is known of


def rows(seed: int, kind: str) -> list[Row]:
    """Users like items of one taste; some are new. With dislikes, they have also had items of another taste."""
    draw = random.Random(seed)
    found = []
    for number in range(_USERS):
        taste = draw.randrange(_TASTES)
        liked = draw.sample(_of(taste), _HISTORY + _NEXT)
        history = () if number % _NEW_EVERY == _NEW_EVERY - 1 else tuple(liked[:_HISTORY])
        disliked = draw.sample(_of((taste + 1) % _TASTES), 2) if kind == KINDS[1] and history else ()
        user = f"user-{seed}-{number}"
        values: dict[str, Any] = {"user": user, "history": history, "exclude": tuple(disliked), "next": tuple(liked[_HISTORY:])}
        values["times"] = tuple(86_400.0 * day for day in range(len(history)))
        values["history_size"] = size_in_words(len(history))
        found.append(Row(user, values))
    return found


def _of(taste: int) -> list[str]:
    return [f"taste-{taste}-item-{item}" for item in range(_ITEMS)]


def requests() -> list[Any]:
    """Empty, huge, of wrong types, of unknown items."""
    item = _of(0)[0]
    return [
        {"history": []},
        {"history": [item]},
        {"history": [item] * 5_000},
        {"history": ["never seen", "\ud83d\ude00", "x" * 400], "k": 3},
        {"history": [item], "k": 1_000, "exclude": [name for taste in range(_TASTES) for name in _of(taste)]},
        {"history": [item], "exclude": ["never seen"], "user": "somebody"},
        [item],
        [],
        {"history": [item] * 20_000},
        {"history": [""]},
        {"history": ["x" * 100_000]},
        {"history": [3]},
        {"history": item},
        {"history": [item], "k": 0},
        {"history": [item], "k": 10**9},
        {"history": [item], "k": "ten"},
        {"history": [item], "unknown": 1},
        {"k": 3},
        {},
        None,
        3,
        item,
    ]
