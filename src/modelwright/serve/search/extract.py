"""An answer out of the passages' own sentences: nothing is written that a passage does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.serve.search.vectors import Vectors
from modelwright.tasks.search.lexical import Lexical
from modelwright.tasks.search.request import Hit
from modelwright.tasks.search.sentences import sentences
from modelwright.tasks.search.terms import terms

MOST = 32
"""Sentences whose vectors are compared with the question's: of more, those that share most words with it, then the earlier ones. An
answer takes as long as they take to compute."""
NEAR = 0.75
"""Of the best sentence's worth, from which others belong to the answer."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of the passage with this number (from 1), and its place there."""

    number: int
    place: int
    text: str


def extract(question: str, hits: Sequence[Hit], most: int, vectors: Vectors | None, lexical: Lexical | None) -> list[Sentence]:
    """The sentences that answer, at most `most`, in the order of passages and of the text.

    The best passage, where it has no more sentences than that, is the answer as it stands: so answers of a help desk are written.

    Args:
        vectors, lexical: of the release; at least one. Sentences are compared with the question by what there is.
    """
    first = sentences(hits[0].text)
    if len(first) <= most:
        return [Sentence(1, place, text) for place, text in enumerate(first)]
    found = _candidates(question, hits)
    worth = _worth(question, [one.text for one in found], vectors, lexical)
    order = sorted(range(len(found)), key=lambda at: (-worth[at], at))[:most]
    kept = [at for at in order if worth[at] >= NEAR * worth[order[0]]]
    return [found[at] for at in sorted(kept)]


def _candidates(question: str, hits: Sequence[Hit]) -> list[Sentence]:
    """Each sentence once: news is told in the same words by several."""
    first: dict[str, Sentence] = {}
    for number, hit in enumerate(hits, 1):
        for place, text in enumerate(sentences(hit.text)):
            first.setdefault(text, Sentence(number, place, text))
    found, asked = list(first.values()), set(terms(question))
    order = sorted(range(len(found)), key=lambda at: (-len(asked.intersection(terms(found[at].text))), found[at].place, at))
    return [found[at] for at in sorted(order[:MOST])]


def _worth(question: str, texts: Sequence[str], vectors: Vectors | None, lexical: Lexical | None) -> np.ndarray:
    """Of each sentence: the mean of its cosine and of the share of the question's terms (by idf) that it holds, as far as known."""
    parts = []
    if vectors is not None:
        made = vectors.embed([question, *texts])[0]
        parts.append(np.maximum(made[1:] @ made[0], 0.0))
    if lexical is not None:
        weights = {
            term: float(lexical.idf[lexical.vocabulary[term]]) for term in set(terms(question)) if term in lexical.vocabulary
        }
        whole = max(sum(weights.values()), 1e-9)
        parts.append(np.array([sum(weights.get(term, 0.0) for term in set(terms(text))) / whole for text in texts]))
    return np.mean(parts, axis=0)


def written(found: Sequence[Sentence]) -> str:
    """The sentences as a text, each run of one passage followed by its number."""
    text, spaced = "", not all(_unspaced(one.text) for one in found)
    for at, one in enumerate(found):
        text += (" " if text and spaced else "") + one.text
        if at + 1 == len(found) or found[at + 1].number != one.number:
            text += f"{' ' if spaced else ''}[{one.number}]"
    return text


def _unspaced(text: str) -> bool:
    return text[-1:] in "。！？；”』」"
