"""Small sources on disk, and the two columns of text classification."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelwright.base.console import Console
from modelwright.base.nouns import Column
from modelwright.data.prepare import prepare
from modelwright.spec.data import Data

COLUMNS = (Column("text", "text", True), Column("label", "label", False))
Prepare = Callable[..., dict[str, Any]]


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Sequence[Sequence[Any]], header: Sequence[str] = ("text", "label"), name: str = "rows.csv") -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write


@pytest.fixture
def run(tmp_path: Path) -> Prepare:
    """The data stage over `source`; the output lies in tmp_path/out."""

    def run(source: str | Path, **settings: Any) -> dict[str, Any]:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        return prepare(Data(source=str(source), **settings), COLUMNS, tmp_path, out, Console(quiet=True))

    return run


def articles(count: int, labels: Sequence[str] = ("sport", "tech")) -> list[tuple[str, str]]:
    """Distinct short texts, no two near duplicates, labels in turn."""
    return [
        (f"item {number} " + " ".join(f"w{number * 7 + step}" for step in range(8)), labels[number % len(labels)])
        for number in range(count)
    ]
