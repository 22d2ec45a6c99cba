"""The server process: its port, its signals, its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from tests.unit.serve.release import SPORT
from tests.unit.serve.serving import wait_until

from modelwright.base.console import Console
from modelwright.base.errors import MachineError, ReleaseError
from modelwright.serve.__main__ import main
from modelwright.serve.command import serve
from modelwright.serve.rehearse import server
from modelwright.spec.serve import Serve


def test_a_port_in_use_is_said_in_four_parts(release: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(MachineError) as caught:
            serve(release, Serve(port=port), Console(quiet=True))
    error = caught.value
    assert f"port {port} is in use" in error.came
    assert str(port) in error.where
    assert all((error.expected, error.remedy))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_a_host_that_is_not_ours(release: Path, host: str, no_network: None) -> None:
    with pytest.raises(MachineError) as caught:
        serve(release, Serve(host=host, port=0), Console(quiet=True))
    assert "serve.host" in caught.value.where + caught.value.remedy


def test_a_log_that_can_not_be_written(release: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError):
        serve(release, Serve(port=0, log=str(tmp_path / "file" / "log.jsonl")), Console(quiet=True))


def test_a_bad_release_ends_the_command_with_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere"), "--port", "0"]) == ReleaseError.exit_code
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--port", "many"], ["--max-batch", "0"], ["--settings", "{"], ["--settings", '{"prot": 1}']]
)
def test_wrong_options_end_the_command_with_exit_code_2(
    release: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(release), *options]) == 2
    assert "Expected" in capsys.readouterr().err


def _start(release: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "modelwright.serve", str(release), "--port", "0", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_it_has_and_ends_well(release: Path, number: int) -> None:
    process, address = _start(release, "--max-batch", "1")
    with ThreadPoolExecutor(2) as threads:
        posted = [
            threads.submit(httpx.post, f"{address}/v1/predict", json={"inputs": [SPORT * 300] * 250}, timeout=60)
            for _ in range(2)
        ]
        wait_until(lambda: _taken_in(address) > 250)  # rows of both requests: whoever connects after the signal is refused
        process.send_signal(number)
        answers = [one.result() for one in posted]
    output, errors = process.communicate(timeout=30)
    assert [len(answer.json()["predictions"]) for answer in answers] == [250, 250]
    assert process.returncode == 0
    assert address in errors
    assert "Traceback" not in errors + output
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/health")


def _taken_in(address: str) -> float:
    """Rows that were computed and rows that wait."""
    text = httpx.get(f"{address}/metrics", timeout=60).text
    return sum(float(number) for number in re.findall(r"^modelwright_(?:batch_rows_sum|queue_rows)(?:{.*})? (.+)$", text, re.M))


def test_the_server_ends_when_whoever_rehearsed_it_is_killed(release: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from modelwright.serve.rehearse import server; from modelwright.spec.serve import Serve\n"
        "with server(Path(sys.argv[1]), Serve()) as started:\n"
        "    print(started.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(release)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 20)


def test_settings_reach_the_server(release: Path) -> None:
    process, address = _start(release, "--settings", json.dumps({"max_request_rows": 2, "threads": 1}), "--max-characters", "100")
    try:
        assert httpx.post(f"{address}/v1/predict", json={"inputs": ["a"] * 3}).status_code == 413
        assert httpx.post(f"{address}/v1/predict", json={"text": "a" * 101}).status_code == 413
        assert httpx.post(f"{address}/v1/predict", json={"text": "a" * 100}).status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_failure_inside_still_stops_the_server(release: Path) -> None:
    with pytest.raises(KeyboardInterrupt), server(release, Serve()) as started:
        process = started.process
        raise KeyboardInterrupt
    wait_until(lambda: not process.is_running(), 5)
    assert not psutil.pid_exists(process.pid) or os.getpid() != process.ppid()


def test_it_starts_fast_enough_to_be_restarted(release: Path) -> None:
    started = time.monotonic()
    with server(release, Serve()) as running:
        assert httpx.post(f"{running.address}/v1/predict", json={"text": SPORT}).status_code == 200
        assert running.memory_bytes < 250e6
    assert time.monotonic() - started < 30  # a loose bound: scripts/measure_service.py measures on a quiet machine
