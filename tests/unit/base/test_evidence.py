"""The ledger only grows, survives a kill in mid-line, and never turns a missing figure into zero."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base.errors import DataError
from modelwright.base.evidence import Evidence, Ledger, Source

SOURCE = Source(run="r1", stage="data", command="modelwright run", hardware="2 cores", time="2026-01-01T00:00:00+00:00")


def test_the_newest_record_of_a_name_counts_and_older_ones_stay(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs" / "evidence.jsonl", SOURCE)
    ledger.record("data/rows-kept", 10, "rows", "measured")
    ledger.record("data/rows-read", 12, "rows", "measured")
    ledger.record("data/rows-kept", 11, "rows", "measured", low=10, high=12, note="again", time="2026-01-02T00:00:00+00:00")
    assert [record.value for record in ledger] == [10, 12, 11]
    assert list(ledger.latest()) == ["data/rows-kept", "data/rows-read"]
    newest = ledger.get("data/rows-kept")
    assert newest is not None
    assert (newest.value, newest.low, newest.high, newest.note) == (11.0, 10.0, 12.0, "again")
    assert newest.source.time == "2026-01-02T00:00:00+00:00"
    assert newest.source.run == "r1"


def test_missing_is_missing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "evidence.jsonl")
    assert list(ledger) == []
    assert ledger.get("train/bilstm/energy") is None
    assert not ledger.path.exists(), "reading makes no file"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_what_is_no_figure_is_refused(tmp_path: Path, value: float) -> None:
    ledger = Ledger(tmp_path / "evidence.jsonl", SOURCE)
    with pytest.raises(ValueError, match="not a figure"):
        ledger.record("x", value, "1", "measured")
    with pytest.raises(ValueError, match="not a figure"):
        ledger.record("x", 1.0, "1", "measured", high=float(value))
    assert list(ledger) == []


def test_half_a_line_is_left_out_and_the_next_record_is_not_glued_to_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "evidence.jsonl", SOURCE)
    ledger.record("a", 1, "1", "measured")
    whole = ledger.path.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 1):
        ledger.path.write_bytes(whole + whole[:cut])
        assert [record.name for record in ledger] == ["a"]
        ledger.record("b", 2, "1", "measured")
        assert [record.name for record in ledger] == ["a", "b"]
    ledger.path.write_bytes(whole[:5])
    ledger.record("b", 2, "1", "measured")
    assert [record.name for record in ledger] == ["b"]


def test_a_changed_line_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "evidence.jsonl", SOURCE)
    ledger.record("a", 1, "1", "measured")
    with ledger.path.open("a") as file:
        file.write('{"name": "b"}\n')
    with pytest.raises(DataError) as caught:
        list(ledger)
    assert caught.value.where == f"{ledger.path}:2"


def test_a_reader_without_source_can_copy_but_not_record(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "one.jsonl", SOURCE).record("a", "tfidf-linear", "", "measured")
    copy = Ledger(tmp_path / "two.jsonl")
    copy.extend([made])
    copy.extend([])
    assert list(copy) == [made]
    with pytest.raises(ValueError, match="no source"):
        copy.record("a", 1, "1", "measured")


def test_ids_are_anchors() -> None:
    record = Evidence("evaluate/my route/test/macro-f1", 0.9, "1", "measured", SOURCE)
    assert record.id == "e-evaluate-my-route-test-macro-f1"


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(), st.text())
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: float, name: str, note: str) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "evidence.jsonl", SOURCE)
    made = ledger.record(name, value, "s", "estimated", note=note)
    assert list(ledger) == [made]
