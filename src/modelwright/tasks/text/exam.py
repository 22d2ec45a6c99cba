"""Made texts that text tasks are examined on: small, learnable, and of the kinds that break readers."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.base.nouns import Row

KINDS = ("one-label", "several-labels", "no-spaces")

_TOPICS = {
    "harvest": ["wheat", "field", "barn", "rain", "tractor", "soil", "grain", "plough", "farmer", "orchard"],
    "music": ["violin", "chorus", "opera", "drummer", "melody", "concert", "singer", "piano", "album", "tune"],
    "voyage": ["harbour", "captain", "sail", "anchor", "island", "compass", "storm", "deck", "cargo", "lighthouse"],
}
_FILLING = [
    "the",
    "a",
    "of",
    "and",
    "to",
    "in",
    "was",
    "with",
    "before",
    "after",
    "still",
    "many",
    "some",
    "every",
    "told",
    "about",
    "café",
    "Größe",
    "2026",
    "№5",
]
_UNSPACED = {
    "好评": ["喜欢", "满意", "漂亮", "推荐", "舒服", "不错", "值得", "精彩"],
    "差评": ["失望", "糟糕", "难看", "退货", "后悔", "太差", "无聊", "浪费"],
}
_UNSPACED_FILLING = ["这个", "那本", "我们", "今天", "真的", "有点", "买了", "东西", "iPad", "的", "了"]


def rows(seed: int, kind: str) -> list[Row]:
    """120 rows of labelled texts of 8 to 24 words. `kind` is one of KINDS."""
    generator = np.random.default_rng(seed)
    topics, filling = (_UNSPACED, _UNSPACED_FILLING) if kind == "no-spaces" else (_TOPICS, _FILLING)
    names, space = list(topics), "" if kind == "no-spaces" else " "
    made = []
    for number in range(120):
        if kind == "several-labels":
            chosen = [name for name in names if generator.random() < 0.5] or [names[number % len(names)]]
        else:
            chosen = [names[number % len(names)]]
        words = list(generator.choice(filling, generator.integers(4, 12)))
        for name in chosen:
            words += list(generator.choice(topics[name], generator.integers(4, 7)))
        text = space.join(str(word) for word in generator.permutation(words))
        made.append(Row(f"exam-{number}", {"text": text, "label": tuple(chosen) if kind == "several-labels" else chosen[0]}))
    return made


def requests() -> list[Any]:
    """Hostile requests: each must be answered, or refused by RequestError."""
    odd_texts = [
        "",
        " \t\n",
        "\u3000\u00a0",
        "\x00",
        "\x00\x01\x1b[31m bell \x07",
        "😀🎉👩‍👩‍👧‍👦🏳️‍🌈",
        "\ud800",
        "half \udfff a character",
        "\u202eright to left\u202c \u200b\u200d\ufeff",
        "!?…—。，、",
        "e\u0301" * 300,
        "Z" * 5_000,
        "word " * 60_000,
        "汉" * 100_000,
        "สวัสดี हिन्दी العربية 한국어 日本語 ελληνικά",
        "<script>alert(1)</script> '; DROP TABLE rows; -- ${env.HOME} {{7*7}} %s %n",
        "x" * 1_048_577,
    ]
    wrong_types = [None, 3, 2.5, True, b"bytes", [], ["text"], {}, {"text": None}, {"text": 3}, {"text": ["a"]}, {"words": "a"}]
    return [*odd_texts, *({"text": text} for text in odd_texts[:8]), *wrong_types, {"text": "a", "label": "b"}]
