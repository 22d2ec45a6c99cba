"""Splits: sizes right, balance kept, groups and moments never torn, the same for the same seed."""

from __future__ import annotations

import datetime
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import DataError
from modelwright.data.splits import LEFT_OUT, by_time, few, grouped, moment, sizes, stratified
from modelwright.spec.data import Split

shares = st.floats(0.05, 0.4)


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(5, 60), min_size=2, max_size=8), test=shares, validation=shares, seed=st.integers(0, 9))
def test_stratified_sizes_and_balance(counts: list[int], test: float, validation: float, seed: int) -> None:
    labels = [(f"l{index}",) for index, count in enumerate(counts) for _ in range(count)]
    split = Split(test=test, validation=validation, seed=seed)
    assigned = stratified(labels, split)
    train, wanted_validation, wanted_test = sizes(len(labels), split)
    assert Counter(assigned) == {"train": train, "validation": wanted_validation, "test": wanted_test}
    assert {label for label, name in zip(labels, assigned, strict=True) if name == "train"} == set(labels)
    if wanted_test >= 2 * len(counts):
        for index, count in enumerate(counts):
            came = sum(name == "test" and label == (f"l{index}",) for label, name in zip(labels, assigned, strict=True))
            assert abs(came - wanted_test * count / len(labels)) <= 2
    assert stratified(labels, split) == assigned


def test_fewer_training_rows_leave_the_other_splits_as_they_are() -> None:
    labels = [(label,) for label in "aab" * 100]
    whole = stratified(labels, Split())
    some = few(whole, labels, Split(train=30))
    held = [(place, name) for place, name in enumerate(whole) if name != "train"]
    assert held == [(place, name) for place, name in enumerate(some) if name not in ("train", LEFT_OUT)]
    assert Counter(label for label, name in zip(labels, some, strict=True) if name == "train") == {("a",): 20, ("b",): 10}
    assert few(whole, labels, Split(train=1_000)) == few(whole, labels, Split()) == whole


def test_another_seed_gives_another_split() -> None:
    labels = [("a",), ("b",)] * 100
    assert stratified(labels, Split(seed=1)) != stratified(labels, Split(seed=2))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.sets(st.sampled_from("abcde"), min_size=1, max_size=4).map(lambda found: tuple(sorted(found))),
        min_size=40,
        max_size=150,
    )
)
def test_rows_with_several_labels(rows: list[tuple[str, ...]]) -> None:
    split = Split(test=0.25, validation=0.15)
    assigned = stratified(rows, split)
    assert Counter(assigned) == dict(zip(("train", "validation", "test"), sizes(len(rows), split), strict=True))
    for label, count in Counter(label for row in rows for label in row).items():
        if count >= 20:
            share = sum(name == "test" and label in row for row, name in zip(rows, assigned, strict=True)) / count
            assert 0.05 < share < 0.5


@settings(max_examples=40, deadline=None)
@given(sizes_=st.lists(st.integers(1, 12), min_size=12, max_size=60), seed=st.integers(0, 5))
def test_groups_stay_together(sizes_: list[int], seed: int) -> None:
    groups = [f"g{index}" for index, size in enumerate(sizes_) for _ in range(size)]
    labels = [(f"l{index % 3}",) for index in range(len(groups))]
    split = Split(by="group", column="g", seed=seed)
    assigned = grouped(groups, labels, split)
    places: dict[str, set[str]] = {}
    for group, name in zip(groups, assigned, strict=True):
        places.setdefault(group, set()).add(name)
    assert all(len(found) == 1 for found in places.values())
    assert set(assigned) == {"train", "validation", "test"}
    for name, wanted in zip(("train", "validation", "test"), sizes(len(groups), split), strict=True):
        assert abs(assigned.count(name) - wanted) <= 13
    assert grouped(groups, labels, split) == assigned


def test_the_latest_rows_are_the_test() -> None:
    times = [float(number * 37 % 100) for number in range(100)]
    assigned = by_time(times, Split(by="time", column="t"))
    assert Counter(assigned) == {"train": 70, "validation": 10, "test": 20}
    assert max(time for time, name in zip(times, assigned, strict=True) if name == "train") == 69
    assert min(time for time, name in zip(times, assigned, strict=True) if name == "test") == 80


def test_one_moment_stays_on_one_side() -> None:
    times = [float(number // 7) for number in range(100)]
    assigned = by_time(times, Split(by="time", column="t"))
    assert all(len({name for time, name in zip(times, assigned, strict=True) if time == day}) == 1 for day in set(times))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-02", 86400.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        (datetime.date(1970, 1, 2), 86400.0),
        (datetime.datetime(1970, 1, 1, 0, 0, 5), 5.0),
        ("17", 17.0),
        (3, 3.0),
        ("yesterday", None),
        (None, None),
        (True, None),
        (float("nan"), None),
    ],
)
def test_moments(value: object, seconds: float | None) -> None:
    assert moment(value) == seconds


def test_too_little_to_split() -> None:
    with pytest.raises(DataError, match="leave none for training"):
        stratified([("a",), ("b",)], Split())
    with pytest.raises(DataError, match="there are 2 groups"):
        grouped(["x", "y"] * 10, [("a",)] * 20, Split(by="group", column="g"))
    with pytest.raises(DataError, match="1 different moments"):
        by_time([1.0] * 20, Split(by="time", column="t"))
