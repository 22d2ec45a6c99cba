"""Questions and answers in YAML, and one column for two roles."""

from __future__ import annotations

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.nouns import Column
from modelwright.data.cleaning.checks import map_columns
from modelwright.data.sources import catalogue, exchanges
from modelwright.spec.data import Data

MADE = b"""
categories: [shop]
conversations:
- - When do you open?
  - At nine.
- - Do you ship?
  - Yes.
  - Where to?
  - Everywhere.
- only a text
- - 1999
  - a year
"""


def test_turns_alternate_between_question_and_answer():
    rows = list(exchanges.read({"shop": MADE}, "made").rows)
    pairs = [(row.place, row.values["question"], row.values["answer"]) for row in rows if not row.problem]
    assert pairs == [
        ("shop:1.1", "When do you open?", "At nine."),
        ("shop:2.1", "Do you ship?", "Yes."),
        ("shop:2.2", "Where to?", "Everywhere."),
        ("shop:4.1", "1999", "a year"),
    ]
    (wrong,) = (row for row in rows if row.problem)
    assert (wrong.place, wrong.problem) == ("shop:3", "a str, not a list of texts")


@pytest.mark.parametrize("content", [b"\xff", b"conversations: 3", b"a: b", b"[", b""])
def test_other_files_are_refused(content):
    with pytest.raises(DataError, match="made: shop"):
        exchanges.read({"shop": content}, "made")


def test_a_column_that_has_another_use_is_not_taken_for_the_role_of_its_name():
    columns = (Column("query", "text", True, False), Column("text", "text", True), Column("title", "text", False, False))
    spec = Data(source="x", columns={"query": "title"})
    assert map_columns(spec, columns, ("text", "title")) == {"query": "title", "text": "text"}
    assert map_columns(Data(source="x"), columns, ("text", "title")) == {"text": "text", "title": "title"}


@pytest.mark.network
def test_the_real_questions_arrive():
    rows = list(catalogue.read(Data(source="catalogue://chatterbot-questions"), Console(quiet=True)).rows)
    assert len(rows) == 1689
    assert sum(bool(row.problem) for row in rows) == 1
    assert {row.values["topic"] for row in rows if not row.problem} >= {"trivia", "science", "tech_support"}
