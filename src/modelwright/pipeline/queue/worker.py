"""A worker: takes jobs as slots get free, each in a process of its own, and gives back what it could not end.

Killed, it takes its processes with it (their standard input ends); the next worker finds its lock free and goes on with its jobs.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from modelwright.base import machine
from modelwright.base.console import Console, amount, duration
from modelwright.base.errors import SpecError
from modelwright.pipeline.queue.policy import Job, left
from modelwright.pipeline.queue.settings import Place, QueueSettings, read
from modelwright.pipeline.queue.store import Store, held
from modelwright.pipeline.queue.words import say

_POLL_S = 0.2
_SEEN_S = 2.0
_AGAIN_S = 30.0  # until a project that somebody runs by hand is looked at again
_STOP_S = 10.0  # for a process to end once its standard input has; then it is killed


@dataclass
class _Running:
    """A job's process."""

    job: Job
    process: subprocess.Popen[bytes]
    log: BinaryIO
    unread: bytes = b""
    answers: list[dict[str, Any]] = field(default_factory=list)
    trains: tuple[str, ...] = ()
    ended: bool = False

    @property
    def pipe(self) -> int:
        """The end on which its replies come."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def read(self) -> Iterator[dict[str, Any]]:
        """Replies that have come since the last time."""
        piece = os.read(self.pipe, 1 << 16)
        self.ended = not piece
        *lines, self.unread = (self.unread + piece).split(b"\n")
        yield from map(json.loads, lines)

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended meanwhile, which its standard output says
            self.process.stdin.write(f"{word}\n".encode())
            self.process.stdin.flush()

    def stop(self) -> None:
        """End the process and what it started."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Worker:
    """Takes jobs of one queue.

    Args:
        where: the queue.
        console: says what starts and ends.
        slots: jobs at a time; None: all of the queue's.
        clock: seconds since 1970.
        process: the command of a job's process.
    """

    def __init__(
        self,
        where: Place,
        console: Console,
        slots: int | None = None,
        clock: Callable[[], float] = time.time,
        process: Sequence[str] = (sys.executable, "-m", "modelwright.pipeline.queue.job"),
    ) -> None:
        self.where, self.console, self.clock, self.process = where, console, clock, list(process)
        self.wanted, self.settings = slots, read(where, clock())
        self.id = f"worker-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.warned = ""
        self.running: dict[int, _Running] = {}
        self.stopping = False

    def work(self, until_empty: bool = False) -> dict[str, Any]:
        """Work until stopped, or (with `until_empty`) until no job runs and none may start.

        Returns:
            {"worker", "done": [{"job", "state"}, …]} of what ended here.
        """
        done: list[dict[str, Any]] = []
        with Store(self.where) as store, held(self.where.locks, self.id):
            store.arrive(self.id, self._slots(self._settings()), self.clock())
            heard = 0.0
            try:
                with _stopped_by_signals(self):
                    while not self.stopping:
                        if time.monotonic() - heard >= _SEEN_S:
                            heard = time.monotonic()
                            self._look_around(store)
                        self._start(store)
                        if not self.running and until_empty:
                            break
                        done += self._listen(store)
            finally:
                for running in list(self.running.values()):
                    self._stop(store, running, "the worker was stopped")
                store.leave(self.id, self.clock())
        (self.where.locks / self.id).unlink(missing_ok=True)
        return {"worker": self.id, "done": done}

    def _settings(self) -> QueueSettings:
        """The settings of now; a file that is wrong, perhaps half saved, leaves the last good ones in force."""
        try:
            self.settings, self.warned = read(self.where, self.clock()), ""
        except SpecError as error:
            if str(error) != self.warned:
                self.console.warn(str(error))
            self.warned = str(error)
        return self.settings

    def _slots(self, settings: QueueSettings) -> int:
        return min(self.wanted or settings.slots, settings.slots)

    def _look_around(self, store: Store) -> None:
        """Show that this worker is there, stop what was cancelled, take back what dead workers held."""
        for number in store.seen(self.id, self.clock()):
            if number in self.running:
                self._stop(store, self.running[number], "cancelled")
        for number in store.reclaim():
            self.console.line(say(self._settings(), "taken-back", job=number))

    def _start(self, store: Store) -> None:
        settings = self._settings()
        while len(self.running) < self._slots(settings):
            job = store.claim(self.id, settings.rules(), self.clock())
            if job is None:
                return
            self.running[job.id] = self._open(job, settings)
            self.console.line(say(settings, "started", job=job.id, project=job.project, log=self._log(job)))

    def _log(self, job: Job) -> Path:
        return self.where.logs / f"{job.id}.log"

    def _open(self, job: Job, settings: QueueSettings) -> _Running:
        self.where.logs.mkdir(parents=True, exist_ok=True)
        log = self._log(job).open("ab")
        threads = str(max(1, machine.describe().cores // settings.slots))  # side by side, each gets its share of the cores
        process = subprocess.Popen(
            self.process,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={"OMP_NUM_THREADS": threads, **os.environ},
            start_new_session=True,  # Ctrl-C reaches the worker alone, which ends its jobs in order
        )
        running = _Running(job, process, log)
        request = {
            "id": job.id,
            "folder": job.folder,
            "overrides": list(job.overrides),
            "currency": settings.currency,
            "locks": str(self.where.locks),
            "trains": list(job.trains) if job.admitted else None,
        }
        running.tell(json.dumps(request))
        return running

    def _listen(self, store: Store) -> list[dict[str, Any]]:
        """Wait a moment for replies and deal with them; what ended."""
        done = []
        pipes = {running.pipe: running for running in self.running.values()}
        if not pipes:
            time.sleep(_POLL_S)
            return []
        for pipe in select.select([*pipes], [], [], _POLL_S)[0]:
            running = pipes[pipe]
            for reply in running.read():
                self._hear(store, running, reply)
            if running.ended:
                done.append(self._end(store, running))
        return done

    def _hear(self, store: Store, running: _Running, reply: Mapping[str, Any]) -> None:
        if "forecast" not in reply:
            running.answers.append(dict(reply))
            return
        settings, job, forecast = self._settings(), running.job, reply["forecast"]
        reason = store.admit(job.id, forecast, settings.rules(), self.clock())
        running.tell("hold" if reason else "go")
        if reason:
            running.answers.append({"held": reason})
        rest = left(store.jobs(), settings.rules())
        self.console.line(
            say(
                settings,
                "held" if reason else "forecast",
                job=job.id,
                project=job.project,
                took=duration(forecast["seconds"]),
                money=f"{amount(forecast['money'])} {settings.currency}",
                rest=say(settings, "no-budget") if rest is None else f"{rest:,.2f} {settings.currency}",
                reason=say(settings, reason) if reason else "",
            )
        )

    def _end(self, store: Store, running: _Running) -> dict[str, Any]:
        """A process has ended: by itself, held back, or killed."""
        del self.running[running.job.id]
        running.stop()
        job, code, now, settings = running.job, running.process.returncode, self.clock(), self._settings()
        answer = running.answers[-1] if running.answers else {}
        if "held" in answer:
            return {"job": job.id, "state": "waiting", "reason": answer["held"]}
        if "busy" in answer:
            self.console.line(say(settings, "busy", job=job.id, project=job.project))
            store.give_back(job.id, now, "the project is being run by hand", not_before=now + _AGAIN_S)
            return {"job": job.id, "state": "waiting", "reason": "project-busy"}
        if "finished" in answer:
            found = answer["finished"]
            ended = store.end(job.id, "finished", now, money=found["money"], run=found["folder"])
        elif "failed" in answer:
            ended = store.end(job.id, "failed", now, error=answer["failed"])
        else:
            ended = store.give_back(job.id, now, f"the process ended with {code}", crashed=True)
            if ended.state == "waiting" and ended.crashes >= settings.crashes:
                ended = store.end(job.id, "failed", now, error=_crashed(ended, code))
        self._tell_end(settings, ended)
        return {"job": job.id, "state": ended.state}

    def _tell_end(self, settings: QueueSettings, job: Job) -> None:
        took = duration((job.finished or self.clock()) - (job.claimed or job.started or job.added))
        money = say(settings, "unknown") if job.money is None else f"{amount(job.money)} {settings.currency}"
        why = (job.error or {}).get("came", "")
        self.console.line(say(settings, f"ended-{job.state}", job=job.id, project=job.project, took=took, money=money, why=why))

    def _stop(self, store: Store, running: _Running, why: str) -> None:
        del self.running[running.job.id]
        running.stop()
        self._tell_end(self._settings(), store.give_back(running.job.id, self.clock(), why))


def _crashed(job: Job, code: int) -> dict[str, Any]:
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return {
        "error": "MachineError",
        "came": f"the process was stopped from outside {job.crashes} times, at last by {how}",
        "expected": "enough memory for the run (its forecast shows how much)",
        "where": job.folder,
        "remedy": "Free memory or make the route smaller, then add the job again: finished steps are kept.",
    }


@contextlib.contextmanager
def _stopped_by_signals(worker: Worker) -> Iterator[None]:
    """SIGTERM and Ctrl-C end the loop, so that jobs are given back in order."""

    def stop(*_: object) -> None:
        worker.stopping = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
