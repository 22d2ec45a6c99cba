"""BM25 over an inverted index whose entries already hold what a term adds to a passage's score (Lù 2024, 2407.03618).

    score(q, d) = Σ over terms t of q: idf(t) · c(t, d) · (k₁ + 1) / (c(t, d) + k₁ · (1 − b + b · |d| / mean |d|))
    idf(t) = ln(1 + (n − n(t) + ½) / (n(t) + ½))

(Robertson & Zaragoza 2009; idf as in Lucene, never negative.) Asking is then a sum over the few entries of the question's terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from modelwright.base.store import write_text, writing
from modelwright.tasks.contract import damaged
from modelwright.tasks.search.terms import numbered, numbers_of

ARRAYS, TERMS = "bm25.npz", "terms.txt"
_ARRAYS = ("starts", "passages", "amounts", "idf", "rest")


class Lexical:
    """An index that finds passages by their words.

    Args:
        vocabulary: term → number from 1.
        starts: int64 [terms + 3]; the entries of term t lie at starts[t] to starts[t + 1]. Number 0 (padding) and the last (a term that
            no passage has) have none.
        passages: int32 [entries], rising within a term.
        amounts: float32 [entries]: what the term adds to the passage's score.
        idf: float32 [terms + 2]; 0 for number 0.
        k1: of the formula.
        size: how many passages there are.
    """

    def __init__(
        self,
        vocabulary: dict[str, int],
        starts: np.ndarray,
        passages: np.ndarray,
        amounts: np.ndarray,
        idf: np.ndarray,
        k1: float,
        size: int,
    ) -> None:
        self.vocabulary, self.starts, self.passages, self.amounts = vocabulary, starts, passages, amounts
        self.idf, self.k1, self.size = idf, k1, size

    @classmethod
    def build(cls, texts: Sequence[str], k1: float, b: float) -> Self:
        """The index of `texts`, each a passage."""
        vocabulary, counts = numbered(texts)
        passages = np.repeat(np.arange(len(texts), dtype=np.int32), [len(count) for count in counts])
        numbers = np.fromiter((term for count in counts for term in count), np.int64, len(passages))
        often = np.fromiter((times for count in counts for times in count.values()), np.float64, len(passages))
        order = np.argsort(numbers, kind="stable")
        numbers, passages, often = numbers[order], passages[order], often[order]
        with_term = np.bincount(numbers, minlength=len(vocabulary) + 2)
        idf = np.log1p((len(texts) - with_term + 0.5) / (with_term + 0.5))
        idf[0] = 0.0
        lengths = np.array([sum(count.values()) for count in counts], np.float64)
        long = lengths / max(float(lengths.mean()), 1e-9) if len(lengths) else lengths
        amounts = idf[numbers] * often * (k1 + 1) / (often + k1 * (1 - b + b * long[passages]))
        starts = np.concatenate([[0], np.cumsum(with_term)])
        return cls(vocabulary, starts, passages, amounts.astype(np.float32), idf.astype(np.float32), k1, len(texts))

    def question(self, text: str, most: int) -> np.ndarray:
        """Numbers of a question's terms, int64, at most `most`: of a longer one the rarest that are known, for they tell most."""
        numbers = np.array(numbers_of(text, self.vocabulary), np.int64)
        if len(numbers) > most:
            worth = np.where(numbers > len(self.vocabulary), 0.0, self.idf[numbers])
            numbers = numbers[np.sort(np.argsort(-worth, kind="stable")[:most])]
        return numbers

    def scores(self, question: np.ndarray) -> np.ndarray:
        """BM25 of every passage, float32 [size]; 0 where no term occurs. `question` holds numbers of terms; 0 counts nothing."""
        found = np.zeros(self.size, np.float32)
        for number, times in zip(*np.unique(question, return_counts=True), strict=True):
            entries = slice(self.starts[number], self.starts[number + 1])
            found[self.passages[entries]] += self.amounts[entries] * np.float32(times)
        return found

    def highest(self, question: np.ndarray) -> float:
        """What no passage's score can exceed, so that scores of different questions compare: Σ idf · (k₁ + 1). Terms that no passage has
        count: they are the rarest, and what a question asks that nothing answers."""
        return float(self.idf[question].sum() * (self.k1 + 1))

    def save(self, folder: Path) -> None:
        """`bm25.npz` has the arrays; `terms.txt` the vocabulary, one term a line in order of numbers."""
        rest = np.array([self.k1, self.size])
        with writing(folder / ARRAYS):
            np.savez(folder / ARRAYS, starts=self.starts, passages=self.passages, amounts=self.amounts, idf=self.idf, rest=rest)
        write_text(folder / TERMS, "".join(f"{term}\n" for term in self.vocabulary))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: files are missing or damaged.
        """
        try:
            # numpy leaves a file that it opened itself and can't read open
            with (folder / ARRAYS).open("rb") as file, np.load(file, allow_pickle=False) as archive:
                starts, passages, amounts, idf, rest = (archive[name] for name in _ARRAYS)
            words = (folder / TERMS).read_text(encoding="utf-8").split("\n")
            if words.pop() or len(words) + 3 != len(starts) or len(idf) != len(words) + 2 or len(passages) != len(amounts):
                raise ValueError("its parts do not fit together")
            vocabulary = {word: number for number, word in enumerate(words, 1)}
            return cls(vocabulary, starts, passages, amounts, idf, float(rest[0]), int(rest[1]))
        except Exception as error:  # zipfile, numpy and zlib have error classes of their own
            raise damaged(folder / ARRAYS, error) from error
