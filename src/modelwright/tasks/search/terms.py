"""Terms of a text, for lexical search: words without their plural, and one and two characters of scripts without spaces."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

from modelwright.tasks.text.scripts import fold, words_and_runs

READ_CHARACTERS = 200_000
"""Of a text; beyond it nothing is read, so that no request costs more than a long article."""


def terms(text: str) -> list[str]:
    """Terms in order, repeated as often as they occur. `中国人` gives 中, 国, 人, 中国, 国人: single characters find what a wrong cut
    would lose, pairs tell words apart (Nie, Gao, Zhang & Zhou 2000)."""
    words, runs = words_and_runs(fold(text[:READ_CHARACTERS]))
    found = [_singular(word) for word in words]
    for run in runs:
        found += run
        found += map("".join, itertools.pairwise(run))
    return found


def _singular(word: str) -> str:
    """Without an English plural's ending (the S-stemmer of Harman 1991): cities, city; horses, horse; glass stays."""
    if len(word) < 4 or not word.endswith("s") or not word.isascii():
        return word
    if word.endswith("ies"):
        return word if word.endswith(("eies", "aies")) else word[:-3] + "y"
    if word.endswith("es"):
        return word if word.endswith(("aes", "ees", "oes")) else word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]


def numbered(texts: Sequence[str]) -> tuple[dict[str, int], list[Counter[int]]]:
    """A vocabulary (the number of each term, from 1, in order of first occurrence) and how often each text has each number."""
    vocabulary: dict[str, int] = {}
    counts = []
    for text in texts:
        counts.append(Counter(vocabulary.setdefault(term, len(vocabulary) + 1) for term in terms(text)))
    return vocabulary, counts


def numbers_of(text: str, vocabulary: Mapping[str, int]) -> list[int]:
    """Numbers of a text's terms, in order; a term that the vocabulary lacks has the number after its last."""
    unknown = len(vocabulary) + 1
    return [vocabulary.get(term, unknown) for term in terms(text)]
