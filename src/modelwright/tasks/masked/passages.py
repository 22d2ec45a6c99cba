"""Documents as tokens with their sentences, and what a model is shown of them: one passage, or two that may belong together.

Shapes: d documents, s sentences, n tokens, l lessons of an epoch.
"""

from __future__ import annotations

import re
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.tasks.masked.pieces import Pieces, batches
from modelwright.tasks.text import scripts

# behind the end of a sentence and its closing quotes, where something follows; between lines; signs of scripts without spaces
_BOUNDARY = re.compile(r"(?<=[.!?…][\"')\]”’»])\s+|(?<=[.!?…])\s+|(?<=[。！？；])(?![」』”’）])|\n+")
APART = 0.5  # share of pairs whose second part comes from another document (Devlin et al. 2019)


def sentences(text: str) -> list[str]:
    """The sentences of a text, as full stops and line ends tell them; nothing but spaces is lost."""
    return [part for part in _BOUNDARY.split(text) if part and not part.isspace()]


@dataclass(frozen=True)
class Documents:
    """Tokens of all documents one after the other, in a file mapped into memory.

    Args:
        ids: [n] of the smallest unsigned type that holds the vocabulary.
        starts: int64 [s + 1], where each sentence begins, and the end.
        bounds: int64 [d + 1], where each document begins, and the end.
    """

    ids: np.ndarray
    starts: np.ndarray
    bounds: np.ndarray

    @classmethod
    def read(cls, texts: Iterable[str], pieces: Pieces) -> Documents:
        """Tokenise once. Texts without a token are left out."""
        kind = np.uint16 if pieces.vocabulary <= 1 << 16 else np.uint32
        starts, bounds, total = array("q", [0]), array("q", [0]), 0
        with tempfile.TemporaryFile() as file:
            for part in batches(texts):
                cut = [sentences(text) for text in part]
                found = iter(pieces.encode_many([sentence for one in cut for sentence in one]))
                for one in cut:
                    for sentence in (next(found) for _ in one):
                        if sentence:
                            file.write(np.array(sentence, kind).tobytes())
                            total += len(sentence)
                            starts.append(total)
                    if total > bounds[-1]:
                        bounds.append(total)
            file.flush()
            ids = np.memmap(file, kind, "r", shape=(total,)) if total else np.zeros(0, kind)
        return cls(ids, np.frombuffer(starts, np.int64), np.frombuffer(bounds, np.int64))

    def __len__(self) -> int:
        return len(self.bounds) - 1


@dataclass(frozen=True)
class Drawn:
    """An epoch's lessons, as places in `Documents.ids`.

    Args:
        first: int64 [l, 2], beginning and end of the first part.
        second: int64 [l, 2], of the second one; empty where there is none.
        apart: int64 [l]: 1 where the second comes from another document, 0 where it follows, -1 where nothing is asked.
    """

    first: np.ndarray
    second: np.ndarray
    apart: np.ndarray


def slots(documents: Documents, room: int) -> np.ndarray:
    """The document of each lesson of an epoch, int64 [l]: as many as it fills, so that an epoch sees about every token once."""
    sizes = np.diff(documents.bounds)
    return np.repeat(np.arange(len(documents)), np.maximum(1, np.round(sizes / room).astype(np.int64)))


def draw(documents: Documents, owners: np.ndarray, room: int, pairs: bool, generator: np.random.Generator) -> Drawn:
    """Passages for one epoch: each begins at a sentence near its share of the document, so that no two epochs cut alike.

    Args:
        owners: from `slots`.
        room: tokens for both parts together.
        pairs: cut each passage in two at a sentence, and take every other second part from another document.
    """
    begin, end = documents.bounds[owners], documents.bounds[owners + 1]
    begin, end = _windows(documents, owners, begin, end, room, generator)
    nothing = np.stack([end, end], 1)
    if not pairs:
        return Drawn(np.stack([begin, end], 1), nothing, np.full(len(owners), -1, np.int64))
    middle = _nearest(documents.starts, begin + (end - begin) * generator.uniform(0.25, 0.75, len(owners)))
    cut = begin + np.maximum(1, (end - begin) // 2)
    middle = np.where((begin < middle) & (middle < end), middle, cut)
    second = np.stack([middle, end], 1)
    apart = (generator.random(len(owners)) < APART) & (len(documents) > 1)
    others = (owners + generator.integers(1, max(2, len(documents)), len(owners))) % len(documents)
    away = _anywhere(documents, others, end - middle, generator)
    second = np.where(apart[:, None], away, second)
    alone = second[:, 0] >= second[:, 1]  # a document of a single token has no second part
    return Drawn(np.stack([begin, middle], 1), second, np.where(alone, -1, apart.astype(np.int64)))


def _windows(
    documents: Documents, owners: np.ndarray, begin: np.ndarray, end: np.ndarray, room: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Where each lesson's window begins and ends."""
    lessons = np.bincount(owners)
    number = np.arange(len(owners)) - np.concatenate([[0], np.cumsum(lessons)])[owners]
    share = (number + generator.random(len(owners))) / lessons[owners]
    last = np.maximum(begin, end - room)
    wanted = begin + ((last - begin) * share).astype(np.int64)
    found = documents.starts[np.searchsorted(documents.starts, wanted, side="right") - 1]
    # a sentence longer than the window begins nowhere near: then any token will do
    found = np.where(wanted - found < room // 2, found, wanted)
    return found, np.minimum(found + room, end)


def _nearest(starts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    after = np.clip(np.searchsorted(starts, wanted), 1, len(starts) - 1)
    return np.where(starts[after] - wanted < wanted - starts[after - 1], starts[after], starts[after - 1])


def _anywhere(documents: Documents, owners: np.ndarray, sizes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A passage of each document, int64 [l, 2], from a sentence drawn at random and no longer than asked."""
    low = np.searchsorted(documents.starts, documents.bounds[owners])
    high = np.searchsorted(documents.starts, documents.bounds[owners + 1])
    begin = documents.starts[low + (generator.random(len(owners)) * (high - low)).astype(np.int64)]
    return np.stack([begin, np.minimum(begin + sizes, documents.bounds[owners + 1])], 1)


def pair_of(texts: Sequence[str], place: int, words: int, generator: np.random.Generator) -> tuple[str, str, bool] | None:
    """A passage of one text in two parts, of which the second may come from another text: (first, second, whether it follows).

    Args:
        texts: all of a split.
        place: of the text in question.
        words: of both parts together, about; whole sentences are taken.

    Returns:
        None if the text has a single sentence, or there is no other text.
    """
    own = sentences(texts[place])
    if len(own) < 2 or len(texts) < 2:
        return None
    start = int(generator.integers(0, len(own) - 1))
    first, rest = _some(own[start:-1], words // 2), own
    at = start + len(first)
    follows = bool(generator.random() >= APART)
    if not follows:
        rest = sentences(texts[(place + int(generator.integers(1, len(texts)))) % len(texts)])
        at = int(generator.integers(0, max(1, len(rest))))
    second = _some(rest[at:], words // 2)
    return (" ".join(first), " ".join(second), follows) if second else None


def passage_of(text: str, words: int, generator: np.random.Generator) -> str:
    """Whole sentences of a text, about as many words as asked."""
    own = sentences(text)
    sizes = np.cumsum([_size(sentence) for sentence in own][::-1])[::-1]
    latest = int(np.count_nonzero(sizes >= words)) or 1  # where enough text follows
    return " ".join(_some(own[int(generator.integers(0, latest)) :], words)) if own else text


def _some(parts: Sequence[str], words: int) -> list[str]:
    """The first of them, until there are enough words; at least one."""
    taken, size = [], 0
    for part in parts:
        taken.append(part)
        size += _size(part)
        if size >= words:
            break
    return taken


def _size(sentence: str) -> int:
    return len(scripts.pieces(scripts.fold(sentence)))
