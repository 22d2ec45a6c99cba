"""Documents and conversations in the JSON or YAML files of a catalogue's archive, read one file at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

from modelwright.base.errors import DataError
from modelwright.data.catalogue.archive import read_members
from modelwright.data.catalogue.entry import DocumentsReader
from modelwright.data.catalogue.fetch import Fetched
from modelwright.data.sources.source import RawRow, Reading


def read(fetched: Fetched, reader: DocumentsReader) -> Reading:
    """Rows as `DocumentsReader` describes them. A file or row of another shape is given with its `problem`.

    Raises:
        DataError: no file matches.
    """
    pattern = re.compile(reader.match)
    members = read_members(fetched.archive, lambda name: pattern.fullmatch(name) is not None)
    first = next(members, None)
    if first is None:
        raise DataError(
            f"the archive holds no file that matches {reader.match}",
            expected="the files that the catalogue names",
            where=f"catalogue://{fetched.entry.name} ({fetched.source.name})",
            remedy="Report it: the catalogue's file is wrong.",
        )

    def rows() -> Iterator[RawRow]:
        yield from _file(*first, reader)
        for name, content in members:
            yield from _file(name, content, reader)

    return Reading(("text" if reader.text else "messages", "file"), rows())


def _file(name: str, content: bytes, reader: DocumentsReader) -> Iterator[RawRow]:
    file = PurePosixPath(name).name
    try:
        found = yaml.safe_load(content) if name.endswith((".yml", ".yaml")) else json.loads(content)
        items = _items(found, reader)
    except (ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        yield RawRow(file, {}, f"not of the shape that the catalogue says ({str(error).partition(chr(10))[0][:100]})")
        return
    for number, item in enumerate(items, 1):
        place = f"{file}:{number}" if len(items) > 1 else file
        try:
            values = _values(item, reader)
        except (LookupError, TypeError, AttributeError) as error:
            yield RawRow(place, {}, f"not of the shape that the catalogue says ({type(error).__name__}: {str(error)[:100]})")
            continue
        if values is not None:
            yield RawRow(place, {**values, "file": name})


def _items(found: Any, reader: DocumentsReader) -> list[Any]:
    if reader.rows == "*":
        return list(found.values())
    if reader.rows:
        return list(found[reader.rows])
    return found if isinstance(found, list) else [found]


def _values(item: Any, reader: DocumentsReader) -> dict[str, Any] | None:
    """The row's values, None if it is no conversation."""
    if reader.text:
        return {"text": "\n".join(_text(item[key]) for key in reader.text if item.get(key))}
    turns = [said for turn in (item[reader.turns] if reader.turns else item) if (said := _text(turn).strip())]
    if len(turns) < 2:
        return None
    return {"messages": [{"role": ("user", "assistant")[place % 2], "content": said} for place, said in enumerate(turns)]}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return str(value["text"]) if isinstance(value, dict) else str(value)
