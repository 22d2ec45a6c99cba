"""Cleaning: folding, labels, contradictions, copies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base.errors import DataError
from modelwright.base.nouns import Column
from modelwright.data.cleaning.checks import Checker, map_columns
from modelwright.data.cleaning.duplicates import remove_exact, remove_near, set_keys
from modelwright.data.cleaning.folding import fold_label, fold_text
from modelwright.data.cleaning.labels import remove_contradictions, remove_rare, unite_spellings
from modelwright.data.cleaning.record import Quarantine, Record
from modelwright.data.sources.source import RawRow
from modelwright.spec.data import Data

COLUMNS = (Column("text", "text", True), Column("label", "label", False))


def records(*pairs: tuple[str, Any]) -> list[Record]:
    made = [Record(f"r{index}", f"r{index}", {}, {"text": text, "label": label}) for index, (text, label) in enumerate(pairs)]
    set_keys(made, COLUMNS)
    return made


def ids(kept: list[Record]) -> str:
    return " ".join(record.id for record in kept)


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold_text(fold_text(text)) == fold_text(text)
    assert fold_label(fold_label(text).strip()) == fold_label(text) or not text.isascii()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("cafe\u0301 au  lait", " café\tau lait\n", True),
        ("one\r\n\r\ntwo", "one\n two", True),
        ("one\ntwo", "one two", False),
        ("Word", "word", False),
        ("a\u3000b", "a b", True),
    ],
)
def test_which_texts_are_the_same(one: str, other: str, same: bool) -> None:
    assert (fold_text(one) == fold_text(other)) == same


def test_label_spellings_are_united_by_frequency() -> None:
    made = records(("1", "Sport"), ("2", "sport"), ("3", "sport"), ("4", "ＳＰＯＲＴ"), ("5", "tech"))
    assert unite_spellings(made, "label") == {"Sport": "sport", "ＳＰＯＲＴ": "sport"}
    assert [record.values["label"] for record in made] == ["sport"] * 4 + ["tech"]


def test_several_labels_are_united_within_the_row() -> None:
    made = records(("1", ("A", "b", "a")), ("2", ("a",)))
    assert unite_spellings(made, "label") == {"A": "a"}
    assert [record.values["label"] for record in made] == [("a", "b"), ("a",)]


def test_every_copy_of_a_contradiction_goes() -> None:
    quarantine = Quarantine()
    kept = remove_contradictions(records(("x", "a"), ("y", "a"), (" x ", "b"), ("x", "a")), "label", quarantine)
    assert ids(kept) == "r1"
    assert quarantine.counts() == {"contradiction": 3}
    assert quarantine.rows[0][2] == "the same text is labelled a and b"


def test_the_first_copy_stays() -> None:
    quarantine = Quarantine()
    assert ids(remove_exact(records(("x", "a"), ("y", "a"), ("x  ", "a")), quarantine)) == "r0 r1"
    assert quarantine.rows[0][2] == "the same as r0"


def test_a_chain_of_edits_does_not_pull_in_strangers() -> None:
    quarantine = Quarantine()
    made = records(("1", "a"), ("2", "a"), ("3", "a"), ("4", "a"))
    assert ids(remove_near(made, [(0, 1, 0.9), (1, 2, 0.9), (0, 3, 0.86), (2, 3, 0.95)], quarantine)) == "r0 r2"
    assert [detail for *_, detail in quarantine.rows] == [
        "90% of the shingles shared with r0",
        "95% of the shingles shared with r2",
    ]


def test_rare_labels_go_until_none_is_left() -> None:
    quarantine = Quarantine()
    made = records(*[(str(number), ("a",)) for number in range(3)], ("x", ("a", "b")), ("y", ("b", "c")))
    assert ids(remove_rare(made, "label", 2, quarantine)) == "r0 r1 r2"
    assert quarantine.counts() == {"rare_label": 2}


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (" a ", "a"),
        (3, "3"),
        (2.0, "2"),
        (True, "true"),
        ("", None),
        (None, None),
        (float("nan"), None),
        (2.5, "wrong_type"),
        ({}, "wrong_type"),
    ],
)
def test_what_a_label_may_be(value: Any, label: str | None) -> None:
    quarantine = Quarantine()
    kept = Checker(Data(source="x"), COLUMNS, {"text": "text", "label": "label"}).records(
        [RawRow("p", {"text": "t", "label": value})], quarantine
    )
    if label in (None, "wrong_type"):
        assert list(quarantine.counts()) == [label or "missing_label"]
    else:
        assert [record.values["label"] for record in kept] == [label]


@pytest.mark.parametrize(
    ("text", "reason"),
    [(" \n", "missing_text"), (None, "missing_text"), (5, "wrong_type"), (b"x", "wrong_type"), ("\ud800x", "unreadable")],
)
def test_texts_that_can_not_be_used(text: Any, reason: str) -> None:
    quarantine = Quarantine()
    checker = Checker(Data(source="x"), COLUMNS, {"text": "text", "label": "label"})
    assert checker.records([RawRow("p", {"text": text, "label": "a"})], quarantine) == []
    assert list(quarantine.counts()) == [reason]


def test_several_labels_in_a_cell() -> None:
    checker = Checker(Data(source="x", label_separator="|"), COLUMNS, {"text": "text", "label": "label"})
    raw = [RawRow(str(index), {"text": "t", "label": label}) for index, label in enumerate(["a| b|a", "c", ["d", "e"], "|"])]
    quarantine = Quarantine()
    assert [record.values["label"] for record in checker.records(raw, quarantine)] == [("a", "b"), ("c",), ("d", "e")]
    assert quarantine.counts() == {"missing_label": 1}


def test_columns_are_mapped_and_others_keep_their_names() -> None:
    spec = Data(source="x", columns={"text": "body", "id": "number"})
    mapping = map_columns(spec, COLUMNS, ("number", "body", "label", "text", "when"))
    assert mapping == {"text": "body", "label": "label", "id": "number"}
    raw = RawRow("p", {"number": 7, "body": "b", "label": "l", "text": "other", "when": {"year": 2004}})
    record = Checker(spec, COLUMNS, mapping).records([raw], Quarantine())[0]
    assert record.id == "7"
    assert record.values == {"id": 7, "text": "b", "label": "l", "column text": "other", "when": '{"year": 2004}'}


def test_a_missing_column_names_those_there_are() -> None:
    with pytest.raises(DataError) as caught:
        map_columns(Data(source="x", columns={"text": "Bodi"}), COLUMNS, ("title", "Body", "label"))
    assert caught.value.came == "there is no column 'Bodi'"
    assert caught.value.expected == "one of: title, Body, label.  Did you mean Body?"
    assert caught.value.where == "data.columns.text"
