"""`catalogue://name`: a ready dataset's archive, read without unpacking or executing anything of it."""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.data.catalogue.archive import read_members
from modelwright.data.catalogue.entry import (
    DocumentsReader,
    ExchangesReader,
    FilesReader,
    FolderReader,
    IdxReader,
    JoinedTable,
    LinesReader,
    TableReader,
    TablesReader,
    get_entry,
)
from modelwright.data.catalogue.fetch import Fetched, fetch
from modelwright.data.sources import documents, exchanges, idx
from modelwright.data.sources.encoding import decode_all
from modelwright.data.sources.folder import text_rows
from modelwright.data.sources.source import Provenance, RawRow, Reading
from modelwright.spec.data import Data

SCHEME = "catalogue://"


def read(spec: Data, console: Console) -> Reading:
    """Fetch (the first time) and open the dataset.

    Raises:
        DataError: unknown name, a wrong hash, or files that are not where the catalogue says.
        MachineError: not in the cache and no source is reachable.
    """
    entry = get_entry(spec.source.removeprefix(SCHEME), "dataset")
    fetched = fetch(entry, console)
    source = fetched.source
    provenance = Provenance(
        entry.title, source.name, source.version, source.sha256, entry.licence, entry.licence_note or None, entry.citation
    )
    encoding = spec.encoding if spec.encoding != "auto" else source.encoding
    reader = source.reader
    if isinstance(reader, FolderReader):
        reading = _folder(fetched, reader, encoding)
    elif isinstance(reader, LinesReader):
        reading = _lines(fetched, reader, encoding)
    elif isinstance(reader, TableReader):
        reading = _table(fetched, reader, spec)
    elif isinstance(reader, TablesReader):
        reading = _tables(fetched, reader, spec)
    elif isinstance(reader, ExchangesReader):
        reading = _exchanges(fetched, reader)
    elif isinstance(reader, IdxReader):
        reading = _idx(fetched, reader)
    elif isinstance(reader, DocumentsReader):
        reading = documents.read(fetched, reader)
    else:
        assert not isinstance(reader, FilesReader), f"{entry.name} is no dataset"
        raise AssertionError(reader)
    return replace(reading, provenance=(provenance,))


def identity(spec: Data) -> str:
    """The pinned hashes: whichever source answers, it gives one of these archives."""
    return ",".join(source.sha256 for source in get_entry(spec.source.removeprefix(SCHEME), "dataset").sources)


def _folder(fetched: Fetched, reader: FolderReader, encoding: str) -> Reading:
    root = PurePosixPath(reader.root)

    def wanted(name: str) -> bool:
        return (
            name.startswith(f"{root}/") and name.endswith(reader.suffix) and len(PurePosixPath(name).relative_to(root).parts) == 2
        )

    items = []
    for name, content in sorted(read_members(fetched.archive, wanted)):
        relative = PurePosixPath(name).relative_to(root)
        items.append((reader.labels.get(relative.parts[0], relative.parts[0]), relative.as_posix(), content))
    if not items:
        raise _missing(fetched, reader.root)
    rows, found = text_rows(items, encoding, fetched.entry.name, title=reader.title is not None)
    return Reading(("text", "label", "file", *(["title"] if reader.title else [])), rows, found)


def _lines(fetched: Fetched, reader: LinesReader, encoding: str) -> Reading:
    labels = {path: label for label, path in reader.files.items()}
    contents = dict(read_members(fetched.archive, labels.__contains__))
    for path in labels:
        if path not in contents:
            raise _missing(fetched, path)
    texts, found = decode_all([contents[path] for path in labels], encoding, fetched.entry.name)

    def rows() -> Iterator[RawRow]:
        for (path, label), text in zip(labels.items(), texts, strict=True):
            if text is None:
                raise DataError(
                    f"the bytes are not {found}",
                    expected=found,
                    where=f"{fetched.entry.name}: {path}",
                    remedy="Set data.encoding.",
                )
            for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
                yield RawRow(f"{PurePosixPath(path).name}:{number}", {"text": line.rstrip("\r"), "label": label})

    return Reading(("text", "label"), rows(), found)


def _exchanges(fetched: Fetched, reader: ExchangesReader) -> Reading:
    found = dict(read_members(fetched.archive, set(reader.files.values()).__contains__))
    for path in reader.files.values():
        if path not in found:
            raise _missing(fetched, path)
    return exchanges.read({topic: found[path] for topic, path in reader.files.items()}, fetched.entry.name)


def _idx(fetched: Fetched, reader: IdxReader) -> Reading:
    wanted = {path for pair in reader.splits.values() for path in (pair.images, pair.labels)}
    contents = dict(read_members(fetched.archive, wanted.__contains__))
    for path in sorted(wanted - set(contents)):
        raise _missing(fetched, path)
    parts = [
        idx.Part(split, contents[pair.images], contents[pair.labels], f"{fetched.entry.name}: {pair.images}")
        for split, pair in reader.splits.items()
    ]
    return Reading(idx.COLUMNS, idx.rows(parts, dict(enumerate(reader.labels))))


def _table(fetched: Fetched, reader: TableReader, spec: Data) -> Reading:
    """The table is written to a temporary file while it is read, since its readers stream from disk."""
    from modelwright.data.sources import files

    joined = {} if reader.joined is None else _joined(fetched, reader.joined, reader, spec)
    content = _table_content(fetched, reader)
    holder = tempfile.TemporaryDirectory(prefix="modelwright-")
    path = Path(holder.name) / f"{PurePosixPath(reader.path.removesuffix('.gz')).stem}.{reader.kind}"
    path.write_bytes(content)
    reading = files.read_file(path, spec)
    added = () if reader.joined is None else reader.joined.add

    def rows() -> Iterator[RawRow]:
        with holder:
            for row in reading.rows:
                if reader.joined is not None:
                    row = replace(row, values={**row.values, **joined.get(row.values.get(reader.joined.key), {})})
                named = {
                    column: known.get(str(row.values.get(column)), row.values.get(column))
                    for column, known in reader.values.items()
                }
                yield replace(row, values={**row.values, **named}) if named else row

    return replace(reading, columns=(*reading.columns, *added), rows=rows())


def _tables(fetched: Fetched, reader: TablesReader, spec: Data) -> Reading:
    """Each table as `_table` reads it; a place names its table before its line."""
    readings = {name: _table(fetched, TableReader(kind=reader.format, path=path), spec) for name, path in reader.files.items()}
    columns = tuple(dict.fromkeys(column for reading in readings.values() for column in reading.columns))

    def rows() -> Iterator[RawRow]:
        for name, reading in readings.items():
            for row in reading.rows:
                yield replace(row, place=f"{name}: {row.place}", values={**row.values, reader.column: name})

    return replace(next(iter(readings.values())), columns=(*columns, reader.column), rows=rows())


def _joined(fetched: Fetched, joined: JoinedTable, reader: TableReader, spec: Data) -> dict[Any, dict[str, Any]]:
    """The columns to add, by key."""
    other = TableReader(kind=reader.kind, path=joined.path, columns=joined.columns, skip=joined.skip, spaces=reader.spaces)
    reading = _table(fetched, other, spec)
    found = {
        row.values.get(joined.key): {name: row.values.get(name) for name in joined.add} for row in reading.rows if not row.problem
    }
    reading.close()
    return found


def _table_content(fetched: Fetched, reader: TableReader) -> bytes:
    """The table's file: unpacked, with the header that it lacks, without the lines that it has too many."""
    paths = [reader.path, *([reader.beside] if reader.beside else [])]
    found = dict(read_members(fetched.archive, paths.__contains__))
    for path in paths:
        if path not in found:
            raise _missing(fetched, path)
    content, *beside = (gzip.decompress(found[path]) if path.endswith(".gz") else found[path] for path in paths)
    if reader.skip:
        content = content.split(b"\n", reader.skip)[-1]
    if beside:
        lines = zip(content.splitlines(), beside[0].splitlines(), strict=True)
        content = b"\n".join(left.rstrip() + b" " + right.strip() for left, right in lines)
    if reader.spaces is not None:
        content = re.sub(rb", +" if reader.spaces == "strip" else rb"[ \t]+", b",", content)
    if reader.columns and reader.kind in ("csv", "tsv"):
        separator = "," if reader.kind == "csv" else "\t"
        content = separator.join(reader.columns).encode() + b"\n" + content
    return content


def _missing(fetched: Fetched, path: str) -> DataError:
    return DataError(
        f"the archive holds no {path}",
        expected="the files that the catalogue names",
        where=f"catalogue://{fetched.entry.name} ({fetched.source.name})",
        remedy="Report it: the catalogue's file is wrong.",
    )
