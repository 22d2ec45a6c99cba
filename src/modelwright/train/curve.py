"""The learning curve: `curve.jsonl` for the report, TensorBoard events for whoever watches."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelwright.base.optional import require
from modelwright.base.store import write_text, writing

FILE = "curve.jsonl"


class Curve:
    """Appends records to the curve.

    Args:
        folder: of the training; events go to `tensorboard/` in it.
        lines: of the file that count; later ones belong to steps that a continued run repeats, and are cut off.
        step: at which a continued run stands (TensorBoard forgets what came after).
    """

    def __init__(self, folder: Path, lines: int, step: int) -> None:
        self.path = path = folder / FILE
        kept = path.read_text(encoding="utf-8").splitlines()[:lines] if lines else []
        write_text(path, "".join(line + "\n" for line in kept))
        self.lines = len(kept)
        with writing(path):
            self.file = path.open("a", encoding="utf-8")
        self.events = require("tensorboard.compat.proto.event_pb2", "train")
        self.summaries = require("tensorboard.compat.proto.summary_pb2", "train")
        writer = require("tensorboard.summary.writer.event_file_writer", "train")
        self.board = writer.EventFileWriter(str(folder / "tensorboard"))
        if step:
            log = self.events.SessionLog(status=self.events.SessionLog.START)
            self.board.add_event(self.events.Event(session_log=log, step=step + 1, wall_time=time.time()))

    def record(self, record: Mapping[str, Any]) -> None:
        """One line; its numbers also go to TensorBoard under their names ("validation/macro-f1")."""
        with writing(self.path):
            self.file.write(json.dumps(record) + "\n")
        self.lines += 1
        scalars = {name: value for name, value in record.items() if name in ("loss", "learning_rate")}
        scalars |= {f"validation/{name}": value for name, value in record.get("validation", {}).items()}
        values = [self.summaries.Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        event = self.events.Event(summary=self.summaries.Summary(value=values), step=record["step"], wall_time=time.time())
        self.board.add_event(event)

    def flush(self) -> None:
        """Before a checkpoint: it counts on these lines."""
        with writing(self.path):
            self.file.flush()

    def close(self) -> None:
        self.file.close()
        self.board.close()
