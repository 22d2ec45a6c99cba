"""What `modelwright queue …` does."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.errors import SpecError
from modelwright.pipeline.queue import settings as queue_settings
from modelwright.pipeline.queue import show
from modelwright.pipeline.queue.settings import Place
from modelwright.pipeline.queue.store import Store
from modelwright.pipeline.queue.words import say


def command(given: argparse.Namespace, console: Console) -> Any:
    """Do what was asked and return it for scripts."""
    where = queue_settings.place(given.queue)
    if given.action == "work":
        return _work(given, where, console)
    with Store(where) as store:
        return {"add": _add, "list": _list, "show": _show, "cancel": _cancel}[given.action](given, store, console)


def _add(given: argparse.Namespace, store: Store, console: Console) -> Any:
    from modelwright.spec.load import load
    from modelwright.tasks.contract import TASKS

    now = time.time()
    settings = queue_settings.read(store.where, now)
    loaded = load(Path(given.project), TASKS, given.overrides)  # what is wrong with the file is said now, not at night
    not_before = None if given.not_before is None else queue_settings.moment(given.not_before, settings.zone)
    folder = str(Path(given.project).resolve())
    job = store.add(loaded.project.project, folder, given.overrides, given.priority, now, not_before)
    console.line(say(settings, "added", job=job.id, project=job.project))
    return asdict(job)


def _list(given: argparse.Namespace, store: Store, console: Console) -> Any:
    now = time.time()
    settings = queue_settings.read(store.where, now)
    store.reclaim()
    rows = show.listed(store.jobs(), settings.rules(), now)
    if not given.json:
        print("\n".join(show.table(rows, settings)))
    return rows


def _show(given: argparse.Namespace, store: Store, console: Console) -> Any:
    if not given.days > 0:
        raise SpecError(f"--days {given.days:g}", expected="more than 0", where="--days", remedy="For example: --days 7")
    now = time.time()
    settings = queue_settings.read(store.where, now)
    content = show.state(store, settings, now, given.days)
    if not given.json:
        print("\n".join(show.lines(content, settings)))
    return content


def _cancel(given: argparse.Namespace, store: Store, console: Console) -> Any:
    now = time.time()
    settings = queue_settings.read(store.where, now)
    store.reclaim()
    for number in given.jobs:
        store.job(number)  # all or none
    jobs = [store.cancel(number, now) for number in given.jobs]
    if not given.json:
        print("\n".join(show.table(show.listed(jobs, settings.rules(), now), settings)))
    return [asdict(job) for job in jobs]


def _work(given: argparse.Namespace, where: Place, console: Console) -> Any:
    from modelwright.pipeline.queue.worker import Worker

    if given.slots is not None and given.slots < 1:
        raise SpecError(f"--slots {given.slots}", expected="at least 1", where="--slots", remedy="Leave it out for all slots.")
    return Worker(where, console, given.slots).work(given.until_empty)
