"""Training documents as lessons that are drawn anew in every epoch: other passages, other pairs, other tokens hidden (dynamic
masking, Liu et al. 2019, 1907.11692). Nothing but seed and epoch decides, so that a killed training goes on as it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from modelwright.base.nouns import Example
from modelwright.tasks.masked.masking import Masking
from modelwright.tasks.masked.passages import Documents, draw, slots
from modelwright.tasks.masked.pieces import SPECIAL, Pieces

_PASSAGES, _MASKS = 0, 1  # streams of the generator


class Lessons(Sequence[Example]):
    """One example for each passage of an epoch, made when it is asked for.

    Args:
        documents: tokenised.
        pieces: for the special tokens.
        masking: how training tokens are hidden.
        pairs: show two passages and ask whether they belong together.
        max_tokens: special tokens included.

    Attributes:
        lengths: tokens of each example, of the epoch in turn.
    """

    def __init__(self, documents: Documents, pieces: Pieces, masking: Masking, pairs: bool, max_tokens: int) -> None:
        self.documents, self.pieces, self.masking, self.pairs = documents, pieces, masking, pairs
        self.room = max_tokens - (3 if pairs else 2)
        self.owners = slots(documents, self.room)
        self.turn(0, 0)

    def turn(self, seed: int, epoch: int) -> None:
        """Draw the lessons of an epoch; as many as in any other."""
        self.seed, self.epoch = seed, epoch
        generator = np.random.default_rng([seed, epoch, _PASSAGES])
        self.drawn = draw(self.documents, self.owners, self.room, self.pairs, generator)
        sizes = np.diff(self.drawn.first)[:, 0] + np.diff(self.drawn.second)[:, 0]
        self.lengths = (sizes + 2 + (np.diff(self.drawn.second)[:, 0] > 0)).tolist()

    def __len__(self) -> int:
        return len(self.owners)

    @overload
    def __getitem__(self, at: int) -> Example: ...
    @overload
    def __getitem__(self, at: slice) -> list[Example]: ...
    def __getitem__(self, at: int | slice) -> Example | list[Example]:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        number = range(len(self))[at]
        ids, types = assemble(self.pieces, *(self.documents.ids[low:high] for low, high in self._spans(number)))
        generator = np.random.default_rng([self.seed, self.epoch, _MASKS, number])
        hidden, places, sought = self.masking.hide(ids, usable(ids, self.pieces), generator)
        inputs = {"token_ids": hidden, "mask": np.ones(len(ids), np.int64), "types": types, "places": places, "sought": sought}
        return Example(str(number), {**inputs, "apart": np.array(self.drawn.apart[number], np.int64)}, len(ids))

    def _spans(self, number: int) -> list[tuple[int, int]]:
        low, high = self.drawn.second[number].tolist()
        first = tuple(self.drawn.first[number].tolist())
        return [first, (low, high)] if high > low else [first]


def assemble(pieces: Pieces, *parts: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[CLS] first [SEP], and second [SEP] if there is one: (ids, types), int64 [t]; types are 0 for the first part, 1 for the second."""
    ids, types = [np.array([pieces.begin])], [np.zeros(1, np.int64)]
    for number, part in enumerate(parts):
        ids += [np.asarray(part, np.int64), np.array([pieces.end])]
        types.append(np.full(len(part) + 1, number, np.int64))
    return np.concatenate(ids).astype(np.int64), np.concatenate(types)


def usable(ids: np.ndarray, pieces: Pieces) -> np.ndarray:
    """bool [t]: tokens that may be hidden: no special ones, unless nothing else is there but what the tokenizer does not know."""
    known = ids >= len(SPECIAL)
    return known if known.any() else (ids != pieces.begin) & (ids != pieces.end)
