"""The data card: what the rows are, in numbers that a person can check."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np

from modelwright.base.optional import require
from modelwright.data.cleaning.shingles import blocks

LANGUAGE_SAMPLE = 300
"""Rows whose language is looked at: identification costs about a millisecond a text."""
_QUANTILES = {"p5": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}
_SCRIPTS = (
    ("ja", ((0x3040, 0x30FF),)),
    ("ko", ((0xAC00, 0xD7AF), (0x1100, 0x11FF))),
    ("zh", ((0x4E00, 0x9FFF), (0x3400, 0x4DBF))),
    ("th", ((0x0E00, 0x0E7F),)),
)
"""Scripts that name their language by themselves; kana before Han, because Japanese has both."""


def lengths(texts: Sequence[str]) -> dict[str, dict[str, int]]:
    """Quantiles of characters and of words per text; a Chinese or Japanese character counts as a word."""
    characters = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    words = np.concatenate([np.zeros(0, np.int64), *(tokens for _, _, _, tokens in blocks(texts))])
    return {"characters": _quantiles(characters), "words": _quantiles(words)}


def _quantiles(values: np.ndarray) -> dict[str, int]:
    return {name: int(np.quantile(values, share, method="inverted_cdf")) for name, share in _QUANTILES.items()}


def label_counts(labels: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """Rows per label, most frequent first."""
    counts = Counter(label for found in labels for label in found)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def languages(texts: Sequence[str], seed: int) -> tuple[dict[str, int], int]:
    """Texts per language (ISO 639-1) in a seeded sample, most frequent first, and the sample's size."""
    sample = list(texts) if len(texts) <= LANGUAGE_SAMPLE else random.Random(seed).sample(list(texts), LANGUAGE_SAMPLE)
    by_script = [_script_language(text[:2000]) for text in sample]
    unknown = [text[:2000] for text, language in zip(sample, by_script, strict=True) if language is None]
    counts = Counter(language for language in by_script if language is not None)
    if unknown:
        classify = require("py3langid", "data").classify
        counts.update(str(classify(text)[0]) for text in unknown)
    return dict(counts.most_common()), len(sample)


def _script_language(text: str) -> str | None:
    letters = [ord(character) for character in text if character.isalpha()]
    for language, ranges in _SCRIPTS:
        share = sum(any(low <= code <= high for low, high in ranges) for code in letters) / max(1, len(letters))
        if share > (0.1 if language == "ja" else 0.3):
            return language
    return None
