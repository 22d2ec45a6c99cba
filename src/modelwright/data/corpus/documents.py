"""A split on disk as rows: a folder of Parquet files, read one row group at a time.

`Documents` behaves as a list of rows would, without holding them: only the files' row counts and a few row groups.
"""

from __future__ import annotations

import bisect
import random
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.base.optional import require
from modelwright.base.store import writing

ROW_ID = "row_id"
GROUP_CHARACTERS = 4_000_000
"""Of one row group, about: what a reader holds at a time."""
FILE_CHARACTERS = 256_000_000
"""Of one file, about."""
_GROUPS_KEPT = 4


class Documents(Sequence[Row]):
    """The rows of a folder's Parquet files, in the order of the files' names; a slice is a view.

    Reading in order costs each row group once. Reading at random costs a row group for nearly every row: shuffle what was
    tokenised (`Shards`) instead.

    Raises:
        DataError: no file, or one that can't be read.
    """

    def __init__(self, folder: Path, places: range | None = None) -> None:
        self.folder = folder
        self._groups = _groups(folder)
        total = self._groups[-1][2] + self._groups[-1][3]
        self._starts = [start for _, _, start, _ in self._groups]
        self._places = range(total) if places is None else places
        self._kept: OrderedDict[int, list[Row]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Documents: ...
    def __getitem__(self, place: int | slice) -> Row | Documents:
        if isinstance(place, slice):
            return Documents(self.folder, self._places[place])
        number = self._places[place]
        group = bisect.bisect_right(self._starts, number) - 1
        return self._read(group)[number - self._starts[group]]

    def __iter__(self) -> Iterator[Row]:
        return (self[place] for place in range(len(self)))

    def drawn(self, characters: int, seed: int) -> list[Row]:
        """Row groups by a seeded draw, in their order, until there are so many characters; of all rows, whatever the view."""
        order = random.Random(seed).sample(range(len(self._groups)), len(self._groups))
        found: dict[int, list[Row]] = {}
        size = 0
        for group in order:
            if size >= characters:
                break
            found[group] = self._read(group)
            size += sum(len(value) for row in found[group] for value in row.values.values() if isinstance(value, str))
        return [row for group in sorted(found) for row in found[group]]

    def _read(self, group: int) -> list[Row]:
        found = self._kept.pop(group, None)
        if found is None:
            path, number, _, _ = self._groups[group]
            found = rows_of(_table(path, number))
        self._kept[group] = found
        while len(self._kept) > _GROUPS_KEPT:
            self._kept.popitem(last=False)
        return found


def rows_of(columns: dict[str, list[Any]]) -> list[Row]:
    """Rows of a table that was read as columns; lists of texts become tuples."""
    ids = columns.pop(ROW_ID)
    for name, values in columns.items():
        if any(isinstance(value, list) for value in values):
            columns[name] = [None if value is None else tuple(value) for value in values]
    names = list(columns)
    cells = zip(*columns.values(), strict=True) if names else ((),) * len(ids)
    return [Row(row_id, dict(zip(names, values, strict=True))) for row_id, values in zip(ids, cells, strict=True)]


def _groups(folder: Path) -> list[tuple[Path, int, int, int]]:
    """Of every row group that holds rows: file, number in it, rows before it, rows in it."""
    parquet = require("pyarrow.parquet", "data")
    found, before = [], 0
    for path in sorted(folder.glob("*.parquet")):
        try:
            metadata = parquet.read_metadata(path)
        except (OSError, require("pyarrow", "data").ArrowException) as error:
            raise _unreadable(path, error) from error
        for number in range(metadata.num_row_groups):
            rows = metadata.row_group(number).num_rows
            if rows:
                found.append((path, number, before, rows))
                before += rows
    if not found:
        raise DataError(
            "the folder holds no rows",
            expected="Parquet files that the data stage wrote",
            where=str(folder),
            remedy="Make them again: modelwright run --from data",
        )
    return found


def _table(path: Path, group: int) -> dict[str, list[Any]]:
    parquet = require("pyarrow.parquet", "data")
    try:
        with parquet.ParquetFile(path) as file:
            return file.read_row_group(group).to_pydict()
    except (OSError, require("pyarrow", "data").ArrowException) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"the rows can't be read: {str(error).partition(chr(10))[0][:200]}",
        expected="rows that the data stage wrote",
        where=str(path),
        remedy="Make them again: modelwright run --from data",
    )


class Writer:
    """Writes rows into `00000.parquet`, `00001.parquet`, … of a folder (or into one file), a row group at a time.

    Args:
        target: a folder, which is made; or a path that ends in .parquet, for one file.
        columns: names of the rows' values, all of them texts.
        characters: of one row group, about.
        of_a_file: characters of one file, about; a folder only.
    """

    def __init__(
        self, target: Path, columns: Sequence[str], *, characters: int = GROUP_CHARACTERS, of_a_file: int = FILE_CHARACTERS
    ) -> None:
        arrow = require("pyarrow", "data")
        self.target, self.columns = target, tuple(columns)
        self.schema = arrow.schema([(ROW_ID, arrow.string()), *((_name(column), arrow.string()) for column in self.columns)])
        self.characters, self.of_a_file = characters, of_a_file
        self.rows = self.files = 0
        self._pending: list[tuple[str, Mapping[str, Any]]] = []
        self._size = self._in_file = 0
        self._open: Any = None

    def add(self, row_id: str, values: Mapping[str, str | None]) -> None:
        self._pending.append((row_id, values))
        self._size += sum(len(value) for value in values.values() if value is not None)
        self.rows += 1
        if self._size >= self.characters:
            self._flush()

    def close(self) -> None:
        """Write what is left. A writer that was given no row leaves one file without rows."""
        if self._pending or not self.files:
            self._flush()
        self._finish()

    def _flush(self) -> None:
        arrow, parquet = require("pyarrow", "data"), require("pyarrow.parquet", "data")
        columns: dict[str, list[str | None]] = {ROW_ID: [row_id for row_id, _ in self._pending]}
        for name in self.columns:
            columns[_name(name)] = [values.get(name) for _, values in self._pending]
        with writing(self.target):
            if self._open is None:
                one = self.target.suffix == ".parquet"
                (self.target.parent if one else self.target).mkdir(parents=True, exist_ok=True)
                path = self.target if one else self.target / f"{self.files:05d}.parquet"
                self._open = parquet.ParquetWriter(path, self.schema, compression="zstd")
                self.files += 1
            self._open.write_table(arrow.table(columns, schema=self.schema))
        self._in_file += self._size
        self._pending, self._size = [], 0
        if self._in_file >= self.of_a_file and self.target.suffix != ".parquet":
            self._finish()

    def _finish(self) -> None:
        if self._open is not None:
            with writing(self.target):
                self._open.close()
            self._open, self._in_file = None, 0


def _name(column: str) -> str:
    """A column of the source that is called as the id is keeps out of its way."""
    return f"column {column}" if column == ROW_ID else column
