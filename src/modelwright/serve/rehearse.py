"""Rehearsal: start the real server on the release, load it over HTTP with more and more connections, write down what it did.

What is measured is a process of its own, started as it will be started in production, seen only through its port. It is
always stopped: on errors, on Ctrl-C, and even when this process is killed (the server ends when its input closes).
"""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from modelwright.base.console import Console
from modelwright.base.decoding import SETTINGS
from modelwright.base.errors import MachineError, ReleaseError
from modelwright.base.machine import describe
from modelwright.serve import load
from modelwright.spec.serve import Rehearse, Serve

PREDICT = "/v1/predict"
START_LIMIT_S = 120.0
STOP_LIMIT_S = 35.0
WARM_UP_S = 0.7
_SAMPLE_S = 0.1
_MAX_REQUESTS = 512
_CHAT = ("tokens_per_second", "ttft_p50_ms", "ttft_p95_ms", "tokens_per_request")


@dataclass
class Started:
    """A running server: its process, its address, and when its process was started (`time.perf_counter`)."""

    process: psutil.Process
    address: str
    started: float

    @property
    def memory_bytes(self) -> int:
        """Resident now."""
        return self.process.memory_info().rss

    @property
    def processor_s(self) -> float:
        """Processor seconds used so far."""
        times = self.process.cpu_times()
        return times.user + times.system


def rehearse(release: Path, serve: Serve, settings: Rehearse, requests: Sequence[dict[str, Any]], console: Console) -> dict:
    """Load the release at each of `settings.connections` for `settings.seconds`.

    Args:
        release: the release folder.
        serve: the server's settings; host and port are replaced (this machine only, a free port).
        requests: real rows, shaped as the task's request; at most 512 are used, spread over all. A release that chats is asked to
            answer them instead: the last turn of a conversation, or the second half of a text.

    Returns:
        load.json: cold_start_s (process start to first answered prediction), idle_memory_bytes, memory_bytes (highest seen),
        levels, best (the highest throughput without errors), server. Latencies in ms, throughput in requests/s. Of a release that
        chats also, at the best level: tokens_per_second (of answers), ttft_p50_ms and ttft_p95_ms (time to first token),
        tokens_per_request ("prompt", "answer": mean).

    Raises:
        MachineError: the server can't be started.
        ReleaseError: it does not answer a real row, or nobody at some level.
    """
    if not requests:
        raise ValueError("rehearsal needs at least one request")
    step = max(1, len(requests) // _MAX_REQUESTS)
    asked = [(PREDICT, request) for request in requests[::step]]
    first = asked[0]
    if (release / SETTINGS).is_file():
        from modelwright.serve.chat.rehearsal import prompts

        asked = prompts(release, serve, requests[::step], settings.answer_tokens)
        first = asked[0][0], {**asked[0][1], "stream": False, "stream_options": None, "max_tokens": 1}
    with server(release, serve) as started, console.progress("rehearse", _duration(settings)) as progress:
        built = [load.build(started.address, path, [body])[0] for path, body in asked]
        one = load.build(started.address, first[0], [first[1]])[0]
        cold_start_s = load.run(lambda: first_answer(started, one))
        idle = started.memory_bytes
        levels, peak = load.run(lambda: _levels(started, built, settings, progress))
    clean = [level for level in levels if not level["errors"]] or levels
    best = max(clean, key=lambda level: level.get("tokens_per_second", level["throughput"]))
    return {
        "cold_start_s": round(cold_start_s, 3),
        "memory_bytes": max(peak, idle),
        "idle_memory_bytes": idle,
        "levels": levels,
        "best": best,
        **{name: best[name] for name in _CHAT if name in best},
        "server": {"max_batch": serve.max_batch, "threads": serve.threads or describe().cores, "processes": 1},
    }


def _duration(settings: Rehearse) -> float:
    return len(settings.connections) * settings.seconds + WARM_UP_S


async def first_answer(started: Started, request: bytes) -> float:
    """Seconds from process start to the first answered prediction."""
    reader, writer = await asyncio.open_connection(*load.host_and_port(started.address))
    writer.write(request)
    status_line = await reader.readline()
    seconds = time.perf_counter() - started.started
    headers = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    writer.close()
    if b" 200 " not in status_line:
        raise ReleaseError(
            f"the server answers a real row with {status_line.decode('latin-1').strip()}: {body[:300].decode('utf-8', 'replace')}",
            expected="200 and a prediction",
            where=f"{started.address}{PREDICT}",
            remedy="Look at the row and the error; then make the release again: modelwright run --from release",
        )
    return seconds


async def _levels(started: Started, built: Sequence[bytes], settings: Rehearse, progress) -> tuple[list[dict], int]:
    """Each level's figures, and the most memory seen in bytes."""
    sampler = asyncio.ensure_future(_sample_memory(started))
    try:
        await load.load(started.address, built, max(settings.connections), WARM_UP_S)
        levels: list[dict] = []
        for done, connections in enumerate(settings.connections):
            progress.update(done * settings.seconds + WARM_UP_S, note=f"{connections} connections")
            processor_s = started.processor_s
            level = (await load.load(started.address, built, connections, settings.seconds)).as_json()
            if not level["requests"]:
                raise _unanswered(started, level)
            levels.append({**level, "processor_s": round(started.processor_s - processor_s, 3)})
    finally:
        sampler.cancel()
    return levels, max(_sampled(sampler), started.memory_bytes)


def _unanswered(started: Started, level: dict) -> ReleaseError:
    return ReleaseError(
        f"no request was answered in {level['seconds']:.0f} s at {level['connections']} connections ({level['errors']} errors)",
        expected="answers, as to a single request",
        where=f"{started.address}{PREDICT}",
        remedy="Rehearse with fewer connections (rehearse.connections), or allow a longer queue (serve.max_queue).",
    )


async def _sample_memory(started: Started, highest: int = 0) -> int:
    try:
        while True:
            highest = max(highest, started.memory_bytes)
            await asyncio.sleep(_SAMPLE_S)
    except asyncio.CancelledError:
        return highest


def _sampled(sampler: asyncio.Future[int]) -> int:
    return sampler.result() if sampler.done() and not sampler.cancelled() else 0


@contextmanager
def server(release: Path, serve: Serve, python: str = sys.executable) -> Iterator[Started]:
    """The server as a process of its own on 127.0.0.1 and a free port, answering; stopped at the end whatever happens.

    Args:
        python: the interpreter, where it shall be another environment's.

    Raises:
        MachineError: it did not come up.
    """
    settings = serve.model_copy(update={"host": "127.0.0.1", "port": 0})
    command = [python, "-m", "modelwright.serve", str(release), "--settings", json.dumps(settings.model_dump()), "--while-input"]
    with running(command) as started:
        yield started


@contextmanager
def running(command: Sequence[str]) -> Iterator[Started]:
    """Any program that prints its address as its first line once it answers, and ends on SIGTERM.

    Raises:
        MachineError: it ended, or said nothing in two minutes.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True)
        try:
            address = _wait_for_address(process)
            if address is None:
                raise _not_started(command, process, output)
            yield Started(psutil.Process(process.pid), address, started)
        finally:
            _stop(process)


def _wait_for_address(process: subprocess.Popen[str]) -> str | None:
    """The first line on its stdout; None if it ended, or did not come up in time."""
    assert process.stdout is not None
    timer = threading.Timer(START_LIMIT_S, process.kill)
    timer.start()
    try:
        return process.stdout.readline().strip() or None
    finally:
        timer.cancel()


def _not_started(command: Sequence[str], process: subprocess.Popen[str], output) -> MachineError:
    code = process.wait()
    output.seek(0)
    tail = output.read().decode("utf-8", "replace").strip()[-1500:]
    return MachineError(
        f"the server did not start (exit code {code}): {tail or 'it said nothing'}",
        expected=f"a server that answers within {START_LIMIT_S:.0f} s",
        where=shlex.join(command)[:300],
        remedy="Give that command alone, and see what it says.",
    )


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
