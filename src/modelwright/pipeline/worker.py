"""The worker: steps that need heavy libraries run in a process of their own.

Why: peak memory is then the step's own, a crash or an out-of-memory kill becomes a message, and the parent stays light.
One server process loads the heavy libraries once and forks for each step (a fresh interpreter would load them again and
again). What a step loads beside them, the server loads after it, and later steps find it there: most of a short step's time
was that. Requests and replies are JSON lines over pipes; if the parent dies, the pipe closes and the step is stopped.
Where the system can't fork, the step runs in the server itself.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from modelwright.base import errors
from modelwright.base.collector import loading
from modelwright.base.console import Console
from modelwright.base.errors import MachineError, ModelwrightError
from modelwright.base.evidence import Ledger, Source
from modelwright.pipeline.context import Context, Step

_HEAVY = ("torch", "onnxruntime", "modelwright.train.route", "modelwright.compress.export", "modelwright.evaluate.route")
_LOADED = "loaded"
_POLL_S = 0.1
_MACHINES_FAULT = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE)


class Worker:
    """The parent's end. The server starts with the first step that needs it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()

    def run(self, step: Step, context: Context) -> str:
        """Run one step's work in the worker and return its line.

        Raises:
            ModelwrightError: as the step raised it.
            MachineError: the step's process was killed from outside (out of memory, most often).
        """
        if self.process is None:
            command = [sys.executable, "-m", "modelwright.pipeline.worker"]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(_request(step, context)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise _killed(step.name, f"the worker ended with {self.process.wait()}")
        reply = json.loads(answer)
        if "line" in reply:
            return reply["line"]
        if "killed" in reply:
            raise _killed(step.name, reply["killed"])
        if "trace" in reply:
            raise RuntimeError(f"{step.name} failed unexpectedly:\n{reply['trace']}")
        kind = getattr(errors, reply["error"])
        raise kind(reply["came"], expected=reply["expected"], where=reply["where"], remedy=reply["remedy"])


def _killed(step: str, how: str) -> MachineError:
    return MachineError(
        f"the step's process was stopped from outside: {how}",
        expected="enough memory for the step (the forecast shows how much)",
        where=step,
        remedy="Free memory or make the route smaller, then give the same command again: it goes on from the last checkpoint.",
    )


def _request(step: Step, context: Context) -> dict[str, Any]:
    source = context.ledger.source
    assert source is not None
    return {
        "step": step.name,
        "values": {**context.project.model_dump(mode="json", by_alias=True), "routes": _routes(context)},
        "folder": str(context.loaded.folder),
        "run": str(context.run),
        "out": str(context.out),
        "inputs": {name: str(path) for name, path in context.inputs.items()},
        "ledger": str(context.ledger.path),
        "source": source.__dict__,
        "quiet": context.console.quiet,
    }


def _routes(context: Context) -> dict[str, Any]:
    return {
        name: {"route": route.name, **route.model_dump(mode="json", by_alias=True)}
        for name, route in context.project.routes.items()
    }


def _work(request: dict[str, Any]) -> dict[str, Any]:
    """In the step's process: do the work, translate its end into a reply."""
    from modelwright.pipeline.table import steps
    from modelwright.spec.load import from_values
    from modelwright.tasks.contract import TASKS

    try:
        loaded = from_values(request["values"], TASKS, Path(request["folder"]))
        step = next(item for item in steps(loaded) if item.name == request["step"])
        inputs = {name: Path(path) for name, path in request["inputs"].items()}
        ledger = Ledger(Path(request["ledger"]), Source(**request["source"]))
        console = Console(quiet=request["quiet"])
        return {"line": step.work(Context(loaded, Path(request["run"]), Path(request["out"]), inputs, ledger, console))}
    except ModelwrightError as error:
        return error.as_json()
    except MemoryError as error:
        return {"killed": f"out of memory: {error}"}
    except OSError as error:
        if error.errno not in _MACHINES_FAULT:
            return {"trace": traceback.format_exc()}
        refused = MachineError(  # also from a library's temporary file, which no border of ours saw
            f"the system refused: {error.strerror}",
            expected="free space, and leave to write, in the project's and the temporary folder",
            where=str(error.filename or request["out"]),
            remedy="Make room or change the permissions, then give the same command again: finished steps are kept.",
        )
        return refused.as_json()
    except Exception:  # a bug of ours: the parent shows the whole trace
        return {"trace": traceback.format_exc()}


def _fork(request: dict[str, Any]) -> dict[str, Any] | None:
    """Run one request in a forked process; None if the parent is gone."""
    reading, writing = os.pipe()
    before = set(sys.modules)
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump({**_work(request), _LOADED: [name for name in sys.modules if name not in before]}, pipe)
        sys.stderr.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        while True:
            ready, _, _ = select.select([pipe, sys.stdin], [], [], _POLL_S)
            if sys.stdin in ready:  # nothing is sent while a step runs: this is the end of the parent
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return None
            if pipe in ready:
                answer = pipe.read()
                _, status = os.waitpid(child, 0)
                if answer:
                    return json.loads(answer)
                code = os.waitstatus_to_exitcode(status)
                return {"killed": f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"}


def serve() -> NoReturn:
    """The server's loop: one request, one reply, until the parent closes the pipe."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to people, not into the replies
    _load(_HEAVY)  # where one is missing, the step that needs it says which extra
    while line := sys.stdin.readline():
        request = json.loads(line)
        reply = _fork(request) if hasattr(os, "fork") else _work(request)
        if reply is None:
            break
        loaded = reply.pop(_LOADED, [])
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
        _load(loaded)
    os._exit(0)


def _load(names: Sequence[str]) -> None:
    """Load modules, all but those that are no files of their own and those that can't be had alone."""
    with loading():  # they stay: no fork has to look through them for garbage
        for name in names:
            try:
                importlib.import_module(name)
            except ImportError:
                continue


if __name__ == "__main__":
    serve()
