"""A bought model raced against a built one, for real: a service over HTTP, ten stages, a release that asks it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import chat_service
import modelwright as mw
from made_project import make
from modelwright.base.errors import SpecError
from modelwright.base.store import read_json
from modelwright.serve.app import create_app
from modelwright.serve.predictor import Predictor
from modelwright.spec.serve import Serve

KEY = "sk-of-the-flow-test"
VARIABLE = "CHAT_SERVICE_TEST_KEY"


def route(url: str, **changes: object) -> dict[str, object]:
    prices = {"price_input": "0.15 USD", "price_output": "0.6 USD", "cap": "0.5 USD"}
    asked = {"base_url": url, "model": "small-1", "key_from": VARIABLE, "examples": 6}
    return {**asked, **prices, "requests_per_minute": 30_000, "parallel": 4, **changes}


def project(folder: Path, url: str, **changes: object) -> Path:
    return make(
        folder,
        routes={"tfidf-linear": {"max_features": 10}, "api": route(url, **changes)},
        choose={"prefer": "quality"},
        evaluate={"resamples": 100},
        rehearse={"connections": [1, 64], "seconds": 0.4},
    )


@pytest.fixture(scope="module")
def service() -> Iterator[chat_service.Service]:
    os.environ[VARIABLE] = KEY
    with chat_service.running(key=KEY) as found:
        yield found
    del os.environ[VARIABLE]


@pytest.fixture(scope="module")
def first(service, tmp_path_factory):
    return mw.run(project(tmp_path_factory.mktemp("bought") / "made", service.url), quiet=True)


def test_it_is_raced_on_the_same_rows_at_measured_cost(first, service):
    records = first.evidence.latest()
    assert first.decision["route"] == "api"
    each = records["evaluate/api/cost-per-1000"]
    sent, got = (float(records[f"evaluate/api/{name}"].value) for name in ("input-tokens", "output-tokens"))
    assert each.basis == "measured" and each.unit == "USD"
    assert float(each.value) == pytest.approx((0.15 * sent + 0.6 * got) / 1000)
    for name in ("tfidf-linear", "api"):
        figure = records[f"evaluate/{name}/test/macro-f1"]
        assert figure.low <= figure.value <= figure.high
    assert records["evaluate/api/latency-p95"].note == "as the service answered, network included"
    assert records["evaluate/api/spent"].value < records["forecast/api/evaluation-money"].high * 2
    assert not [name for name in records if name.startswith("train/api") and name.endswith(("flops", "steps"))]
    ways = {way["name"]: way for way in read_json(first.folder / "plan" / "route.json")["ways"]}
    assert ways["api"]["kind"] == "buy" and ways["tfidf-linear"]["kind"] == "build"
    assert ways["api"]["quality"]["value"] == records["evaluate/api/test/macro-f1"].value
    levels = read_json(first.folder / "rehearse" / "load.json")["levels"]
    assert [level["connections"] for level in levels] == [1, 4]  # 64 would be more than may be on their way
    assert sum(level["errors"] for level in levels) == 0
    assert service.most_busy <= 4


def test_the_key_is_nowhere_and_the_release_is_no_graph(first):
    names = {path.name for path in first.release.iterdir()}
    assert {"asker.json", "prompt.json", "task.json"} <= names and "model.onnx" not in names
    for path in first.folder.parents[1].rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert VARIABLE in (first.release / "asker.json").read_text()
    assert "small-1" in (first.release / "README.md").read_text()
    assert "service" in [right["what"] for right in read_json(first.release / "LICENSES.json")]


def test_the_release_is_served_as_any_other(first, service):
    httpx = pytest.importorskip("httpx")
    predictor = Predictor(first.release)
    before = len(service.asked)
    app = create_app(predictor, Serve())

    async def ask() -> list[httpx.Response]:
        found = []
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=20) as client:
                two = {"inputs": [{"text": "ship crane quay tide"}, {"text": "oven flour butter"}]}
                found.append(await client.post("/v1/predict", json=two))
                service.failures = [chat_service.Failure(400, b'{"error": {"message": "no such model"}}')]
                found.append(await client.post("/v1/predict", json={"text": "ship"}))
        return found

    answered, refused = asyncio.run(asyncio.wait_for(ask(), 60))
    assert answered.status_code == 200, answered.text
    assert [one["label"] for one in answered.json()["predictions"]] == ["harbour", "kitchen"]
    assert set(answered.json()["predictions"][0]["scores"]) == {"harbour", "kitchen", "orchard"}
    assert len(service.asked) == before + 3  # no request of its own to warm up
    assert refused.status_code == 502
    assert "no such model" in refused.json()["came"]


def test_a_killed_run_goes_on_and_pays_nothing_twice(service, tmp_path):
    folder = project(tmp_path / "made", service.url, parallel=1, requests_per_minute=2400)
    asked = len(service.asked)
    command = [sys.executable, "-m", "modelwright", "run", str(folder), "--until", "evaluate", "--json"]
    running = subprocess.Popen(command, env={**os.environ}, start_new_session=True, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while len(service.asked) < asked + 20 and time.monotonic() < until and running.poll() is None:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    time.sleep(0.2)
    assert asked + 20 <= len(service.asked) < asked + 100
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    texts = [json.dumps(body["messages"]) for body in service.asked[asked:]]
    assert len(texts) - len(set(texts)) <= 1  # the one that was on its way at the kill
    records = [json.loads(line) for line in next((folder / "paid").iterdir()).read_text().splitlines()]
    assert len({record["request"] for record in records}) == len(records)


def test_what_would_pass_the_cap_is_refused_before_a_request(service, tmp_path):
    asked = len(service.asked)
    with pytest.raises(SpecError, match=r"routes.api.cap +evaluating api takes"):
        mw.run(project(tmp_path / "made", service.url, cap="0.001 USD"), quiet=True)
    assert len(service.asked) == asked


def test_what_can_not_be_bought_so_is_refused(tmp_path):
    wrong = {
        "a key in the file": ({"key_from": "sk-secret"}, "name of an environment variable"),
        "a password in the address": ({"base_url": "https://me:word@host/v1"}, "neither a name and password"),
        "two currencies": ({"cap": "1 EUR"}, "in one currency"),
        "a budget": ({"budget": {"minutes": 1}}, "no budget"),
        "the route's own fields": ({"body": {"model": "other"}}, "a body without model"),
    }
    for changes, said in wrong.values():
        with pytest.raises(SpecError, match=said) as caught:
            mw.run(project(tmp_path / "made", "http://127.0.0.1:9/v1", **changes), quiet=True)
        assert "sk-secret" not in str(caught.value)
