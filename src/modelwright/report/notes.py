"""Notes of the ledger in the page's language. Stages write them in English, as clauses between semicolons; here each clause that
`words_notes.py` knows is put into Chinese. The ledger itself stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from modelwright.report.words_notes import NOTES

_PLACE = re.compile(r"\\\{(\w+)\\\}")  # as re.escape leaves it


class Notes:
    """Puts notes into a language.

    Args:
        language: "en" or "zh".
        known: whole notes that have a translation of their own, such as the reason of the choice.
    """

    def __init__(self, language: str, known: Mapping[str, str]) -> None:
        self.language, self.known = language, known

    def __call__(self, note: str) -> str:
        if self.language == "en" or not note:
            return note
        return self.known.get(note) or "；".join(_clause(clause) for clause in note.split("; "))


@cache
def _clause(clause: str) -> str:
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(clause)
        if found:
            return chinese.format(**found.groupdict())
    return clause


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those with the most fixed letters first: "{a} rows, bootstrap, {b} resamples" before "{a} rows, {b}"."""
    ordered = sorted(NOTES, key=lambda pair: -len(re.sub(r"\{\w+\}", "", pair[0])))
    return tuple((re.compile(_PLACE.sub(r"(?P<\1>.+?)", re.escape(english))), chinese) for english, chinese in ordered)
