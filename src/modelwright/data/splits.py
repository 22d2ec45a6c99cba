"""Which row is for training, validation or test. Made before anything is fitted, seeded, and never by looking at texts."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import Any

from modelwright.base.errors import DataError
from modelwright.base.moments import moment as moment
from modelwright.spec.data import Split

NAMES = ("train", "validation", "test")


def sizes(rows: int, split: Split) -> tuple[int, int, int]:
    """Rows of (train, validation, test): shares of the whole, rounded, at least one row each.

    Raises:
        DataError: the shares leave nothing to train on.
    """
    test, validation = max(1, round(rows * split.test)), max(1, round(rows * split.validation))
    if rows - test - validation < 1:
        raise DataError(
            f"{rows} rows leave none for training once {test} are for the test and {validation} for validation",
            expected="at least one row in each split",
            where="data.split",
            remedy="Lower data.split.test and data.split.validation, or bring more rows.",
        )
    return rows - test - validation, validation, test


def stratified(labels: Sequence[tuple[str, ...]], split: Split) -> list[str]:
    """A split for each row, every label's rows shared out in the same proportions.

    Rows with several labels are dealt by iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): the rarest label first. Each
    row goes to the split that lacks most, in proportion to its size: all the row's labels count, and so does the room that is left,
    because a split that is full of rare labels has no place for the usual ones (looking at one label alone left a split with a 27th
    of a label instead of a quarter).
    """
    wanted = dict(zip(NAMES, sizes(len(labels), split), strict=True))
    return dealt(labels, wanted, split.seed)


def dealt(labels: Sequence[tuple[str, ...]], wanted: dict[str, int], seed: int) -> list[str]:
    """A split for each row, as many of each as are wanted, every label's rows shared out in the same proportions."""
    if all(len(label) == 1 for label in labels):
        return _by_class([label[0] for label in labels], wanted, seed)
    return _iterative(labels, wanted, seed)


LEFT_OUT = ""


def few(assigned: Sequence[str], labels: Sequence[tuple[str, ...]], split: Split) -> list[str]:
    """With `split.train` rows for training at most, dealt by label; the others are `LEFT_OUT`."""
    places = [place for place, name in enumerate(assigned) if name == "train"]
    found = list(assigned)
    if split.train is None or split.train >= len(places):
        return found
    wanted = {"train": split.train, "validation": 0, "test": len(places) - split.train}
    for place, name in zip(places, dealt([labels[place] or ("",) for place in places], wanted, split.seed), strict=True):
        found[place] = name if name == "train" else LEFT_OUT
    return found


def _by_class(labels: Sequence[str], wanted: dict[str, int], seed: int) -> list[str]:
    generator = random.Random(seed)
    positions: dict[str, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        positions[label].append(position)
    classes = sorted(positions)
    for label in classes:
        generator.shuffle(positions[label])
    assigned = ["train"] * len(labels)
    share = {label: len(found) / len(labels) for label, found in positions.items()}
    for name in ("test", "validation"):
        free = {label: len(positions[label]) for label in classes}
        shares = _shares({label: wanted[name] * share[label] for label in classes}, free, wanted[name])
        for label, count in shares.items():
            for position in positions[label][:count]:
                assigned[position] = name
            positions[label] = positions[label][count:]
    return assigned


def _shares(exact: dict[str, float], free: dict[str, int], total: int) -> dict[str, int]:
    """Whole numbers that sum to `total`, as near to `exact` as can be (largest remainder); at least one of each label if the
    total allows, and always one of a label's rows left for training."""
    least = 1 if total >= len(exact) else 0
    counts = {label: min(max(int(share), least), max(0, free[label] - 1)) for label, share in exact.items()}
    while sum(counts.values()) < total:
        open_ = [label for label in counts if counts[label] < free[label] - 1] or [
            label for label in counts if counts[label] < free[label]
        ]
        label = max(open_, key=lambda name: (exact[name] - counts[name], name))
        counts[label] += 1
    while sum(counts.values()) > total:
        label = min((label for label in counts if counts[label] > least), key=lambda name: (exact[name] - counts[name], name))
        counts[label] -= 1
    return counts


def _iterative(labels: Sequence[tuple[str, ...]], wanted: dict[str, int], seed: int) -> list[str]:
    generator = random.Random(seed)
    order = list(range(len(labels)))
    generator.shuffle(order)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for position in order:
        for label in labels[position]:
            rows_of[label].append(position)
    room = dict(wanted)
    lacks = {name: {label: len(rows) * wanted[name] / len(labels) for label, rows in rows_of.items()} for name in NAMES}
    assigned = [""] * len(labels)

    def put(position: int, name: str) -> None:
        assigned[position] = name
        room[name] -= 1
        for label in labels[position]:
            lacks[name][label] -= 1

    def need(position: int, name: str) -> float:
        lacking = fmean(lacks[name][label] / len(rows_of[label]) for label in labels[position])
        return (lacking * len(labels) + room[name]) / wanted[name]

    for label in sorted(
        rows_of, key=lambda name: (len(rows_of[name]), name)
    ):  # counts left only shrink: rarest first is near enough
        for position in rows_of[label]:
            if not assigned[position]:
                put(position, max((name for name in NAMES if room[name] > 0), key=partial(need, position)))
    for position in order:
        if not assigned[position]:
            put(position, max(NAMES, key=lambda name: room[name]))
    return assigned


def grouped(groups: Sequence[Any], labels: Sequence[tuple[str, ...]], split: Split) -> list[str]:
    """Rows of one group stay together. Large groups first, each to the split that lacks most of its labels and has room.

    Raises:
        DataError: fewer groups than splits, or a group so large that a split stays empty.
    """
    wanted = dict(zip(NAMES, sizes(len(groups), split), strict=True))
    members: dict[str, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[str(group)].append(position)
    if len(members) < len(NAMES):
        raise _too_few(f"there are {len(members)} groups", split)
    names = sorted(members)
    random.Random(split.seed).shuffle(names)
    names.sort(key=lambda name: -len(members[name]))
    totals = Counter(label for found in labels for label in found)
    room: dict[str, float] = dict(wanted)
    lacks = {name: {label: count * wanted[name] / len(groups) for label, count in totals.items()} for name in NAMES}
    assigned = [""] * len(groups)
    for index, group in enumerate(names):
        counts = Counter(label for position in members[group] for label in labels[position])
        empty = [name for name in NAMES if room[name] == wanted[name]]
        choices = empty if len(empty) >= len(names) - index else NAMES

        def gain(name: str, size: int = len(members[group]), counts: Counter[str] = counts) -> float:
            fit = min(room[name], size) / size - max(0.0, size - room[name]) / size
            labels_fit = sum(min(lacks[name][label], count) for label, count in counts.items()) / max(1, sum(counts.values()))
            return 2 * fit + labels_fit + room[name] / wanted[name] / 10

        best = max(choices, key=gain)
        for position in members[group]:
            assigned[position] = best
        room[best] -= len(members[group])
        for label, count in counts.items():
            lacks[best][label] -= count
    return assigned


def by_time(times: Sequence[float], split: Split) -> list[str]:
    """The latest rows are the test, those before them validation. Rows of one moment stay on one side.

    Raises:
        DataError: too few different moments.
    """
    train, validation, _ = sizes(len(times), split)
    ordered = sorted(times)
    first_validation, first_test = ordered[train], ordered[train + validation]
    if not ordered[0] < first_validation < first_test:
        raise _too_few(f"there are {len(set(times))} different moments, too unevenly spread", split)
    return ["test" if time >= first_test else "validation" if time >= first_validation else "train" for time in times]


def last(owners: Sequence[Any], times: Sequence[float]) -> list[str]:
    """Of each owner the last row is for the test, the one before it for validation, all others for training (leave-last-out).
    Among rows of one moment the later in the source counts as later. Owners of two rows have none for validation, owners of one
    row only teach.

    Raises:
        DataError: nobody has three rows.
    """
    places: dict[Any, list[int]] = defaultdict(list)
    for place in sorted(range(len(owners)), key=lambda place: (times[place], place)):
        places[owners[place]].append(place)
    assigned = ["train"] * len(owners)
    for found in places.values():
        for name, back in (("test", 1), ("validation", 2)):
            if len(found) > back:
                assigned[found[-back]] = name
    if "validation" not in assigned:
        raise DataError(
            f"none of {len(places):,} users has three rows or more",
            expected="users with a last row, one before it, and some to learn from",
            where="data.split.by: last",
            remedy="Choose data.split.by: time, or bring more rows.",
        )
    return assigned


def _too_few(came: str, split: Split) -> DataError:
    return DataError(
        came,
        expected="enough to fill training, validation and test with at least one each",
        where=f"data.split.column ({split.column})",
        remedy="Choose another column, or data.split.by: stratified.",
    )
