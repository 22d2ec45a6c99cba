"""Requests for rows of a table: `{"features": {column: value}, "explain": true}`, described column by column."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from modelwright.base.errors import RequestError
from modelwright.base.nouns import Row
from modelwright.base.shaped import shaped
from modelwright.tasks.table.columns import CategoryColumn, ColumnReader, DateColumn, NumberColumn
from modelwright.tasks.table.reader import EXPLAIN, ID, TableReader

Cell = str | int | float | bool | None


class TableRequest(BaseModel):
    """One row of the table."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"features": {"age": 35, "purpose": "car"}}]}
    )

    features: Annotated[dict[str, Cell], Field(description="column → value; null where it is not known")]
    explain: Annotated[bool, Field(description="whether the answer shall name its reasons")] = False


def described(reader: TableReader) -> type[TableRequest]:
    """The request type with the columns that were learned, for OpenAPI and for warming up a server."""
    example: dict[str, Any] = {column.name: _example(column) for column in reader.columns}
    schema: dict[str, Any] = {
        "properties": {column.name: column.schema for column in reader.columns},
        "required": [column.name for column in reader.columns],
    }
    features = Annotated[
        dict[str, Cell], Field(description="column → value; null where it is not known", json_schema_extra=schema)
    ]
    made = create_model("TableRequest", __base__=TableRequest, __doc__=TableRequest.__doc__, features=(features, ...))
    made.model_config["json_schema_extra"] = {"examples": [{"features": example}]}
    made.model_rebuild(force=True)
    return made


def _example(column: ColumnReader) -> Cell:
    if isinstance(column, NumberColumn):
        return column.shown([0.0, 0.0], [])
    if isinstance(column, CategoryColumn):
        return column.values[0] if column.values else None
    return "2026-05-31" if isinstance(column, DateColumn) else "words"


def read(request: Any, row_id: str, reader: TableReader, explains: bool) -> Row:
    """A request as a row.

    Args:
        explains: whether the route can give reasons.

    Raises:
        RequestError: not of this shape, a column too few or too many, or reasons that the route can't give.
    """
    expected = '{"features": {column: value}} with texts, numbers, truth values or null; "explain": true for reasons'
    asked = shaped(TableRequest, request, expected=expected, where=row_id, deep=2)
    if asked.explain and not explains:
        raise RequestError(
            "reasons are asked for, and this model's route gives none",
            expected='"explain": false, or a route that explains itself: linear, boosting, forest',
            where=row_id,
            remedy="Leave explain out, or release such a route.",
        )
    reader.check(asked.features, row_id)
    return Row(row_id, {**asked.features, **({EXPLAIN: True} if asked.explain else {})})


def of_row(row: Row, target: str) -> dict[str, Any]:
    """The request that asks for a row: its columns in JSON."""
    left = {target, ID, EXPLAIN}
    return {"features": {name: _plain(value) for name, value in row.values.items() if name not in left}}


def shown(row: Row, target: str) -> dict[str, str]:
    """The row's columns in a line."""
    return {"text": " · ".join(f"{name} {value}" for name, value in row.values.items() if name not in {target, ID, EXPLAIN})}


def _plain(value: Any) -> Cell:
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, float) and value != value:
        return None  # JSON has no NaN
    return value
