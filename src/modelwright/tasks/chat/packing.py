"""Lessons of a language model: windows of equal length, filled with documents or with whole conversations.

Documents follow one another and go on in the next window where one ends; nothing is padded but the last. Conversations stay whole,
for an answer without its question teaches nothing: each goes into the fullest of the open windows that has room for it.
Both are made when they are asked for; tokens lie in memory or, for corpora, in files (`base/shards.py`).
"""

from __future__ import annotations

import bisect
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, overload

import numpy as np

from modelwright.base.nouns import Example
from modelwright.base.shards import Packed, Shards, write_shards

IGNORED = -100
"""Label of a token that is not learned."""
_OPEN = 64  # windows that wait for something that fits
Ids = Sequence[int] | np.ndarray


class Lessons(Sequence[Example]):
    """Examples of one length with the inputs "input_ids", "attention_mask" (number of the document in the window, 0 for padding) and
    "labels" (−100 where nothing is learned), all int64 [context]; made when they are asked for.

    Args:
        parts: of windows, one after another; a slice is a list of examples.
        context: tokens of a window.
    """

    def __init__(self, parts: Sequence[Windows | Conversations], context: int) -> None:
        self.parts, self.context = [part for part in parts if len(part)], context
        self._ends = np.cumsum([len(part) for part in self.parts]).tolist()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @property
    def lengths(self) -> np.ndarray:
        """Known without making one."""
        return np.full(len(self), self.context)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        if isinstance(place, slice):
            return [self[number] for number in range(len(self))[place]]
        number = range(len(self))[place]
        part = bisect.bisect_right(self._ends, number)
        ids, numbers, labels = self.parts[part].window(number - (self._ends[part - 1] if part else 0))
        return Example(f"window {number}", {"input_ids": ids, "attention_mask": numbers, "labels": labels}, self.context)


class Windows:
    """Documents, all of whose tokens are learned but each document's first, which nothing foretells."""

    def __init__(self, packed: Packed) -> None:
        self.packed = packed

    def __len__(self) -> int:
        return len(self.packed)

    def window(self, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = self.packed[place]
        ids, numbers = found.input_ids, found.attention_mask
        labels = np.full_like(ids, IGNORED)
        learned = np.flatnonzero((numbers[1:] == numbers[:-1]) & (numbers[1:] != 0)) + 1
        labels[learned] = ids[learned]
        return ids, numbers, labels


class Conversations:
    """Whole conversations side by side.

    Args:
        shards: each token as twice its id, plus one if it is learned. No conversation is longer than `context`.
        padding: id that fills a window up.
    """

    def __init__(self, shards: Shards, context: int, padding: int) -> None:
        self.shards, self.context, self.padding = shards, context, padding
        self.places, self.begins = _placed(np.diff(shards.documents), context)

    def __len__(self) -> int:
        return len(self.begins) - 1

    def window(self, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        ids = np.full(self.context, self.padding, np.int64)
        numbers, labels, at = np.zeros(self.context, np.int64), np.full(self.context, IGNORED, np.int64), 0
        for number, one in enumerate(self.places[self.begins[place] : self.begins[place + 1]].tolist(), start=1):
            tokens = self.shards[one].astype(np.int64)
            end = at + len(tokens)
            ids[at:end], numbers[at:end] = tokens >> 1, number
            labels[at:end] = np.where(tokens & 1, tokens >> 1, IGNORED)
            at = end
        return ids, numbers, labels


def _placed(lengths: np.ndarray, context: int) -> tuple[np.ndarray, np.ndarray]:
    """Best fit: int64 numbers of conversations, window by window, and where in them each window begins (one more at the end)."""
    windows = list[list[int]]()
    waiting = list[tuple[int, int]]()  # (room left, window), rising
    for number, length in enumerate(lengths.tolist()):
        at = bisect.bisect_left(waiting, (length, -1))
        if at < len(waiting):
            room, window = waiting.pop(at)
        else:
            room, window = context, len(windows)
            windows.append([])
        windows[window].append(number)
        bisect.insort(waiting, (room - length, window))
        if len(waiting) > _OPEN:
            waiting.pop(0)
    places = np.fromiter(chain.from_iterable(windows), np.int64)
    return places, np.cumsum([0, *map(len, windows)])


def stored(token_lists: Iterable[Ids], vocabulary: int, on_disk: bool) -> Shards | None:
    """Token lists in memory or in files that go when nobody looks at them any more; None if there is none.

    Args:
        on_disk: in the system's folder for temporary files (TMPDIR), at two or four bytes a token.
    """
    first, rest = _first(token_lists)
    if first is None:
        return None
    if not on_disk:
        kept = [np.asarray(ids, np.uint32) for ids in chain([first], rest) if len(ids)]
        offsets = np.cumsum([0, *map(len, kept)])
        return Shards(Path(), np.concatenate(kept), offsets)
    folder = tempfile.TemporaryDirectory(prefix="modelwright-tokens-", ignore_cleanup_errors=True)
    shards = write_shards(chain([first], rest), Path(folder.name), vocabulary)
    weakref.finalize(shards.tokens, folder.cleanup)
    return shards


def _first(token_lists: Iterable[Ids]) -> tuple[Ids | None, Iterator[Ids]]:
    rest = iter(token_lists)
    return next((ids for ids in rest if len(ids)), None), rest


def shortened(messages: list[Any], length: Callable[[list[Any]], int], context: int) -> list[Any]:
    """A conversation that fits: its oldest questions and answers are dropped, its system message never. What one exchange alone is
    too long for stays too long."""
    while length(messages) > context:
        first = next((place for place, one in enumerate(messages) if one["role"] != "system"), len(messages))
        following = next((place for place in range(first + 1, len(messages)) if messages[place]["role"] == "user"), None)
        if following is None:
            break
        messages = [*messages[:first], *messages[following:]]
    return messages
