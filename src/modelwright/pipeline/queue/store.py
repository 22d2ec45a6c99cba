"""The queue's state: one SQLite file in WAL mode. Whoever takes a job does so in one transaction, so that no two workers get it.

A worker is there as long as it holds the lock of its file in `queue.locks/`: the system lets go of it when the process ends, however it
ends. What a worker that is gone held is given back, and the run goes on from where it was.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from modelwright.base import store
from modelwright.base.errors import MachineError, SpecError
from modelwright.pipeline.queue.policy import Job, Reason, Rules, next_job, verdict
from modelwright.pipeline.queue.settings import Place
from modelwright.pipeline.queue.usage import Span

_VERSION = 1
_PATIENCE_S = 30.0  # for another process's transaction, which takes milliseconds
_SCHEMA = """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, folder TEXT NOT NULL, overrides TEXT NOT NULL, priority REAL NOT NULL,
    added REAL NOT NULL, not_before REAL, state TEXT NOT NULL DEFAULT 'waiting', forecast_seconds REAL, forecast_money REAL,
    trains TEXT NOT NULL DEFAULT '[]', admitted INTEGER NOT NULL DEFAULT 0, started REAL, claimed REAL, finished REAL,
    crashes INTEGER NOT NULL DEFAULT 0, money REAL, money_basis TEXT NOT NULL DEFAULT '', worker TEXT NOT NULL DEFAULT '',
    run TEXT NOT NULL DEFAULT '', error TEXT, cancel INTEGER NOT NULL DEFAULT 0, hour REAL);
CREATE TABLE workers (id TEXT PRIMARY KEY, slots INTEGER NOT NULL, started REAL NOT NULL, seen REAL NOT NULL, ended REAL);
CREATE TABLE stays (job INTEGER NOT NULL, worker TEXT NOT NULL, started REAL NOT NULL, ended REAL, outcome TEXT NOT NULL DEFAULT '');
CREATE INDEX stays_open ON stays (worker) WHERE ended IS NULL;
"""
_FIELDS = (
    "id, project, folder, overrides, priority, added, not_before, state, forecast_seconds, forecast_money, trains, admitted, started, "
    "claimed, finished, crashes, money, money_basis, worker, run, error, cancel"
)


class Store:
    """One queue's file, made on first use.

    Raises:
        MachineError: the file can't be opened, or is no queue.
    """

    def __init__(self, where: Place) -> None:
        self.where = where
        with store.writing(where.file):
            where.file.parent.mkdir(parents=True, exist_ok=True)
        with self._translated():
            self.connection = sqlite3.connect(where.file, timeout=_PATIENCE_S, isolation_level=None)
            self.connection.row_factory = sqlite3.Row
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            with self._writing() as write:
                version = write("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    for statement in filter(str.strip, _SCHEMA.split(";")):
                        write(statement)
                    write(f"PRAGMA user_version = {_VERSION}")
        if version not in (0, _VERSION):
            raise MachineError(
                f"the queue has the form {version}",
                expected=f"form {_VERSION}, which this version of Modelwright writes",
                where=str(where.file),
                remedy="Use the version of Modelwright that wrote it, or name another file with --queue.",
            )

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise MachineError(
                f"the queue can't be used: {error}",
                expected="an SQLite file that `modelwright queue` wrote, on a disk of this machine with free space",
                where=str(self.where.file),
                remedy="Name another file with --queue, or move this one away.",
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """One transaction that nobody else writes in."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection.execute
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    # asking

    def add(
        self, project: str, folder: str, overrides: Sequence[str], priority: float, now: float, not_before: float | None
    ) -> Job:
        """Put a job in; it waits."""
        with self._translated(), self._writing() as write:
            values = (project, folder, json.dumps(list(overrides), ensure_ascii=False), priority, now, not_before)
            made = write(
                "INSERT INTO jobs (project, folder, overrides, priority, added, not_before) VALUES (?, ?, ?, ?, ?, ?)", values
            )
            return self._job(made.lastrowid)

    def jobs(self) -> list[Job]:
        """Every job, in the order of asking."""
        with self._translated():
            return [_job(row) for row in self.connection.execute(f"SELECT {_FIELDS} FROM jobs ORDER BY id")]

    def job(self, number: int) -> Job:
        """One job.

        Raises:
            SpecError: there is none of that number.
        """
        with self._translated():
            return self._job(number)

    def _job(self, number: int | None) -> Job:
        row = self.connection.execute(f"SELECT {_FIELDS} FROM jobs WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise SpecError(
                f"there is no job {number}",
                expected="the number of a job",
                where=str(self.where.file),
                remedy="See: modelwright queue list",
            )
        return _job(row)

    def cancel(self, number: int, now: float) -> Job:
        """Take a waiting job out; ask the worker of a running one to stop it. An ended job stays as it is."""
        with self._translated(), self._writing() as write:
            self._job(number)
            write(
                "UPDATE jobs SET state = 'cancelled', finished = ?, cancel = 1 WHERE id = ? AND state = 'waiting'", (now, number)
            )
            write("UPDATE jobs SET cancel = 1 WHERE id = ? AND state = 'running'", (number,))
            return self._job(number)

    # working

    def arrive(self, worker: str, slots: int, now: float) -> None:
        """A worker has come; it holds its lock already (`present`)."""
        with self._translated(), self._writing() as write:
            write("INSERT INTO workers (id, slots, started, seen) VALUES (?, ?, ?, ?)", (worker, slots, now, now))

    def seen(self, worker: str, now: float) -> list[int]:
        """A worker is still there; returns its jobs that are to be stopped."""
        with self._translated(), self._writing() as write:
            write("UPDATE workers SET seen = ? WHERE id = ?", (now, worker))
            rows = write("SELECT id FROM jobs WHERE worker = ? AND state = 'running' AND cancel", (worker,))
            return [row["id"] for row in rows]

    def leave(self, worker: str, now: float) -> None:
        with self._translated(), self._writing() as write:
            write("UPDATE workers SET ended = ?, seen = ? WHERE id = ?", (now, now, worker))

    def claim(self, worker: str, rules: Rules, now: float) -> Job | None:
        """The job that should start now, taken; None where none may."""
        with self._translated(), self._writing() as write:
            job = next_job(self.jobs(), rules, now)
            if job is None:
                return None
            write(
                "UPDATE jobs SET state = 'running', worker = ?, claimed = ?, started = coalesce(started, ?) WHERE id = ?",
                (worker, now, now, job.id),
            )
            write("INSERT INTO stays (job, worker, started) VALUES (?, ?, ?)", (job.id, worker, now))
            return self._job(job.id)

    def admit(self, number: int, forecast: Mapping[str, Any], rules: Rules, now: float) -> Reason:
        """Note a job's forecast, and let it train if money and reservations allow; else it waits again.

        Args:
            forecast: {"seconds", "money", "hour", "trains"}; money and the price of an hour in the queue's currency.
        """
        with self._translated(), self._writing() as write:
            if not self._job(number).admitted:  # a continued job keeps its first forecast: it covers what was done already
                values = (forecast["seconds"], forecast["money"], forecast["hour"], json.dumps(list(forecast["trains"])), number)
                write("UPDATE jobs SET forecast_seconds = ?, forecast_money = ?, hour = ?, trains = ? WHERE id = ?", values)
            reason = verdict(self._job(number), self.jobs(), rules, now)
            if reason:
                write("UPDATE jobs SET state = 'waiting', worker = '', claimed = NULL WHERE id = ?", (number,))
                self._left_slot(write, number, now, reason)
            else:
                write("UPDATE jobs SET admitted = 1 WHERE id = ?", (number,))
            return reason

    def end(
        self,
        number: int,
        state: str,
        now: float,
        *,
        money: float | None = None,
        run: str = "",
        error: Mapping[str, Any] | None = None,
    ) -> Job:
        """A job has finished, failed or been cancelled. Without measured money, its time in slots is priced."""
        with self._translated(), self._writing() as write:
            self._left_slot(write, number, now, state)
            basis = "measured" if money is not None else "estimated"
            amount = self._priced(number) if money is None else money
            text = None if error is None else json.dumps(dict(error), ensure_ascii=False)
            write(
                "UPDATE jobs SET state = ?, finished = ?, money = ?, money_basis = ?, run = ?, error = ?, worker = '' WHERE id = ?",
                (state, now, amount, basis if amount is not None else "", run, text, number),
            )
            return self._job(number)

    def _priced(self, number: int) -> float | None:
        """Time in slots × price of an hour; None where the price was not known yet (no training began)."""
        row = self.connection.execute(
            "SELECT hour * (SELECT sum(ended - started) FROM stays WHERE job = id) / 3600 FROM jobs WHERE id = ? AND admitted",
            (number,),
        ).fetchone()
        return None if row is None else row[0]

    def give_back(self, number: int, now: float, why: str, crashed: bool = False, not_before: float | None = None) -> Job:
        """A job's process is gone; it waits for a slot again, unless it was to be stopped."""
        with self._translated(), self._writing() as write:
            self._give_back(write, number, now, why, crashed)
            write("UPDATE jobs SET not_before = coalesce(?, not_before) WHERE id = ?", (not_before, number))
            return self._job(number)

    def _give_back(self, write: Any, number: int, now: float, why: str, crashed: bool = False) -> None:
        self._left_slot(write, number, now, why)
        write(
            "UPDATE jobs SET state = CASE WHEN cancel THEN 'cancelled' ELSE 'waiting' END, finished = CASE WHEN cancel THEN ? END, "
            "worker = '', claimed = NULL, crashes = crashes + ? WHERE id = ?",
            (now, int(crashed), number),
        )
        amount = self._priced(number)
        if amount is not None:
            write("UPDATE jobs SET money = ?, money_basis = 'estimated' WHERE id = ? AND state = 'cancelled'", (amount, number))

    def _left_slot(self, write: Any, number: int, now: float, outcome: str) -> None:
        write("UPDATE stays SET ended = max(started, ?), outcome = ? WHERE job = ? AND ended IS NULL", (now, outcome, number))

    def reclaim(self) -> list[int]:
        """Give back what workers held that are gone; the numbers of their jobs. Time counts up to when they were last seen."""
        taken: list[int] = []
        with self._translated():
            open_ = self.connection.execute("SELECT id, seen FROM workers WHERE ended IS NULL").fetchall()
        for row in open_:
            if is_present(self.where.locks, row["id"]):
                continue
            with self._translated(), self._writing() as write:
                still = write("SELECT seen FROM workers WHERE id = ? AND ended IS NULL", (row["id"],)).fetchone()
                if still is None:  # another worker was quicker
                    continue
                held = write("SELECT id FROM jobs WHERE worker = ? AND state = 'running'", (row["id"],)).fetchall()
                for job in held:
                    self._give_back(write, job["id"], still["seen"], "the worker was gone")
                    taken.append(job["id"])
                write("UPDATE workers SET ended = seen WHERE id = ?", (row["id"],))
            (self.where.locks / row["id"]).unlink(missing_ok=True)
        return taken

    def spans(self, now: float) -> tuple[list[Span], list[Span]]:
        """(workers, stays of jobs in slots); what still lasts ends now, or when its worker was last seen if that is gone."""
        with self._translated():
            workers = self.connection.execute("SELECT id, slots, started, seen, ended FROM workers").fetchall()
            stays = self.connection.execute("SELECT worker, started, ended FROM stays").fetchall()
        last = {
            row["id"]: now if row["ended"] is None and is_present(self.where.locks, row["id"]) else row["ended"] or row["seen"]
            for row in workers
        }
        return (
            [Span(row["started"], last[row["id"]], row["slots"]) for row in workers],
            [Span(row["started"], row["ended"] if row["ended"] is not None else last[row["worker"]]) for row in stays],
        )

    def present(self) -> int:
        """Workers that are there."""
        with self._translated():
            rows = self.connection.execute("SELECT id FROM workers WHERE ended IS NULL").fetchall()
        return sum(is_present(self.where.locks, row["id"]) for row in rows)


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    values["overrides"] = tuple(json.loads(values["overrides"]))
    values["trains"] = tuple(json.loads(values["trains"]))
    values["error"] = None if values["error"] is None else json.loads(values["error"])
    return Job(**{**values, "admitted": bool(values["admitted"]), "cancel": bool(values["cancel"])})


@contextmanager
def held(folder: Path, name: str, wait: bool = False) -> Iterator[TextIO]:
    """Hold the lock `name` while the block runs. The system lets go of it when the process ends, killed or not.

    Raises:
        BlockingIOError: somebody else holds it, and `wait` is False.
    """
    with store.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield lock


def is_present(folder: Path, worker: str) -> bool:
    """Does that worker still hold its lock?"""
    path = folder / worker
    if not path.exists():
        return False
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
