"""The real server, as a process of its own, seen through its port."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from tests.unit.serve.conftest import LIMITS
from tests.unit.serve.release import MARKET, SPORT

from modelwright.serve.predictor import Predictor
from modelwright.serve.rehearse import Started
from modelwright.serve.schema import Health, Problem, message_types


@pytest.fixture(scope="module")
def client(running: Started):
    with httpx.Client(base_url=running.address, timeout=30) as client:
        yield client


def _problem(response: httpx.Response, status: int) -> Problem:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    problem = Problem.model_validate_json(response.text, strict=True, extra="forbid")
    assert all((problem.came, problem.expected, problem.where, problem.remedy))
    return problem


def test_one_row(client: httpx.Client, predictor: Predictor) -> None:
    response = client.post("/v1/predict", json={"text": SPORT})
    assert response.status_code == 200
    message_types(predictor.task)["answer"].model_validate_json(response.text)
    answer = response.json()
    assert answer["prediction"] == predictor.predict([SPORT])[0].as_json()
    assert answer["release"] == predictor.hash
    assert 0 < answer["latency_ms"] < 10_000


def test_many_rows_as_objects_or_plain_texts(client: httpx.Client, predictor: Predictor) -> None:
    response = client.post("/v1/predict", json={"inputs": [{"text": SPORT}, MARKET, SPORT * 20]})
    assert response.status_code == 200
    message_types(predictor.task)["answers"].model_validate_json(response.text)
    assert [one["label"] for one in response.json()["predictions"]] == ["sport", "market", "sport"]


def test_texts_of_every_script_come_through(client: httpx.Client) -> None:
    response = client.post("/v1/predict", json={"inputs": ["体育新闻", "спорт", "رياضة", "🏆", "a\u0000b", "\\ud800"]})
    assert len(response.json()["predictions"]) == 6


@pytest.mark.parametrize(
    ("body", "where", "came"),
    [
        (b"{", "body", "not JSON"),
        (b"", "body", "not JSON"),
        (b'{"text": "\xff"}', "body", "not UTF-8"),
        (b"[" * 50_000, "body", "not JSON"),
        (b'{"text": 1' + b"0" * 5_000 + b"}", "body", "not JSON"),
        (b'["a"]', "body", "array"),
        (b'"a"', "body", "string"),
        (b"null", "body", "null"),
        (b"{}", "inputs[0].text", "required"),
        (b'{"text": 7}', "inputs[0].text", "7"),
        (b'{"text": ""}', "inputs[0].text", "at least 1"),
        (b'{"text": "a", "label": "b"}', "inputs[0].label", "not permitted"),
        (b'{"inputs": []}', "inputs", "empty"),
        (b'{"inputs": "a"}', "inputs", "string"),
        (b'{"inputs": ["a"], "text": "b"}', "body", "text"),
        (b'{"inputs": ["a", {"text": "b"}, 3]}', "inputs[2]", ""),
        (b'{"inputs": [["a"]]}', "inputs[0]", ""),
        (b'{"text": "\\ud800"}', "inputs[0].text", "unicode"),
        (b'{"\\ud800": "a", "inputs": ["a"]}', "body", "other keys beside inputs: ?"),
    ],
)
def test_wrong_requests_get_four_parts_and_422(client: httpx.Client, body: bytes, where: str, came: str) -> None:
    response = client.post("/v1/predict", content=body, headers={"content-type": "application/json"})
    problem = _problem(response, 422)
    assert problem.error == "RequestError"
    assert problem.where.startswith(where)
    assert came in problem.came


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"text": "a" * (LIMITS.max_characters + 1)}, "inputs[0]"),
        ({"inputs": ["a", "b" * (LIMITS.max_characters + 1)]}, "inputs[1]"),
        ({"inputs": ["a"] * (LIMITS.max_request_rows + 1)}, "inputs"),
        ({"text": "a" * LIMITS.max_body_bytes}, "body"),
    ],
    ids=["long text", "long text in a batch", "rows", "body"],
)
def test_too_much_at_once_gets_413(client: httpx.Client, body: dict, where: str) -> None:
    assert _problem(client.post("/v1/predict", json=body), 413).where == where


def test_the_limits_themselves_are_allowed(client: httpx.Client) -> None:
    assert client.post("/v1/predict", json={"text": "a" * LIMITS.max_characters}).status_code == 200
    assert client.post("/v1/predict", json={"inputs": ["a"] * LIMITS.max_request_rows}).status_code == 200


def test_a_body_of_unannounced_length_is_cut_off_while_reading(client: httpx.Client) -> None:
    sent = 0

    def endless():
        nonlocal sent
        while sent < 100 * LIMITS.max_body_bytes:
            sent += 10_000
            yield b"a" * 10_000

    try:
        response = client.post("/v1/predict", content=endless())
    except httpx.TransportError:  # the server closed while the client was still sending: it was cut off
        response = None
    if response is not None:
        _problem(response, 413)
    assert client.post("/v1/predict", json={"text": SPORT}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/predict", 405), ("POST", "/health", 405), ("GET", "/nowhere", 404)]
)
def test_wrong_addresses_say_which_are_right(client: httpx.Client, method: str, path: str, status: int) -> None:
    problem = _problem(client.request(method, path), status)
    assert path in problem.came
    assert "POST /v1/predict" in problem.expected


def test_health_and_card(client: httpx.Client, predictor: Predictor) -> None:
    health = Health.model_validate_json(client.get("/health").text)
    assert health.ready
    assert (health.name, health.release) == ("two-topics", predictor.hash)
    assert client.get("/v1/model").json() == {**predictor.card, "hash": predictor.hash}


def _figures(client: httpx.Client) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_metrics_count_what_happened(client: httpx.Client) -> None:
    before = _figures(client)
    client.post("/v1/predict", json={"text": SPORT})
    client.post("/v1/predict", json={"inputs": [SPORT] * 7})
    client.post("/v1/predict", json={"text": ""})
    after = _figures(client)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grown('modelwright_requests_total{status="200"}') == 2
    assert grown('modelwright_requests_total{status="422"}') == 1
    assert grown('modelwright_errors_total{error="RequestError"}') == 1
    assert grown("modelwright_rows_total") == 8
    assert grown("modelwright_latency_seconds_count") == 2
    assert grown("modelwright_batch_rows_sum") == 8
    assert grown("modelwright_compute_seconds_total") > 0
    assert after["modelwright_queue_rows"] == 0


def test_the_description_is_whole_and_fits_the_answers(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert {"/v1/predict", "/health", "/metrics", "/v1/model"} <= set(described["paths"])
    operation = described["paths"]["/v1/predict"]["post"]
    assert set(operation["responses"]) == {"200", "413", "422", "500", "503"}
    schemas = described["components"]["schemas"]
    references = {part.split('"')[0] for part in json.dumps(described).split('"#/components/schemas/')[1:]}
    assert references <= set(schemas)
    assert schemas["TextRequest"]["required"] == ["text"]
    assert schemas["Answer"]["required"] == ["prediction", "release", "latency_ms"]
    assert client.get("/docs").status_code == 200


def test_many_clients_at_once_each_get_their_own_answer(running: Started) -> None:
    def work(number: int) -> bool:
        text, label = (SPORT, "sport") if number % 2 else (MARKET, "market")
        with httpx.Client(base_url=running.address, timeout=30) as own:
            answers = [own.post("/v1/predict", json={"text": f"{text} {number} {turn}"}).json() for turn in range(10)]
        return [answer["prediction"]["label"] for answer in answers] == [label] * 10

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(work, range(32)))


def test_clients_that_leave_halfway_harm_nobody(running: Started, client: httpx.Client) -> None:
    parts = urlsplit(running.address)
    for sent in (
        b"",
        b"POST /v1/pre",
        b"POST /v1/predict HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{",
        b"\x16\x03\x01 not http",
    ):
        with socket.create_connection((parts.hostname, parts.port)) as left:
            left.sendall(sent)
    assert client.post("/v1/predict", json={"text": SPORT}).status_code == 200


def test_a_wrong_content_length_is_refused_not_obeyed(running: Started) -> None:
    parts = urlsplit(running.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as wrong:
        wrong.sendall(b"POST /v1/predict HTTP/1.1\r\nhost: a\r\ncontent-length: many\r\n\r\n{}")
        assert wrong.recv(100).split(b" ")[1] == b"400"
