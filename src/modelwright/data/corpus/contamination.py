"""Texts that a model will be examined with must not be among those that it learns from: what shares 13 tokens in a row with one of
them is found (Brown et al. 2020, appendix C). A token is a word, or one character of a script that writes without spaces.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.data.cleaning.shingles import Tokens, grams_of, tokens_of
from modelwright.data.sources import open_source
from modelwright.spec.data import Data

SIZE = 13
_BLOCK = 1000


@dataclass
class Examination:
    """What is kept out.

    Args:
        grams: uint64, ascending: hashes of every 13 tokens in a row.
        sources: the texts' sources.
        texts: how many texts there are; `short`: of them with fewer than 13 tokens, which nothing is found by.
    """

    grams: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    sources: tuple[str, ...] = ()
    texts: int = 0
    short: int = 0

    def shared(self, tokens: Tokens) -> np.ndarray:
        """Of each text where the first 13 tokens begin that an examination text has too, counted in tokens; -1: nowhere."""
        first = np.full(len(tokens.counts), -1)
        grams, begins, owners = grams_of(tokens, SIZE)
        if not len(self.grams) or not len(grams):
            return first
        at = np.minimum(np.searchsorted(self.grams, grams), len(self.grams) - 1)
        hits = np.flatnonzero(self.grams[at] == grams)[::-1]
        places = begins - (np.cumsum(tokens.counts) - tokens.counts)[owners]
        first[owners[hits]] = places[hits]  # the last assignment wins: the first place
        return first


def examination(spec: Data, project: Path, console: Console) -> Examination:
    """The texts of `spec.decontaminate`: every cell of theirs that is a text.

    Raises:
        DataError: a source is missing, or has no text of 13 tokens.
        MachineError: a source is out of reach.
    """
    parts, texts, short = [np.zeros(0, np.uint64)], 0, 0
    for source in spec.decontaminate:
        reading = open_source(Data(source=source), project, console)
        before = texts - short
        try:
            for block in _blocks(_cells(reading.rows)):
                tokens = tokens_of(block)
                parts = [np.union1d(parts[0], grams_of(tokens, SIZE)[0])]
                long = tokens.counts >= SIZE
                texts, short = texts + len(block), short + int((~long).sum())
        finally:
            reading.close()
        if texts - short == before:
            raise DataError(
                f"no text has {SIZE} words or more, or as many Chinese characters",
                expected="texts long enough to be told apart from chance",
                where=f"data.decontaminate ({source})",
                remedy="Take the source out of data.decontaminate.",
            )
    return Examination(parts[0], spec.decontaminate, texts, short)


def _cells(rows: Iterable) -> Iterator[str]:
    for row in rows:
        for value in row.values.values():
            if isinstance(value, str) and value.strip():
                yield value
            elif isinstance(value, dict | list):
                yield json.dumps(value, ensure_ascii=False)


def _blocks(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    held = list[str]()
    for text in texts:
        held.append(text)
        if len(held) == _BLOCK:
            yield held
            held = []
    if held:
        yield held
