"""What a service answered, as labels: exactly one of them (or, where rows carry several, one a line), or nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

NONE = "-"
"""How a service says that none of the labels fits, where rows may carry several."""
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_AROUND = "\"'`*“”‘’「」《》[]() \t"
_STOPS = ".。!！,，;；"
_BULLET = re.compile(r"^\s*[-*•]\s+")


def read_answer(text: str, labels: Sequence[str], several: bool) -> list[int] | None:
    """Places of the labels that the answer names; None if it is no answer. Thoughts before it are left out.

    With several labels a row, each line must be a label; "-" alone names none of them.
    """
    said = _THOUGHTS.sub("", text).strip()
    exact = {label.strip(): number for number, label in enumerate(labels)}
    folded: dict[str, int | None] = {}
    for number, label in enumerate(labels):
        key = _folded(label)
        folded[key] = None if key in folded else number  # two labels that differ in case only: neither is meant without it
    if not several:
        place = _find(said, exact, folded)
        return None if place is None else [place]
    if said in (NONE, f"{NONE}."):
        return []
    lines = [_BULLET.sub("", line).strip() for line in said.splitlines() if line.strip()]
    places = [_find(line, exact, folded) for line in lines]
    if not places or any(place is None for place in places):
        return None
    return sorted({place for place in places if place is not None})


def _find(said: str, exact: dict[str, int], folded: dict[str, int | None]) -> int | None:
    return exact[said] if said in exact else folded.get(_folded(said))


def _folded(text: str) -> str:
    """Without what people put around a word, in one case."""
    inside = unicodedata.normalize("NFKC", text).strip().strip(_AROUND)
    return inside.rstrip(unicodedata.normalize("NFKC", _STOPS)).strip(_AROUND).casefold()
