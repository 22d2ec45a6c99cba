"""A column of free text: TF-IDF of its words, projected onto the directions in which training texts differ most.

Latent semantic analysis (Deerwester et al. 1990): the right singular vectors of the TF-IDF matrix, found through its Gram matrix.
Serving needs only the words, their weights and the projection.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.tasks.table import cells
from modelwright.tasks.table.columns import ColumnReader
from modelwright.tasks.table.settings import TableSettings
from modelwright.tasks.text.scripts import UNSPACED

_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
_MOST_WORDS = 1000
_MOST_ROWS = 10_000  # of which the directions are found: the Gram matrix of more says the same
_DIGITS = 5  # of the projection, in task.json


@dataclass(frozen=True)
class TextColumn(ColumnReader):
    """Free text.

    Args:
        words: known, most frequent first.
        weights: idf of each word.
        directions: a row of `parts` numbers for each word, so scaled that each part has deviation 1 in training.
        length: mean of ln(1 + words), for the last number, which is the length.
    """

    kind: ClassVar[str] = "text"
    name: str
    words: tuple[str, ...]
    weights: tuple[float, ...]
    directions: tuple[tuple[float, ...], ...]
    length: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {word: place for place, word in enumerate(self.words)})
        object.__setattr__(self, "matrix", np.array(self.directions, np.float64).reshape(len(self.words), -1))

    @property
    def numbers(self) -> int:
        return self.matrix.shape[1] + 1  # type: ignore[attr-defined]

    @property
    def categories(self) -> tuple[int, ...]:
        return ()

    @classmethod
    def fit(cls, name: str, values: Sequence[Any], settings: TableSettings) -> Self:
        texts = [_words(cells.text(value)) for value in values]
        counts = Counter(word for found in texts for word in set(found))
        frequent = sorted((word for word, count in counts.items() if count >= 2), key=lambda word: (-counts[word], word))
        words = tuple(frequent[:_MOST_WORDS])
        weights = tuple(round(math.log((1 + len(texts)) / (1 + counts[word])) + 1, _DIGITS) for word in words)
        bare = cls(name, words, weights, ((),) * len(words), 0.0)
        sample = texts[:: math.ceil(len(texts) / _MOST_ROWS)]
        matrix = np.stack([bare._weigh(found) for found in sample]) if words else np.zeros((len(sample), 0))
        directions = _directions(matrix, min(settings.text_parts, len(words)))
        length = float(np.mean([math.log1p(len(found)) for found in texts]))
        return cls(name, words, weights, tuple(map(tuple, np.round(directions, _DIGITS).tolist())), round(length, _DIGITS))

    def _weigh(self, found: Sequence[str]) -> np.ndarray:
        """TF-IDF of one text, of norm 1 (0 for a text without known words)."""
        weighed = np.zeros(len(self.words))
        for word, count in Counter(found).items():
            place = self.index.get(word)  # type: ignore[attr-defined]
            if place is not None:
                weighed[place] = (1 + math.log(count)) * self.weights[place]
        norm = float(np.linalg.norm(weighed))
        return weighed / norm if norm else weighed

    def encode(self, value: Any) -> tuple[Sequence[float], Sequence[int]]:
        found = _words(cells.text(value))
        return [*(self._weigh(found) @ self.matrix).tolist(), math.log1p(len(found)) - self.length], ()  # type: ignore[attr-defined]

    def shown(self, numbers: Sequence[float], categories: Sequence[int]) -> None:
        return None

    @property
    def expected(self) -> str:
        return "a text, or null"

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "null"], "description": "free text"}


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _directions(matrix: np.ndarray, parts: int) -> np.ndarray:
    """[words, parts]: the leading right singular vectors, each scaled to deviation 1 and turned so that its largest entry is
    positive; fewer where the texts have fewer directions."""
    if parts == 0:
        return np.zeros((matrix.shape[1], 0))
    _, vectors = np.linalg.eigh(matrix.T @ matrix)
    leading = vectors[:, ::-1][:, :parts]
    leading = leading * np.sign(leading[np.abs(leading).argmax(0), np.arange(parts)])
    deviation = (matrix @ leading).std(0)
    kept = deviation > 1e-6
    return leading[:, kept] / deviation[kept]
