"""One job in a process of its own: forecast, ask whether it may train, run. It ends when its worker does.

The first line on standard input is the request; after the forecast the worker says "go" or anything else. Replies are JSON lines:
{"busy": true} where somebody else runs the project, or {"forecast": …}, then {"finished": …} or {"failed": …}. When standard
input ends, the worker is gone: the process ends at once, and the next worker's process goes on from what lies on disk.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.errors import ModelwrightError
from modelwright.base.evidence import Ledger
from modelwright.pipeline import costs, runner
from modelwright.pipeline.context import EVIDENCE
from modelwright.pipeline.queue.store import held
from modelwright.spec.load import Loaded, load
from modelwright.tasks.contract import TASKS
from modelwright.venture import cost

_GONE = 3


def main() -> int:
    """Serve one request."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes into the job's log, not into the replies
    answers: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(answers,), daemon=True).start()
    request = json.loads(answers.get())

    def say(reply: Mapping[str, Any]) -> None:
        replies.write(json.dumps(reply, ensure_ascii=False) + "\n")
        replies.flush()

    try:
        # the process of a worker that was killed may still be ending: two would write the same run
        with held(Path(request["locks"]), f"job-{request['id']}", wait=True):
            _work(request, say, answers)
    except ModelwrightError as error:
        print(f"✗ {error}", file=sys.stderr)
        say({"failed": error.as_json()})
    except Exception as error:  # a bug of ours: the queue shows its last line, the log the whole trace
        traceback.print_exc()
        say({"failed": {"error": type(error).__name__, "came": str(error), "trace": traceback.format_exc()}})
    return 0


def _listen(answers: queue.Queue[str]) -> None:
    """Pass lines on; end the process when they end. Reads without a buffer: a blocked one would hang the interpreter's own end."""
    unread = b""
    while piece := os.read(0, 1 << 16):
        *lines, unread = (unread + piece).split(b"\n")
        for line in lines:
            answers.put(line.decode())
    os._exit(_GONE)


def _work(request: Mapping[str, Any], say: Any, answers: queue.Queue[str]) -> None:
    loaded = load(Path(request["folder"]), TASKS, request["overrides"])
    if runner.is_busy(loaded.folder):
        say({"busy": True})
        return
    console, command = Console(sys.stderr), ["modelwright", "run", request["folder"], *request["overrides"]]
    forecast = runner.run(loaded, console, until="forecast", command=command)
    say({"forecast": forecast_of(loaded, forecast.folder, request["currency"])})
    if answers.get() != "go":
        return
    run = runner.run(loaded, console, command=command)
    trained = request["trains"] if request["trains"] is not None else [name for name in run.changed if name.startswith("train/")]
    money = spent_on(loaded, run.folder, [name.partition("/")[2] for name in trained], request["currency"])
    say({"finished": {"run": run.id, "folder": str(run.folder), "money": money}})


def forecast_of(loaded: Loaded, run: Path, currency: str) -> dict[str, Any]:
    """What the trainings that are still ahead will take.

    Args:
        run: whose forecast stage is done.
        currency: of the answer.

    Returns:
        {"seconds", "money", "hour": price of an hour, "trains": steps}.
    """
    records = Ledger(run / EVIDENCE).latest()
    trains = [name for name in runner.ahead(loaded) if name.startswith("train/")]
    ahead = [f"forecast/{name.partition('/')[2]}" for name in trains]
    seconds = sum(float(records[f"{name}/time"].value) for name in ahead)
    amounts = [records[f"{name}/money"] for name in ahead]
    money = sum(_in(loaded, float(record.value), record.unit, currency) for record in amounts)
    hour = _in(loaded, costs.hour(loaded.project).value, costs.currency(loaded.project), currency)
    return {"seconds": seconds, "money": money, "hour": hour, "trains": trains}


def spent_on(loaded: Loaded, run: Path, routes: list[str], currency: str) -> float:
    """What training those routes cost, as the run measured it."""
    records = Ledger(run / EVIDENCE).latest()
    found = [records[name] for route in routes if (name := f"train/{route}/money") in records]  # the file may have lost a route
    return sum(_in(loaded, float(record.value), record.unit, currency) for record in found)


def _in(loaded: Loaded, amount: float, unit: str, currency: str) -> float:
    return cost.convert(amount, unit, currency, loaded.project.venture, date.today()).value


if __name__ == "__main__":
    raise SystemExit(main())
