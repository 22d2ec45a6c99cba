"""Rows of ordinary tasks are kept out by the same screens as a corpus's documents."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.nouns import Column
from modelwright.data.prepare import prepare
from modelwright.spec.data import Data

EXAM = "Which of these rivers is the longest one that flows through the capital of a European country today?"


def test_languages_and_examinations_of_labelled_texts(
    write_csv: Callable[..., Path], run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    english = [
        (f"The people of town {number} have asked the council for a new bridge this year.", "ab"[number % 2])
        for number in range(20)
    ]
    write_csv([(EXAM,)], ["question"], "exam.csv")
    rows = [*english, ("市政府昨天宣布，将在明年春天开始修建一座新大桥。", "a"), (f"We asked: {EXAM} Nobody knew.", "b")]
    card = run(write_csv(rows), clean={"languages": ["en"]}, decontaminate=["exam.csv"])
    assert card["rows_kept"] == 20 and card["quarantine"] == {"language": 1, "contaminated": 1}
    with (tmp_path / "out" / "quarantine.csv").open(encoding="utf-8") as file:
        assert [row["place"] for row in csv.DictReader(file)] == ["rows.csv:22", "rows.csv:23"]


def test_an_examination_in_the_answer_counts_too(tmp_path: Path) -> None:
    columns = (Column("messages", "messages", True), Column("chosen", "text", False), Column("rejected", "text", False))
    rows = [{"prompt": f"question {number}", "chosen": f"good {number}", "rejected": "bad"} for number in range(12)]
    rows[3]["chosen"] = EXAM
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "exam.csv").write_text(f"question\n{EXAM}\n", encoding="utf-8")
    (tmp_path / "out").mkdir()
    spec = Data(source="pairs.jsonl", decontaminate=("exam.csv",))
    card = prepare(spec, columns, tmp_path, tmp_path / "out", Console(quiet=True))
    assert card["quarantine"] == {"contaminated": 1} and card["rows_kept"] == 11


def test_settings_that_mean_nothing_here_are_refused(
    write_csv: Callable[..., Path], run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    source = write_csv([(f"text number {number}", "ab"[number % 2]) for number in range(20)])
    with pytest.raises(DataError, match="rows are no documents"):
        run(source, documents="line")
    numbers = write_csv([(number, number * 2) for number in range(20)], ["x", "y"], "numbers.csv")
    columns = (Column("x", "number", True), Column("y", "number", False))
    with pytest.raises(DataError, match="the rows have no texts"):
        prepare(Data(source=str(numbers), clean={"quality": ["c4"]}), columns, tmp_path, tmp_path, Console(quiet=True))
