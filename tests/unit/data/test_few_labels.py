"""A pre-training and a classifier on one source hold out the same rows, whatever each of them is told beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modelwright.base.console import Console
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.spec.data import Data
from modelwright.tasks.contract import get_task


def test_nothing_that_is_measured_on_was_in_the_pre_training(write_csv: Callable[..., Path], tmp_path: Path) -> None:
    words = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen")
    rows = [(f"{words[number % 8]} {words[number % 7]} number {number}. It is told.", "xyz"[number % 3]) for number in range(200)]
    source = str(write_csv([*rows, ("the same", "x"), ("the same", "y")]))
    given = {"test": 0.2, "validation": 0.1, "seed": 7}
    found = {}
    for task, split in (("fill-mask", given), ("text-classification", {**given, "validation": 0.05, "train": 20})):
        kind, out = get_task(task), tmp_path / task
        out.mkdir()
        card = prepare(
            Data.model_validate({"source": source, "split": split}),
            kind.columns,
            tmp_path,
            out,
            Console(quiet=True),
            habits=kind.habits,
            arrange=lambda splits, kind=kind: kind.arrange(splits, kind.settings()),
        )
        found[task] = {name: {row.id for row in read_split(out, name)} for name in ("train", "validation", "test")}
    base, few = found["fill-mask"], found["text-classification"]
    assert few["test"] == base["test"]
    assert few["test"].isdisjoint(base["train"] | base["validation"])
    assert few["train"] | few["validation"] <= base["train"] | base["validation"]
    assert (len(few["train"]), card["left_out"], card["splits"]["train"]) == (20, 200 - 40 - 10 - 20, 20)
