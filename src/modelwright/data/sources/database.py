"""SQLite and PostgreSQL by query. Credentials never reach messages, fingerprints or provenance."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from modelwright.base.errors import DataError, MachineError
from modelwright.base.optional import require
from modelwright.data.sources.source import Provenance, RawRow, Reading, stat_identity
from modelwright.spec.data import Data

SCHEMES = ("sqlite:///", "postgresql://", "postgres://")
_FETCH_ROWS = 2000


def read(spec: Data, project: Path) -> Reading:
    """The query's rows, streamed.

    Raises:
        DataError: no query, a query that fails, or a file that is no database.
        MachineError: the server is out of reach or refuses the login.
    """
    if not spec.query:
        raise DataError(
            "there is no query",
            expected="SQL that gives one row per example",
            where="data.query",
            remedy='For example: query: "select id, text, label from messages"',
        )
    provenance = (Provenance(public(spec.source), public(spec.source), version=None),)
    if spec.source.startswith("sqlite"):
        columns, rows, close = _sqlite(_file(spec, project), spec.query)
    else:
        columns, rows, close = _postgresql(spec)
    numbered = (RawRow(f"query:row {number}", dict(zip(columns, row, strict=True))) for number, row in enumerate(rows, 1))
    return Reading(columns, numbered, provenance=provenance, close=close)


def identity(spec: Data, project: Path) -> list[Any]:
    """Address without secrets and query; for SQLite also the file's size and time, its write-ahead log's too. Rows that change
    on a PostgreSQL server are not seen: use `--force` or a query that names its snapshot."""
    parts: list[Any] = [public(spec.source), spec.query]
    if spec.source.startswith("sqlite"):
        path = _file(spec, project)
        parts += [stat_identity(item) for item in (path, path.with_name(path.name + "-wal")) if item.exists()]
    return parts


def public(source: str) -> str:
    """The address without a password, whether it stands before the host or in the query part."""
    if source.startswith("sqlite"):
        return source
    parts = urlsplit(source)
    host = parts.netloc.rpartition("@")[2]
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    query = re.sub(r"(?i)(^|&)(password|sslpassword|passfile)=[^&]*", r"\1\2=…", parts.query)
    return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host, query=query))


def _file(spec: Data, project: Path) -> Path:
    path = project / spec.source.removeprefix("sqlite:///")
    if not path.is_file():
        raise DataError(
            "there is no such database file",
            expected="sqlite:///path, relative to the project's folder (sqlite:////path for an absolute one)",
            where=str(path),
            remedy="Mend data.source.",
        )
    return path


def _sqlite(path: Path, query: str) -> tuple[tuple[str, ...], Iterator[tuple], Callable[[], object]]:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)  # reading must not change the data
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")  # one broken cell is one row in quarantine
    try:
        cursor = connection.execute(query)
    except sqlite3.Error as error:
        connection.close()
        raise _failed(str(error)) from error
    try:
        columns = _columns(cursor.description)
    except DataError:
        connection.close()
        raise

    def rows() -> Iterator[tuple]:
        with contextlib.closing(connection):
            try:
                while batch := cursor.fetchmany(_FETCH_ROWS):
                    yield from batch
            except sqlite3.Error as error:
                raise _failed(str(error)) from error

    return columns, rows(), connection.close


def _postgresql(spec: Data) -> tuple[tuple[str, ...], Iterator[tuple], Callable[[], object]]:
    psycopg = require("psycopg", "data")
    try:
        connection = psycopg.connect(spec.source, connect_timeout=15)
    except psycopg.Error as error:
        raise MachineError(
            f"the server does not let us in: {_without_secrets(str(error), spec.source)}",
            expected="a running server, a right user and password (PGPASSWORD and ~/.pgpass are read too)",
            where=public(spec.source),
            remedy="Try the same address with psql.",
        ) from None  # the cause may hold the password
    connection.read_only = True
    cursor = connection.cursor(name="modelwright")  # a server-side cursor: rows are streamed
    cursor.itersize = _FETCH_ROWS

    def close() -> None:
        with contextlib.suppress(psycopg.Error):  # after a lost connection there is nothing left to close
            cursor.close()
        connection.close()

    try:
        cursor.execute(spec.query)
        columns = _columns(cursor.description)
    except psycopg.Error as error:
        close()
        raise _failed(_without_secrets(str(error), spec.source)) from None
    except DataError:
        close()
        raise

    def rows() -> Iterator[tuple]:
        try:
            yield from cursor
        except psycopg.Error as error:
            raise _failed(_without_secrets(str(error), spec.source)) from None
        finally:
            close()

    return columns, rows(), close


def _columns(description: Any) -> tuple[str, ...]:
    if not description:
        raise _failed("it gives no rows")
    columns = tuple(column[0] for column in description)
    if len(set(columns)) < len(columns):
        raise _failed(f"it names a column twice: {', '.join(columns)}")
    return columns


def _failed(message: str) -> DataError:
    return DataError(
        f"the query fails: {message.strip().partition(chr(10))[0]}",
        expected="one SELECT statement with a name for each column",
        where="data.query",
        remedy="Try the query in the database's own shell.",
    )


def _without_secrets(message: str, source: str) -> str:
    """The first line of a server's message; the password is taken out wherever it might be repeated."""
    line = message.strip().partition("\n")[0].replace(source, public(source))
    parts = urlsplit(source)
    secrets = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    for secret in {*secrets, *map(unquote, secrets)} - {""}:
        line = line.replace(secret, "…")
    return line
