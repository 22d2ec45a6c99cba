"""A bought model asked over real HTTP: what it answers, how it fails, what it may cost."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chat_service
from chat_service import Failure
from modelwright.base.bought.asker import MASK, PROMPT, TEXT, Asker, for_service, for_work
from modelwright.base.bought.labels import read_answer
from modelwright.base.bought.pace import Turns
from modelwright.base.bought.paid import Paid, Price, Purse
from modelwright.base.bought.tokens import most_tokens, usual_tokens
from modelwright.base.errors import BoughtError, CapError, ReleaseError
from modelwright.base.graph import ASKER, Graph, graph_file, open_graph
from modelwright.base.nouns import Batch

LABELS = ["harbour", "kitchen", "Orchard"]
KEY = "sk-a-very-secret-key"


def write(folder: Path, url: str, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "format": 1,
        "base_url": url,
        "key_from": None,
        "body": {"model": "small", "temperature": 0.0, "max_tokens": 8},
        "answer_tokens": 8,
        "labels": LABELS,
        "several": False,
        "certainty": 0.9,
        "price": {"input": 1000.0, "output": 2000.0, "currency": "USD"},
        "priced_on": None,
        "cap": 100.0,
        "serve_cap": None,
        "requests_per_minute": 1e6,
        "parallel": 4,
        "timeout_seconds": 5.0,
        "retries": 3,
        **changes,
    }
    (folder / ASKER).write_text(json.dumps(content))
    examples = [("ship crane", "harbour"), ("pan flour", "kitchen"), ("apple pear", "Orchard")]
    turns = [{"role": "system", "content": "Label."}]
    for text, label in examples:
        turns += [{"role": "user", "content": text}, {"role": "assistant", "content": label}]
    (folder / PROMPT).write_text(json.dumps({"max_characters": 100, "messages": turns}))
    return folder


def batch(*texts: str) -> Batch:
    raw = [text.encode() for text in texts]
    most = max(map(len, raw))
    inputs = {TEXT: np.zeros((len(raw), most), np.uint8), MASK: np.zeros((len(raw), most), np.uint8)}
    for row, one in enumerate(raw):
        inputs[TEXT][row, : len(one)] = np.frombuffer(one, np.uint8)
        inputs[MASK][row, : len(one)] = 1
    return Batch(tuple(map(str, range(len(raw)))), inputs)


def quick(asker: Asker) -> list[float]:
    """Waits are noted instead of waited for."""
    waits: list[float] = []
    asker.endpoint.turns.sleep = waits.append
    return waits


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("harbour", [0]),
        (" Kitchen.\n", [1]),
        ('"orchard"', [2]),
        ("**harbour**", [0]),
        ("<think>a ship? the kitchen?</think>\nharbour", [0]),
        ("the harbour", None),
        ("harbour, kitchen", None),
        ("harbour\nkitchen", None),
        ("I don't know", None),
        ("", None),
        ("-", None),
    ],
)
def test_one_label_is_read_strictly(said, place):
    assert read_answer(said, LABELS, several=False) == place


@pytest.mark.parametrize(
    ("said", "places"),
    [("harbour\nkitchen", [0, 1]), ("- kitchen\n- harbour\n", [0, 1]), ("-", []), ("harbour\nsomething else", None), ("", None)],
)
def test_several_labels_are_read_line_by_line(said, places):
    assert read_answer(said, LABELS, several=True) == places


def test_labels_that_differ_in_case_alone_are_meant_as_written():
    assert read_answer("It", ["It", "IT"], several=False) == [0]
    assert read_answer("it", ["It", "IT"], several=False) is None
    assert read_answer("好评。", ["好评", "差评"], several=False) == [0]


def test_it_answers_as_a_graph_would(tmp_path):
    with chat_service.running() as service:
        asker = open_graph(write(tmp_path, service.url))
        assert isinstance(asker, Asker) and not isinstance(asker, Graph)
        assert graph_file(tmp_path).name == ASKER
        found = asker.run(batch("a ship at the quay", "butter in the pan", "a ship at the quay"))
    assert found["answered"].all()
    assert found["logits"].argmax(1).tolist() == [0, 1, 0]
    chances = np.exp(found["logits"]) / np.exp(found["logits"]).sum(1, keepdims=True)
    np.testing.assert_allclose(chances.max(1), 0.9, atol=1e-6)
    assert len(service.asked) == 2  # equal texts are asked once
    body = service.asked[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("small", 0.0, 8)
    assert [message["role"] for message in body["messages"]] == ["system", *["user", "assistant"] * 3, "user"]
    assert service.authorised == [None, None]


def test_what_is_no_label_is_reported_and_not_dropped(tmp_path):
    with chat_service.running(says=lambda body: "I can't tell") as service:
        asker = for_service(write(tmp_path, service.url))
        found = asker.run(batch("ship"))
    assert found["answered"].tolist() == [False]
    used = asker.usage()
    assert (used["rows"], used["unparseable"], used["unparseable_answers"]) == (1, 1, ["I can't tell"])


def test_failures_are_waited_out(tmp_path):
    failures = [Failure(429, headers={"retry-after": "2"}), Failure(500), Failure(503, body=b"busy")]
    with chat_service.running(failures=failures) as service:
        asker = for_service(write(tmp_path, service.url, parallel=1))
        waits = quick(asker)
        assert asker.run(batch("ship"))["logits"].argmax() == 0
    assert len(service.asked) == 4
    assert any(wait >= 1.99 for wait in waits)  # as Retry-After asked, although the first doubling wait is shorter
    assert all(wait <= 2.1 for wait in waits)
    assert asker.usage()["spent"] == pytest.approx(asker.purse.price.of(*_tokens(asker)))  # refusals cost nothing


def _tokens(asker: Asker) -> tuple[int, int]:
    (paid,) = asker._asked
    return paid.input_tokens, paid.output_tokens


def test_a_long_retry_after_is_not_waited_for(tmp_path):
    with chat_service.running(failures=[Failure(429, headers={"retry-after": "3600"})]) as service:
        asker = for_service(write(tmp_path, service.url))
        waits = quick(asker)
        with pytest.raises(BoughtError, match="429: try again"):
            asker.run(batch("ship"))
    assert len(service.asked) == 1 and not waits


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Failure(500, body=b"<html>broken</html>"), "status 500: <html>broken</html>"),
        (Failure(200, body=b"{not json"), "without a chat completion"),
        (Failure(200, body=b'{"choices": []}'), "without a chat completion"),
        (Failure(200, seconds=0.6), "no answer within 0.2 s"),
    ],
)
def test_what_fails_each_time_is_told(tmp_path, failure, said):
    with chat_service.running(failures=[failure] * 3) as service:
        asker = for_service(write(tmp_path, service.url, retries=1, timeout_seconds=0.2))
        quick(asker)
        with pytest.raises(BoughtError) as caught:
            asker.run(batch("ship"))
    assert said in str(caught.value) and service.url in str(caught.value)
    assert len(service.asked) == 2
    paid_for_nothing = failure.status == 200  # what may be on the bill counts as spent
    assert (asker.purse.spent > 0) == paid_for_nothing


def test_nobody_there_is_told(tmp_path):
    with chat_service.running() as service:
        pass
    asker = for_service(write(tmp_path, service.url, retries=1))
    quick(asker)
    with pytest.raises(BoughtError, match="no answer"):
        asker.run(batch("ship"))


def test_the_key_is_sent_and_never_shown(tmp_path, monkeypatch):
    with chat_service.running(key=KEY) as service:
        folder = write(tmp_path, service.url, key_from="TEST_SERVICE_KEY")
        monkeypatch.delenv("TEST_SERVICE_KEY", raising=False)
        with pytest.raises(BoughtError, match="TEST_SERVICE_KEY"):
            for_service(folder).run(batch("ship"))
        assert not service.asked
        monkeypatch.setenv("TEST_SERVICE_KEY", KEY + "-wrong")
        with pytest.raises(BoughtError, match="401") as caught:
            for_service(folder).run(batch("ship"))
        assert KEY not in str(caught.value)  # although the service quotes it
        assert len(service.asked) == 1  # a refusal is not repeated
        monkeypatch.setenv("TEST_SERVICE_KEY", KEY)
        record = tmp_path / "paid.jsonl"
        assert for_work(folder, record).run(batch("ship"))["answered"].all()
        monkeypatch.setenv("TEST_SERVICE_KEY", "sk-a\nheader: of-its-own")
        with pytest.raises(BoughtError, match="characters that can't be sent") as caught:
            for_service(folder).run(batch("ship"))
        assert "of-its-own" not in str(caught.value)
    for path in tmp_path.iterdir():
        assert KEY not in path.read_text()


def test_the_cap_stops_before_it_is_passed_and_nothing_is_paid_twice(tmp_path):
    record, texts = tmp_path / "paid.jsonl", [f"ship number {number}" for number in range(40)]
    with chat_service.running() as service:
        folder = write(tmp_path, service.url, cap=0.4, retries=0)
        first = for_work(folder, record)
        with pytest.raises(CapError, match=r"at most 0.4 USD") as caught:
            first.run(batch(*texts))
        asked = len(service.asked)
        assert 5 < asked < 40
        assert 0 < first.purse.spent <= 0.4
        assert "Raise the route's cap" in str(caught.value)
        again = for_work(folder, record)
        assert again.purse.spent == pytest.approx(first.purse.spent)  # counted over runs
        with pytest.raises(CapError):
            again.run(batch(*texts))
        assert len(service.asked) == asked
        write(tmp_path, service.url, cap=100.0)
        rest = for_work(folder, record)
        assert rest.run(batch(*texts))["answered"].all()
        assert len(service.asked) == 40
        assert len({body["messages"][-1]["content"] for body in service.asked}) == 40
        assert rest.usage()["rows"] == 40
        assert rest.latency_ms()["count"] == 40


def test_a_record_that_a_kill_cut_off_goes_on(tmp_path):
    record = tmp_path / "paid.jsonl"
    with chat_service.running() as service:
        folder = write(tmp_path, service.url)
        for_work(folder, record).run(batch("ship", "pan"))
        whole = record.read_bytes()
        record.write_bytes(whole[:-20])
        for_work(folder, record).run(batch("ship", "pan"))
        assert len(service.asked) == 3
        third = for_work(folder, record)
        third.run(batch("ship", "pan"))
        assert len(service.asked) == 3
        assert len(third.purse.answers) == 2


def test_a_server_asks_anew_and_counts_against_the_record(tmp_path, monkeypatch):
    record = tmp_path / "paid.jsonl"
    with chat_service.running() as service:
        folder = write(tmp_path, service.url, cap=0.3, serve_cap=100.0, retries=0)
        for_work(folder, record).run(batch("ship"))
        free = for_service(folder)
        free.run(batch("ship"))
        assert len(service.asked) == 2 and free.purse.cap == 100.0
        monkeypatch.setenv("MODELWRIGHT_PAID", str(record))
        bound = for_service(folder)
        with pytest.raises(CapError):
            for number in range(50):
                bound.run(batch(f"ship {number}"))
        assert for_work(folder, record).purse.spent <= 0.3
        assert len(record.read_text().splitlines()) == len(service.asked) - 1


def test_missing_usage_is_estimated_and_marked(tmp_path):
    with chat_service.running(usage=False) as service:
        asker = for_service(write(tmp_path, service.url))
        asker.run(batch("ship at the quay"))
    used = asker.usage()
    assert used["estimated"] == 1.0
    sent = [message["content"] for message in service.asked[0]["messages"]]
    assert used["input_tokens"] == usual_tokens(sent)
    assert usual_tokens(sent) < most_tokens(sent)
    assert used["cost_per_1000"] == pytest.approx(1000 * asker.purse.price.of(usual_tokens(sent), usual_tokens(["harbour"])))


def test_no_more_are_asked_at_a_time_than_allowed(tmp_path):
    with chat_service.running(seconds=0.05) as service:
        asker = for_service(write(tmp_path, service.url, parallel=3))
        asker.run(batch(*[f"ship {number}" for number in range(9)]))
    assert service.most_busy == 3


def test_starts_are_spaced_by_the_rate(tmp_path):
    with chat_service.running() as service:
        asker = for_service(write(tmp_path, service.url, requests_per_minute=1200, parallel=4))
        asker.run(batch(*[f"ship {number}" for number in range(6)]))
    gaps = np.diff(sorted(service.times))
    assert sum(gaps) >= 5 * 0.05 * 0.8
    assert gaps.max() < 1


def test_turns_are_kept_for_all_threads_and_put_off_by_a_hold():
    now, waits = [0.0], []
    turns = Turns(60, clock=lambda: now[0], sleep=waits.append)
    for _ in range(3):
        turns.wait()
    assert waits == [1.0, 2.0]
    turns.hold(30)
    turns.wait()
    assert waits[-1] == 30.0


def test_money_on_its_way_counts_as_spent():
    purse = Purse(Price(1.0, 1.0, "USD"), cap=1.0)
    inside, release = threading.Event(), threading.Event()

    def hold() -> None:
        with purse.reserve(0.8):
            inside.set()
            release.wait(5)
            purse.keep(Paid("a", "x", 100_000, 0, False, 1.0))

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(5)
    threading.Timer(0.1, release.set).start()
    began = time.monotonic()
    with purse.reserve(0.8):  # waits until the first cost 0.1 and no more
        assert time.monotonic() - began > 0.05
    thread.join()
    with pytest.raises(CapError), purse.reserve(0.95):
        pass


def test_damaged_files_are_refused(tmp_path):
    folder = write(tmp_path, "http://127.0.0.1:9/v1")
    for name in (ASKER, PROMPT):
        whole = (folder / name).read_text()
        for broken in (whole[: len(whole) // 2], "[]", "{}"):
            (folder / name).write_text(broken)
            with pytest.raises(ReleaseError, match=name):
                for_service(folder)
        (folder / name).write_text(whole)
    with pytest.raises(ReleaseError):
        open_graph(tmp_path / "nowhere")
