"""Excel workbooks (.xlsx): one sheet, its first row the header, cells as the workbook last computed them."""

from __future__ import annotations

import contextlib
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelwright.base.errors import DataError
from modelwright.base.optional import require
from modelwright.data.sources.source import RawRow, Reading
from modelwright.spec.data import Data

SUFFIXES = (".xlsx", ".xlsm")


def read(path: Path, spec: Data) -> Reading:
    """Rows of a sheet; blank rows are left out.

    Raises:
        DataError: not a workbook, no such sheet, or an empty one.
    """
    openpyxl = require("openpyxl", "data")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of styles and validations that it does not read; neither do we
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, SyntaxError, OSError) as error:
        raise _damaged(path, error) from error
    try:
        columns, cells, title = _header(book, spec, path)
    except DataError:
        book.close()
        raise

    def rows() -> Iterator[RawRow]:
        with contextlib.closing(book):
            try:
                for number, row in cells:
                    if any(cell is not None for cell in row):
                        yield RawRow(f"{path.name}:{title}!{number}", dict(zip(columns, row, strict=False)))
            except (zipfile.BadZipFile, SyntaxError, ValueError) as error:  # a SyntaxError is what damaged XML raises
                raise _damaged(path, error) from error

    return Reading(columns, rows(), close=book.close)


def _header(book: Any, spec: Data, path: Path) -> tuple[tuple[str, ...], Iterator[tuple[int, tuple]], str]:
    """Column names, the numbered rows below them, and the sheet's title."""
    if spec.sheet is not None and spec.sheet not in book.sheetnames:
        raise DataError(
            f"there is no sheet {spec.sheet!r}",
            expected=f"one of: {', '.join(book.sheetnames)}",
            where=f"{path.name} (data.sheet)",
            remedy="Mend data.sheet.",
        )
    sheet = book[spec.sheet or book.sheetnames[0]]
    cells = enumerate(sheet.iter_rows(values_only=True), 1)
    header = next((row for _, row in cells if any(cell is not None for cell in row)), None)
    if header is None:
        raise DataError(
            "the sheet is empty",
            expected="a header and rows",
            where=f"{path.name}:{sheet.title}",
            remedy="Give another data.sheet.",
        )
    columns = tuple(str(cell).strip() if cell is not None else f"column {number}" for number, cell in enumerate(header, 1))
    if len(set(columns)) < len(columns):
        raise DataError(
            f"the header names a column twice: {', '.join(columns)}",
            expected="each column's name once",
            where=f"{path.name}:{sheet.title}",
            remedy="Rename one of them.",
        )
    return columns, cells, sheet.title


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"the workbook can't be read: {error}",
        expected="an undamaged .xlsx file (older .xls files are not read)",
        where=str(path),
        remedy="Save it again as .xlsx, or export the sheet as CSV.",
    )
