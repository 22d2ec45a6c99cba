"""A stand-in for a job's process, for tests of the worker: it speaks the same lines and does what the overrides say.

python queue_job.py   overrides: "seconds=1" "money=2" "fail=1" "die=1"
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from pathlib import Path


def line() -> str:
    text = sys.stdin.readline()
    if not text:
        os._exit(3)
    return text.strip()


def main() -> None:
    request = json.loads(line())
    wanted = dict(item.split("=") for item in request["overrides"])
    with (Path(request["folder"]) / "began.jsonl").open("a") as file:
        file.write(json.dumps({"id": request["id"], "pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}) + "\n")
    money = float(wanted.get("money", 1))
    forecast = {"seconds": 5.0, "money": money, "hour": 3600.0, "trains": ["train/a"]}
    print(json.dumps({"forecast": forecast}), flush=True)
    if line() != "go":
        return
    if "die" in wanted:
        os.kill(os.getpid(), signal.SIGKILL)
    if "fail" in wanted:
        print(json.dumps({"failed": {"error": "DataError", "came": "no rows"}}), flush=True)
        return
    until = time.monotonic() + float(wanted.get("seconds", 0.05))
    while time.monotonic() < until:
        if select.select([sys.stdin], [], [], 0.02)[0] and not sys.stdin.readline():
            os._exit(3)
    print(json.dumps({"finished": {"run": "r", "folder": request["folder"], "money": money}}), flush=True)


if __name__ == "__main__":
    main()
