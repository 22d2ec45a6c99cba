"""Made rows for the examiner: texts of one subject each, asked for by words that go together with its own."""

from __future__ import annotations

import random
from typing import Any

from modelwright.base.nouns import Row
from modelwright.tasks.text import exam as texts

KINDS = ("words", "no-spaces")
_DOCUMENTS = 60


def rows(seed: int, kind: str) -> list[Row]:
    """The collection is the same for every seed; the questions differ. Each row has a text and what asks for it."""
    made = texts.rows(11, "no-spaces" if kind == "no-spaces" else "one-label")[:_DOCUMENTS]
    draw = random.Random(seed)
    space = "" if kind == "no-spaces" else " "
    found = []
    for number, row in enumerate(made):
        text = str(row.values["text"])
        words = text.split() if space else [text[at : at + 2] for at in range(0, len(text) - 1, 2)]
        query = space.join(draw.sample(words, min(len(words), 5)))
        values = {"document": f"exam-{number}", "title": "", "text": text, "read": text, "query": query}
        found.append(Row(f"exam-{seed}-{number}", {**values, "relevant": (f"exam-{number}",)}))
    return found


def requests() -> list[Any]:
    """Hostile requests: each must be answered, or refused by RequestError."""
    asked = [{"query": request} if isinstance(request, str) else request for request in texts.requests()]
    more = [{"query": "harbour", "k": 3}, {"query": "harbour", "k": 100}, "harbour storm"]
    wrong = [{"query": "a", "k": 0}, {"query": "a", "k": 10**9}, {"query": "a", "k": "ten"}, {"query": "a", "more": 1}]
    return [*more, *asked, *wrong, {"query": None}, {"query": ["a"]}]
