"""`catalogue://name`: a ready dataset's archive, read without unpacking or executing anything of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.data.catalogue.archive import read_members
from modelwright.data.catalogue.entry import FilesReader, FolderReader, LinesReader, TableReader, get_entry
from modelwright.data.catalogue.fetch import Fetched, fetch
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


def _table(fetched: Fetched, reader: TableReader, spec: Data) -> Reading:
    """The table is written to a temporary file while it is read, since its readers stream from disk."""
    from modelwright.data.sources import files

    content = next((content for _, content in read_members(fetched.archive, reader.path.__eq__)), None)
    if content is None:
        raise _missing(fetched, reader.path)
    if reader.columns and reader.kind in ("csv", "tsv"):
        separator = "," if reader.kind == "csv" else "\t"
        content = separator.join(reader.columns).encode() + b"\n" + content
    holder = tempfile.TemporaryDirectory(prefix="modelwright-")
    path = Path(holder.name) / f"{PurePosixPath(reader.path).stem}.{reader.kind}"
    path.write_bytes(content)
    reading = files.read_file(path, spec)

    def rows() -> Iterator[RawRow]:
        with holder:
            yield from reading.rows

    return replace(reading, rows=rows())


def _missing(fetched: Fetched, path: str) -> DataError:
    return DataError(
        f"the archive holds no {path}",
        expected="the files that the catalogue names",
        where=f"catalogue://{fetched.entry.name} ({fetched.source.name})",
        remedy="Report it: the catalogue's file is wrong.",
    )
