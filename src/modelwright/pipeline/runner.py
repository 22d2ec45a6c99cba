"""The runner: re-does only what changed, continues what was killed, never leaves half an artefact.

A step's fingerprint is its part of the spec, the digests of its inputs and the code of its rooms. A finished step with the
same fingerprint, in this run or an earlier one, is kept. A run folder is written once and then left alone.
"""

from __future__ import annotations

import fcntl
import os
import random
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from modelwright.base import machine, store
from modelwright.base.console import Console, duration
from modelwright.base.errors import MachineError, ModelwrightError, SpecError
from modelwright.base.evidence import Ledger, Source
from modelwright.base.store import Artefact
from modelwright.pipeline.context import EVIDENCE, Context, Step
from modelwright.pipeline.table import STAGES, steps
from modelwright.pipeline.worker import Worker
from modelwright.spec.load import Loaded
from modelwright.tasks.contract import get_task

RUNS = "runs"
_KEPT_RUNS = 50  # earlier runs searched for finished steps, newest first


@dataclass(frozen=True)
class Run:
    """One execution of the pipeline: an immutable folder under `runs/`.

    Args:
        folder: where it lies.
        lines: what each step said of itself, by step name.
        changed: steps that were executed now; empty if everything was kept.
    """

    folder: Path
    lines: Mapping[str, str]
    changed: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def release(self) -> Path:
        """The servable folder."""
        return self.folder / "release"

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report" / "index.html"

    @property
    def decision(self) -> dict[str, Any]:
        """What was chosen and why (choose/decision.json)."""
        return store.read_json(self.folder / "choose" / "decision.json")

    @property
    def evidence(self) -> Ledger:
        return Ledger(self.folder / EVIDENCE)


@dataclass
class _Shelf:
    """Finished steps of this project's runs by fingerprint, and unfinished ones that can be continued."""

    finished: dict[str, Artefact] = field(default_factory=dict)
    partial: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def scan(cls, runs: Path) -> _Shelf:
        shelf = cls()
        for run in sorted((path for path in runs.glob("*") if path.is_dir()), reverse=True)[:_KEPT_RUNS]:
            for manifest in [*run.glob(f"*/{store.MANIFEST}"), *run.glob(f"*/*/{store.MANIFEST}")]:
                artefact = Artefact.open(manifest.parent) if not manifest.parent.name.endswith(".partial") else None
                if artefact is not None:
                    shelf.finished.setdefault(artefact.fingerprint, artefact)
            for mark in [*run.glob("*.partial/.fingerprint"), *run.glob("*/*.partial/.fingerprint")]:
                shelf.partial.setdefault(mark.read_text(), mark.parent)
        return shelf


@cache
def code_version(rooms: tuple[str, ...]) -> str:
    """Hash of the source of the rooms and of the steps' glue."""
    package = Path(__file__).parent.parent
    files = [
        path for room in sorted(rooms) for path in sorted((package / room).rglob("*")) if path.is_file() and path.suffix != ".pyc"
    ]
    return store.content_hash(*(path.read_bytes() for path in files))


def _fingerprint(step: Step, done: Mapping[str, Artefact]) -> str:
    glue = (Path(__file__).parent / "steps" / f"{step.stage}.py").read_text()
    inputs = {name: done[name].digest for name in step.needs}
    return store.json_hash([step.name, step.settings, inputs, code_version(step.rooms), store.content_hash(glue)])


def run(
    loaded: Loaded,
    console: Console,
    *,
    until: str | None = None,
    since: str | None = None,
    force: bool = False,
    command: Sequence[str] = ("modelwright", "run"),
) -> Run:
    """Run a project's pipeline, keeping every finished step whose fingerprint still holds.

    Args:
        until: the last stage to run.
        since: this stage and all after it are done again, changed or not.
        force: everything is done again.

    Raises:
        ModelwrightError: a step failed; finished steps are kept, and the same command goes on from there.
    """
    for stage in (until, since):
        if stage is not None and stage not in STAGES:
            raise SpecError(
                f"{stage!r} is not a stage",
                expected=f"one of: {', '.join(STAGES)}",
                where="command line",
                remedy="Mend the name.",
            )
    order = list(STAGES)
    table = [step for step in steps(loaded) if until is None or order.index(step.stage) <= order.index(until)]
    again = {step.name for step in table if force or (since is not None and order.index(step.stage) >= order.index(since))}
    runs = loaded.folder / RUNS
    with _alone(runs):
        shelf = _Shelf.scan(runs)
        complete = None if again else _unchanged(runs, table, shelf, loaded)
        if complete is not None:
            _print_kept(complete, table, loaded, console)
            return complete
        folder = None if again else _unfinished(runs, loaded)
        return _Execution(loaded, console, folder or _new_run(runs, loaded, command), shelf, again, command).go(table)


class _Execution:
    """One pass over the table inside one run folder."""

    def __init__(
        self, loaded: Loaded, console: Console, folder: Path, shelf: _Shelf, again: set[str], command: Sequence[str]
    ) -> None:
        self.loaded, self.console, self.folder, self.shelf, self.again = loaded, console, folder, shelf, again
        self.command = shlex.join(command)
        self.ledger = Ledger(folder / EVIDENCE)
        self.noted = {(record.name, record.source.time) for record in self.ledger}
        self.lines: dict[str, str] = {}
        self.changed: list[str] = []

    def go(self, table: Sequence[Step]) -> Run:
        project = self.loaded.project
        self.console.line(f"{project.project} · {project.task} · run {self.folder.name}")
        done: dict[str, Artefact] = {}
        stages = list(STAGES)
        self._status("running")
        with Worker(self.console) as worker:
            try:
                for index, step in enumerate(table):
                    first = index == 0 or table[index - 1].stage != step.stage
                    done[step.name] = self._step(step, done, worker)
                    number = f"{stages.index(step.stage) + 1:2d} {step.stage:<10}" if first else " " * 13
                    self._print(number, step, done[step.name])
            except ModelwrightError:
                self._status("failed")
                raise
        self._status("finished" if table[-1].stage == stages[-1] else f"until {table[-1].stage}")
        return Run(self.folder, self.lines, tuple(self.changed))

    def _step(self, step: Step, done: Mapping[str, Artefact], worker: Worker) -> Artefact:
        fingerprint = _fingerprint(step, done)
        target = self.folder / step.name
        found = None if step.name in self.again else self.shelf.finished.get(fingerprint)
        if found is not None:
            artefact = found if found.folder == target else found.clone(target)
        else:
            self.changed.append(step.name)
            artefact = self._execute(step, fingerprint, target, done, worker)
        records = [record for record in Ledger(artefact.folder / EVIDENCE) if (record.name, record.source.time) not in self.noted]
        self.ledger.extend(records)
        return artefact

    def _execute(self, step: Step, fingerprint: str, target: Path, done: Mapping[str, Artefact], worker: Worker) -> Artefact:
        left = self.shelf.partial.get(fingerprint)
        wanted = target.with_name(target.name + ".partial")
        if left is not None and left != wanted and left.exists() and not wanted.exists():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            left.rename(wanted)  # a killed training of an earlier run goes on here
        out = store.begin(target, fingerprint)
        (out / EVIDENCE).unlink(missing_ok=True)
        source = Source(
            run=self.folder.name,
            stage=step.name,
            command=self.command,
            hardware=machine.describe().line,
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            input_hash=fingerprint,
        )
        inputs = {name: done[name].folder for name in step.needs}
        context = Context(self.loaded, self.folder, out, inputs, Ledger(out / EVIDENCE, source), self.console)
        started = time.perf_counter()
        line = worker.run(step, context) if step.apart else step.work(context)
        return store.commit(target, fingerprint, {"line": line, "seconds": time.perf_counter() - started})

    def _print(self, number: str, step: Step, artefact: Artefact) -> None:
        self.lines[step.name] = artefact.info["line"]
        took = duration(artefact.info["seconds"]) if step.name in self.changed else _WORDS["kept"][self.loaded.project.language]
        self.console.line(f"{number} {artefact.info['line']}  [{took}]")

    def _status(self, status: str) -> None:
        path = self.folder / "run.json"
        store.write_json(path, {**store.read_json(path), "status": status})


_WORDS = {
    "kept": {"en": "kept", "zh": "沿用"},
    "unchanged": {"en": "nothing changed", "zh": "没有变化"},
}


def _new_run(runs: Path, loaded: Loaded, command: Sequence[str]) -> Path:
    now = datetime.now()
    letters = "".join(random.SystemRandom().choices("abcdefghjkmnpqrstuvwxyz23456789", k=3))
    folder = runs / f"{now:%Y-%m-%d-%H%M%S}-{letters}"
    about = {
        "id": folder.name,
        "project": loaded.project.project,
        "task": loaded.project.task,
        "language": loaded.project.language,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "hash": loaded.hash,
        "command": shlex.join(command),
        "machine": machine.describe().line,
    }
    with store.writing(folder):
        folder.mkdir(parents=True)
    store.write_json(folder / "project.json", loaded.resolved)
    store.write_json(folder / "run.json", about)
    return folder


def runs_newest_first(runs: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each run's folder with its run.json; folders without a readable one are not runs."""
    for folder in sorted((path for path in runs.glob("*") if path.is_dir()), reverse=True):
        try:
            yield folder, store.read_json(folder / "run.json")
        except (OSError, ValueError):
            continue  # a process killed between making the folder and writing run.json left an empty one


def _unfinished(runs: Path, loaded: Loaded) -> Path | None:
    """The newest run, if it is unfinished and of the same settings."""
    for folder, about in runs_newest_first(runs):
        return folder if about["status"] != "finished" and about["hash"] == loaded.hash else None
    return None


def _unchanged(runs: Path, table: Sequence[Step], shelf: _Shelf, loaded: Loaded) -> Run | None:
    """The newest run, if it is finished and every step of the table still holds in it."""
    for folder, about in runs_newest_first(runs):
        if about["status"] != "finished" or about["hash"] != loaded.hash:
            return None
        done: dict[str, Artefact] = {}
        for step in table:
            artefact = Artefact.open(folder / step.name)
            if artefact is None or artefact.fingerprint != _fingerprint(step, done):
                return None
            done[step.name] = artefact
        return Run(folder, {name: artefact.info["line"] for name, artefact in done.items()})
    return None


def ahead(loaded: Loaded) -> list[str]:
    """Steps that `run` would do now, as far as it can be told before they are done. Reads alone; takes no lock."""
    shelf, done, names = _Shelf.scan(loaded.folder / RUNS), dict[str, Artefact](), list[str]()
    for step in steps(loaded):
        known = all(name in done for name in step.needs)
        found = shelf.finished.get(_fingerprint(step, done)) if known else None
        if found is None:
            names.append(step.name)
        else:
            done[step.name] = found
    return names


def _print_kept(run: Run, table: Sequence[Step], loaded: Loaded, console: Console) -> None:
    project = loaded.project
    console.line(f"{project.project} · {project.task} · run {run.id} · {_WORDS['unchanged'][project.language]}")
    stages = list(STAGES)
    for index, step in enumerate(table):
        first = index == 0 or table[index - 1].stage != step.stage
        console.line(f"{f'{stages.index(step.stage) + 1:2d} {step.stage:<10}' if first else ' ' * 13} {run.lines[step.name]}")


@contextmanager
def _alone(runs: Path) -> Iterator[None]:
    """One run at a time per project: two would write the same shelf."""
    with store.writing(runs):
        runs.mkdir(parents=True, exist_ok=True)
        lock: TextIO = (runs / ".lock").open("a+")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise MachineError(
                f"another run of this project is going on (process {lock.read().strip() or 'unknown'})",
                expected="one run of a project at a time",
                where=str(runs),
                remedy="Wait for it, or stop it; what it finished will be kept.",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def is_busy(folder: Path) -> bool:
    """Is a run of the project in `folder` going on?"""
    lock = folder / RUNS / ".lock"
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def closing(run: Run, loaded: Loaded) -> list[str]:
    """What is said at the end: the decision in one sentence, where the report is, what to do next."""
    zh = loaded.project.language == "zh"
    here = Path.cwd()
    report = run.report.relative_to(here) if run.report.is_relative_to(here) else run.report
    folder = run.folder.relative_to(here) if run.folder.is_relative_to(here) else run.folder
    fields = get_task(loaded.project.task).request.model_fields
    serve, ask, open_ = ("启动服务", "提问", "查看报告") if zh else ("serve it", "ask it", "read it")
    return [
        "",
        run.decision["reason"]["zh" if zh else "en"],
        f"  {open_:<9} {report}",
        f"  {serve:<9} {_ourselves()} serve {folder}",
        f"  {ask:<9} {_ourselves()} ask --run {folder} " + ('"…"' if "text" in fields else f"@{folder}/rehearse/request.json"),
    ]


def _ourselves() -> str:
    """The command as it can be typed here: by name if the shell finds it, else by its place."""
    if shutil.which("modelwright"):
        return "modelwright"
    own = Path(sys.executable).with_name("modelwright")
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)
