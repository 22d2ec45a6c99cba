"""Conversations: every usual shape becomes one, and what is malformed is named by row and message."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from modelwright.base.console import Console
from modelwright.base.nouns import Column, Row
from modelwright.data.cleaning.messages import messages_text
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.spec.data import Data

CONVERSATIONS = (Column("messages", "messages", True),)
PREFERENCES = (Column("messages", "messages", True), Column("chosen", "text", False), Column("rejected", "text", False))


def prepared(folder: Path, rows: list[dict[str, Any]], columns: tuple[Column, ...] = CONVERSATIONS) -> list[Row]:
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    out = folder / "out"
    out.mkdir(exist_ok=True)
    prepare(Data(source="rows.jsonl"), columns, folder, out, Console(quiet=True))
    return [row for name in ("train", "validation", "test") for row in read_split(out, name)]


def shapes(number: int) -> list[dict[str, Any]]:
    """One conversation in each shape."""
    asked, answered = f"question {number} 你好", f"answer {number}"
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return [
        {"messages": turns},
        {"messages": json.dumps(turns)},
        {"conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": answered}]},
        {"instruction": asked, "input": "", "output": answered},
        {"prompt": asked, "response": answered},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": asked}]}, turns[1]]},
    ]


@pytest.mark.parametrize("shape", range(6))
def test_every_shape_is_the_same_conversation(tmp_path: Path, shape: int) -> None:
    rows = prepared(tmp_path, [shapes(number)[shape] for number in range(10)])
    expected = {
        f'[{{"role":"user","content":"question {number} 你好"}},{{"role":"assistant","content":"answer {number}"}}]'
        for number in range(10)
    }
    assert {row.values["messages"] for row in rows} == expected
    assert all(set(row.values) == {"messages"} for row in rows)


def test_an_input_follows_its_instruction_and_a_system_prompt_leads(tmp_path: Path) -> None:
    rows = prepared(
        tmp_path, [{"system": "Be brief.", "instruction": f"Add {n}", "input": "1 2", "output": "3"} for n in range(8)]
    )
    first = json.loads(next(row.values["messages"] for row in rows if "Add 0" in row.values["messages"]))
    assert [message["role"] for message in first] == ["system", "user", "assistant"]
    assert first[1]["content"] == "Add 0\n\n1 2"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("hello", "no JSON"),
        ({"role": "user"}, "not a list"),
        ([], "not a list"),
        (["hello"], "message 1, not an object"),
        ([{"role": "robot", "content": "x"}], "the role 'robot' in message 1"),
        ([{"role": "user", "content": "x"}, {"role": "assistant", "content": None}], "content of message 2 (assistant)"),
        ([{"role": "user", "content": "  "}], "message 1 (user) without content"),
        ([{"role": "user", "content": "x"}, {"role": "system", "content": "x"}], "system message at place 2"),
        ([{"role": "system", "content": "x"}], "nothing else"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "content of message 1"),
    ],
)
def test_what_is_malformed_is_said(value: Any, told: str) -> None:
    found = messages_text(value)
    assert isinstance(found, TypeError) and told in str(found)


def test_malformed_conversations_go_to_quarantine_with_row_and_message(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [shapes(number)[0] for number in range(20)]
    rows[4] = {"messages": [{"role": "user", "content": "x"}, {"role": "robot", "content": "y"}]}
    assert len(prepared(tmp_path, rows)) == 19
    with (tmp_path / "out" / "quarantine.csv").open(encoding="utf-8") as file:
        (entry,) = csv.DictReader(file)
    assert entry["place"] == "rows.jsonl:5" and "the role 'robot' in message 2" in entry["detail"]


@pytest.mark.parametrize("shape", ["prompt", "conversations", "both"])
def test_preferences(tmp_path: Path, shape: str) -> None:
    def row(number: int) -> dict[str, Any]:
        start = [{"role": "user", "content": f"question {number}"}]
        chosen, rejected = [*start, {"role": "assistant", "content": "good"}], [*start, {"role": "assistant", "content": "bad"}]
        if shape == "prompt":
            return {"prompt": f"question {number}", "chosen": "good", "rejected": "bad"}
        if shape == "both":
            return {"prompt": f"question {number}", "chosen": chosen, "rejected": rejected}
        return {"chosen": chosen, "rejected": rejected}

    rows = prepared(tmp_path, [row(number) for number in range(10)], PREFERENCES)
    assert len(rows) == 10
    assert {(row.values["chosen"], row.values["rejected"]) for row in rows} == {("good", "bad")}
    assert json.loads(rows[0].values["messages"])[0]["role"] == "user"
    assert all(set(row.values) == {"messages", "chosen", "rejected"} for row in rows)
