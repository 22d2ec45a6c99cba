"""The console: stage lines, progress with time left, warnings. Rich is imported on first use only.

A `Console` is passed in, never a global. `Console(quiet=True)` is the test double and the `--json` mode: it prints nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO


class Progress(Protocol):
    """What long work reports to. `done` and `total` are in the work's own unit."""

    def update(self, done: float, total: float | None = None, note: str = "") -> None: ...


class Console:
    """Where people read what happens. Progress bars appear on terminals; elsewhere a line about every 10 seconds."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet

    def line(self, text: str = "") -> None:
        if not self.quiet:
            print(text, file=self.stream, flush=True)

    def warn(self, text: str) -> None:
        self.line(f"! {text}")

    @contextmanager
    def progress(self, title: str, total: float | None = None) -> Iterator[Progress]:
        """A bar with time left while the block runs; it disappears afterwards."""
        if self.quiet:
            yield _Silent()
        elif not self.stream.isatty():
            yield _Lines(self, title, total)
        else:
            from rich.console import Console as RichConsole
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            texts = [TextColumn(field, markup=False) for field in ("{task.description}", "{task.fields[note]}")]
            columns = (texts[0], BarColumn(), texts[1], TimeRemainingColumn())
            with RichProgress(*columns, console=RichConsole(file=self.stream), transient=True) as bar:
                yield _Bar(bar, title, total)


class _Silent:
    def update(self, done: float, total: float | None = None, note: str = "") -> None:
        return None


class _Bar:
    def __init__(self, bar, title: str, total: float | None) -> None:
        self.bar = bar
        self.task = bar.add_task(title, total=total, note="")

    def update(self, done: float, total: float | None = None, note: str = "") -> None:
        self.bar.update(self.task, completed=done, note=note, **({} if total is None else {"total": total}))


class _Lines:
    """Progress for logs: title, share done, note, time left, at most every 10 seconds."""

    every_s = 10.0

    def __init__(self, console: Console, title: str, total: float | None) -> None:
        self.console, self.title, self.total = console, title, total
        self.started = self.said = time.monotonic()

    def update(self, done: float, total: float | None = None, note: str = "") -> None:
        self.total = total if total is not None else self.total
        now = time.monotonic()
        if now - self.said < self.every_s:
            return
        self.said = now
        share = min(1.0, done / self.total) if self.total else 0.0
        left = f"{duration((now - self.started) * (1 - share) / share)} left" if share > 0 else ""
        self.console.line(f"   {self.title}  {share:4.0%}  {note}  {left}".rstrip())


def duration(seconds: float) -> str:
    """Seconds as people say them: 0.4 s, 12.0 s, 2 min 05 s, 1 h 10 min."""
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def amount(value: float, digits: int = 2) -> str:
    """A number with `digits` significant figures, thousands separated, never in exponent form: 0.0000021, 1,230."""
    if value == 0:
        return "0"
    from math import floor, log10

    places = max(0, digits - 1 - floor(log10(abs(value))))
    return f"{value:,.{places}f}"
