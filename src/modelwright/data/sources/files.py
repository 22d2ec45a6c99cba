"""Files of tables, by suffix, one or several of the same kind in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from modelwright.base.errors import DataError
from modelwright.data.sources import delimited, excel, jsonl, parquet
from modelwright.data.sources.source import RawRow, Reading
from modelwright.spec.data import Data

READERS: dict[str, Callable[[Path, Data], Reading]] = {
    suffix: module.read for module in (delimited, jsonl, parquet, excel) for suffix in module.SUFFIXES
}


def read_file(path: Path, spec: Data) -> Reading:
    """One file, by its suffix.

    Raises:
        DataError: a kind of file that is not read.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"files of kind {path.suffix or '(none)'} are not read",
            expected=f"one of {', '.join(READERS)}, or a folder",
            where=str(path),
            remedy="Convert it, or rename it if it is one of these.",
        )
    return reader(path, spec)


def list_tables(folder: Path) -> list[Path]:
    """The tables that lie directly in a folder, in a stable order."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in READERS and not path.name.startswith("."))


def read_files(paths: list[Path], spec: Data) -> Reading:
    """Several files with the same columns, one after another.

    Raises:
        DataError: their columns differ.
    """
    names = [path.name for path in paths]
    alike = {name for name in names if names.count(name) > 1}
    first = read_file(paths[0], spec)

    def rows() -> Iterator[RawRow]:
        for number, path in enumerate(paths):
            reading = first if number == 0 else read_file(path, spec)
            if set(reading.columns) != set(first.columns):
                reading.close()
                raise DataError(
                    f"the columns are {', '.join(reading.columns)}",
                    expected=f"those of {paths[0].name}: {', '.join(first.columns)}",
                    where=str(path),
                    remedy="Take the file out of the folder, or give its columns the same names.",
                )
            for row in reading.rows:  # places are ids: files of one name are told apart by their folder
                yield replace(row, place=f"{path.parent.name}/{row.place}") if path.name in alike else row

    return Reading(first.columns, rows(), first.encoding, close=first.close)
