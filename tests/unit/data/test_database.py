"""SQLite and a real PostgreSQL server; passwords appear nowhere."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.data.sources import identity, open_source
from modelwright.data.sources.database import public
from modelwright.spec.data import Data

PASSWORD = "s3cret-pass"


def initdb() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return places[-1] if places else None


def test_sqlite_reads_and_never_writes(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("create table t (id integer, text, label)")
    connection.executemany("insert into t values (?, ?, ?)", [(1, "x", "a"), (2, b"\xff".decode("latin-1"), None)])
    connection.execute("insert into t values (3, cast(x'66ff' as text), 'b')")
    connection.commit()
    connection.close()
    rows = list(
        open_source(Data(source="sqlite:///a.db", query="select * from t order by id"), tmp_path, Console(quiet=True)).rows
    )
    assert [row.values["text"] for row in rows] == ["x", "ÿ", "f\udcff"]
    assert rows[1].values["label"] is None
    with pytest.raises(DataError, match="the query fails"):
        list(open_source(Data(source="sqlite:///a.db", query="delete from t"), tmp_path, Console(quiet=True)).rows)


@pytest.mark.parametrize(
    ("query", "came"),
    [
        (None, "there is no query"),
        ("select 1 from nowhere", "no such table"),
        ("create table x (y)", "the query fails"),
        ("select 1 as a, 2 as a", "names a column twice"),
    ],
)
def test_queries_that_give_no_rows(tmp_path: Path, query: str | None, came: str) -> None:
    sqlite3.connect(tmp_path / "a.db").close()
    (tmp_path / "a.db").touch()
    with pytest.raises(DataError) as caught:
        open_source(Data(source="sqlite:///a.db", query=query), tmp_path, Console(quiet=True))
    assert came in caught.value.came


def test_a_missing_database_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such database file"):
        open_source(Data(source="sqlite:///a.db", query="select 1"), tmp_path, Console(quiet=True))
    assert not (tmp_path / "a.db").exists()


def test_public_addresses_hold_no_password() -> None:
    assert public(f"postgresql://me:{PASSWORD}@host:5432/base") == "postgresql://me@host:5432/base"
    assert PASSWORD not in public(f"postgresql://me@host/base?sslmode=require&password={PASSWORD}")


def test_the_identity_does_not_depend_on_the_password(tmp_path: Path) -> None:
    one, other = (Data(source=f"postgresql://me:{word}@host/base", query="select 1") for word in ("a", "b"))
    assert identity(one, tmp_path) == identity(other, tmp_path)
    assert identity(one, tmp_path) != identity(one.model_copy(update={"query": "select 2"}), tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL cluster of its own, on a free port of this machine; the address holds the password."""
    program = initdb()
    if program is None:
        pytest.skip("postgresql: initdb is not installed")
    account = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0 and not any(entry.pw_name == account for entry in pwd.getpwall()):
        pytest.skip("postgresql: it refuses to run as root, and there is no user postgres")
    folder = Path(f"/tmp/modelwright-postgresql-{os.getpid()}")
    folder.mkdir()
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, account)

    def call(*command: str) -> None:
        subprocess.run(
            command, check=True, capture_output=True, timeout=120, user=account if os.geteuid() == 0 else None, cwd=folder
        )

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = str(program.with_name("pg_ctl"))
    try:
        call(
            str(program),
            "-D",
            str(folder / "data"),
            "-A",
            "scram-sha-256",
            f"--pwfile={folder / 'password'}",
            "-U",
            "me",
            "-N",
            "-E",
            "UTF8",
        )
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        call(control, "-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"), "-w", "start")
        yield f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            call(control, "-D", str(folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_postgresql_streams_a_query(server: str, tmp_path: Path) -> None:
    query = "select n as id, '第 ' || n as text, case when n % 2 = 0 then 'even' else 'odd' end as label from generate_series(1, 5000) n"
    reading = open_source(Data(source=server, query=query), tmp_path, Console(quiet=True))
    rows = list(reading.rows)
    assert reading.columns == ("id", "text", "label")
    assert len(rows) == 5000
    assert dict(rows[6].values) == {"id": 7, "text": "第 7", "label": "odd"}
    assert PASSWORD not in str(reading.provenance)


def test_postgresql_errors_hold_no_password(server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the query fails") as failed:
        open_source(Data(source=server, query="select * from nowhere"), tmp_path, Console(quiet=True))
    wrong = server.replace(PASSWORD, PASSWORD + "-wrong")
    with pytest.raises(MachineError, match="does not let us in") as refused:
        open_source(Data(source=wrong, query="select 1"), tmp_path, Console(quiet=True))
    for error in (failed.value, refused.value):
        assert PASSWORD not in str(error)
        assert error.__suppress_context__


def test_postgresql_does_not_write(server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        list(open_source(Data(source=server, query="create table t (n int)"), tmp_path, Console(quiet=True)).rows)


def test_no_server_is_the_machines_error(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"postgresql://me:{PASSWORD}@127.0.0.1:{free.getsockname()[1]}/base"
        with pytest.raises(MachineError) as caught:
            open_source(Data(source=address, query="select 1"), tmp_path, Console(quiet=True))
    assert PASSWORD not in str(caught.value)
