"""Rules that an answer keeps or breaks, checked by code: instructions after the idea of IFEval (Zhou et al. 2023, 2311.07911)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_AROUND = " \t\n\"'“”‘’「」*`"
_STOPS = ".。!！"


def _bare(answer: str) -> str:
    return answer.strip(_AROUND).rstrip(_STOPS).strip(_AROUND)


def _letters(answer: str) -> str:
    return "".join(character for character in answer if character.isalpha())


def _signs(answer: str) -> int:
    """Letters and digits of a script without spaces between words."""
    return sum(character.isalnum() for character in answer)


RULES: Mapping[str, Callable[[str, Any], bool]] = {
    "one-word": lambda answer, _: len(_bare(answer).split()) == 1,
    "exactly": lambda answer, value: _bare(answer).casefold() == str(value).casefold(),
    "exactly-case": lambda answer, value: _bare(answer) == value,
    "one-of": lambda answer, value: _bare(answer).casefold() in {str(one).casefold() for one in value},
    "number": lambda answer, _: re.fullmatch(r"-?\d+(?:[.,]\d+)?", _bare(answer)) is not None,
    "at-most-words": lambda answer, value: 1 <= len(answer.split()) <= value,
    "characters": lambda answer, value: _signs(answer) == value,
    "at-most-characters": lambda answer, value: 1 <= _signs(answer) <= value,
    "ends-with": lambda answer, value: len(answer.strip()) > 1 and answer.strip().endswith(value),
    "begins-with": lambda answer, value: answer.strip(_AROUND).startswith(value) and _signs(answer) > _signs(value),
    "contains": lambda answer, value: str(value).casefold() in answer.casefold() and _signs(answer) > _signs(str(value)),
    "without": lambda answer, value: _signs(answer) > 0 and str(value).casefold() not in answer.casefold(),
    "commas": lambda answer, value: answer.count(",") == value and all(part.strip() for part in answer.split(",")),
    "pauses": lambda answer, value: answer.count("、") == value and all(part.strip() for part in answer.split("、")),
    "lower": lambda answer, _: bool(_letters(answer)) and _letters(answer).islower(),
    "upper": lambda answer, _: bool(_letters(answer)) and _letters(answer).isupper(),
    "lines": lambda answer, value: sum(bool(line.strip()) for line in answer.splitlines()) == value,
}
"""Each says of an answer and the rule's value whether the rule is kept. An empty answer keeps none."""


def kept(rule: str, value: Any, answer: str) -> bool:
    return bool(answer.strip()) and RULES[rule](answer, value)
