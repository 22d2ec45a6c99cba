"""The data card: what the rows are, in numbers that a person can check."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np

from modelwright.base.nouns import Column
from modelwright.data.cleaning.record import Record
from modelwright.data.cleaning.shingles import token_counts
from modelwright.data.language import languages_of

LANGUAGE_SAMPLE = 300
"""Rows whose language is looked at: identification costs about a millisecond a text."""
_QUANTILES = {"p5": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}


def lengths(texts: Sequence[str]) -> dict[str, dict[str, int]]:
    """Quantiles of characters and of words per text; a Chinese or Japanese character counts as a word."""
    characters = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    return {"characters": quantiles(characters), "words": quantiles(token_counts(texts))}


def quantiles(values: np.ndarray) -> dict[str, int]:
    """The 5th, 50th and 95th percentile and the greatest of whole numbers."""
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
    return dict(Counter(languages_of(sample)).most_common()), len(sample)
