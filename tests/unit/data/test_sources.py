"""Each kind of source gives the same rows; each says what is wrong with it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.data.sources import hub, identity, open_source
from modelwright.data.sources.source import Reading
from modelwright.spec.data import Data

ROWS = [{"text": "first, 第一", "label": "a"}, {"text": "second\nline", "label": "b"}]


def opened(source: str, folder: Path, **settings: Any) -> Reading:
    return open_source(Data(source=source, **settings), folder, Console(quiet=True))


def values(reading: Reading) -> list[dict[str, Any]]:
    return [{"text": row.values["text"], "label": row.values["label"]} for row in reading.rows]


def make(kind: str, folder: Path) -> str:
    if kind == "jsonl":
        (folder / "rows.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), encoding="utf-8")
    elif kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), folder / "rows.parquet")
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        assert book.active is not None
        for row in [("text", "label"), *(tuple(row.values()) for row in ROWS)]:
            book.active.append(row)
        book.save(folder / "rows.xlsx")
    elif kind == "folder":
        for name, row in zip("12", ROWS, strict=True):
            (folder / "rows" / row["label"]).mkdir(parents=True)
            (folder / "rows" / row["label"] / f"{name}.txt").write_text(row["text"], encoding="utf-8")
        return "rows"
    elif kind == "sqlite":
        with sqlite3.connect(folder / "rows.db") as connection:
            connection.execute("create table rows (text, label)")
            connection.executemany("insert into rows values (:text, :label)", ROWS)
        connection.close()
        return "sqlite:///rows.db"
    return f"rows.{kind}"


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "xlsx", "folder", "sqlite"])
def test_every_kind_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    source = make(kind, tmp_path)
    spec = Data(source=source, query="select * from rows" if kind == "sqlite" else None)
    before = identity(spec, tmp_path)
    reading = open_source(spec, tmp_path, Console(quiet=True))
    assert {"text", "label"} <= set(reading.columns)
    rows = list(reading.rows)
    assert [{"text": row.values["text"], "label": row.values["label"]} for row in rows] == ROWS
    assert len({row.place for row in rows}) == 2
    assert identity(spec, tmp_path) == before
    assert reading.provenance[0].source == source


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "xlsx", "folder", "sqlite"])
def test_the_identity_follows_the_content(tmp_path: Path, kind: str) -> None:
    source = make(kind, tmp_path)
    spec = Data(source=source, query="select * from rows")
    before = identity(spec, tmp_path)
    file = next(path for path in sorted(tmp_path.rglob("*")) if path.is_file())
    file.write_bytes(file.read_bytes() + b"\n")
    assert identity(spec, tmp_path) != before


def test_a_folder_of_tables_is_read_together(tmp_path: Path) -> None:
    for name, text in (("a", "one"), ("b", "two")):
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{text},x\n")
    rows = list(opened(str(tmp_path), tmp_path).rows)
    assert [row.place for row in rows] == ["a.csv:2", "b.csv:2"]
    (tmp_path / "c.csv").write_text("other\n1\n")
    with pytest.raises(DataError, match="the columns are other"):
        list(opened(str(tmp_path), tmp_path).rows)


def test_jsonl_marks_lines_that_are_no_objects(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x", "label": "a"}\n[1, 2]\n{"text": \n\n{"label": "b", "more": 1}\n')
    reading = opened("a.jsonl", tmp_path)
    rows = list(reading.rows)
    assert reading.columns == ("text", "label", "more")
    assert [row.place for row in rows] == ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3", "a.jsonl:5"]
    assert [row.problem.partition(" (")[0] for row in rows] == ["", "a JSON list, not an object", "not JSON", ""]


def test_parquet_gives_class_labels_their_names(tmp_path: Path) -> None:
    features = {"info": {"features": {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}}}
    table = pyarrow.table({"text": ["x", "y", "z"], "label": [1, 0, -1]})
    pyarrow.parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), tmp_path / "a.parquet")
    assert [row["label"] for row in values(opened("a.parquet", tmp_path))] == ["good", "bad", None]


def test_excel_reads_the_named_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("second")
    for row in ([None, None], ["text", "label"], [None, None], ["x", 3]):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    rows = list(opened("a.xlsx", tmp_path, sheet="second").rows)
    assert [(row.place, dict(row.values)) for row in rows] == [("a.xlsx:second!4", {"text": "x", "label": 3})]
    with pytest.raises(DataError, match="no sheet 'third'"):
        opened("a.xlsx", tmp_path, sheet="third")
    with pytest.raises(DataError, match="sheet is empty"):
        opened("a.xlsx", tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "came"),
    [
        ("a.parquet", b"PAR1 but not really", "can't be read"),
        ("a.xlsx", b"not a workbook", "can't be read"),
        ("a.jsonl", b"\n \n", "empty"),
        ("a.jsonl", b"[1]\n[2]\n", "no line is a JSON object"),
        ("a.docx", b"x", "files of kind .docx are not read"),
    ],
)
def test_files_that_are_not_what_they_claim(tmp_path: Path, name: str, content: bytes, came: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        opened(name, tmp_path)
    assert came in caught.value.came


def test_a_missing_file_lists_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("text,label\n")
    with pytest.raises(DataError) as caught:
        opened("new.csv", tmp_path)
    assert "news.csv" in caught.value.expected
    with pytest.raises(DataError, match="ftp:// is no source"):
        opened("ftp://host/file.csv", tmp_path)


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loose.txt").write_text("x")
    with pytest.raises(DataError, match="no text files in sub-folders"):
        opened(str(tmp_path), tmp_path)


def test_binary_and_broken_text_files_are_marked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_bytes(b"\x00\x01")
    (tmp_path / "a" / "2.txt").write_text("fine")
    assert [bool(row.problem) for row in opened(str(tmp_path), tmp_path).rows] == [True, False]


def fake_hub(snapshot: Path, seen: dict[str, Any]) -> Any:
    def snapshot_download(repository: str, **settings: Any) -> str:
        seen.update(settings, repository=repository)
        return str(snapshot)

    return SimpleNamespace(snapshot_download=snapshot_download)


def test_the_hub_reads_one_kind_of_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "snapshots" / "abc123"
    for config in ("en", "zh"):
        (root / config).mkdir(parents=True)
        for split in ("train", "test"):
            table = pyarrow.table({"text": [f"{config} {split}"], "label": ["x"]})
            pyarrow.parquet.write_table(table, root / config / f"{split}.parquet")
    (root / "extra.csv").write_text("unrelated\n1\n")
    seen: dict[str, Any] = {}
    monkeypatch.setattr(hub, "require", lambda *_: fake_hub(root, seen))
    rows = list(opened("hf://org/name@v2/zh", tmp_path).rows)
    assert sorted(row.values["text"] for row in rows) == ["zh test", "zh train"]
    assert (seen["repository"], seen["revision"], seen["repo_type"]) == ("org/name", "v2", "dataset")
    both = opened("hf://org/name", tmp_path)
    assert len({row.place for row in both.rows}) == 4
    assert both.provenance[0].version == "abc123"
    with pytest.raises(DataError, match="no configuration 'fr'"):
        opened("hf://org/name/fr", tmp_path)


def test_a_hub_that_fails_is_the_machines_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(hub, "require", lambda *_: SimpleNamespace(snapshot_download=broken))
    with pytest.raises(MachineError, match="no route to host"):
        opened("hf://org/name", tmp_path)
    with pytest.raises(DataError, match="names no repository"):
        opened("hf://name", tmp_path)
