"""The request log: one line of JSON per request, without the request's content. Off unless `serve.log` names a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TextIO

from modelwright.base.store import writing


class RequestLog:
    """Appends to a file, line by line, so that a killed server has lost nothing but the line it was at.

    Args:
        path: the file; None keeps no log.
        release: hash of what is served.

    Raises:
        MachineError: the file can't be opened for appending.
    """

    def __init__(self, path: Path | None, release: str) -> None:
        self.release = release
        self.file: TextIO | None = None
        if path is not None:
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                self.file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, status: int, rows: int, seconds: float, **more: str | int | float | None) -> None:
        """Args: HTTP status, rows answered, seconds from body read to answer; what else a face tells of its requests."""
        if self.file is not None:
            entry = {"time": round(time.time(), 3), "release": self.release, "status": status, "rows": rows}
            told = {name: value for name, value in more.items() if value is not None}
            self.file.write(json.dumps({**entry, "latency_ms": round(seconds * 1000, 3), **told}) + "\n")

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
