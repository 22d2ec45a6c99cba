"""Documents from files, folders and the hub, one after another: text, JSON lines and Parquet (compressed or not) without reading any
file twice or whole. Other sources (catalogue, databases, tables) come as they come to every task.
"""

from __future__ import annotations

import itertools
import json
import random
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from modelwright.base.console import Console
from modelwright.base.errors import DataError, ModelwrightError
from modelwright.base.optional import require
from modelwright.base.store import file_hash, json_hash
from modelwright.data import sources
from modelwright.data.corpus.lines import pieces
from modelwright.data.sources import find_path, hub, open_source
from modelwright.data.sources.files import READERS
from modelwright.data.sources.source import Provenance, RawRow, Reading, stat_identity
from modelwright.spec.data import Data

TEXTS = (".txt", ".text", ".md")
LINES = (".jsonl", ".ndjson")
TABLES = (".parquet",)
_PACKED = (".gz", ".zst")
_END = b"<|endoftext|>"
_LOOK = 100
_MARK_BYTES = 1 << 20
_HASHED_BYTES = 1 << 30
"""A larger file's hash is not worth the minutes that it costs."""
_BATCH_ROWS = 256


@dataclass(frozen=True)
class File:
    """One file of a corpus.

    Args:
        name: its place in the source: part of its documents' ids.
        open: gives its bytes as they lie there; for Parquet they must be seekable.
        failed: of a file elsewhere: what is raised when reading it fails.
    """

    name: str
    open: Callable[[], BinaryIO]
    failed: Callable[[Exception], ModelwrightError] | None = None


def kind_of(name: str) -> str | None:
    """The suffix that says how a file is read ("", where it is not), without that of its compression."""
    path = Path(name.lower())
    if path.suffix in _PACKED:
        path = path.with_suffix("")
        return path.suffix if path.suffix in (*TEXTS, *LINES) else None
    return path.suffix if path.suffix in (*TEXTS, *LINES, *TABLES) else None


def list_files(folder: Path) -> list[Path]:
    """The files of a corpus in a folder and those below it, in a stable order; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if kind_of(path.name) is not None
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def open_corpus(spec: Data, project: Path, console: Console, encodings: set[str]) -> Reading:
    """Open the source that `spec.source` names as a stream of documents.

    Args:
        encodings: gets the codecs of its text files, as they are read.

    Raises:
        DataError: there is no such source, it is empty, or it can't be read as what it claims to be.
        MachineError: network or server out of reach.
    """
    if spec.source.startswith(hub.SCHEME):
        files, provenance = hub_files(spec)
        return _reading(files, spec, provenance, encodings)
    if "://" in spec.source:
        return _limited(open_source(spec, project, console), spec)
    path = find_path(spec, project)
    if path.is_file():
        if kind_of(path.name) is None:
            return _limited(open_source(spec, project, console), spec)
        digest = file_hash(path) if path.stat().st_size <= _HASHED_BYTES else None
        return _reading([_local(path, path.name)], spec, Provenance(path.name, spec.source, sha256=digest), encodings)
    found = list_files(path)
    if not found and any(item.suffix.lower() in READERS for item in path.iterdir()):
        return _limited(open_source(spec, project, console), spec)
    if not found:
        raise DataError(
            "there is no document in the folder",
            expected=f"files of kind {', '.join((*TEXTS, *LINES, *TABLES))} in it or below it, compressed (.gz, .zst) or not",
            where=str(path),
            remedy="Give the folder that holds the texts.",
        )
    files = [_local(item, item.relative_to(path).as_posix()) for item in found]
    return _reading(files, spec, Provenance(path.name, spec.source), encodings)


def _local(path: Path, name: str) -> File:
    return File(name, lambda: path.open("rb"))


def identity(spec: Data, project: Path) -> str:
    """As `sources.identity`: a fingerprint of the source's content that costs no reading of it.

    Raises:
        DataError: there is no such file, folder or catalogue entry.
    """
    if "://" not in spec.source:
        path = find_path(spec, project)
        found = [path] if path.is_file() else list_files(path)
        if found:
            return json_hash([stat_identity(item) for item in found])
    return sources.identity(spec, project)


def hub_files(spec: Data) -> tuple[list[File], Provenance]:
    """The files of a dataset repository, each opened where it lies: only what is read is fetched.

    Raises:
        DataError: no file that is read, or no such configuration.
        MachineError: the hub is out of reach, or the repository is closed to this user.
    """
    address = hub.parse(spec.source)
    library = require("huggingface_hub", "data")
    try:
        info = library.HfApi().dataset_info(address.repository, revision=address.revision)
        names = sorted(item.rfilename for item in info.siblings or [])
        system = library.HfFileSystem()
    except Exception as error:  # the hub's client raises its HTTP library's own classes, which change between versions
        raise hub.unreachable(address, spec, error) from error
    chosen = hub.choose(names, address, spec, kind_of)
    root = f"datasets/{address.repository}@{info.sha}"

    def at(name: str) -> File:
        return File(name, lambda: system.open(f"{root}/{name}", "rb"), lambda error: hub.unreachable(address, spec, error))

    return [at(name) for name in chosen], Provenance(address.repository, spec.source, version=info.sha)


def _reading(files: Sequence[File], spec: Data, provenance: Provenance, encodings: set[str]) -> Reading:
    """The files' documents; with a limit, files come in a seeded order, and reading ends when there are enough."""
    ordered = list(files)
    if spec.limit is not None:
        random.Random(spec.split.seed).shuffle(ordered)
    every = _all(ordered, spec, encodings)
    rows: Iterator[RawRow] = every if spec.limit is None else itertools.islice(every, spec.limit)
    first = list(itertools.islice(rows, _LOOK))
    if not first:
        raise DataError(
            "there is no document",
            expected="texts",
            where=f"data.source ({spec.source})",
            remedy="Give the file or folder that holds the texts.",
        )
    columns = tuple(dict.fromkeys(column for row in first for column in row.values))
    if not columns:
        raise DataError(
            f"none of the first {len(first)} documents can be read; the first: {first[0].problem}",
            expected="texts, or JSON objects with the columns of data.columns",
            where=first[0].place,
            remedy="Check data.encoding, and whether the file is what its name says.",
        )
    return Reading(columns, itertools.chain(first, rows), provenance=(provenance,), close=every.close)


def _all(files: Sequence[File], spec: Data, encodings: set[str]) -> Generator[RawRow, None, None]:
    for file in files:
        yield from _read(file, spec, encodings)


def _limited(reading: Reading, spec: Data) -> Reading:
    return replace(reading, rows=itertools.islice(reading.rows, spec.limit))


def _read(file: File, spec: Data, encodings: set[str]) -> Iterator[RawRow]:
    kind = kind_of(file.name) or ""
    try:
        with file.open() as raw:
            if kind in TABLES:
                yield from _table(file.name, raw, spec)
            else:
                yield from _texts(file.name, _unpacked(file.name, raw), kind, spec, encodings)
    except ModelwrightError:
        raise
    except Exception as error:  # a server's client raises its own classes
        if file.failed is not None:
            raise file.failed(error) from error
        if not isinstance(error, OSError | EOFError | zlib.error):
            raise
        raise DataError(
            f"the file can't be read: {str(error).partition(chr(10))[0][:200] or type(error).__name__}",
            expected="an undamaged file",
            where=file.name,
            remedy="Fetch or write the file again.",
        ) from error


def _unpacked(name: str, raw: BinaryIO) -> Any:
    suffix = Path(name.lower()).suffix
    if suffix not in _PACKED:
        return raw
    return require("pyarrow", "data").CompressedInputStream(raw, "gzip" if suffix == ".gz" else "zstd")


def _texts(name: str, opened: Any, kind: str, spec: Data, encodings: set[str]) -> Iterator[RawRow]:
    if kind in LINES:
        for piece in pieces(opened, name, b"\n", "utf-8" if spec.encoding == "auto" else spec.encoding, encodings.add):
            place = f"{name}:{piece.number}"
            yield RawRow(place, {}, piece.problem) if piece.text is None else _object(place, piece.text)
        return
    opened, separator = _separated(opened, spec)
    for piece in pieces(opened, name, separator, spec.encoding, encodings.add):
        place = f"{name}:{piece.number}" if separator else name
        yield RawRow(place, {"text": piece.text, "file": name} if piece.text is not None else {}, piece.problem)


class _Resumed:
    """A stream with its first bytes put back."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self.head, self.rest = head, rest

    def read(self, size: int) -> bytes:
        if not self.head:
            return self.rest.read(size)
        taken, self.head = self.head[:size], self.head[size:]
        return taken


def _separated(opened: Any, spec: Data) -> tuple[Any, bytes]:
    """The stream from its beginning, and what stands between its documents; nothing: it is one."""
    head = opened.read(_MARK_BYTES)
    divided = spec.documents or ("endoftext" if _END in head else "file")
    empty_line = b"\r\n\r\n" if b"\r\n\r\n" in head else b"\n\n"
    return _Resumed(head, opened), {"file": b"", "line": b"\n", "paragraph": empty_line, "endoftext": _END}[divided]


def _object(place: str, text: str) -> RawRow:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return RawRow(place, {}, f"not JSON ({error})")
    return RawRow(place, found) if isinstance(found, dict) else RawRow(place, {}, f"a JSON {type(found).__name__}, not an object")


def _table(name: str, raw: BinaryIO, spec: Data) -> Iterator[RawRow]:
    """Rows of a Parquet file, a few hundred at a time; of the columns only those that may be asked for, if one is the text's."""
    arrow, parquet = require("pyarrow", "data"), require("pyarrow.parquet", "data")
    number = 0
    try:
        with parquet.ParquetFile(raw) as file:
            asked = {"text", "messages", *spec.columns.values()} | ({spec.split.column} if spec.split.column else set())
            names = [column for column in file.schema_arrow.names if column in asked]
            texts = {spec.columns.get("text", "text"), spec.columns.get("messages", "messages")}
            for batch in file.iter_batches(_BATCH_ROWS, columns=names if texts & set(names) else None):
                for values in batch.to_pylist():
                    number += 1
                    yield RawRow(f"{name}:row {number}", values)
    except arrow.ArrowException as error:
        raise DataError(
            f"the file can't be read: {str(error).partition(chr(10))[0][:200]}",
            expected="an undamaged Parquet file",
            where=name,
            remedy="Fetch or write the file again.",
        ) from error
