"""Which documents are for training, validation or test: drawn from a hash of the text, so that a text has one place for ever,
wherever it stands in the source and whatever is added later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.errors import DataError
from modelwright.data.cleaning.shingles import mix
from modelwright.data.corpus.examine import key_of
from modelwright.data.given import split_named
from modelwright.data.splits import NAMES
from modelwright.spec.data import Data, Split

TRAIN, VALIDATION, TEST, COPY, SPARE = 0, 1, 2, 3, 4
MOST_HELD_OUT = 1000
MOST_CHARACTERS = 1_000_000
"""Of the validation and of the test split, where the project does not state their shares: bits per byte are then known to a
hundredth, and a language model is not asked for hours."""


def refuse_others(spec: Data) -> None:
    """Splits that a corpus does not have."""
    if spec.split.by in ("time", "last"):
        raise DataError(
            f"data.split.by is {spec.split.by}",
            expected="stratified (by a hash of each document), group, or given",
            where="data.split.by",
            remedy="Leave data.split.by out.",
        )


def part_key(spec: Data, value: Any) -> int:
    """What stands for the value that a document is split by.

    Raises:
        DataError: by: given, and the value names no split.
    """
    if spec.split.by != "given":
        return key_of(str(value))
    named = split_named(value)
    if named is None:
        raise DataError(
            f"{str(value)[:40]!r} names no split",
            expected="train, test and perhaps validation in the column, in every row",
            where=f"data.split.column ({spec.split.column})",
            remedy="Name the column that holds the split, or leave data.split.by out.",
        )
    return NAMES.index(named)


def assigned(spec: Data, keys: np.ndarray, parts: np.ndarray, left_out: np.ndarray, characters: int) -> np.ndarray:
    """uint8 [documents]: TRAIN, VALIDATION, TEST; COPY where `left_out`; SPARE beyond `split.train` training documents.

    Args:
        keys: uint64 [documents], of the texts.
        parts: uint64 [documents], of what they are split by (group, given); empty otherwise.
        characters: of all documents together.

    Raises:
        DataError: a split would be empty.
    """
    found = np.full(len(keys), COPY, np.uint8)
    stay = np.flatnonzero(~left_out)
    if len(stay) < 3:
        raise _too_few(f"{len(stay)} documents are left after cleaning")
    test, validation = shares(spec.split, len(stay), characters)
    if spec.split.by == "given":
        found[stay] = parts[stay].astype(np.uint8)
        if not (found[stay] == VALIDATION).any():
            train = stay[found[stay] == TRAIN]
            found[train[drawn(keys[train], spec.split.seed) < validation]] = VALIDATION
    else:
        draws = drawn((parts if len(parts) else keys)[stay], spec.split.seed)
        found[stay] = np.where(draws < test, TEST, np.where(draws < test + validation, VALIDATION, TRAIN))
        _fill_empty(found, stay, draws)
    for number, name in enumerate(NAMES):
        if not (found == number).any():
            raise _too_few(f"no document is for {name}")
    train = np.flatnonzero(found == TRAIN)
    if spec.split.train is not None:
        order = np.argsort(drawn(keys[train], spec.split.seed + 1), kind="stable")
        found[train[order[spec.split.train :]]] = SPARE
    return found


def drawn(keys: np.ndarray, seed: int) -> np.ndarray:
    """From 0 to 1, the same for equal keys."""
    with np.errstate(over="ignore"):
        spread = mix(mix(keys + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)))
    return spread.astype(np.float64) / 2.0**64


def shares(split: Split, documents: int, characters: int) -> tuple[float, float]:
    """Of (test, validation): as stated, or what comes to at most MOST_HELD_OUT documents and MOST_CHARACTERS."""
    most = min(MOST_HELD_OUT / documents, MOST_CHARACTERS / max(1, characters))
    found = [
        share if name in split.model_fields_set else min(share, most)
        for name, share in (("test", split.test), ("validation", split.validation))
    ]
    return found[0], found[1]


def _fill_empty(found: np.ndarray, stay: np.ndarray, draws: np.ndarray) -> None:
    """Few documents may leave a split empty: then those whose draws are nearest to it fill it."""
    values = np.unique(draws)
    if len(values) < 3:
        return
    if not (found == TEST).any():
        found[stay[draws == values[0]]] = TEST
    if not (found == VALIDATION).any():
        found[stay[draws == values[1]]] = VALIDATION
    if not (found == TRAIN).any():
        found[stay[draws == values[-1]]] = TRAIN


def _too_few(came: str) -> DataError:
    return DataError(
        came,
        expected="enough to fill training, validation and test with at least one each",
        where="data.split",
        remedy="Bring more documents, or mend data.split; quarantine.csv says what was left out and why.",
    )


def counts(found: np.ndarray) -> dict[str, int]:
    """Documents of each split."""
    return {name: int((found == number).sum()) for number, name in enumerate(NAMES)}


def sampled(stay: np.ndarray, most: int, seed: int) -> Sequence[int]:
    """Some of the documents that stay, by a seeded draw, ascending."""
    generator = np.random.default_rng(seed)
    chosen = stay if len(stay) <= most else generator.choice(stay, most, replace=False)
    return np.sort(chosen).tolist()
