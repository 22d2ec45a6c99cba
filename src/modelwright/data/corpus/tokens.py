"""Texts → token ids, in batches that the tokenizer shares out among the machine's cores, memory bounded by the batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

BATCH_CHARACTERS = 2_000_000


def tokenised(
    texts: Iterable[str], tokenizer: Any, end: int | None = None, characters: int = BATCH_CHARACTERS
) -> Iterator[np.ndarray]:
    """The ids (int64) of each text, in order, with `end` after the last.

    What looks like a special token inside a text stays text: `tokenizer.encode_special_tokens` is set while its batches are
    encoded, and put back.

    Args:
        tokenizer: a `tokenizers.Tokenizer`.
        end: id of the end of a document.
        characters: of one batch, about.
    """
    for batch in _batches(texts, characters):
        before, tokenizer.encode_special_tokens = tokenizer.encode_special_tokens, True
        try:
            found = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
        finally:
            tokenizer.encode_special_tokens = before
        for encoding in found:
            ids = encoding.ids
            if end is not None:
                ids.append(end)
            yield np.array(ids, np.int64)


def _batches(texts: Iterable[str], characters: int) -> Iterator[list[str]]:
    batch, size = list[str](), 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= characters:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
