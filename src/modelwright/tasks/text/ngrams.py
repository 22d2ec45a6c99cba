"""Reader `ngrams`: which n-grams of the vocabulary a text holds, and how often. The hot path of the cheapest route.

Words give word n-grams; runs of scripts without spaces give character n-grams (`中国` → 中, 国, 中国); on wish words give
character n-grams too, marked by `#` (which no word can hold). Reading 400 words takes about 0.1 ms: one regular expression,
one dictionary look-up per n-gram, one count.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.store import read_json, write_json, write_text
from modelwright.tasks.text.reader import Inputs, Reader, damaged
from modelwright.tasks.text.scripts import fold, unspaced_share, words_and_runs

SETTINGS_FILE = "ngrams.json"
VOCABULARY_FILE = "ngrams.txt"
_CROWD = 4_000_000  # different n-grams held while counting; past it those seen once are dropped (about 0.5 GB)
_UNSPACED_FROM = 0.01  # share of unspaced letters from which their character n-grams are read, if the route lets us choose
_UNSPACED_LONGEST = 3  # 1 to 3 characters: most Chinese words have one or two, and a third tells 不好看 from 好看


class NGrams(Reader):
    """Ids and counts of known n-grams; id 0 with count 0 is padding.

    Args:
        ngrams: the vocabulary; the n-gram at position i has id i + 1.
        words: longest word n-gram; 0: none.
        characters: longest character n-gram within words (from 2); 0: none.
        unspaced: longest character n-gram within runs of unspaced scripts (from 1); 0: none.
    """

    name = "ngrams"
    inputs = {"feature_ids": np.int64, "counts": np.float32}
    axis = "features"
    padding = 0

    def __init__(self, ngrams: Sequence[str], words: int, characters: int, unspaced: int) -> None:
        self.ids = {ngram: number for number, ngram in enumerate(ngrams, start=1)}
        self.words, self.characters, self.unspaced = words, characters, unspaced
        self.vocabulary = len(self.ids) + 1

    @classmethod
    def fit(cls, texts: Sequence[str], route: Any, checkpoint: Path | None) -> Self:
        """Keep the n-grams that occur in at least `route.min_count` texts, at most `route.max_features`, ties by spelling."""
        words, characters = route.words, route.characters
        unspaced = characters or (_UNSPACED_LONGEST if unspaced_share(texts) >= _UNSPACED_FROM else 0)
        reader = cls((), words, characters, unspaced)
        counts = _count(map(reader.ngrams, texts))
        kept = [ngram for ngram, count in counts.items() if count >= route.min_count]
        if not kept:
            raise DataError(
                f"no n-gram occurs in {route.min_count} of {len(texts):,} training rows",
                expected="texts that share words, or (for scripts without spaces) characters",
                where=f"route {route.name}",
                remedy="Give more rows, or set min_count: 1 or characters: 3 for the route.",
            )
        kept.sort(key=lambda ngram: (-counts[ngram], ngram))
        return cls(kept[: route.max_features], words, characters, unspaced)

    def ngrams(self, text: str) -> list[str]:
        """Every n-gram of a text, repeated as often as it occurs."""
        words, runs = words_and_runs(fold(text))
        found = list(words) if self.words else []
        if self.words >= 2:
            found += [f"{left} {right}" for left, right in itertools.pairwise(words)]
        for size in range(3, self.words + 1):
            found += map(" ".join, zip(*(words[start:] for start in range(size)), strict=False))
        if self.characters:
            for word in words:
                for size in range(2, self.characters + 1):
                    found += [f"#{word[start : start + size]}" for start in range(len(word) - size + 1)]
        for run in runs:
            for size in range(1, self.unspaced + 1):
                found += [run[start : start + size] for start in range(len(run) - size + 1)]
        return found

    def encode(self, text: str) -> Inputs:
        counts = Counter(map(self.ids.get, self.ngrams(text)))
        counts.pop(None, None)
        if not counts:
            return {"feature_ids": np.zeros(1, np.int64), "counts": np.zeros(1, np.float32)}
        return {
            "feature_ids": np.fromiter(counts.keys(), np.int64, len(counts)),
            "counts": np.fromiter(counts.values(), np.float32, len(counts)),
        }

    def save(self, folder: Path) -> None:
        """`ngrams.json` has the settings; `ngrams.txt` the vocabulary, one n-gram a line in order of ids."""
        settings = {"words": self.words, "characters": self.characters, "unspaced": self.unspaced, "ngrams": len(self.ids)}
        write_json(folder / SETTINGS_FILE, settings)
        write_text(folder / VOCABULARY_FILE, "".join(f"{ngram}\n" for ngram in self.ids))

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            settings = read_json(folder / SETTINGS_FILE)
            ngrams = (folder / VOCABULARY_FILE).read_text(encoding="utf-8").split("\n")[:-1]
            reader = cls(ngrams, int(settings["words"]), int(settings["characters"]), int(settings["unspaced"]))
            if len(reader.ids) != settings["ngrams"]:
                raise ValueError(f"{len(reader.ids):,} n-grams, expected {settings['ngrams']:,}")
        except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise damaged(folder / VOCABULARY_FILE, error) from error
        return reader


def _count(rows: Iterable[list[str]]) -> Counter[str]:
    """In how many rows each n-gram occurs. Memory is bounded by forgetting n-grams seen once when there are too many
    (Manku & Motwani 2002): a count may then be too small by the number of times that happened."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(set(row))
        if len(counts) > _CROWD:
            counts = Counter({ngram: count for ngram, count in counts.items() if count > 1})
    return counts


READER = NGrams
