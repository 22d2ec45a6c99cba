"""A catalogue's table with another one beside it: columns are added by key, and a row without a partner has none."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.data.catalogue.entry import Entry
from modelwright.data.sources import open_source
from modelwright.spec.data import Data

QUIET = Console(quiet=True)
READER = {
    "kind": "tsv",
    "path": "made/ratings.inter",
    "skip": 1,
    "columns": ["user", "item"],
    "joined": {"path": "made/films.item", "skip": 1, "columns": ["item", "title", "year"], "key": "item", "add": ["title"]},
}
FILES = {
    "made/ratings.inter": "u:token\ti:token\n1\ta\n2\tb\n2\tz\n",
    "made/films.item": "i\tt\ty\na\tAlien\t1979\nb\tBrazil\t1985\n",
}


def open_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    source = {"registry": "pypi", "package": "made", "version": "1", "file": "made.whl", "sha256": digest, "reader": READER}
    values = {"name": "made", "title": "Made", "task": "recommendation", "language": "en", "licence": "MIT", "citation": "none"}
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(
        "modelwright.data.sources.catalogue.get_entry", lambda *_: Entry.model_validate({**values, "sources": [source]})
    )
    (tmp_path / "archives" / digest).mkdir(parents=True)
    (tmp_path / "archives" / digest / "made.whl").write_bytes(buffer.getvalue())
    return open_source(Data(source="catalogue://made"), tmp_path, QUIET)


def test_columns_are_added_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = open_made(tmp_path, monkeypatch, FILES)
    assert reading.columns == ("user", "item", "title")
    assert [dict(row.values) for row in reading.rows] == [
        {"user": "1", "item": "a", "title": "Alien"},
        {"user": "2", "item": "b", "title": "Brazil"},
        {"user": "2", "item": "z"},
    ]


def test_a_table_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"films\.item"):
        open_made(tmp_path, monkeypatch, {"made/ratings.inter": FILES["made/ratings.inter"]})


@pytest.mark.network
def test_movielens_arrives_with_titles(tmp_path: Path) -> None:
    rows = list(open_source(Data(source="catalogue://movielens-100k"), tmp_path, QUIET).rows)
    assert len(rows) == 100_000
    assert len({row.values["user"] for row in rows}) == 943
    assert len({row.values["item"] for row in rows}) == 1682
    assert {row.values["rating"] for row in rows} == set("12345")
    assert all(row.values["title"] for row in rows)
    assert not any(row.problem for row in rows)
