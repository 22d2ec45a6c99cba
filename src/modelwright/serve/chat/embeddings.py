"""`/v1/embeddings` in OpenAI's shape over whatever makes the vectors."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from modelwright.base.errors import RequestError
from modelwright.serve.chat.problems import UnknownModelError
from modelwright.serve.chat.requests import EmbeddingsRequest


class Embedder(Protocol):
    """Makes vectors of texts."""

    def embed(self, texts: Sequence[str]) -> tuple[np.ndarray, int]:
        """Vectors, float32 [texts, width], and the number of tokens that were read.

        Raises:
            RequestError: a text can't be read.
        """
        ...


async def embed(embedder: Embedder | None, request: EmbeddingsRequest, model: str) -> tuple[dict[str, Any], int]:
    """The answer, and the tokens that were read.

    Raises:
        UnknownModelError: the release makes no embeddings.
        RequestError: `dimensions` is not the vectors' width.
    """
    if embedder is None:
        raise UnknownModelError(
            f"the model {model!r} makes no embeddings",
            expected="a release that does, such as a search engine's",
            where="model",
            remedy="Ask a server of such a release; see: modelwright tasks",
        )
    vectors, tokens = await asyncio.to_thread(embedder.embed, request.input)
    width = vectors.shape[1]
    if request.dimensions not in (None, width):
        raise RequestError(
            f"dimensions is {request.dimensions}",
            expected=f"{width}, the width of this model's vectors",
            where="dimensions",
            remedy="Leave dimensions out.",
        )
    data = [
        {"object": "embedding", "index": place, "embedding": _written(vector, request.encoding_format)}
        for place, vector in enumerate(vectors)
    ]
    counts = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": counts}, tokens


def _written(vector: np.ndarray, form: str) -> list[float] | str:
    if form == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    return [float(number) for number in vector]
