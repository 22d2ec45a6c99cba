"""How busy were the slots, and how long did jobs wait? Pure: spans of time come in, figures go out."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from modelwright.pipeline.queue.policy import Job


@dataclass(frozen=True)
class Span:
    """A worker's presence, or a job's stay in a slot. `end` is the time of asking where it still lasts.

    Args:
        slots: how many it offers or holds.
    """

    start: float
    end: float
    slots: int = 1


def slot_seconds(spans: Sequence[Span], since: float, until: float, most: int | None = None) -> float:
    """∫ slots dt over [since, until]; with `most`, never more than that at a time (workers may offer more than the queue has)."""
    changes: dict[float, int] = {}
    for span in spans:
        start, end = max(span.start, since), min(span.end, until)
        if start < end:
            changes[start] = changes.get(start, 0) + span.slots
            changes[end] = changes.get(end, 0) - span.slots
    total, held, before = 0.0, 0, since
    for moment in sorted(changes):
        total += (held if most is None else min(held, most)) * (moment - before)
        held, before = held + changes[moment], moment
    return total


@dataclass(frozen=True)
class Usage:
    """Figures of a stretch of time.

    Args:
        busy_s, available_s: slot-seconds.
        utilisation: busy / available; None where no worker was there.
        waits: of jobs that started in that time: how many, and seconds (median and longest) from being ready to the first slot.
        waiting: jobs that are ready and have no slot: how many, and the longest wait so far in seconds.
        hours: (start, busy, available) of each part of it, for the chart.
    """

    since: float
    until: float
    busy_s: float
    available_s: float
    utilisation: float | None
    waits: tuple[int, float | None, float | None]
    waiting: tuple[int, float | None]
    hours: tuple[tuple[float, float, float], ...]


def usage(
    workers: Sequence[Span], stays: Sequence[Span], jobs: Sequence[Job], slots: int, since: float, until: float, parts: int = 24
) -> Usage:
    """Utilisation of [since, until], and in `parts` equal pieces of it."""
    busy, available = slot_seconds(stays, since, until), slot_seconds(workers, since, until, slots)
    waited = [job.started - job.ready for job in jobs if job.started is not None and since <= job.started <= until]
    ready = [until - job.ready for job in jobs if job.state == "waiting" and job.started is None and job.ready <= until]
    width = (until - since) / parts
    pieces = [(since + width * number, since + width * (number + 1)) for number in range(parts)]
    return Usage(
        since=since,
        until=until,
        busy_s=busy,
        available_s=available,
        utilisation=busy / available if available > 0 else None,
        waits=(len(waited), statistics.median(waited) if waited else None, max(waited, default=None)),
        waiting=(len(ready), max(ready, default=None)),
        hours=tuple((start, slot_seconds(stays, start, end), slot_seconds(workers, start, end, slots)) for start, end in pieces),
    )
