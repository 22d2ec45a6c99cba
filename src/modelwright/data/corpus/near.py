"""Near duplicates among more documents than memory holds.

What is known of each document lies on disk: a key for each band of its MinHash signature (`cleaning/near.py`) and the set of its
shingles. Documents with a key in common are compared by their true Jaccard similarity; so the pairs found are those that the same
code finds in memory. Memory: a key and its number for each document of a part of one band, and the pairs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from modelwright.base.store import writing
from modelwright.data.cleaning import near
from modelwright.data.cleaning.shingles import mix

_HELD_DOCUMENTS = 20_000_000
"""Documents of a band that are sorted at once: about 800 MB."""
_BATCH_SHINGLES = 1 << 22
_READ = 1 << 20


class NearIndex:
    """Signatures go in, block by block; pairs come out.

    Args:
        folder: exists; gets one file per band, one of shingles and one of offsets.
        similarity: Jaccard similarity from which two documents are near.
        held: documents of a band that are sorted at once.
    """

    def __init__(self, folder: Path, similarity: float, held: int = _HELD_DOCUMENTS) -> None:
        self.folder, self.similarity, self.held = folder, similarity, held
        self.rows = near.rows_per_band(similarity)
        self.documents = self.shingles = 0
        with writing(folder):
            self._bands = [(folder / f"band-{band:03d}.u64").open("wb") for band in range(near.BINS // self.rows)]
            self._sets = (folder / "shingles.u32").open("wb")
            self._ends = (folder / "ends.i64").open("wb")

    def add(self, hashes: np.ndarray, counts: np.ndarray) -> None:
        """A block of documents.

        Args:
            hashes: uint64 [shingles of all], one document after another.
            counts: int64 [documents]: each one's number of shingles.
        """
        signatures = near.signatures_of(hashes, counts)
        empty = np.flatnonzero(near.is_empty(signatures))
        with writing(self.folder):
            for file, keys in zip(self._bands, near.band_keys(signatures, self.rows), strict=True):
                keys[empty] = mix((self.documents + empty).astype(np.uint64))  # near to nothing
                file.write(keys.tobytes())
            owners = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
            sets = _distinct((owners << np.uint64(32)) | (hashes >> np.uint64(32)))
            sizes = np.bincount((sets >> np.uint64(32)).astype(np.int64), minlength=len(counts))
            self._sets.write(sets.astype(np.uint32).tobytes())
            self._ends.write((self.shingles + np.cumsum(sizes)).tobytes())
        self.documents += len(counts)
        self.shingles += int(sizes.sum())

    def close(self) -> None:
        """Nothing more is added."""
        with writing(self.folder):
            for file in (*self._bands, self._sets, self._ends):
                file.close()

    def pairs(self, left_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All pairs (low, high) as int64 [pairs, 2], ascending, and their similarities.

        Args:
            left_out: bool [documents]: of those that are compared with nothing (copies).
        """
        self.close()
        found = np.zeros(0, np.uint64)
        for file in self._bands:
            found = _distinct(np.concatenate((found, self._candidates(Path(file.name), left_out))))
        low, high = (found >> np.uint64(32)).astype(np.int64), (found & np.uint64(0xFFFFFFFF)).astype(np.int64)
        return self._verified(np.stack((low, high), axis=1))

    def _candidates(self, path: Path, left_out: np.ndarray) -> np.ndarray:
        """Pairs that agree in a band, as low << 32 | high; the band is taken in parts by the last bits of the keys."""
        found = [np.zeros(0, np.uint64)]
        for part in range(parts := -(-self.documents // self.held)):
            keys, texts = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
            for start, read in _chunks(path, np.dtype(np.uint64)):
                taken = ~left_out[start : start + len(read)]
                if parts > 1:
                    taken &= read % np.uint64(parts) == np.uint64(part)
                keys.append(read[taken])
                texts.append(start + np.flatnonzero(taken))
            for pairs in near.bucket_pairs(np.concatenate(keys), np.concatenate(texts)):
                ordered = pairs.astype(np.uint64)
                found.append((ordered[:, 0] << np.uint64(32)) | ordered[:, 1])
        return _distinct(np.concatenate(found))

    def _verified(self, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kept, similarities = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
        if len(candidates):
            ends = np.memmap(self.folder / "ends.i64", np.int64, "r")
            sets = np.memmap(self.folder / "shingles.u32", np.uint32, "r")
            sizes = _sizes(ends, candidates)
            possible = sizes.min(axis=1) >= self.similarity * sizes.max(axis=1)
            candidates, sizes = candidates[possible], sizes[possible]
            batches = np.cumsum(sizes.sum(axis=1)) // _BATCH_SHINGLES
            for first, last in _runs(batches):
                jaccard = _compared(candidates[first:last], sets, ends)
                good = jaccard >= self.similarity
                kept.append(candidates[first:last][good])
                similarities.append(jaccard[good])
        return np.concatenate(kept), np.concatenate(similarities)


def _distinct(values: np.ndarray) -> np.ndarray:
    """As `np.unique`, whose hash table takes five times as long."""
    values = np.sort(values)
    first = np.ones(len(values), bool)
    first[1:] = values[1:] != values[:-1]
    return values[first]


def _compared(pairs: np.ndarray, sets: np.ndarray, ends: np.ndarray) -> np.ndarray:
    texts, places = np.unique(pairs, return_inverse=True)
    places = places.reshape(pairs.shape)
    begins = np.where(texts > 0, ends[np.maximum(texts - 1, 0)], 0)
    sizes = ends[texts] - begins
    values = sets[near.ranges(begins, sizes)].astype(np.uint64) << np.uint64(32)
    bounds = np.concatenate(([0], np.cumsum(sizes)))
    common = near.shared(places, values, bounds)
    return common / (sizes[places].sum(axis=1) - common)


def _sizes(ends: np.ndarray, texts: np.ndarray) -> np.ndarray:
    return ends[texts] - np.where(texts > 0, ends[np.maximum(texts - 1, 0)], 0)


def _runs(values: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where equal values in a row begin and end."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return ((first, last) for first, last in itertools.pairwise(edges) if last > first)


def _chunks(path: Path, kind: np.dtype) -> Iterator[tuple[int, np.ndarray]]:
    start = 0
    with path.open("rb") as file:
        while content := file.read(_READ * kind.itemsize):
            read = np.frombuffer(content, kind)
            yield start, read
            start += len(read)


def exact_copies(keys: np.ndarray) -> np.ndarray:
    """int64 [documents]: of each document whose key came before the number of the first that has it, else −1."""
    order = np.argsort(keys, kind="stable")
    new = np.concatenate(([True], keys[order][1:] != keys[order][:-1]))
    first = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    found = np.full(len(keys), -1)
    found[order] = np.where(new, -1, first)
    return found


def originals(pairs: np.ndarray, similarities: np.ndarray) -> dict[int, tuple[int, float]]:
    """Which documents go: number → the one that stays in its place, and how similar they are.

    A document goes if an earlier one *that stays* is similar to it: a chain of small edits does not pull in documents that share
    nothing with the one kept.
    """
    gone: dict[int, tuple[int, float]] = {}
    order = np.lexsort((pairs[:, 0], -similarities, pairs[:, 1]))
    for (low, high), similarity in zip(pairs[order].tolist(), similarities[order].tolist(), strict=True):
        if high not in gone and low not in gone:
            gone[high] = (low, similarity)
    return gone
