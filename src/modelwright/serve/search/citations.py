"""Numbers in brackets, [1] or [2, 3], that say which passage a statement comes from. A number that no passage has is taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelwright.tasks.search.terms import terms

_CITED = re.compile(r"\s?[\[［【]\s*(\d+(?:\s*[,，、;；]\s*\d+)*)\s*[\]］】]")
_NUMBER = re.compile(r"\d+")
_MARKS = " \n.,;:!?。，；：！？、"


@dataclass(frozen=True)
class Checked:
    """A text whose citations all name passages.

    Args:
        text: without the others.
        cited: the passages' numbers, from 1, in order of their first mention.
        removed: numbers that were taken out.
    """

    text: str
    cited: tuple[int, ...]
    removed: tuple[int, ...]


def checked(text: str, passages: int) -> Checked:
    """A text that somebody wrote about `passages` numbered passages."""
    cited: dict[int, None] = {}
    removed: dict[int, None] = {}

    def keep(found: re.Match[str]) -> str:
        numbers = [int(number) for number in _NUMBER.findall(found[1])]
        right = [number for number in numbers if 1 <= number <= passages]
        cited.update(dict.fromkeys(right))
        removed.update(dict.fromkeys(number for number in numbers if number not in right))
        space = " " if found[0][0].isspace() else ""
        return f"{space}[{', '.join(map(str, dict.fromkeys(right)))}]" if right else ""

    return Checked(_CITED.sub(keep, text).strip(), tuple(cited), tuple(removed))


def support(text: str, number: int, passage: str) -> float:
    """Share of the terms of the statements that cite `number` which the passage holds, 0 to 1: a statement that shares nothing with what it
    cites deserves a second look. A statement is what stands between two citations; of several in a row all cite the same."""
    held, said, statement, end = set(terms(passage)), set[str](), "", 0
    for found in _CITED.finditer(text):
        between = text[end : found.start()].strip(_MARKS)
        statement, end = between or statement, found.end()
        if number in map(int, _NUMBER.findall(found[1])):
            said.update(terms(statement))
    return len(said & held) / len(said) if said else 0.0
