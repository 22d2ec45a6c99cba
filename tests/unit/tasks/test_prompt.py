"""The prompt that a bought model is asked with, and what becomes of answers that are none."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.base.bought.asker import MASK, TEXT, texts_of
from modelwright.base.nouns import Row
from modelwright.evaluate.answers import answers
from modelwright.spec.routes.api import Api
from modelwright.tasks.contract import load_task
from modelwright.tasks.text.prompt import Prompt
from modelwright.tasks.text_classification import TextClassification
from modelwright.tasks.text_pair_classification import TextPairClassification


def route(**changes: object) -> Api:
    given = {"base_url": "https://host/v1", "model": "m", "price_input": "1 USD", "price_output": "1 USD", "cap": "1 USD"}
    return Api.model_validate({**given, **changes})


def reader_of(task: TextClassification) -> Prompt:
    assert isinstance(task.reader, Prompt)
    return task.reader


ONE = TextClassification.exam_rows(0, "one-label")
SEVERAL = TextClassification.exam_rows(0, "several-labels")
CHINESE = TextClassification.exam_rows(0, "no-spaces")


def test_examples_come_from_the_training_rows_evenly_and_by_the_seed():
    task = TextClassification.fit(ONE, route(examples=3))
    system, *turns = reader_of(task).messages
    assert system["role"] == "system"
    assert "\nharvest\nmusic\nvoyage\n" in system["content"]
    known = {row.values["text"]: row.values["label"] for row in ONE}
    asked, said = turns[::2], turns[1::2]
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 9
    assert [known[turn["content"]] for turn in asked] == [turn["content"] for turn in said]
    assert sorted(turn["content"] for turn in said) == ["harvest"] * 3 + ["music"] * 3 + ["voyage"] * 3
    assert [turn["content"] for turn in said[:3]] != ["harvest"] * 3  # mixed
    again, other = (TextClassification.fit(ONE, route(examples=3, seed=seed)) for seed in (0, 1))
    assert reader_of(again).messages == [system, *turns] != reader_of(other).messages
    assert len(reader_of(TextClassification.fit(ONE, route(examples=0))).messages) == 1


def test_the_prompt_speaks_the_texts_language_unless_told():
    assert "请判断" in reader_of(TextClassification.fit(CHINESE, route())).messages[0]["content"]
    assert "Say which label" in reader_of(TextClassification.fit(CHINESE, route(language="en"))).messages[0]["content"]
    told = reader_of(TextClassification.fit(ONE, route(instruction="Voyage means ships."))).messages[0]["content"]
    assert told.index("Voyage means ships.") < told.index("The labels are:")


def test_several_labels_stand_one_on_each_line():
    rows = [*SEVERAL, Row("none", {"text": "nothing of all that", "label": ()})]
    reader = reader_of(TextClassification.fit(rows, route(examples=64)))
    said = {turn["content"] for turn in reader.messages if turn["role"] == "assistant"}
    assert any("\n" in one for one in said)
    assert all(set(one.split("\n")) <= {"harvest", "music", "voyage"} for one in said)
    assert "every label that fits" in reader.messages[0]["content"]


def test_pairs_are_shown_as_two_texts(tmp_path):
    rows = TextPairClassification.exam_rows(0)
    task = TextPairClassification.fit(rows, route())
    reader = reader_of(task)
    assert "three equals signs" in reader.messages[0]["content"]
    assert "\n===\n" in reader.messages[1]["content"]
    batch = task.collate([task.encode(rows[0])])
    assert texts_of(batch.inputs[TEXT], batch.inputs[MASK]) == [f"{rows[0].values['first']}\n===\n{rows[0].values['second']}"]
    task.save(tmp_path)
    again = load_task(tmp_path)
    np.testing.assert_equal(again.encode(rows[0]).inputs, task.encode(rows[0]).inputs)


@pytest.mark.parametrize("text", ["plain", "汉字 😀", "", "nul \x00 inside", "half \ud800", "x" * 9_000])
def test_texts_arrive_as_they_are_up_to_the_limit(text):
    reader = reader_of(TextClassification.fit(ONE, route(max_characters=100)))
    one, other = reader.encode(text), reader.encode("a longer companion of it")
    batch = reader.collate([one, other])
    expected = text[:100].replace("\ud800", "?") or " "
    assert texts_of(batch[TEXT], batch[MASK]) == [expected, "a longer companion of it"]
    assert len(reader.places(text)) == len(one[TEXT])


@pytest.mark.parametrize("several", [False, True])
def test_no_answer_is_wrong_whatever_the_truth(several):
    labels = ("a", "b", "c")
    truths: list[object] = [("a",), ("b",), ()] if several else ["a", "b", "c"]
    rows = [Row(str(number), {"text": "x", "label": truth}) for number, truth in enumerate(truths)]
    task = TextClassification(labels, several, Prompt([], 10))
    logits = np.zeros((3, 3), np.float32)
    silent = task.decode({"logits": logits, "answered": np.zeros(3, bool)}, ["0", "1", "2"])
    assert [(one.label, one.labels, one.probability) for one in silent] == [("", (), 0.0)] * 3
    figures = task.score(task.align(silent, rows))
    assert figures["accuracy"] == 0.0
    if not several:
        assert figures["macro-f1"] == figures["micro-f1"] == 0.0
        found = answers(rows, silent, "label")
        assert not any(answer.right for answer in found)
        half = task.decode(
            {"logits": np.eye(3, dtype=np.float32) * 9, "answered": np.array([True, True, False])}, ["0", "1", "2"]
        )
        assert task.score(task.align(half, rows))["accuracy"] == pytest.approx(2 / 3)
