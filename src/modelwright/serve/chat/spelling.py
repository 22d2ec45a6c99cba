"""Tokens as text, piece by piece: no half characters, and nothing of a stop string.

A character of Chinese or an emoji may be spread over several tokens; its pieces are held back until it is whole. So is text that
may yet turn out to be the beginning of a stop string.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

_BROKEN = "\ufffd"
_PATIENCE = 8
"""Tokens after which an unfinished character is given up: none takes more than four bytes."""


class Spelling:
    """The text of one answer as its tokens come.

    Args:
        decode: ids to text, without special tokens; bytes that are no UTF-8 become U+FFFD.
        stops: texts that end the answer and are not part of it.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Sequence[str] = ()) -> None:
        self.decode, self.stops = decode, tuple(stops)
        self.ids: list[int] = []
        self.context = self.shown = 0  # of ids: where decoding begins, and how many are spelled out
        self.held = ""

    def add(self, token: int) -> tuple[str, bool]:
        """The text that is certain now, and whether a stop string came. Decoding begins a few tokens back, for some tokenizers
        write a token differently at the beginning of a text."""
        self.ids.append(token)
        before = self.decode(self.ids[self.context : self.shown])
        after = self.decode(self.ids[self.context :])
        if after.endswith(_BROKEN) and len(self.ids) - self.shown < _PATIENCE:
            return "", False
        self.context, self.shown = self.shown, len(self.ids)
        return self._pass(after[len(before) :])

    def end(self) -> str:
        """What was held back, now that no more tokens come."""
        rest = self.decode(self.ids[self.context :])[len(self.decode(self.ids[self.context : self.shown])) :]
        self.shown = len(self.ids)
        text, stopped = self._pass(rest)
        return text if stopped else text + self.held

    def _pass(self, text: str) -> tuple[str, bool]:
        if not self.stops:
            return text, False
        text = self.held + text
        found = [place for stop in self.stops if (place := text.find(stop)) >= 0]
        if found:
            self.held = ""
            return text[: min(found)], True
        keep = max(_overlap(text, stop) for stop in self.stops)
        self.held = text[len(text) - keep :]
        return text[: len(text) - keep], False


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
