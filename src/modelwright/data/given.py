"""`data.split.by: given`: a column says which split a row is in, as published datasets do, so that figures can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from modelwright.base.errors import DataError
from modelwright.data import splits
from modelwright.spec.data import Split

_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing"),
}


def split_named(value: Any) -> str | None:
    """ "train", "validation" or "test" if the value names one of them, in any of the usual spellings."""
    text = str(value).strip().casefold()
    return next((name for name, spellings in _NAMES.items() if text in spellings), None)


def given(values: Sequence[Any], labels: Sequence[tuple[str, ...]], split: Split) -> list[str]:
    """The split of each row. Where no row is for validation, a share of the training rows is drawn, label balance kept.

    Raises:
        DataError: a value names no split, or no row is for training or for the test.
    """
    found = [split_named(value) for value in values]
    unknown = Counter(str(value) for value, name in zip(values, found, strict=True) if name is None)
    if unknown:
        value, count = unknown.most_common(1)[0]
        raise _wrong(f"{value[:40]!r} names no split, in {count:,} of {len(values):,} rows", split)
    for name in ("train", "test"):
        if name not in found:
            raise _wrong(f"no row is for {name}", split)
    assigned = [name or "" for name in found]
    if "validation" in found:
        return assigned
    places = [place for place, name in enumerate(assigned) if name == "train"]
    count = max(1, round(len(places) * split.validation))
    if count >= len(places):
        raise _wrong(f"{len(places)} training rows leave none once validation has {count}", split)
    wanted = {"train": len(places) - count, "validation": count, "test": 0}
    drawn = splits.dealt([labels[place] or ("",) for place in places], wanted, split.seed)
    for place, name in zip(places, drawn, strict=True):
        assigned[place] = name
    return assigned


def _wrong(came: str, split: Split) -> DataError:
    return DataError(
        came,
        expected="train, test and perhaps validation in the column, in every row",
        where=f"data.split.column ({split.column})",
        remedy="Name the column that holds the split, or choose data.split.by: stratified.",
    )
