"""Token ids on disk, memory-mapped: every document once, one after another, and where each begins.

    tokens.bin       uint16, or uint32 where the vocabulary has more than 65,536 ids; little end first
    documents.npy    int64 [documents + 1]: where each document begins, and at last where the tokens end

A model reads them in windows of equal length. A document goes on in the next window where one ends; within a window the
documents are numbered, so that attention can stay inside each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.store import writing

TOKENS = "tokens.bin"
DOCUMENTS = "documents.npy"
_HELD = 1 << 20
"""Tokens or offsets held before they are written."""


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of equal length.

    Args:
        input_ids: int64 [context]; 0 where it is padded.
        attention_mask: int64 [context]; the document's number in this window, from 1; 0 where it is padded.
    """

    input_ids: np.ndarray
    attention_mask: np.ndarray


@dataclass(frozen=True)
class Shards(Sequence[np.ndarray]):
    """Documents as token ids; the n-th is a view of the file.

    Args:
        folder: where they lie.
        tokens: uint16 or uint32 [all tokens], memory-mapped.
        documents: int64 [documents + 1], memory-mapped.
    """

    folder: Path
    tokens: np.ndarray
    documents: np.ndarray

    def __len__(self) -> int:
        return len(self.documents) - 1

    @overload
    def __getitem__(self, place: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, place: slice) -> list[np.ndarray]: ...
    def __getitem__(self, place: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(place, slice):
            return [self[number] for number in range(len(self))[place]]
        number = range(len(self))[place]
        return self.tokens[self.documents[number] : self.documents[number + 1]]

    def pack(self, context: int) -> Packed:
        """The windows of `context` tokens."""
        return Packed(self, context)


class Packed(Sequence[Window]):
    """The windows of all tokens, made when they are asked for. The last is padded; a last window of one token is left out,
    because it teaches nothing.

    Raises:
        ValueError: a context below 2.
    """

    def __init__(self, shards: Shards, context: int, places: range | None = None) -> None:
        if context < 2:
            raise ValueError(f"windows of {context} tokens teach nothing")
        self.shards, self.context = shards, context
        whole, rest = divmod(len(shards.tokens), context)
        self._places = range(whole + (rest >= 2)) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Window: ...
    @overload
    def __getitem__(self, place: slice) -> Packed: ...
    def __getitem__(self, place: int | slice) -> Window | Packed:
        if isinstance(place, slice):
            return Packed(self.shards, self.context, self._places[place])
        first = self._places[place] * self.context
        tokens, documents = self.shards.tokens, self.shards.documents
        last = min(first + self.context, len(tokens))
        ids, numbers = np.zeros(self.context, np.int64), np.zeros(self.context, np.int64)
        ids[: last - first] = tokens[first:last]
        begin, end = np.searchsorted(documents, (first + 1, last))  # documents that begin inside, not at the window's first token
        steps = np.zeros(last - first, np.int64)
        steps[documents[begin:end] - first] = 1
        numbers[: last - first] = np.cumsum(steps) + 1
        return Window(ids, numbers)


def write_shards(token_lists: Iterable[Sequence[int] | np.ndarray], folder: Path, vocabulary: int) -> Shards:
    """Write documents as they come, in bounded memory, and open them.

    Args:
        token_lists: of each document its ids, with the end of a document where one is wanted; empty ones are left out.
        folder: is made.
        vocabulary: number of ids: every id is below it.

    Raises:
        DataError: there is no token.
        MachineError: the disk is full or the folder closed.
        ValueError: an id outside the vocabulary.
    """
    kind = np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")
    offsets = folder / f".{DOCUMENTS}.raw"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / TOKENS).open("wb") as tokens, offsets.open("wb") as begins:
            total = _write(token_lists, tokens, begins, kind, vocabulary)
        if not total:
            raise DataError("there is no token", expected="texts", where=str(folder), remedy="Give texts that are not empty.")
        raw = np.memmap(offsets, np.int64, "r")
        mapped = np.lib.format.open_memmap(folder / DOCUMENTS, "w+", np.int64, raw.shape)
        for start in range(0, len(raw), _HELD):
            mapped[start : start + _HELD] = raw[start : start + _HELD]
        mapped.flush()
        del raw, mapped
        offsets.unlink()
    return open_shards(folder)


def _write(token_lists: Iterable[Any], tokens: Any, begins: Any, kind: np.dtype, vocabulary: int) -> int:
    total = 0
    begins.write(np.zeros(1, np.int64).tobytes())
    for ids, lengths in _gathered(token_lists):
        if not 0 <= ids.min() <= ids.max() < vocabulary:
            raise ValueError(f"the ids run from {ids.min()} to {ids.max()}, the vocabulary has {vocabulary}")
        tokens.write(ids.astype(kind).tobytes())
        begins.write((total + np.cumsum(lengths, dtype=np.int64)).tobytes())
        total += len(ids)
    return total


def _gathered(token_lists: Iterable[Any]) -> Iterator[tuple[np.ndarray, list[int]]]:
    """Documents together, up to `_HELD` tokens: their ids, and how many each has."""
    held, lengths, size = list[np.ndarray](), list[int](), 0
    for ids in token_lists:
        if not len(ids):
            continue
        held.append(np.asarray(ids))
        lengths.append(len(ids))
        size += len(ids)
        if size >= _HELD:
            yield np.concatenate(held), lengths
            held, lengths, size = [], [], 0
    if held:
        yield np.concatenate(held), lengths


def open_shards(folder: Path) -> Shards:
    """What `write_shards` wrote, memory-mapped.

    Raises:
        DataError: a file is missing, or they don't belong together.
    """
    try:
        documents = np.load(folder / DOCUMENTS, mmap_mode="r", allow_pickle=False)
        size = (folder / TOKENS).stat().st_size
        total = int(documents[-1])
        width = {2 * total: "<u2", 4 * total: "<u4"}[size]
        return Shards(folder, np.memmap(folder / TOKENS, np.dtype(width), "r"), documents)
    except (OSError, ValueError, KeyError, IndexError, EOFError) as error:
        raise DataError(
            f"the tokens can't be read ({type(error).__name__}: {str(error)[:100]})",
            expected=f"{TOKENS} and {DOCUMENTS}, written together",
            where=str(folder),
            remedy="Delete the folder: it is made anew.",
        ) from error
