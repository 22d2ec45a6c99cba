"""Vectors of texts, by the release's own graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.base.errors import RequestError
from modelwright.base.journey import BATCH_ROWS
from modelwright.base.nouns import Row
from modelwright.serve.predictor import Predictor
from modelwright.tasks.sentence_similarity import SentenceSimilarity


class Vectors:
    """What `/v1/embeddings` asks.

    Args:
        predictor: of a release whose task is sentence-similarity.
        task: its task.
    """

    def __init__(self, predictor: Predictor, task: SentenceSimilarity) -> None:
        self.graph, self.task = predictor.graph, task

    def embed(self, texts: Sequence[str]) -> tuple[np.ndarray, int]:
        """Vectors float32 [texts, width], each of length one, and the tokens that were read.

        Raises:
            RequestError: a text is blank, or the release compares words only.
        """
        if self.task.reader is None:
            raise RequestError(
                "this release compares words; it has no vectors",
                expected="a release of the route sentence-encoder or hybrid",
                where="the release",
                remedy="Ask POST /v1/predict, or serve another route.",
            )
        for place, text in enumerate(texts):
            if not text.strip():
                raise RequestError("the text is blank", expected="words", where=f"input[{place}]", remedy="Leave it out.")
        examples = self.task.encode_many([Row(str(place), {"query": text}) for place, text in enumerate(texts)])
        found: list[np.ndarray | None] = [None] * len(texts)
        order = sorted(range(len(texts)), key=lambda place: examples[place].length)
        for start in range(0, len(order), BATCH_ROWS):
            part = order[start : start + BATCH_ROWS]
            outputs = self.graph.run(self.task.collate([examples[place] for place in part]))["embedding"]
            for place, vector in zip(part, outputs, strict=True):
                found[place] = vector
        return np.stack([vector for vector in found if vector is not None]), sum(example.length for example in examples)
