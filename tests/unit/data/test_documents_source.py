"""Documents and conversations in an archive's JSON and YAML: rows of one shape, what is of another is named."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modelwright.base.errors import DataError
from modelwright.data.catalogue.entry import DocumentsReader
from modelwright.data.sources import documents
from modelwright.data.sources.source import RawRow


def rows(folder: Path, members: dict[str, Any], **reader: Any) -> list[RawRow]:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    fetched = SimpleNamespace(archive=folder / "a.zip", entry=SimpleNamespace(name="made"), source=SimpleNamespace(name="made:1"))
    found = documents.read(fetched, DocumentsReader(kind="documents", **reader))  # type: ignore[arg-type]
    return list(found.rows)


def test_documents_of_texts_and_lines(tmp_path: Path) -> None:
    members = {
        "d/1.json": [{"title": "One", "lines": ["a", "b"]}, {"lines": ["c"]}, "no object"],
        "d/2.json": {"title": "Two"},
        "d/x.py": "1",
    }
    found = rows(tmp_path, members, match=r"d/\d\.json", text=("title", "lines"))
    assert [row.values.get("text") for row in found] == ["One\na\nb", "c", None, "Two"]
    assert [row.place for row in found] == ["1.json:1", "1.json:2", "1.json:3", "2.json"]
    assert "not of the shape" in found[2].problem and not found[3].problem


def test_conversations_in_yaml_and_mappings(tmp_path: Path) -> None:
    members = {
        "c.yml": "conversations:\n- [Hello, Hi]\n- [alone]\n- [One, Two, Three]\n",
        "broken.yml": "[",
        "other.yml": "a: 1\n",
    }
    found = rows(tmp_path, members, match=r".*\.yml", rows="conversations", turns="")
    assert [len(row.values["messages"]) for row in found if not row.problem] == [2, 3]
    assert found[0].values["messages"] == [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    assert [row.place for row in found if row.problem] == ["broken.yml", "other.yml"]
    talks = {"x": {"said": [[{"text": "one"}, {"text": "two"}], [{"text": "three"}]]}}
    (row,) = rows(tmp_path, {"t.json": talks}, match=r"t\.json", rows="*", turns="said")
    assert [message["content"] for message in row.values["messages"]] == ["one\ntwo", "three"]


def test_no_file_and_two_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file that matches"):
        rows(tmp_path, {"a.json": []}, match="b", text=("x",))
    with pytest.raises(ValueError, match="either `text` or `turns`"):
        DocumentsReader(kind="documents", match="a", text=("x",), turns="y")
