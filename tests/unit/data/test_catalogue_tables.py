"""Tables in archives as they lie there: packed, without a header, with other separators, with codes for names."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from pathlib import Path

import pytest

from modelwright.base.errors import DataError
from modelwright.data.catalogue.entry import CatalogueSource, Entry, TableReader
from modelwright.data.catalogue.fetch import Fetched
from modelwright.data.sources.catalogue import _table
from modelwright.spec.data import Data


def read(tmp_path: Path, members: dict[str, bytes], **reader: object) -> list[dict[str, object]]:
    archive = tmp_path / "made.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    known = TableReader.model_validate({"kind": "csv", **reader})
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    values = {"registry": "pypi", "package": "made", "version": "1", "file": "made.zip", "sha256": digest, "reader": known}
    source = CatalogueSource.model_validate(values)
    about = {
        "name": "made",
        "title": "Made",
        "task": "tabular-regression",
        "language": "en",
        "licence": "MIT",
        "citation": "none",
    }
    entry = Entry.model_validate({**about, "sources": [source]})
    return [dict(row.values) for row in _table(Fetched(entry, source, archive), known, Data(source="catalogue://made")).rows]


def test_a_packed_table_is_unpacked(tmp_path):
    assert read(tmp_path, {"a/t.csv.gz": gzip.compress(b"x,y\n1,2\n")}, path="a/t.csv.gz") == [{"x": "1", "y": "2"}]


def test_lines_that_are_no_rows_are_skipped_and_codes_get_their_names(tmp_path):
    found = read(
        tmp_path,
        {"t.csv": b"2,1,ill,well\n3.5,0\n4.5,1\n"},
        path="t.csv",
        skip=1,
        columns=["size", "state"],
        values={"state": {"0": "ill"}},
    )
    assert found == [{"size": "3.5", "state": "ill"}, {"size": "4.5", "state": "1"}]


def test_spaces_behind_commas_are_no_part_of_a_field(tmp_path):
    found = read(tmp_path, {"t.data": b"39, State-gov, Never married\n"}, path="t.data", columns=["a", "b", "c"], spaces="strip")
    assert found == [{"a": "39", "b": "State-gov", "c": "Never married"}]


def test_a_file_beside_continues_the_lines(tmp_path):
    members = {"x.txt": b"1 2\n3  4\n", "y.txt.gz": gzip.compress(b"9\n8\n")}
    found = read(tmp_path, members, path="x.txt", beside="y.txt.gz", spaces="separate", columns=["a", "b", "y"])
    assert found == [{"a": "1", "b": "2", "y": "9"}, {"a": "3", "b": "4", "y": "8"}]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"y\.csv"):
        read(tmp_path, {"x.csv": b"1\n"}, path="x.csv", beside="y.csv", columns=["a", "b"])


def test_equal_rows_of_a_table_with_different_answers_both_stay(tmp_path):
    """Two applicants alike, of whom one paid: both are what the world is like. A row that is there twice is a copy."""
    from modelwright.base.console import Console
    from modelwright.data.prepare import prepare
    from modelwright.tasks.contract import get_task

    lines = ["age,purpose,label"]
    for place in range(40):
        lines += [f"{20 + place},car,good", f"{20 + place},car,bad", f"{20 + place},car,bad"]
    (tmp_path / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
    task = get_task("tabular-classification")
    out = tmp_path / "out"
    out.mkdir()
    card = prepare(Data(source="rows.csv"), task.columns, tmp_path, out, Console(quiet=True), habits=task.habits)
    assert card["quarantine"] == {"exact_duplicate": 40}
    assert card["duplicates"]["exact"] == 40
    assert card["labels"] == {"bad": 40, "good": 40}
