"""The quarantine of a corpus: every document is counted, the first of each reason are listed."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from modelwright.base.store import writing
from modelwright.data.corpus.examine import Document

MOST_LISTED = 1000
"""Documents listed for each reason."""
_SHOWN = 300
"""Characters shown of each."""


class Listing:
    """quarantine.csv, written as documents come: id, reason, detail, place, and how the text begins."""

    def __init__(self, path: Path) -> None:
        self.path, self._counts = path, Counter[str]()
        self.first: dict[str, tuple[str, str]] = {}
        with writing(path):
            self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(("id", "reason", "detail", "place", "text"))

    def add(self, document: Document) -> None:
        reason = document.reason
        self._counts[reason] += 1
        self.first.setdefault(reason, (document.place, document.detail))
        if self._counts[reason] <= MOST_LISTED:
            with writing(self.path):
                shown = document.text[:_SHOWN] + ("…" if len(document.text) > _SHOWN else "")
                self._writer.writerow([document.id, reason, document.detail, document.place, shown])

    def counts(self) -> dict[str, int]:
        """Documents by reason, most frequent first."""
        return dict(self._counts.most_common())

    def close(self) -> None:
        with writing(self.path):
            self._file.close()
