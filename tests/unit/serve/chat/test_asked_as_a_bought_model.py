"""The bought route asks our own chat server: two strangers that speak the same protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.base.bought.asker import Asker, for_service, for_work
from modelwright.base.errors import BoughtError
from modelwright.base.journey import predict
from modelwright.base.nouns import Row
from modelwright.spec.routes.api import Api
from modelwright.tasks.text_classification import TextClassification
from modelwright.train.bought import write_asker

ROWS = [Row("a", {"text": "tide", "label": "sea"}), Row("b", {"text": "oven", "label": "bread"})]


def asker(address: str, folder: Path, **changes: object) -> tuple[TextClassification, Asker]:
    prices = {"price_input": "1 USD", "price_output": "2 USD", "cap": "1 USD"}
    asked = {"base_url": f"{address}/v1", "model": "harbour", "examples": 1, "answer_tokens": 4, "retries": 0}
    route = Api.model_validate({**asked, **prices, "requests_per_minute": 1e6, **changes})
    task = TextClassification.fit(ROWS, route)
    task.reader.messages = task.reader.messages[1:]  # the made model sees 256 tokens; the labels alone must do
    task.save(folder)
    write_asker(route, task, "USD", folder)
    return task, for_service(folder)


def test_our_own_server_is_asked_like_any_other(address: str, tmp_path: Path) -> None:
    task, found = asker(address, tmp_path)
    predictions = predict(task, found, ROWS)
    used = found.usage()
    assert used["estimated"] == 0.0  # our server counts its tokens
    assert used["rows"] == 2 and 5 < used["input_tokens"] < 256 and 0 < used["output_tokens"] <= 4
    assert used["cost_per_1000"] == pytest.approx((used["input_tokens"] + 2 * used["output_tokens"]) / 1000)
    assert used["unparseable"] == sum(one.label == "" for one in predictions)  # random weights: nonsense, and said to be
    figures = task.score(task.align(predictions, ROWS))
    assert figures["accuracy"] == sum(one.label == row.values["label"] for one, row in zip(predictions, ROWS, strict=True)) / 2
    record = tmp_path / "paid.jsonl"
    first, second = (for_work(tmp_path, record).run(task.collate(task.encode_many(ROWS))) for _ in range(2))
    assert (first["logits"] == second["logits"]).all()
    assert len(record.read_text().splitlines()) == 2


def test_what_our_server_refuses_is_told(address: str, tmp_path: Path) -> None:
    task, found = asker(address, tmp_path, model="no-such-model")
    with pytest.raises(BoughtError, match="404"):
        predict(task, found, ROWS)
