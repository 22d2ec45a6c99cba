"""Made documents that masked language models are examined on: what is hidden can be told from what stands around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.base.nouns import Row
from modelwright.tasks.masked.pieces import MASK
from modelwright.tasks.text import exam

KINDS = ("pairs", "documents", "no-spaces")

_WORDS = ("harvest", "violin", "harbour", "fever", "planet", "referee")
_UNSPACED = ("喜欢", "糟糕", "音乐", "船长", "医生", "月亮")
_ROWS = 120


def rows(seed: int, kind: str) -> list[Row]:
    """Each document repeats a word of its own; pairs come with a second passage, of the same word or of another."""
    generator = np.random.default_rng([seed, KINDS.index(kind)])
    words = _UNSPACED if kind == "no-spaces" else _WORDS
    made = []
    for number in range(_ROWS):
        word = int(generator.integers(len(words)))
        values: dict[str, Any] = {"text": _text(words[word], generator, kind)}
        if kind == "pairs":
            follows = bool(generator.random() < 0.5)
            other = word if follows else (word + int(generator.integers(1, len(words)))) % len(words)
            values |= {"next": _text(words[other], generator, kind, sentences=1), "follows": "yes" if follows else "no"}
        made.append(Row(f"exam-{number}", values))
    return made


def _text(word: str, generator: np.random.Generator, kind: str, sentences: int = 3) -> str:
    space, end = ("", "。") if kind == "no-spaces" else (" ", ".\n")
    return end.join(space.join([word] * int(generator.integers(3, 9))) for _ in range(sentences))


def requests() -> list[Any]:
    """Hostile requests, with and without a gap."""
    texts = [text for text in exam.requests() if isinstance(text, str)]
    gaps = [f"{text[:100_000]} {MASK}" for text in texts[:-1]]
    masks = [
        MASK,
        MASK * 3,
        f"{MASK} {MASK}",
        MASK * 65,
        f"a {MASK} " + "b " * 50_000,
        "b " * 50_000 + MASK,
        "[mask] [Mask] [PAD]",
    ]
    wrong = [
        {"text": f"a {MASK}", "top_k": 0},
        {"text": f"a {MASK}", "top_k": 51},
        {"text": f"a {MASK}", "top_k": "3"},
        {"text": f"a {MASK}", "next": ""},
        {"text": f"a {MASK}", "next": 3},
        {"text": f"a {MASK}", "next": f"b {MASK} [SEP] [CLS]", "top_k": 50},
        {"text": "a", "next": f"b {MASK}"},
    ]
    return [*exam.requests(), *gaps, *masks, *wrong]
