"""Notes of the ledger in the page's language. Stages write them in English, as clauses between semicolons; here each clause that
`words_notes.py` knows is put into Chinese. The ledger itself stays as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from modelwright.base.phrases import Phrases
from modelwright.report.words_notes import NOTES


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
        return self.known.get(note) or "；".join(_phrases()(clause) or clause for clause in note.split("; "))


@cache
def _phrases() -> Phrases:
    return Phrases(NOTES)
