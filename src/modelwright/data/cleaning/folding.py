"""When two texts or labels are the same: Unicode composition and white space don't count, everything else does."""

from __future__ import annotations

import re
import unicodedata

_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")  # what is not yet one plain space: most spaces are, and cost nothing
_BREAKS = re.compile(r" \n\s*|\n\s+")


def fold_text(text: str) -> str:
    """NFC, runs of spaces as one, runs of line breaks as one, none at the ends.

    A line break stays different from a space: two articles that differ in their paragraphs were edited, they are near
    duplicates and not copies.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return _BREAKS.sub("\n", _SPACES.sub(" ", text.strip().replace("\r\n", "\n").replace("\r", "\n")))


def fold_label(label: str) -> str:
    """What "Sports", " sports " and "SPORTS" have in common: compatible forms united (full-width letters), case and spaces
    folded."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())
