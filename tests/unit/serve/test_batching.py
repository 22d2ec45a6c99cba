"""Batching under a model that the test holds: who waits, who is computed together, who is turned away."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from tests.unit.serve.release import MARKET, SPORT
from tests.unit.serve.serving import Held, serving, wait_until

from modelwright.serve.app import create_app
from modelwright.serve.batching import Batcher
from modelwright.serve.pace import START
from modelwright.serve.predictor import LEAST_LANES, Predictor
from modelwright.serve.problems import OverloadedError
from modelwright.spec.serve import Serve


@pytest.fixture
def held(predictor: Predictor) -> Held:
    return Held(predictor)


def _rows(held: Held, *texts: str) -> list:
    return held.read(list(texts))


def test_an_idle_model_computes_at_once_a_busy_one_together(held: Held) -> None:
    async def work() -> None:
        batcher = Batcher(held, Serve(max_batch=8, max_wait_ms=1000))
        tickets = [batcher.submit(_rows(held, "first"))]
        await asyncio.to_thread(wait_until, lambda: len(held.batches) == 1)
        tickets += [batcher.submit(_rows(held, f"later {n}")) for n in range(20)]
        await asyncio.to_thread(wait_until, lambda: len(held.batches) == LEAST_LANES)
        held.gate.set()
        await asyncio.gather(*(ticket.answer for ticket in tickets))
        await batcher.close()

    asyncio.run(work())
    assert held.batches[0] == ["first"]
    assert len(held.batches[1]) == START
    assert [text for batch in held.batches[1:] for text in batch] == [f"later {n}" for n in range(20)]


def test_only_a_row_by_itself_is_given_all_threads(held: Held) -> None:
    async def work() -> None:
        held.has_lane_graph = True
        batcher = Batcher(held, Serve(max_batch=1, max_wait_ms=0))
        tickets = [batcher.submit(_rows(held, "by itself"))]
        await asyncio.to_thread(wait_until, lambda: len(held.batches) == 1)
        tickets.append(batcher.submit(_rows(held, "beside it", "waits")))
        await asyncio.to_thread(wait_until, lambda: len(held.batches) == LEAST_LANES)
        held.gate.set()
        await asyncio.gather(*(ticket.answer for ticket in tickets))
        await batcher.submit(_rows(held, "two", "rows")).answer
        await batcher.close()

    asyncio.run(work())
    assert dict(zip([text for (text,) in held.batches], held.alone, strict=True)) == {
        "by itself": True,
        "beside it": False,
        "waits": False,
        "two": False,
        "rows": False,
    }


def test_warming_up_learns_what_company_costs_and_how_a_row_alone_is_faster(held: Held) -> None:
    async def work() -> Batcher:
        held.gate.set()
        held.has_lane_graph = True
        batcher = Batcher(held, Serve())
        batcher.warm_up("sample")
        await batcher.close()
        return batcher

    batcher = asyncio.run(work())
    assert [len(batch) for batch in held.batches] == [1, 2, 1, 1, 1]
    assert held.alone == [False, False, False, False, True]
    assert batcher.pace.row_s is not None and batcher.choice.all_threads() in (True, False)


def test_a_row_waits_for_company_no_longer_than_it_may(held: Held) -> None:
    async def work() -> tuple[float, int]:
        batcher = Batcher(held, Serve(max_batch=8, max_wait_ms=150))
        loop = asyncio.get_running_loop()
        tickets = [batcher.submit(_rows(held, "first"))]
        await asyncio.to_thread(wait_until, lambda: len(held.batches) == 1)
        started = loop.time()
        tickets += [batcher.submit(_rows(held, f"second {n}")) for n in range(3)]
        await asyncio.to_thread(wait_until, lambda: len(held.batches) == 2)
        waited = loop.time() - started
        held.gate.set()
        await asyncio.gather(*(ticket.answer for ticket in tickets))
        await batcher.close()
        return waited, len(held.batches[1])

    waited, company = asyncio.run(work())
    assert 0.14 <= waited < 5
    assert company == 3


def test_a_full_queue_refuses_and_says_when_to_come_back(held: Held) -> None:
    async def work() -> None:
        batcher = Batcher(held, Serve(max_batch=1, max_queue=3))
        tickets = [batcher.submit(_rows(held, f"lane {n}")) for n in range(LEAST_LANES)]
        await asyncio.to_thread(wait_until, lambda: len(held.batches) == LEAST_LANES)
        tickets += [batcher.submit(_rows(held, f"queue {n}")) for n in range(3)]
        with pytest.raises(OverloadedError) as caught:
            batcher.submit(_rows(held, "one too many"))
        assert caught.value.retry_after_s >= 1
        held.gate.set()
        await asyncio.gather(*(ticket.answer for ticket in tickets))
        await batcher.close()

    asyncio.run(work())
    assert ["one too many"] not in held.batches


def test_an_empty_queue_takes_a_request_larger_than_itself(held: Held) -> None:
    async def work() -> int:
        held.gate.set()
        batcher = Batcher(held, Serve(max_batch=4, max_queue=3))
        found = await batcher.submit(_rows(held, *(f"row {n}" for n in range(10)))).answer
        await batcher.close()
        return len(found)

    assert asyncio.run(work()) == 10


def test_who_leaves_gives_the_places_back(held: Held) -> None:
    async def work() -> None:
        batcher = Batcher(held, Serve(max_batch=1, max_queue=2, max_wait_ms=0))
        kept = [batcher.submit(_rows(held, f"lane {n}")) for n in range(LEAST_LANES)]
        await asyncio.to_thread(wait_until, lambda: len(held.batches) == LEAST_LANES)
        leaving = batcher.submit(_rows(held, "leaves", "leaves"))
        batcher.cancel(leaving)
        kept.append(batcher.submit(_rows(held, "stays", "stays")))
        held.gate.set()
        await asyncio.gather(*(ticket.answer for ticket in kept))
        await batcher.close()

    asyncio.run(work())
    assert ["leaves"] not in held.batches
    assert held.batches.count(["stays"]) == 2


def test_closing_finishes_what_is_queued(held: Held) -> None:
    async def work() -> list[bool]:
        batcher = Batcher(held, Serve(max_batch=2, max_wait_ms=0))
        tickets = [batcher.submit(_rows(held, f"row {n}")) for n in range(9)]
        await asyncio.to_thread(wait_until, lambda: bool(held.batches))
        threading.Timer(0.05, held.gate.set).start()
        await batcher.close()
        return [ticket.answer.done() for ticket in tickets]

    assert asyncio.run(work()) == [True] * 9


def test_quick_models_are_computed_on_the_loop(predictor: Predictor) -> None:
    async def work() -> None:
        batcher = Batcher(predictor, Serve())
        assert not batcher.quick
        for _ in range(50):
            batcher.pace.observe(1, 0.0001)
        assert batcher.quick
        tickets = [batcher.submit(predictor.read([SPORT, MARKET])) for _ in range(40)]
        found = await asyncio.gather(*(ticket.answer for ticket in tickets))
        assert [[one.label for one in answer] for answer in found] == [["sport", "market"]] * 40
        assert batcher.busy == 0
        await batcher.close()

    asyncio.run(work())


@pytest.fixture
def address(held: Held):
    with serving(create_app(held, Serve(max_batch=4, max_queue=4, max_wait_ms=0))) as address:
        yield address
        held.gate.set()


def _post(address: str, *texts: str) -> httpx.Response:
    return httpx.post(f"{address}/v1/predict", json={"inputs": list(texts)}, timeout=30)


def test_over_http_overload_is_503_and_everyone_admitted_is_answered(held: Held, address: str) -> None:
    with ThreadPoolExecutor(20) as threads:
        running = [threads.submit(_post, address, "a", "b")]
        wait_until(lambda: len(held.batches) == LEAST_LANES)  # one row in each
        running += [threads.submit(_post, address, "e", "f") for _ in range(6)]
        wait_until(lambda: sum(one.done() for one in running) == 4)
        held.gate.set()
        answers = [one.result() for one in running]
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [503] * 4
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"] == "OverloadedError"


def test_over_http_a_client_who_leaves_frees_the_queue(held: Held, address: str) -> None:
    parts = urlsplit(address)
    body = json.dumps({"inputs": ["leaves"] * 4}).encode()
    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(_post, address, "a", "b")]
        wait_until(lambda: len(held.batches) == LEAST_LANES)  # one row in each
        with socket.create_connection((parts.hostname, parts.port)) as left:
            left.sendall(b"POST /v1/predict HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            wait_until(lambda: "modelwright_queue_rows 4.0" in httpx.get(f"{address}/metrics").text)
        wait_until(lambda: "modelwright_queue_rows 0.0" in httpx.get(f"{address}/metrics").text)
        running.append(threads.submit(_post, address, "stays"))
        wait_until(lambda: "modelwright_queue_rows 1.0" in httpx.get(f"{address}/metrics").text)
        held.gate.set()
        assert [one.result().status_code for one in running] == [200, 200]
    assert not any("leaves" in batch for batch in held.batches)


def test_a_model_that_breaks_fails_its_requests_with_500_and_no_traceback(held: Held, address: str) -> None:
    held.gate.set()
    broken = _post(address, "break")
    assert broken.status_code == 500
    assert broken.json()["error"] == "ModelwrightError"
    assert "ZeroDivision" not in broken.text
    assert _post(address, SPORT).status_code == 200
    assert 'modelwright_requests_total{status="500"} 1.0' in httpx.get(f"{address}/metrics").text


def test_the_log_has_a_line_per_request_and_no_content(predictor: Predictor, tmp_path) -> None:
    path = tmp_path / "logs" / "requests.jsonl"
    with serving(create_app(predictor, Serve(log=str(path)))) as address:
        _post(address, SPORT, MARKET)
        _post(address, "")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["status"], line["rows"], line["release"]) for line in lines] == [
        (200, 2, predictor.hash),
        (422, 0, predictor.hash),
    ]
    assert all(line["latency_ms"] > 0 for line in lines)
    assert "team" not in path.read_text()
