"""How many tokens a text has for a service whose tokenizer nobody here knows: about, and at most."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

ASCII_PER_TOKEN, OTHERS_PER_TOKEN = 4.0, 1.4
"""English text has 4 to 5 characters a token with the usual byte-level vocabularies, Chinese 1.2 to 1.8."""
PER_MESSAGE = 4
"""Marks around a message."""


def usual_tokens(messages: Iterable[str]) -> int:
    """An estimate from the characters."""
    total = 0
    for text in messages:
        plain = sum(character.isascii() for character in text)
        total += ceil(plain / ASCII_PER_TOKEN + (len(text) - plain) / OTHERS_PER_TOKEN) + PER_MESSAGE
    return total


def most_tokens(messages: Iterable[str]) -> int:
    """More there can't be: every token of a byte-level vocabulary stands for at least one byte."""
    return sum(len(text.encode("utf-8", "replace")) + 4 * PER_MESSAGE for text in messages)
