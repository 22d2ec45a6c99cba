"""Reader `ngrams`: which n-grams of the vocabulary a text holds, and how often. The hot path of the cheapest route.

Words give word n-grams; runs of scripts without spaces give character n-grams (`中国` → 中, 国, 中国); on wish words give
character n-grams too, marked by `#` (which no word can hold). Reading is one regular expression, one dictionary look-up per word,
and one sorted search per length of n-gram.
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
from modelwright.tasks.contract import damaged
from modelwright.tasks.text.reader import Inputs, Places, TextOnlyReader
from modelwright.tasks.text.scripts import fold, fold_places, is_unspaced, unspaced_share, word_and_run_places, words_and_runs

SETTINGS_FILE = "ngrams.json"
VOCABULARY_FILE = "ngrams.txt"
_CROWD = 4_000_000  # different n-grams held while counting; past it those seen once are dropped (about 0.5 GB)
_UNSPACED_FROM = 0.01  # share of unspaced letters from which their character n-grams are read, if the route lets us choose
_UNSPACED_LONGEST = 3  # 1 to 3 characters: most Chinese words have one or two, and a third tells 不好看 from 好看


class NGrams(TextOnlyReader):
    """Ids and counts of known n-grams, ids rising; id 0 with count 0 is padding.

    Args:
        vocabulary: n-grams; the one at position i has id i + 1. Each n-gram of several words (or of several characters of an
            unspaced run) comes after its beginning and its last word, which must be there.
        words: longest word n-gram; 0: none.
        characters: longest character n-gram within words (from 2); 0: none.
        unspaced: longest character n-gram within runs of unspaced scripts (from 1); 0: none.
    """

    name = "ngrams"
    inputs = {"feature_ids": np.int64, "counts": np.float32}
    axis = "features"
    padding = 0

    def __init__(self, vocabulary: Sequence[str], words: int, characters: int, unspaced: int) -> None:
        self.known = tuple(vocabulary)
        self.words, self.characters, self.unspaced = words, characters, unspaced
        self.vocabulary = len(self.known) + 1
        self.units, self.levels = _tables(self.known)

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
        # an n-gram's beginning is shorter and at least as frequent, so that it is kept, too, and comes first
        kept.sort(key=lambda ngram: (-counts[ngram], len(ngram), ngram))
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
                found += _inside(word, self.characters)
        for run in runs:
            for size in range(1, self.unspaced + 1):
                found += [run[start : start + size] for start in range(len(run) - size + 1)]
        return found

    def encode(self, text: str) -> Inputs:
        return _counted(np.concatenate(self._ids(*words_and_runs(fold(text)))))

    def _ids(self, words: Sequence[str], runs: Sequence[str]) -> list[np.ndarray]:
        """Id of each n-gram of one unit, of two, …, then of those within words; 0 where it is unknown."""
        units = list(words) if self.words else []
        if runs and self.unspaced:
            units = [*units, "", *"\0".join(runs)]  # what is between them is unknown, so that no n-gram reaches across
        get = self.units.get
        ids = np.array([get(unit, 0) for unit in units], np.int64)
        found, grams = [ids], ids
        for size, (keys, numbers) in enumerate(self.levels, start=1):
            wanted = grams[:-1] * self.vocabulary + ids[size:]
            places = keys.searchsorted(wanted)
            grams = np.where(keys[places] == wanted, numbers[places], 0)
            found.append(grams)
        if self.characters:
            inside = [get(ngram, 0) for word in words for ngram in _inside(word, self.characters)]
            found.append(np.array(inside, np.int64))
        return found

    def places(self, text: str) -> list[Places]:
        folded, (starts, ends) = fold(text), fold_places(text)
        words, runs = word_and_run_places(folded)
        found = self._ids([folded[slice(*word)] for word in words], [folded[slice(*run)] for run in runs])
        units = list(words) if self.words else []
        if runs and self.unspaced:
            for run in runs:
                units += [(0, 0), *((at, at + 1) for at in range(*run))]
        spans = [
            [(first[0], last[1]) for first, last in zip(units, units[size:], strict=False)]
            for size in range(len(self.levels) + 1)
        ]
        if self.characters:
            sizes = range(2, self.characters + 1)
            spans.append([(at, at + size) for start, end in words for size in sizes for at in range(start, end - size + 1)])
        held: dict[int, list[tuple[int, int]]] = {}
        for ids, ranges in zip(found, spans, strict=True):
            for number, (start, end) in zip(ids.tolist(), ranges, strict=True):
                if number > 0:
                    held.setdefault(number, []).append((starts[start], ends[end - 1]))
        return [tuple(held[number]) for number in sorted(held)] or [()]

    def save(self, folder: Path) -> None:
        """`ngrams.json` has the settings; `ngrams.txt` the vocabulary, one n-gram a line in order of ids."""
        settings = {"words": self.words, "characters": self.characters, "unspaced": self.unspaced, "ngrams": len(self.known)}
        write_json(folder / SETTINGS_FILE, settings)
        write_text(folder / VOCABULARY_FILE, "".join(f"{ngram}\n" for ngram in self.known))

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            settings = read_json(folder / SETTINGS_FILE)
            ngrams = (folder / VOCABULARY_FILE).read_text(encoding="utf-8").split("\n")[:-1]
            if len(ngrams) != settings["ngrams"]:
                raise ValueError(f"{len(ngrams):,} n-grams, expected {settings['ngrams']:,}")
            return cls(ngrams, int(settings["words"]), int(settings["characters"]), int(settings["unspaced"]))
        except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise damaged(folder / VOCABULARY_FILE, error) from error


def _inside(word: str, longest: int) -> list[str]:
    """Character n-grams of 2 to `longest` within a word."""
    sizes = range(2, longest + 1)
    return [f"#{word[start : start + size]}" for size in sizes for start in range(len(word) - size + 1)]


def _tables(known: Sequence[str]) -> tuple[dict[str, int], list[tuple[np.ndarray, np.ndarray]]]:
    """The vocabulary as a dictionary of single units (words, characters), and for each longer length a table sorted by
    `id of all but the last unit × vocabulary + id of the last unit`. Looking all n-grams of a text up in a table is one call,
    where a dictionary of long strings costs a miss of the processor's cache for each of them."""
    numbers = {ngram: number for number, ngram in enumerate(known, start=1)}
    units: dict[str, int] = {}
    pairs: list[list[tuple[int, int]]] = []
    for ngram, number in numbers.items():
        if " " in ngram:
            start, _, last = ngram.rpartition(" ")
            size = ngram.count(" ") + 1
        elif len(ngram) > 1 and is_unspaced(ngram):
            start, last, size = ngram[:-1], ngram[-1], len(ngram)
        else:
            units[ngram] = number
            continue
        while len(pairs) < size - 1:
            pairs.append([])
        pairs[size - 2].append((numbers[start] * (len(known) + 1) + numbers[last], number))
    levels = []
    for pair in pairs:
        # the last key can't occur, so that a search always lands on a key
        table = np.array([*sorted(pair), (np.iinfo(np.int64).max, 0)], np.int64)
        levels.append((np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])))
    return units, levels


def _counted(ids: np.ndarray) -> Inputs:
    """Each id above 0 once, in rising order, and how often it occurs; a single neutral entry if there is none."""
    ids = np.sort(ids[ids > 0])
    if not len(ids):
        return {"feature_ids": np.zeros(1, np.int64), "counts": np.zeros(1, np.float32)}
    starts = np.concatenate([[0], np.flatnonzero(ids[1:] != ids[:-1]) + 1])
    ends = np.concatenate([starts[1:], [len(ids)]])
    return {"feature_ids": ids[starts], "counts": (ends - starts).astype(np.float32)}


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
