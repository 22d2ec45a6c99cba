"""What a language model's graph says of whole texts: how much each token surprised it.

Some graphs say so themselves ("surprise" out). Others are of ONNX Runtime GenAI's layout: `input_ids` and `attention_mask` in, `logits` out, and keys and values of earlier
tokens in and out, which are empty here. Logits are the largest thing by far (256 tokens of a vocabulary of 150,000: 150 MB), so that they exist
for a few rows at a time, or for a piece of a long one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.decoding import Layout

PAST, PRESENT = "past_key_values.", "present."
IDS, MASK, POSITIONS, LOGITS = "input_ids", "attention_mask", "position_ids", "logits"
SURPRISE = "surprise"
LOGITS_BYTES = 256_000_000
"""Of logits that exist at a time, about."""
TOKENS_AT_ONCE = 16_384
"""Read together by graphs that keep their logits to themselves."""


class NextTokens:
    """A session of a language model's graph, asked of whole texts.

    Args:
        session: an ONNX Runtime session.
        dtypes: numpy's names of the runtime's types.
        folder: where the graph lies; its genai_config.json says how wide keys are where the graph leaves that open.
        logits_bytes: that exist at a time, about.

    Raises:
        ReleaseError: genai_config.json is needed, and missing or damaged.
    """

    def __init__(self, session: Any, dtypes: Mapping[str, str], folder: Path, logits_bytes: int = LOGITS_BYTES) -> None:
        self.session, self.logits_bytes = session, logits_bytes
        wanted = {item.name: item for item in session.get_inputs()}
        self.positions = POSITIONS in wanted
        self.pasts = {
            name: (np.dtype(dtypes[item.type]), int(item.shape[1]), _width(item.shape[3], folder))
            for name, item in wanted.items()
            if name.startswith(PAST)
        }
        logits = next(item for item in session.get_outputs() if item.name == LOGITS)
        self.vocabulary = int(logits.shape[2])

    @staticmethod
    def speaks(session: Any) -> bool:
        """Whether the graph is a language model's."""
        return any(item.name.startswith(PAST) for item in session.get_inputs())

    def surprise(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        """As `by_document`."""
        return by_document(input_ids, attention_mask, self._at_once, self._read)

    @property
    def _at_once(self) -> int:
        """Tokens whose logits may exist together."""
        return max(1, self.logits_bytes // (4 * self.vocabulary))

    def _read(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        if ids.size > self._at_once:  # one document alone
            return np.stack([np.pad(self._in_pieces(one), (1, 0)) for one in ids])
        each = _surprise(self._run(ids, mask, self._empty(len(ids)), [LOGITS])[0][:, :-1], ids[:, 1:])
        return np.pad(each, ((0, 0), (1, 0)))

    def _in_pieces(self, ids: np.ndarray) -> np.ndarray:
        """[t - 1] of one long document: each piece sees the keys and values of those before it."""
        size, past, found = self._at_once, self._empty(1), list[np.ndarray]()
        names = [name.replace(PAST, PRESENT) for name in self.pasts]
        for at in range(0, len(ids) - 1, size):
            end = min(at + size, len(ids) - 1)
            logits, *present = self._run(ids[None, at:end], np.ones((1, end), np.int64), past, [LOGITS, *names])
            past = dict(zip(self.pasts, present, strict=True))
            found.append(_surprise(logits, ids[None, at + 1 : end + 1])[0])
        return np.concatenate(found) if found else np.zeros(0, np.float32)

    def _empty(self, rows: int) -> dict[str, np.ndarray]:
        return {name: np.zeros((rows, heads, 0, width), dtype) for name, (dtype, heads, width) in self.pasts.items()}

    def _run(self, ids: np.ndarray, mask: np.ndarray, past: Mapping[str, np.ndarray], names: list[str]) -> list[np.ndarray]:
        feed = {IDS: np.ascontiguousarray(ids), MASK: mask, **past}
        if self.positions:
            feed[POSITIONS] = (np.cumsum(mask, 1) - 1).clip(0)[:, -ids.shape[1] :]
        return self.session.run(names, feed)


def by_document(
    input_ids: np.ndarray, attention_mask: np.ndarray, at_once: int, read: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """float32 [b, t]: nats of each token given those before it in its document; 0 for a document's first token and on padding.

    Each document is a row of its own to the graph, which knows no numbers.

    Args:
        input_ids: int64 [b, t].
        attention_mask: int64 [b, t]: the document's number in its row, 0 for padding.
        at_once: tokens that are read together at most; a longer document is read alone.
        read: (ids [n, longest], mask of ones and zeros [n, longest]) → surprise [n, longest].
    """
    found = np.zeros(input_ids.shape, np.float32)
    for part in _parts(sorted(_documents(attention_mask), key=lambda one: one[2] - one[1]), at_once):
        longest = part[-1][2] - part[-1][1]
        ids, mask = np.zeros((len(part), longest), np.int64), np.zeros((len(part), longest), np.int64)
        for number, (row, start, end) in enumerate(part):
            ids[number, : end - start], mask[number, : end - start] = input_ids[row, start:end], 1
        each = read(ids, mask)
        for number, (row, start, end) in enumerate(part):
            found[row, start + 1 : end] = each[number, 1 : end - start]
    return found


def _parts(documents: list[tuple[int, int, int]], at_once: int) -> Iterator[list[tuple[int, int, int]]]:
    """Documents of rising length, as many as may be read together."""
    part: list[tuple[int, int, int]] = []
    for one in documents:
        if part and (len(part) + 1) * (one[2] - one[1]) > at_once:
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def _width(said: int | str, folder: Path) -> int:
    return said if isinstance(said, int) else Layout.read(folder).width


def _documents(attention_mask: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(row, first place, place behind the last) of each run of equal numbers above 0."""
    for row, numbers in enumerate(attention_mask):
        edges = np.flatnonzero(np.diff(numbers)) + 1
        for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(numbers)], strict=True):
            if start < end and numbers[start] != 0:
                yield row, start, end


def _surprise(logits: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """−log softmax(logits [b, t, v])[ids [b, t]], float32 [b, t]. The logits are used up."""
    logits = logits.astype(np.float32, copy=False)
    logits -= logits.max(2, keepdims=True)
    wanted = np.take_along_axis(logits, ids[..., None], 2)[..., 0]
    return np.log(np.exp(logits, out=logits).sum(2)) - wanted
