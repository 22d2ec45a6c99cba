"""Near duplicates: MinHash signatures, banded (LSH) into candidates, each verified by its true Jaccard similarity.

One permutation with rotation densification (Li, Owen, Zhang 2012; Shrivastava and Li 2014): each shingle falls into one of BINS
bins and each bin keeps its least hash, so that a signature costs one pass over the shingles, whatever its length. Bins are dealt
to bands in a fixed random order, because densification copies a bin from its neighbour, and neighbours in one band would make
it match too easily.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from modelwright.data.cleaning.shingles import blocks, mix

BINS = 128
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_RECALL = 0.99
_BATCH_SHINGLES = 1 << 22
"""Shingles compared at once: bounds memory."""
_REACH = 8
"""In a bucket of texts with an equal band, each is compared with the first and with this many that follow it: buckets of
boilerplate stay linear, and still lose all but one."""
_CROWD = 64
"""In a larger bucket each is compared with the first and the next alone: it is boilerplate, and the first is like all others."""


def near_pairs(texts: Sequence[str], similarity: float) -> list[tuple[int, int, float]]:
    """Pairs of positions whose shingle sets have a Jaccard similarity of at least `similarity`, ascending, with that similarity.

    A pair at the threshold is found with a probability of about 0.99; no pair below it is ever given.
    """
    shingles, offsets, signatures = _hash(texts)
    candidates = _candidates(signatures, rows_per_band(similarity))
    return _verified(candidates, shingles, offsets, similarity)


def _hash(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All shingles one after another, where each text's begin (one more at the end), and signatures (texts × BINS)."""
    signatures = np.full((len(texts), BINS), _EMPTY)
    parts, sizes = [], np.zeros(len(texts), np.int64)
    for start, hashes, counts in blocks(texts):
        parts.append(hashes)
        sizes[start : start + len(counts)] = counts
        signatures[start : start + len(counts)] = signatures_of(hashes, counts)
    return np.concatenate([*parts, np.zeros(0, np.uint64)]), np.concatenate(([0], np.cumsum(sizes))), signatures


def signatures_of(hashes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """uint64 [texts, BINS] from all texts' shingles and each text's number of them; a text without shingles has one that no other
    text has in common with it (`is_empty`)."""
    signatures = np.full((len(counts), BINS), _EMPTY)
    row = np.repeat(np.arange(len(counts)), counts)
    places = row * BINS + (hashes >> np.uint64(57)).astype(np.int64)
    np.minimum.at(signatures.reshape(-1), places, hashes & np.uint64((1 << 57) - 1))
    _densify(signatures)
    return signatures


def is_empty(signatures: np.ndarray) -> np.ndarray:
    """bool [texts]: which have no shingles, and are near to nothing."""
    return signatures[:, 0] == _EMPTY


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


def rows_per_band(similarity: float) -> int:
    """The longest bands (fewest false candidates) that still find a pair at the threshold with the wanted probability."""
    for rows in range(BINS, 1, -1):
        if 1 - (1 - similarity**rows) ** (BINS // rows) >= _RECALL:
            return min(rows, 16)
    return 1


def band_keys(signatures: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    """uint64 [texts] of each band: equal where the band's `rows` bins are."""
    order = np.random.default_rng(0).permutation(BINS)
    for band in range(BINS // rows):
        keys = np.zeros(len(signatures), np.uint64)
        with np.errstate(over="ignore"):
            for column in order[band * rows : (band + 1) * rows]:
                keys = mix(keys * np.uint64(5) + signatures[:, column])
        yield keys


def bucket_pairs(keys: np.ndarray, texts: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs (low, high) of ascending `texts` whose keys are equal: each with the first of its bucket, and with the few that follow
    it there. A pair may come twice."""
    by_key = np.argsort(keys, kind="stable")
    ordered, texts = keys[by_key], texts[by_key]
    if not len(keys):
        return
    heads = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(heads, append=len(ordered))
    head, size = np.repeat(heads, sizes), np.repeat(sizes, sizes)
    far = np.flatnonzero(np.arange(len(ordered)) - head > 1)  # nearer ones come below
    yield np.stack((texts[head[far]], texts[far]), axis=1)
    for step in range(1, _REACH + 1):
        same = np.flatnonzero((ordered[:-step] == ordered[step:]) & ((size[step:] <= _CROWD) | (step == 1)))
        if not len(same):
            break
        yield np.stack((texts[same], texts[same + step]), axis=1)


def _candidates(signatures: np.ndarray, rows: int) -> np.ndarray:
    """Pairs (low, high) of texts that agree in at least one band, each once."""
    has_shingles = np.flatnonzero(~is_empty(signatures))
    found = [np.zeros((0, 2), np.int64)]
    for keys in band_keys(signatures[has_shingles], rows):
        found += bucket_pairs(keys, has_shingles)
    return np.unique(np.concatenate(found), axis=0)


def _verified(
    candidates: np.ndarray, shingles: np.ndarray, offsets: np.ndarray, similarity: float
) -> list[tuple[int, int, float]]:
    """The candidates whose sets really are that similar, in their order."""
    texts, places = np.unique(candidates, return_inverse=True)
    sets, bounds = _sets(texts, shingles, offsets)
    sizes = np.diff(bounds)
    pairs = places.reshape(candidates.shape)
    smaller, larger = sizes[pairs].min(axis=1), sizes[pairs].max(axis=1)
    possible = smaller >= similarity * larger  # sizes alone rule the others out
    candidates, pairs = candidates[possible], pairs[possible]
    found = []
    batches = np.cumsum(sizes[pairs].sum(axis=1)) // _BATCH_SHINGLES
    for batch in np.unique(batches):
        chosen = np.flatnonzero(batches == batch)
        common = shared(pairs[chosen], sets, bounds)
        jaccard = common / (sizes[pairs[chosen]].sum(axis=1) - common)
        good = jaccard >= similarity
        found += [
            (low, high, value)
            for (low, high), value in zip(candidates[chosen[good]].tolist(), jaccard[good].tolist(), strict=True)
        ]
    return found


def _sets(texts: np.ndarray, shingles: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct shingles of each of `texts`, one text after another, and where each text's begin (one more at the end)."""
    sizes = offsets[texts + 1] - offsets[texts]
    owners = np.repeat(np.arange(len(texts)), sizes)
    values = shingles[ranges(offsets[texts], sizes)]
    order = np.lexsort((values, owners))
    owners, values = owners[order], values[order]
    first = np.ones(len(values), bool)
    first[1:] = (values[1:] != values[:-1]) | (owners[1:] != owners[:-1])
    return values[first], np.concatenate(([0], np.cumsum(np.bincount(owners[first], minlength=len(texts)))))


def shared(pairs: np.ndarray, sets: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """How many shingles the two texts of each pair share: both sets side by side, sorted; what stands twice is shared. A key
    holds the pair's number in its upper bits and as much of the shingle as fits below: 42 bits or more."""
    sizes = np.diff(bounds)[pairs]
    bits = np.uint64(64 - max(1, len(pairs).bit_length()))
    numbers = np.repeat(np.arange(len(pairs), dtype=np.uint64), sizes.sum(axis=1))
    values = sets[ranges(bounds[pairs].reshape(-1), sizes.reshape(-1))]
    keys = np.sort((numbers << bits) | (values >> (np.uint64(64) - bits)))
    twice = keys[1:][keys[1:] == keys[:-1]] >> bits
    return np.bincount(twice.astype(np.int64), minlength=len(pairs))


def ranges(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The positions starts[0], starts[0] + 1, …, one range of each size after another."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)
