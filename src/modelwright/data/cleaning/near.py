"""Near duplicates: MinHash signatures, banded (LSH) into candidates, each verified by its true Jaccard similarity.

One permutation with rotation densification (Li, Owen, Zhang 2012; Shrivastava and Li 2014): each shingle falls into one of BINS
bins and each bin keeps its least hash, so that a signature costs one pass over the shingles, whatever its length. Bins are dealt
to bands in a fixed random order, because densification copies a bin from its neighbour, and neighbours in one band would make
it match too easily.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.data.cleaning.shingles import blocks, mix

BINS = 128
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_RECALL = 0.99
_REACH = 8
"""In a bucket of texts with an equal band, each is compared with this many that follow it: buckets of boilerplate stay linear."""


def near_pairs(texts: Sequence[str], similarity: float) -> list[tuple[int, int, float]]:
    """Pairs of positions whose shingle sets have a Jaccard similarity of at least `similarity`, ascending, with that similarity.

    A pair at the threshold is found with a probability of about 0.99; no pair below it is ever given.
    """
    shingles, offsets, signatures = _hash(texts)
    candidates = _candidates(signatures, _rows_per_band(similarity))
    return _verified(candidates, shingles, offsets, similarity)


def _hash(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All shingles one after another, where each text's begin (one more at the end), and signatures (texts × BINS)."""
    signatures = np.full((len(texts), BINS), _EMPTY)
    parts, sizes = [], np.zeros(len(texts), np.int64)
    for start, hashes, counts in blocks(texts):
        parts.append(hashes)
        sizes[start : start + len(counts)] = counts
        row = np.repeat(np.arange(start, start + len(counts)), counts)
        np.minimum.at(
            signatures.reshape(-1), row * BINS + (hashes >> np.uint64(57)).astype(np.int64), hashes & np.uint64((1 << 57) - 1)
        )
    _densify(signatures)
    return np.concatenate([*parts, np.zeros(0, np.uint64)]), np.concatenate(([0], np.cumsum(sizes))), signatures


def _densify(signatures: np.ndarray) -> None:
    """Fill empty bins from the next full one (around the end), marked by the distance; texts without shingles stay empty."""
    full = signatures != _EMPTY
    bins = np.arange(2 * BINS)
    for start in range(0, len(signatures), 4096):
        part, filled = signatures[start : start + 4096], full[start : start + 4096]
        twice = np.where(np.concatenate((filled, filled), axis=1), bins, 4 * BINS)
        following = np.minimum.accumulate(twice[:, ::-1], axis=1)[:, ::-1][:, :BINS]
        reachable = following < 4 * BINS
        source = np.where(reachable, following, 0) % BINS
        distance = (following - bins[:BINS]).astype(np.uint64)
        with np.errstate(over="ignore"):
            taken = np.take_along_axis(part, source, axis=1) + distance * np.uint64(1 << 58)
        part[:] = np.where(reachable, taken, _EMPTY)


def _rows_per_band(similarity: float) -> int:
    """The longest bands (fewest false candidates) that still find a pair at the threshold with the wanted probability."""
    for rows in range(BINS, 1, -1):
        if 1 - (1 - similarity**rows) ** (BINS // rows) >= _RECALL:
            return min(rows, 16)
    return 1


def _candidates(signatures: np.ndarray, rows: int) -> np.ndarray:
    """Pairs (low, high) of texts that agree in at least one band, each once."""
    order = np.random.default_rng(0).permutation(BINS)
    has_shingles = np.flatnonzero(signatures[:, 0] != _EMPTY)
    dense = signatures[has_shingles]
    found = [np.zeros((0, 2), np.int64)]
    for band in range(BINS // rows):
        keys = np.zeros(len(dense), np.uint64)
        with np.errstate(over="ignore"):
            for column in order[band * rows : (band + 1) * rows]:
                keys = mix(keys * np.uint64(5) + dense[:, column])
        by_key = np.argsort(keys, kind="stable")
        ordered = keys[by_key]
        for step in range(1, _REACH + 1):
            equal = np.flatnonzero(ordered[:-step] == ordered[step:])
            if not len(equal):
                break
            found.append(np.stack((has_shingles[by_key[equal]], has_shingles[by_key[equal + step]]), axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _verified(
    candidates: np.ndarray, shingles: np.ndarray, offsets: np.ndarray, similarity: float
) -> list[tuple[int, int, float]]:
    sets: dict[int, np.ndarray] = {}

    def shingle_set(position: int) -> np.ndarray:
        if position not in sets:
            sets[position] = np.unique(shingles[offsets[position] : offsets[position + 1]])
        return sets[position]

    pairs = []
    for low, high in candidates.tolist():
        one, other = shingle_set(low), shingle_set(high)
        if min(len(one), len(other)) < similarity * max(len(one), len(other)):
            continue  # sizes alone rule it out
        shared = len(np.intersect1d(one, other, assume_unique=True))
        jaccard = shared / (len(one) + len(other) - shared)
        if jaccard >= similarity:
            pairs.append((low, high, jaccard))
    return pairs
