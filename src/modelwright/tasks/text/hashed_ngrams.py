"""Reader `hashed-ngrams`: words and word n-grams as buckets of a hash. Nothing is learned and nothing is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import numpy as np

from modelwright.base.store import read_json, write_json
from modelwright.tasks.contract import damaged
from modelwright.tasks.text.reader import Inputs, Places, TextOnlyReader
from modelwright.tasks.text.scripts import fold, fold_places, piece_places, pieces, valid

SETTINGS_FILE = "hashed-ngrams.json"
_CHARACTERS_PER_TOKEN = 24


class HashedNGrams(TextOnlyReader):
    """Bucket ids 1 … buckets − 1 by CRC-32, which is the same in every process and language; id 0 is padding.

    Args:
        longest: longest n-gram in words (or single characters of scripts without spaces).
        buckets: rows of the embedding table, padding included.
        max_tokens: n-grams kept of a text. The text is cut after so many words that all their n-grams fit.
    """

    name = "hashed-ngrams"
    inputs = {"token_ids": np.int64, "mask": np.int64}
    axis = "tokens"
    padding = 0

    def __init__(self, longest: int, buckets: int, max_tokens: int) -> None:
        self.longest, self.max_tokens, self.vocabulary = longest, max_tokens, buckets
        # w words have longest·w − longest·(longest − 1)/2 n-grams
        self.words = max(1, (max_tokens + longest * (longest - 1) // 2) // longest)

    @classmethod
    def fit(cls, texts: Sequence[str], route: Any, checkpoint: Path | None) -> Self:
        return cls(route.ngrams, route.buckets, route.max_tokens)

    def encode(self, text: str) -> Inputs:
        words = pieces(fold(valid(text[: self.words * _CHARACTERS_PER_TOKEN])))[: self.words]
        found = words or [""]
        for size in range(2, self.longest + 1):
            found = found + [" ".join(words[start : start + size]) for start in range(len(words) - size + 1)]
        hashes = np.fromiter((crc32(ngram.encode()) for ngram in found), np.int64, len(found))[: self.max_tokens]
        return {"token_ids": 1 + hashes % (self.vocabulary - 1), "mask": np.ones(len(hashes), np.int64)}

    def places(self, text: str) -> list[Places]:
        seen = valid(text[: self.words * _CHARACTERS_PER_TOKEN])
        starts, ends = fold_places(seen)
        words = [(starts[start], ends[end - 1]) for start, end in piece_places(fold(seen))[: self.words]]
        found: list[Places] = [(word,) for word in words] or [()]
        for size in range(2, self.longest + 1):
            found += [((words[at][0], words[at + size - 1][1]),) for at in range(len(words) - size + 1)]
        return found[: self.max_tokens]

    def save(self, folder: Path) -> None:
        settings = {"hash": "crc32", "longest": self.longest, "buckets": self.vocabulary, "max_tokens": self.max_tokens}
        write_json(folder / SETTINGS_FILE, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            settings = read_json(folder / SETTINGS_FILE)
            return cls(int(settings["longest"]), int(settings["buckets"]), int(settings["max_tokens"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(folder / SETTINGS_FILE, error) from error


READER = HashedNGrams
