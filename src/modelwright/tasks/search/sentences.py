"""Where sentences end, in scripts with and without spaces."""

from __future__ import annotations

import re

_ENDS = re.compile(
    r"[。！？!?]+[”’」』）\"')]*"  # of Chinese and Japanese, and marks that both kinds of scripts share
    r"|\.+[”’\"')]*(?=\s|$)"  # a full stop ends a sentence only before a space: 3.5, e.g.com
    r"|\n+"
)
_SHORTENED = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "vs",
        "etc",
        "no",
        "inc",
        "ltd",
        "co",
        "corp",
        "jr",
        "sr",
        "e.g",
        "i.e",
        "cf",
        "fig",
        "al",
    ]
)
_LAST_WORD = re.compile(r"([\w.]+)\.$")


def spans(text: str) -> list[tuple[int, int]]:
    """Ranges of the sentences of a text, in order, without the spaces around them."""
    found, start = [], 0
    for end in _ENDS.finditer(text):
        if _is_short_form(text[start : end.end()]):
            continue
        found.append((start, end.end()))
        start = end.end()
    found.append((start, len(text)))
    return [trimmed for left, right in found if (trimmed := _trimmed(text, left, right)) is not None]


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order."""
    return [text[start:end] for start, end in spans(text)]


def pieces(text: str, most: int | None) -> list[str]:
    """The text in parts of at most `most` characters, cut between sentences; a longer sentence is a part of its own. None: uncut."""
    if most is None or len(text) <= most:
        return [text.strip()]
    parts: list[tuple[int, int]] = []
    for start, end in spans(text):
        if parts and end - parts[-1][0] <= most:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    return [text[start:end] for start, end in parts]


def _is_short_form(sentence: str) -> bool:
    last = _LAST_WORD.search(sentence.rstrip())
    return last is not None and (last[1].lower() in _SHORTENED or (len(last[1]) == 1 and last[1].isupper()))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    part = text[start:end]
    left, right = start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())
    return (left, right) if left < right else None
