"""The arguments of `modelwright queue`, apart from the work: the parser is built for every command and stays light."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(verb: argparse.ArgumentParser) -> None:
    """Add the actions with their arguments; each sets `action`."""
    actions = verb.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)

    def action(name: str, text: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        made.add_argument("--queue", metavar="FILE", type=Path, help="the queue's file (default: one in the user's data folder)")
        made.add_argument("--json", action="store_true", help="print JSON for scripts; errors too")
        return made

    add = action("add", "ask for a run; it starts when a worker has a slot for it")
    add.add_argument("project", metavar="PROJECT", help="the project's folder or file; it is read again when the run starts")
    add.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings that win over the file's, like train.seed=3")
    add.add_argument("--priority", type=float, default=0.0, metavar="N", help="higher comes first (default: %(default)g)")
    add.add_argument("--not-before", metavar="T", help="earliest start, like 2026-12-01T20:00")
    action("list", "list the jobs: running, waiting in their order, ended")
    show = action("show", "show slots, budget, reservations, utilisation, waiting times and jobs")
    show.add_argument("--days", type=float, default=7.0, metavar="N", help="utilisation of so many days (default: %(default)g)")
    work = action("work", "work: take jobs as slots get free, until stopped")
    work.add_argument("--slots", type=int, metavar="N", help="jobs at a time here (default: all slots of the queue)")
    work.add_argument("--until-empty", action="store_true", help="end when no job runs and none may start")
    cancel = action("cancel", "take jobs out; one that runs is stopped")
    cancel.add_argument("jobs", nargs="+", type=int, metavar="JOB", help="numbers of jobs")
