from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.unit.serve.release import MARKET, SPORT
from tests.unit.serve.serving import serving

from modelwright.base.console import Console
from modelwright.base.errors import MachineError, ReleaseError
from modelwright.serve import load
from modelwright.serve.rehearse import rehearse
from modelwright.spec.serve import Rehearse, Serve

REQUESTS = [{"text": SPORT}, {"text": MARKET}] * 20


def test_the_figures_of_a_rehearsal(release: Path) -> None:
    settings = Rehearse(connections=(1, 4), seconds=0.5)
    found = rehearse(release, Serve(threads=1, max_batch=16), settings, REQUESTS, Console(quiet=True))
    assert [level["connections"] for level in found["levels"]] == [1, 4]
    for level in found["levels"]:
        assert level["requests"] > 10
        assert level["errors"] == 0
        assert level["seconds"] == pytest.approx(0.5, abs=0.4)
        assert level["throughput"] == pytest.approx(level["requests"] / level["seconds"], rel=0.01)
        assert 0 < level["p50_ms"] <= level["p95_ms"] <= level["p99_ms"]
        assert level["processor_s"] > 0
    assert found["best"] in found["levels"]
    assert 0.1 < found["cold_start_s"] < 30
    assert 20e6 < found["idle_memory_bytes"] <= found["memory_bytes"] < 400e6
    assert found["server"] == {"max_batch": 16, "threads": 1, "processes": 1}


def test_a_release_that_does_not_start_says_why(release: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(release, tmp_path / "copy"))
    (copy / "model.onnx").write_bytes(b"truncated")
    with pytest.raises(MachineError, match="hash") as caught:
        rehearse(copy, Serve(), Rehearse(connections=(1,), seconds=0.5), REQUESTS, Console(quiet=True))
    assert "exit code 6" in caught.value.came


def test_rows_that_the_release_refuses_end_the_rehearsal(release: Path) -> None:
    with pytest.raises(ReleaseError, match="422"):
        rehearse(release, Serve(), Rehearse(connections=(1,), seconds=0.5), [{"wrong": 1}], Console(quiet=True))


def test_without_rows_there_is_no_rehearsal(release: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        rehearse(release, Serve(), Rehearse(), [], Console(quiet=True))


async def _flaky(scope, receive, send) -> None:
    """Answers in two pieces; every third request with 503; every seventh not at all."""
    if scope["type"] != "http":
        return
    _flaky.count += 1  # type: ignore[attr-defined]
    await receive()
    if _flaky.count % 7 == 0:  # type: ignore[attr-defined]
        raise ConnectionAbortedError
    status = 503 if _flaky.count % 3 == 0 else 200  # type: ignore[attr-defined]
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"20000")]})
    await send({"type": "http.response.body", "body": b"a" * 10_000, "more_body": True})
    await send({"type": "http.response.body", "body": b"b" * 10_000})


def test_the_load_generator_counts_errors_apart() -> None:
    _flaky.count = 0  # type: ignore[attr-defined]
    with serving(_flaky) as address:
        level = load.run(lambda: load.load(address, load.build(address, "/", [1]), 3, 0.5))
    assert level.statuses[200] == len(level.latencies_ms) > 5
    assert level.statuses[503] > 2
    assert level.statuses[500] > 0
    assert level.errors == sum(count for status, count in level.statuses.items() if status != 200)


async def _slow(scope, receive, send) -> None:
    if scope["type"] == "http":
        await asyncio.sleep(0.6)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def test_a_level_shorter_than_one_answer_waits_for_it() -> None:
    with serving(_slow) as address:
        level = load.run(lambda: load.load(address, load.build(address, "/", [1]), 2, 0.05))
    assert len(level.latencies_ms) >= 1
    assert level.seconds >= 0.6


def test_nobody_there_is_an_error_not_a_crash() -> None:
    level = load.run(lambda: load.load("http://127.0.0.1:1", load.build("http://127.0.0.1:1", "/", [1]), 2, 0.1))
    assert (level.errors, level.as_json()["requests"]) == (2, 0)
    assert "p50_ms" not in level.as_json()


def test_requests_carry_their_length_in_bytes() -> None:
    (request,) = load.build("http://127.0.0.1:1", "/v1/predict", [{"text": "é体"}])
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    assert body.decode() == '{"text": "é体"}'
