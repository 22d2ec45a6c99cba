"""A table's columns, learned from training rows: a row becomes "numbers" float32 [n] and "categories" int64 [m].

Any task that reads tables uses this one; what a column becomes is its own affair (`columns.py`, `texts.py`).
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from modelwright.base.errors import DataError, RequestError, SpecError
from modelwright.base.nouns import Example, Row
from modelwright.tasks.table import cells
from modelwright.tasks.table.columns import CategoryColumn, ColumnReader, DateColumn, NumberColumn, read_json
from modelwright.tasks.table.settings import TableSettings
from modelwright.tasks.table.texts import TextColumn
from modelwright.tasks.table.typing import infer

ID = "id"
EXPLAIN = "modelwright:explain"
"""In a row's values: whether reasons are asked for. No column can have this name."""
EDGES = 24
"""Quantiles of each number that are kept, for models that cut numbers into bins."""
_KINDS: Mapping[str, type[ColumnReader]] = {one.kind: one for one in (NumberColumn, CategoryColumn, DateColumn, TextColumn)}
_DIGITS = 6


@dataclass(frozen=True)
class TableReader:
    """Columns as they were learned.

    Args:
        columns: those that the model sees, in the order of the source.
        left_out: column → why the model does not see it ("constant", "empty", "row number", "identifier", "excluded", "ignored").
        edges: for each number, quantiles of the training rows, rising, without repetitions.
        monotone: column → 1 (the answer may only rise with it) or −1.
    """

    columns: tuple[ColumnReader, ...]
    left_out: Mapping[str, str]
    edges: tuple[tuple[float, ...], ...]
    monotone: Mapping[str, int]

    @classmethod
    def fit(cls, rows: Sequence[Row], settings: TableSettings, targets: Collection[str]) -> Self:
        """Learn from training rows.

        Args:
            targets: roles that are learned; they, and the role "id", are never inputs.

        Raises:
            DataError: no row, or no column that says anything.
            SpecError: the settings name a column that there is not, or ask of it what its type can't do.
        """
        names = [
            name for name in dict.fromkeys(name for row in rows for name in row.values) if name not in {*targets, ID, EXPLAIN}
        ]
        _check_names(settings, names)
        columns: list[ColumnReader] = []
        left_out: dict[str, str] = {}
        for name in names:
            found = _column(name, [row.values.get(name) for row in rows], settings)
            if isinstance(found, str):
                left_out[name] = found
            else:
                columns.append(found)
        if not columns:
            raise DataError(
                f"none of the {len(rows):,} training rows' columns can be learned from"
                + "".join(f"; {name}: {reason}" for name, reason in list(left_out.items())[:8]),
                expected="at least one column that differs between rows",
                where="data.source",
                remedy="Give a table with columns beside the answer, or set learn.types for a column that was left out.",
            )
        bare = cls(tuple(columns), left_out, (), _monotone(settings, columns))
        numbers = np.stack([bare.encode(row)["numbers"] for row in rows])
        edges = tuple(tuple(_edges(numbers[:, place])) for place in range(numbers.shape[1]))
        return cls(bare.columns, left_out, edges, bare.monotone)

    @property
    def sizes(self) -> dict[str, Any]:
        """What a model must know of the columns.

        "numbers": how many; "categories": of each, how many indices; "sources": names of the columns that are read;
        "number_sources", "category_sources": of each number and each category, which of these it comes from; "monotone": 1, −1 or
        0 for each number; "edges": quantiles of each number.
        """
        number_sources = [place for place, column in enumerate(self.columns) for _ in range(column.numbers)]
        firsts = [index == 0 for column in self.columns for index in range(column.numbers)]  # the amount, not its gap
        return {
            "numbers": len(number_sources),
            "categories": [count for column in self.columns for count in column.categories],
            "sources": [column.name for column in self.columns],
            "number_sources": number_sources,
            "category_sources": [place for place, column in enumerate(self.columns) for _ in column.categories],
            "monotone": [
                self.monotone.get(self.columns[source].name, 0) if first else 0
                for source, first in zip(number_sources, firsts, strict=True)
            ],
            "edges": [list(edges) for edges in self.edges],
        }

    def encode(self, row: Row) -> dict[str, np.ndarray]:
        """The row's inputs.

        Raises:
            RequestError: a column is missing, or a cell is not of its column's type.
        """
        return self._encode(row.values, f"row {row.id}", "or say what the column holds: learn.types.{name}: category")

    def _encode(self, values: Mapping[str, Any], where: str, otherwise: str) -> dict[str, np.ndarray]:
        """`otherwise` says what can be done instead of mending the cell of column {name}."""
        numbers: list[float] = []
        categories: list[int] = []
        for column in self.columns:
            try:
                found = column.encode(values[column.name])
            except KeyError:
                raise _missing(column, where) from None
            except cells.CellError as error:
                raise RequestError(
                    f"column {column.name!r} holds {error}",
                    expected=column.expected,
                    where=where,
                    remedy=f"Mend the cell, {otherwise.format(name=column.name)}.",
                ) from None
            numbers += found[0]
            categories += found[1]
        return {"numbers": np.array(numbers, np.float32), "categories": np.array(categories, np.int64)}

    def check(self, features: Mapping[str, Any], where: str) -> None:
        """Refuse a request that lacks a column, has one that training did not see, or a cell of a wrong type: here, not when it is
        computed together with others' requests. Columns that were left out may be there.

        Raises:
            RequestError: the first that is wrong.
        """
        self._encode(features, where, "or send null where it is not known")
        known = {column.name for column in self.columns} | set(self.left_out) | {ID}
        for name in features:
            if name not in known:
                near = difflib.get_close_matches(name, list(known), 1, 0.6)
                raise RequestError(
                    f"there is a column {name[:60]!r} that training did not see",
                    expected=f"only: {self.listed}" + (f".  Did you mean {near[0]}?" if near else ""),
                    where=where,
                    remedy="Leave it out, or correct its name.",
                )

    @property
    def listed(self) -> str:
        names = [column.name for column in self.columns]
        return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")

    def shown(self, numbers: np.ndarray, categories: np.ndarray) -> list[Any]:
        """One row's cells, column by column, as far as its inputs tell; None where they don't (a text, a name never seen)."""
        found, at, place = [], 0, 0
        for column in self.columns:
            count, kinds = column.numbers, len(column.categories)
            found.append(column.shown(numbers[at : at + count].tolist(), categories[place : place + kinds].tolist()))
            at, place = at + count, place + kinds
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "columns": [column.as_json() for column in self.columns],
            "left_out": dict(self.left_out),
            "edges": [list(edges) for edges in self.edges],
            "monotone": dict(self.monotone),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        columns = tuple(read_json(column) for column in content["columns"])
        return cls(columns, dict(content["left_out"]), tuple(map(tuple, content["edges"])), dict(content["monotone"]))


def stack(examples: Sequence[Example]) -> dict[str, np.ndarray]:
    """Inputs of equal shape, as a batch."""
    return {name: np.stack([example.inputs[name] for example in examples]) for name in examples[0].inputs}


def _column(name: str, values: Sequence[Any], settings: TableSettings) -> ColumnReader | str:
    """The column as learned, or why it is left out."""
    if name in settings.exclude:
        return "excluded"
    said = settings.types.get(name)
    kind, reason = infer(values) if said is None else (said, "ignored")
    if kind == "ignore":
        return reason
    if all(map(cells.is_missing, values)):
        return "empty"
    try:
        return _KINDS[kind].fit(name, values, settings)
    except cells.CellError as error:
        raise DataError(
            f"column {name!r} holds {error} in a training row",
            expected=f"a {kind} in every cell, as learn.types says",
            where=f"learn.types.{name}",
            remedy=f"Mend the cells, or set learn.types.{name} to category or text.",
        ) from None


def _check_names(settings: TableSettings, names: Sequence[str]) -> None:
    given = {"types": settings.types, "exclude": settings.exclude, "monotone": settings.monotone}
    for key, listed in given.items():
        for name in listed:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1, 0.5)
                raise SpecError(
                    f"learn.{key} names {name!r}, and there is no such column",
                    expected=f"one of: {', '.join(names)}",
                    where=f"learn.{key}",
                    remedy=f"Did you mean {near[0]}?" if near else "Correct the name, or leave it out.",
                )


def _monotone(settings: TableSettings, columns: Sequence[ColumnReader]) -> dict[str, int]:
    kinds = {column.name: column.kind for column in columns}
    for name in settings.monotone:
        if kinds.get(name) != "number":
            raise SpecError(
                f"learn.monotone names {name!r}, which is {kinds.get(name, 'left out')}",
                expected="a column of numbers that the model sees",
                where=f"learn.monotone.{name}",
                remedy=f"Set learn.types.{name}: number, or leave the constraint out.",
            )
    return {name: 1 if direction == "increasing" else -1 for name, direction in settings.monotone.items()}


def _edges(numbers: np.ndarray) -> list[float]:
    shares = np.linspace(0, 1, EDGES + 1)
    return sorted({round(float(edge), _DIGITS) for edge in np.quantile(numbers.astype(np.float64), shares)})


def _missing(column: ColumnReader, where: str) -> RequestError:
    return RequestError(
        f"the column {column.name!r} is missing",
        expected=column.expected,
        where=where,
        remedy="Send every column; null stands for a value that is not known.",
    )
