"""Sentences that are written in English where they arise and read in another language where they are shown.

A phrase is a template like `column {0} is empty in {1} rows`; `{…}` stands for any words or number. What was said is put into the other
language by the phrase that it matches; the words in the places stay as they are, unless they are a phrase of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from string import Formatter


class Phrases:
    """A table of templates, looked up by what was said.

    Args:
        table: pairs of English and translation, with the same places in braces; braces that are meant are doubled.
    """

    def __init__(self, table: Iterable[tuple[str, str]]) -> None:
        self.whole: dict[str, str] = {}
        patterns: list[tuple[int, re.Pattern[str], str]] = []
        for english, other in table:
            parts = list(Formatter().parse(english))
            if all(place is None for _, place, _, _ in parts):
                self.whole["".join(text for text, _, _, _ in parts)] = other.format()
            else:
                letters = sum(len(text) for text, _, _, _ in parts)
                patterns.append(
                    (-letters, re.compile("".join(_part(text, place) for text, place, _, _ in parts), re.DOTALL), other)
                )
        # those with the most fixed letters first: "{a} rows, bootstrap, {b} resamples" before "{a} rows, {b}"
        self.patterns = [(pattern, other) for _, pattern, other in sorted(patterns, key=lambda entry: entry[0])]

    def __call__(self, said: str) -> str | None:
        """The translation, or None where no phrase matches."""
        if said in self.whole:
            return self.whole[said]
        for pattern, other in self.patterns:
            if found := pattern.fullmatch(said):
                places = {name.removeprefix("_"): self._filled(words) for name, words in found.groupdict().items()}
                numbered = [places[str(at)] for at in range(len(places))] if "0" in places else []
                return other.format(*numbered, **places)
        return None

    def _filled(self, words: str) -> str:
        """What stands in a place: a phrase of its own, or a name or number as it is."""
        bare = words.strip()
        return words.replace(bare, self(bare) or bare) if " " in bare else words


def _part(text: str, place: str | None) -> str:
    return re.escape(text) + ("" if place is None else f"(?P<_{place}>.*?)")
