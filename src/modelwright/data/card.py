"""The data card: what the rows are, in numbers that a person can check."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from modelwright.base.nouns import Column
from modelwright.base.optional import require
from modelwright.data.cleaning.record import Record
from modelwright.data.cleaning.shingles import token_counts

LANGUAGE_SAMPLE = 300
"""Rows whose language is looked at: identification costs about a millisecond a text."""
_QUANTILES = {"p5": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}
_LOOKED_AT = 600
"""Characters of a text that its language is told by."""
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]"), 0.1),
    ("ko", re.compile("[\u1100-\u11ff\uac00-\ud7af]"), 0.3),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"), 0.3),
    ("th", re.compile("[\u0e00-\u0e7f]"), 0.3),
)
"""Scripts that name their language by themselves, from a share of the letters on; kana before Han, because Japanese has both."""


def lengths(texts: Sequence[str]) -> dict[str, dict[str, int]]:
    """Quantiles of characters and of words per text; a Chinese or Japanese character counts as a word."""
    characters = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    return {"characters": _quantiles(characters), "words": _quantiles(token_counts(texts))}


def _quantiles(values: np.ndarray) -> dict[str, int]:
    return {name: int(np.quantile(values, share, method="inverted_cdf")) for name, share in _QUANTILES.items()}


def label_counts(labels: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """Rows per label, most frequent first."""
    counts = Counter(label for found in labels for label in found)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def numbers(records: Sequence[Record], columns: Sequence[Column]) -> dict[str, dict[str, float]]:
    """Of each column of numbers or moments: smallest, median and largest value, and how many are missing."""
    found = {}
    for column in columns:
        if column.kind in ("number", "time"):
            values = [record.values.get(column.role) for record in records]
            known = np.array([value for value in values if value is not None], np.float64)
            if len(known):
                low, middle, high = np.quantile(known, [0, 0.5, 1])
                found[column.role] = {
                    "min": float(low),
                    "p50": float(middle),
                    "max": float(high),
                    "missing": len(values) - len(known),
                }
    return found


def languages(texts: Sequence[str], seed: int) -> tuple[dict[str, int], int]:
    """Texts per language (ISO 639-1) in a seeded sample, most frequent first, and the sample's size."""
    sample = list(texts) if len(texts) <= LANGUAGE_SAMPLE else random.Random(seed).sample(list(texts), LANGUAGE_SAMPLE)
    by_script = [_script_language(text[:_LOOKED_AT]) for text in sample]
    unknown = [text[:_LOOKED_AT] for text, language in zip(sample, by_script, strict=True) if language is None]
    counts = Counter(language for language in by_script if language is not None)
    if unknown:
        classify = require("py3langid", "data").classify
        counts.update(str(classify(text)[0]) for text in unknown)
    return dict(counts.most_common()), len(sample)


def _script_language(text: str) -> str | None:
    letters = sum(map(str.isalpha, text))
    for language, script, share in _SCRIPTS:
        if letters and len(script.findall(text)) / letters > share:
            return language
    return None
