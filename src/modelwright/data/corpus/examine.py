"""A block of documents looked at once: written one way, told apart from what is no use, hashed for finding copies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelwright.data.cleaning.shingles import Tokens, shingles_of, tokens_of
from modelwright.data.corpus.contamination import Examination
from modelwright.data.corpus.quality import broken
from modelwright.data.language import languages_of
from modelwright.spec.data import Clean

BLOCK_CHARACTERS = 1 << 20


@dataclass
class Document:
    """One document on its way.

    Args:
        id: stable and unique.
        place: where it stands in its source.
        values: as they are kept, by role.
        text: what is compared, judged and counted: the text, or what is said in a conversation.
        part: the value that it is split by, where a column says it.
        reason, detail: why it goes to quarantine; empty while it stays.
    """

    id: str
    place: str
    values: dict[str, Any]
    text: str
    part: Any = None
    reason: str = ""
    detail: str = ""

    def leave(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Block:
    """Documents that stay, and what is known of each.

    Args:
        keys: uint64 [documents], equal for equal texts.
        shingles: uint64 [shingles of all], one document after another; `counts`: how many each has.
        words: int64 [documents]: tokens of each.
    """

    documents: list[Document]
    keys: np.ndarray
    shingles: np.ndarray
    counts: np.ndarray
    words: np.ndarray
    left: list[Document] = field(default_factory=list)


@dataclass(frozen=True)
class Screens:
    """What documents must pass, by the project's settings."""

    clean: Clean
    examination: Examination

    def look(self, texts: Sequence[str], tokens: Tokens) -> dict[int, tuple[str, str]]:
        """Places of texts that don't pass, each with a reason and a detail."""
        found: dict[int, tuple[str, str]] = {}
        if self.clean.languages:
            for place, language in enumerate(languages_of(texts)):
                if language not in self.clean.languages:
                    found[place] = ("language", f"looks like {language}, not {' or '.join(self.clean.languages)}")
        if self.clean.quality:
            for place, came in broken(texts, tokens, self.clean.quality).items():
                found.setdefault(place, came)
        for place, at in enumerate(self.examination.shared(tokens).tolist()):
            if at >= 0:
                told = f"13 words in a row, from word {at + 1} on, are those of a text in data.decontaminate"
                found.setdefault(place, ("contaminated", told))
        return found

    @property
    def idle(self) -> bool:
        return not (self.clean.languages or self.clean.quality or len(self.examination.grams))


def examined(documents: Sequence[Document], screens: Screens) -> Block:
    """What stays of a block, and what goes."""
    texts = [document.text for document in documents]
    tokens = tokens_of(texts)
    for place, (reason, detail) in screens.look(texts, tokens).items():
        documents[place].leave(reason, detail)
    stay = np.array([not document.reason for document in documents], bool)
    kept = tokens.of(stay)
    shingles, counts = shingles_of(kept)
    staying = [document for document in documents if not document.reason]
    keys = np.array([key_of(document.text) for document in staying], np.uint64)
    return Block(staying, keys, shingles, counts, kept.counts, [document for document in documents if document.reason])


def key_of(text: str) -> int:
    """64 bits of BLAKE2b: of a billion texts, two different ones share a key with a probability of 3 %."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def in_blocks(
    documents: Iterable[Document], size: Callable[[Document], int] = lambda found: len(found.text)
) -> Iterator[list[Document]]:
    held, characters = list[Document](), 0
    for document in documents:
        held.append(document)
        characters += size(document)
        if characters >= BLOCK_CHARACTERS:
            yield held
            held, characters = [], 0
    if held:
        yield held
