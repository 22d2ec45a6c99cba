"""One training by several processes on this machine, each on a GPU of its own where there are some: `torchrun` starts them.

`train_together` is for whoever calls `train_route` otherwise. What it is given goes through a file to processes that run this module, of
which each calls `train_route` itself; `team.py` says what they share. The first one's folder is the training's; the others write into
folders of their own, which are thrown away. Several machines: run this module with torchrun there, on a request that all can read.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from modelwright.base import errors
from modelwright.base.console import Console
from modelwright.base.errors import MachineError, ModelwrightError
from modelwright.base.store import read_json, write_json
from modelwright.data.rows import read_split
from modelwright.spec.routes.route import Route, all_routes
from modelwright.spec.section import Section
from modelwright.tasks.contract import Task, get_task

REQUEST, PROBLEM = "request.json", "problem.json"
MAIN = "main"
_PARENT_DIED = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>


def train_together(
    task: type[Task],
    route: Route,
    splits: Mapping[str, Path],
    *,
    processes: int,
    sharded: bool,
    checkpoint: Path | None,
    limits: Any,
    seed: int,
    folder: Path,
    console: Console,
    title: str,
    checkpoint_seconds: float,
    learn: Section | None = None,
) -> dict[str, Any]:
    """As `train_route`, by so many processes.

    Args:
        splits: folders of the data stage that hold a training and a validation split: "main", and those of later phases by name.
        processes: more than one.
        sharded: weights and the optimiser's memory are shared out (FSDP2) instead of copied to each process (DDP).

    Returns:
        What result.json holds.

    Raises:
        ModelwrightError: as train_route raises it in the process that failed first.
        MachineError: a process was stopped from outside.
    """
    request = {
        "task": task.name,
        "learn": None if learn is None else learn.model_dump(mode="json", by_alias=True),
        "route": route.key(),
        "settings": route.model_dump(mode="json", by_alias=True),
        "splits": {name: str(path) for name, path in splits.items()},
        "sharded": sharded,
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "limits": asdict(limits),
        "seed": seed,
        "folder": str(folder),
        "title": title,
        "checkpoint_seconds": checkpoint_seconds,
        "quiet": console.quiet,
    }
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch) / REQUEST
        write_json(written, request)
        code = _torchrun(written, processes)
        problem = Path(scratch) / PROBLEM
        if problem.exists():
            _raise(read_json(problem))
    if code:
        raise MachineError(
            f"one of {processes} training processes was stopped: exit code {code}",
            expected="enough memory and devices for all of them",
            where=f"routes.{title}",
            remedy="Set fewer train.processes, or train.sharded: true, which needs less memory in each; then run again: it goes on from "
            "the last checkpoint. What the process said stands above.",
        )
    from modelwright.train.route import RESULT

    return read_json(folder / RESULT)


def _torchrun(request: Path, processes: int) -> int:
    """Its exit code. It ends with this process, however that ends."""
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return subprocess.run(
        [*command, "-m", __name__, str(request)],
        stdout=sys.stderr.fileno(),  # a step's own standard output belongs to its replies
        env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads)},
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        check=False,
    ).returncode


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PARENT_DIED, signal.SIGTERM)


def _raise(problem: Mapping[str, Any]) -> NoReturn:
    kind = getattr(errors, problem["error"])
    raise kind(problem["came"], expected=problem["expected"], where=problem["where"], remedy=problem["remedy"])


def main(request_file: Path) -> int:
    """One of the processes. Its exit code."""
    from modelwright.train.team import form, part_ways

    request = read_json(request_file)
    us = form(request["sharded"])
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(request["folder"])
            if not us.leads:  # to go on with, it must see what the first one sees
                folder = Path(shutil.copytree(folder, Path(scratch) / "copy"))
            us.sum(0.0)  # before the first one changes anything
            result = _train(request, folder, Console(quiet=request["quiet"] or not us.leads))
            if us.leads:
                from modelwright.train.route import RESULT

                own = {"processes": us.size, "sharded": us.sharded, "devices": us.size if us.on_gpus else 1}
                write_json(folder / RESULT, {**result, **own})
            us.sum(0.0)
    except ModelwrightError as error:
        _tell(error, request_file.with_name(PROBLEM))
        return error.exit_code
    part_ways()
    return 0


def _tell(error: ModelwrightError, file: Path) -> None:
    """Only the first problem: the others' are that this one is gone."""
    own = file.with_name(f"{file.name}.{os.getpid()}")
    own.write_text(json.dumps(error.as_json(), ensure_ascii=False), encoding="utf-8")
    try:
        os.link(own, file)
    except FileExistsError:
        return


def _train(request: Mapping[str, Any], folder: Path, console: Console) -> dict[str, Any]:
    from modelwright.train.route import Limits, train_route

    task = get_task(request["task"])
    rows = {
        name: (read_split(Path(path), "train"), read_split(Path(path), "validation")) for name, path in request["splits"].items()
    }
    main_rows, validation = rows.pop(MAIN)
    return train_route(
        task,
        all_routes()[request["route"]].model_validate(request["settings"]),
        main_rows,
        validation,
        checkpoint=None if request["checkpoint"] is None else Path(request["checkpoint"]),
        limits=Limits(**request["limits"]),
        seed=request["seed"],
        folder=folder,
        console=console,
        title=request["title"],
        checkpoint_seconds=request["checkpoint_seconds"],
        learn=None if request["learn"] is None else task.settings.model_validate(request["learn"]),
        more=rows,
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
