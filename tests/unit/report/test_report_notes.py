"""Notes on the Chinese page: every clause of the table is found by what stages write, and what they write is in the table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import modelwright
from modelwright.report.notes import Notes
from modelwright.report.words_notes import NOTES

SOURCE = Path(modelwright.__file__).parent / "pipeline"
FILES = [*sorted((SOURCE / "steps").glob("*.py")), SOURCE / "traffic.py", SOURCE / "bought.py"]
PLACE = "7"


def places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def written(file: Path) -> Iterator[str]:
    """Texts that are given as `note`, with a number wherever something is filled in."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        named = isinstance(node, ast.keyword) and node.arg == "note"
        assigned = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["note"]
        if named or assigned:
            text = node.value
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value
            elif isinstance(text, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else PLACE for part in text.values)


@pytest.mark.parametrize(("english", "chinese"), NOTES, ids=[english for english, _ in NOTES])
def test_a_clause_is_put_into_its_own_chinese(english: str, chinese: str) -> None:
    assert places(english) == places(chinese)
    filled = {name: f"{number}.5" for number, name in enumerate(places(english), 1)}
    assert Notes("zh", {})(english.format(**filled)) == chinese.format(**filled)
    assert Notes("en", {})(english.format(**filled)) == english.format(**filled)


def test_what_stages_write_is_known() -> None:
    notes, found = Notes("zh", {}), 0
    for file in FILES:
        for text in written(file):
            for clause in text.split("; "):
                if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", clause.replace(PLACE, "")):
                    assert re.search("[一-鿿]", notes(clause)), f"{file.name}: {clause}"
                    found += 1
    assert found > 30


def test_a_note_of_several_clauses_and_one_that_has_a_translation() -> None:
    notes = Notes("zh", {"a: b; c": "甲：乙；丙"})
    assert notes("after 36 months; below zero: what is missing; P10–P90") == "36 个月后；负值：缺口；P10–P90"
    assert notes("a: b; c") == "甲：乙；丙"
    assert notes("nobody wrote this before; at 40% utilisation") == "nobody wrote this before；利用率 40%"
    assert notes("at {0} {x} connections") == "{0} {x} 个并发连接时"
    assert notes("") == ""
