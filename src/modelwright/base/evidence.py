"""Evidence: figures with unit, interval, basis and source, kept in an append-only ledger (JSON lines).

A missing figure is missing: there is no record of it, and asking for it gives None, never zero.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

from modelwright.base.errors import DataError

Basis = Literal["measured", "estimated", "assumed", "fallback"]
"""measured: seen on this machine by a stage · estimated: computed from measurements or models · assumed: stated by the
founders in the project file · fallback: a shipped default that nobody has confirmed."""


@dataclass(frozen=True)
class Source:
    """Where a figure comes from. `time` is ISO 8601 UTC; `hardware` is one line; `input_hash` the step's fingerprint."""

    run: str
    stage: str
    command: str
    hardware: str
    time: str
    input_hash: str = ""


@dataclass(frozen=True)
class Evidence:
    """One figure.

    Args:
        name: a path of words, unique in a run: "evaluate/bilstm/test/macro-f1", "plan/runway".
        value: a number (or short text, for a decision).
        unit: "s", "ms", "USD", "MB", "rows", "1" for a pure ratio.
        low, high: a 95 % interval unless `note` says otherwise; None where no interval was made.
        basis: how far it can be trusted.
        source: run, stage, command, hardware, time.
        note: method or caveat in one line ("bootstrap, 1,000 resamples", "P10–P90").
    """

    name: str
    value: float | str
    unit: str
    basis: Basis
    source: Source
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def id(self) -> str:
        """The anchor by which reports link to this record."""
        return "e-" + self.name.replace("/", "-").replace(" ", "-")


class Ledger:
    """An append-only file of evidence. The newest record of a name counts; older ones stay readable.

    Args:
        path: the JSONL file; made on the first record.
        source: stamped on every record made through `record`.
    """

    def __init__(self, path: Path, source: Source | None = None) -> None:
        self.path = path
        self.source = source

    def record(
        self,
        name: str,
        value: float | str,
        unit: str,
        basis: Basis,
        *,
        low: float | None = None,
        high: float | None = None,
        note: str = "",
        time: str | None = None,
    ) -> Evidence:
        """Append one figure and return it. numpy scalars are turned into plain floats; NaN and infinity are refused (a
        missing figure is missing)."""
        if self.source is None:
            raise ValueError("this ledger is read-only: it has no source to stamp records with")
        if not isinstance(value, str):
            value = float(value)
        bounds = (None if low is None else float(low), None if high is None else float(high))
        for number in (value, *bounds):
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError(f"{name}: {number} is not a figure; leave it out")
        source = self.source if time is None else replace(self.source, time=time)
        evidence = Evidence(name, value, unit, basis, source, *bounds, note=note)
        self.extend([evidence])
        return evidence

    def extend(self, records: Iterable[Evidence]) -> None:
        """Append records made elsewhere (a reused step's), unchanged."""
        lines = "".join(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records)
        if lines:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                _drop_half_line(file)
                file.write(lines.encode("utf-8"))

    def __iter__(self) -> Iterator[Evidence]:
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith("\n"):  # a killed process can leave half a line; the step that wrote it is redone
                    return
                try:
                    record = json.loads(line)
                    yield Evidence(**{**record, "source": Source(**record["source"])})
                except (ValueError, KeyError, TypeError) as error:
                    raise DataError(
                        "the line is no record of evidence",
                        expected="one JSON record per line, as Modelwright wrote it",
                        where=f"{self.path}:{number}",
                        remedy="The file was changed by hand. Take the line out, or run again: modelwright run --force",
                    ) from error

    def latest(self) -> dict[str, Evidence]:
        """The newest record of each name, in order of first appearance."""
        found: dict[str, Evidence] = {}
        for record in self:
            found[record.name] = record
        return found

    def get(self, name: str) -> Evidence | None:
        """The newest record of `name`, or None: missing is missing."""
        return self.latest().get(name)


def _drop_half_line(file: BinaryIO) -> None:
    """Cut off what a killed process left after the last line end; the next record would be glued to it."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
