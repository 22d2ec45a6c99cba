"""The server's request log, the live figures that it gives, and where they are kept. What can't be told from it is missing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelwright.base.errors import MachineError
from modelwright.base.evidence import Evidence, Ledger
from modelwright.base.store import read_json
from modelwright.pipeline.context import EVIDENCE
from modelwright.venture.figures import Figure

DAYS_A_MONTH = 365.25 / 12
FOLDER, FILE = "live", "alarms.json"
_LEAST_SPAN_S = 3600.0  # volume and cost of a month are not read out of less


@dataclass
class Traffic:
    """What a stretch of the request log says.

    Args:
        first: seconds since 1970 of the log's first entry, before the stretch too.
        last: of its latest; None: no entry at all.
        requests, rows: answered and refused; rows answered.
        errors: answers of 500 and above.
        latencies: of answered requests, in milliseconds.
        minutes: rows by minute since 1970.
        unreadable: lines that are no entry.
    """

    first: float | None = None
    last: float | None = None
    requests: int = 0
    rows: int = 0
    errors: int = 0
    latencies: list[float] = field(default_factory=list)
    minutes: dict[int, int] = field(default_factory=dict)
    unreadable: int = 0


def read_log(path: Path, since: float) -> Traffic:
    """The log from `since` (seconds since 1970) on.

    Raises:
        MachineError: it can't be read.
    """
    found = Traffic()
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.endswith("\n"):  # a server that is writing can leave half a line
                    _count(found, line, since)
    except OSError as error:
        raise MachineError(
            f"the request log can't be read: {error.strerror}",
            expected="the file that the server writes",
            where=str(path),
            remedy="State it in the project file (serve: {log: requests.jsonl}), or give it: modelwright alarms --log FILE",
        ) from error
    return found


def _count(found: Traffic, line: str, since: float) -> None:
    try:
        entry = json.loads(line)
        moment, status, rows, latency = float(entry["time"]), int(entry["status"]), int(entry["rows"]), float(entry["latency_ms"])
    except (ValueError, KeyError, TypeError):
        found.unreadable += 1
        return
    found.first = moment if found.first is None else min(found.first, moment)
    found.last = moment if found.last is None else max(found.last, moment)
    if moment < since:
        return
    found.requests += 1
    found.rows += rows
    found.errors += status >= 500
    if status < 400:
        found.latencies.append(latency)
    found.minutes[int(moment // 60)] = found.minutes.get(int(moment // 60), 0) + rows


def figures_of(traffic: Traffic, since: float, now: float, hour: Figure) -> dict[str, Figure]:
    """Live figures by name of evidence; what can't be told from the log is missing.

    Args:
        hour: what an hour of one machine costs.
    """
    import numpy as np

    found: dict[str, Figure] = {}
    if traffic.first is None or traffic.last is None:
        return found
    found["operate/log-days"] = Figure((now - traffic.first) / 86400, "days", "measured", note="age of the oldest entry")
    found["operate/silent-days"] = Figure(max(0.0, now - traffic.last) / 86400, "days", "measured", note="since the last request")
    if traffic.requests:
        note = f"{traffic.errors:,} of {traffic.requests:,} requests"
        found["operate/error-share"] = Figure(traffic.errors / traffic.requests, "1", "measured", note=note)
    if traffic.latencies:
        p50, p95 = (float(value) for value in np.percentile(traffic.latencies, [50, 95]))
        note = f"{len(traffic.latencies):,} answered requests"
        found["operate/latency-p50"] = Figure(p50, "ms", "measured", note=note)
        found["operate/latency-p95"] = Figure(p95, "ms", "measured", note=note)
    if traffic.minutes:
        found["operate/peak-throughput"] = Figure(
            max(traffic.minutes.values()) / 60, "requests/s", "measured", note="busiest minute"
        )
    span = now - max(traffic.first, since)
    if span >= _LEAST_SPAN_S and traffic.rows:
        note = f"{traffic.rows:,} rows answered in {span / 86400:.3g} days"
        month = traffic.rows / span * DAYS_A_MONTH * 86400
        found["operate/requests-per-month"] = Figure(month, "requests/month", "estimated", note=note)
        each = hour.value * span / 3600 / traffic.rows * 1000
        currency = hour.unit.removesuffix("/h")
        note = "; ".join(part for part in (note, "one machine paid for all the time", hour.source or hour.note) if part)
        found["operate/cost-per-1000"] = Figure(each, currency, "estimated", note=note)
    return found


def records_of(folder: Path) -> dict[str, Evidence]:
    """Live figures that were measured last, for the plan's register and checklist."""
    return Ledger(folder / FOLDER / EVIDENCE).latest()


def alarms_of(folder: Path) -> dict[str, Any] | None:
    """What the last look at the live service found; None where nobody looked."""
    file = folder / FOLDER / FILE
    return read_json(file) if file.is_file() else None


def identity(folder: Path) -> str | None:
    """What was measured last; the plan is made again when it changes."""
    return max((record.source.time for record in records_of(folder).values()), default=None)
