"""Texts as sets of shingles, thousands of texts in one numpy pass.

A token is a run of letters and digits, or one character of a script that writes without spaces (Chinese, Japanese, Thai, …), so
that one definition serves every language. A shingle is `SIZE` tokens in a row; a shorter text is one shingle. Token and shingle
are 64-bit hashes: a token's is polynomial, from differences of one running sum over all characters, which is what makes the
pass free of Python loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

SIZE = 3
_BLOCK_CHARACTERS = 1 << 20
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_SPACELESS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F))
"""Thai, Lao, Burmese, Khmer; kana and Han; compatible forms."""


@cache
def _classes() -> np.ndarray:
    """Class by code point of the basic plane: 0 between tokens, 1 part of a token, 2 a token by itself."""
    table = np.fromiter((chr(code).isalnum() for code in range(0x10000)), dtype=np.uint8, count=0x10000)
    for low, high in _SPACELESS:
        table[low : high + 1] *= 2
    return table


@cache
def _powers(base: int, count: int) -> np.ndarray:
    factors = np.full(count, base, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


def mix(values: np.ndarray) -> np.ndarray:
    """Spread 64-bit values evenly (the finaliser of splitmix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True)
class Tokens:
    """The tokens of some texts, one text after another.

    Args:
        hashes: uint64 [tokens].
        characters: int64 [tokens]: how many each has.
        counts: int64 [texts]: tokens of each text.
    """

    hashes: np.ndarray
    characters: np.ndarray
    counts: np.ndarray

    def of(self, texts: np.ndarray) -> Tokens:
        """The tokens of some of the texts (bool [texts])."""
        taken = np.repeat(texts, self.counts)
        return Tokens(self.hashes[taken], self.characters[taken], self.counts[texts])


def tokens_of(texts: Sequence[str]) -> Tokens:
    """Hash the tokens of texts. Those of long texts are found piece by piece: a text of ten million characters would take half a
    gigabyte at once."""
    if sum(map(len, texts)) <= 2 * _BLOCK_CHARACTERS:
        return _hashed(texts)
    found, owners = list[Tokens](), list[int]()
    for owner, text in enumerate(texts):
        for piece in _cut(text, _BLOCK_CHARACTERS):
            found.append(_hashed([piece]))
            owners.append(owner)
    counts = np.zeros(len(texts), np.int64)
    np.add.at(counts, owners, [int(one.counts[0]) for one in found])
    return Tokens(np.concatenate([one.hashes for one in found]), np.concatenate([one.characters for one in found]), counts)


def _cut(text: str, size: int) -> Iterator[str]:
    """Pieces of at most `size` characters that end between tokens (where a space or a break is to be found, or any character is a
    token by itself)."""
    start = 0
    while len(text) - start > size:
        end = start + size
        while end > start and _inside_token(text[end - 1 : end + 1]):
            end -= 1
        end = end if end > start else start + size  # one token of a million characters: it becomes two
        yield text[start:end]
        start = end
    yield text[start:]


def _inside_token(around: str) -> bool:
    """Whether both characters are parts of one token."""
    return all(ord(character) < 0x10000 and _classes()[ord(character)] == 1 for character in around)


def _hashed(texts: Sequence[str]) -> Tokens:
    codes, starts, ends, counts = _find_tokens(texts)
    return Tokens(_token_hashes(codes, starts, ends), ends - starts, counts)


def shingles_of(tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Shingle hashes of all texts, one after another, and each text's number of shingles (0 for a text without tokens)."""
    return _shingle_hashes(tokens.hashes, tokens.counts)


def grams_of(tokens: Tokens, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashes of all `size` tokens in a row inside a text, the token's number that each begins with, and the text's number."""
    count = len(tokens.hashes)
    if count < size:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    with np.errstate(over="ignore"):
        forward, backward = _power(int(_BASE), count), _power(int(_INVERSE), count)
        running = np.concatenate((np.zeros(1, np.uint64), np.cumsum(tokens.hashes * forward, dtype=np.uint64)))
        grams = mix((running[size:] - running[:-size]) * backward[: count - size + 1])
    owners = np.repeat(np.arange(len(tokens.counts)), tokens.counts)
    inside = np.flatnonzero(owners[size - 1 :] == owners[: count - size + 1])
    return grams[inside], inside, owners[inside]


def blocks(texts: Sequence[str]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Hash texts block by block, memory bounded by the block.

    Yields:
        position of the block's first text; shingle hashes of all its texts, one after another; each text's number of shingles
        (0 for a text without tokens).
    """
    start = 0
    while start < len(texts):
        end, size = start, 0
        while end < len(texts) and (end == start or size + len(texts[end]) <= _BLOCK_CHARACTERS):
            size += len(texts[end]) + 1
            end += 1
        yield (start, *shingles_of(tokens_of(texts[start:end])))
        start = end


def token_counts(texts: Sequence[str]) -> np.ndarray:
    """Tokens of each text, by the definition above."""
    counts = [_find_tokens(texts[start : start + 1000])[3] for start in range(0, len(texts), 1000)]
    return np.concatenate([np.zeros(0, np.int64), *counts])


def _find_tokens(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Code points of all texts, where tokens start and end in them, and each text's number of tokens."""
    folded = [text.casefold() + "\n" for text in texts]  # the break ends the last token
    joined = "".join(folded)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, folded), dtype=np.int64, count=len(folded))
    kinds = np.where(codes < 0x10000, _classes()[np.minimum(codes, 0xFFFF)], 2)
    before = np.concatenate(([0], kinds[:-1]))
    starts = np.flatnonzero((kinds == 2) | ((kinds == 1) & (before != 1)))
    after = np.concatenate((kinds[1:], [0]))
    ends = np.flatnonzero((kinds == 2) | ((kinds == 1) & (after != 1))) + 1
    edges = np.concatenate(([0], np.cumsum(lengths)))
    return codes, starts, ends, np.diff(np.searchsorted(starts, edges))


def _token_hashes(codes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        letters = mix(codes.astype(np.uint64) + np.uint64(1))
        running = np.concatenate((np.zeros(1, np.uint64), np.cumsum(letters * _power(int(_BASE), len(codes)), dtype=np.uint64)))
        return mix((running[ends] - running[starts]) * _power(int(_INVERSE), len(codes))[starts])


def _power(base: int, count: int) -> np.ndarray:
    """The first `count` powers of `base`, from a table whose size is a power of two (so that few tables are ever made)."""
    return _powers(base, 1 << max(20, (count - 1).bit_length()))[:count]


def _shingle_hashes(tokens: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of SIZE tokens in a row inside each text; all tokens together where there are fewer."""
    if not len(tokens):
        return tokens, np.zeros_like(counts)
    first = np.cumsum(counts) - counts
    place = np.arange(len(tokens)) - np.repeat(first, counts)
    left = np.repeat(counts, counts) - place
    with np.errstate(over="ignore"):
        hashes = tokens.copy()
        for step in range(1, SIZE):
            inside = left > step
            hashes[inside] = mix(hashes[inside] * np.uint64(3) + tokens[np.flatnonzero(inside) + step])
    taken = (left >= SIZE) | ((place == 0) & (left < SIZE))
    return hashes[taken], np.where(counts == 0, 0, np.maximum(counts - SIZE + 1, 1))
