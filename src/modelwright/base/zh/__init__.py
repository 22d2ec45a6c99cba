"""Errors and settings in Simplified Chinese. English sentences are their own keys (`scripts/phrases.py` lists those that are missing); one
file for each room's errors and one for what settings mean, loaded only when something is to be told in Chinese."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from modelwright.base.phrases import Phrases

_LONGEST = 2_000  # characters of a part; beyond, it quotes something at length, and looking for a phrase would take long
_WORD = re.compile("[A-Za-z]{2,}")
_SENTENCE = re.compile(r"(?<=[.?])(\s+)(?=[A-Z])")


def chinese(said: str) -> str:
    """In Chinese: as a whole, as a phrase with an explanation in brackets, or sentence by sentence, whichever leaves least English; what
    no phrase knows stays as it is."""
    if len(said) > _LONGEST:
        return said
    known, found = _phrases(), []
    if explained := _explained(said):
        phrase, explanation = explained
        other = known(explanation) or (known(f"({explanation})") or explanation).strip("()（）")
        found.append(f"{known(phrase) or phrase}（{other}）")
    found += ["".join(known(sentence) or sentence for sentence in _SENTENCE.split(said)), known(said) or said]
    return min(found, key=lambda text: len(_WORD.findall(text)))


def described(description: str) -> str:
    """What a setting or a task means, in Chinese; in English where nobody has put it into Chinese."""
    from modelwright.base.zh.settings import PHRASES

    said = " ".join(description.split())
    return PHRASES.get(as_key(said), "").replace("{{", "{").replace("}}", "}") or said


def as_key(text: str) -> str:
    """A text without places as the tables have it: braces that are meant stand twice."""
    return text.replace("{", "{{").replace("}", "}}")


def _explained(said: str) -> tuple[str, str] | None:
    """A phrase and what stands behind it in brackets."""
    deep = 0
    for place in range(len(said) - 1, 0, -1) if said.endswith(")") else ():
        deep += {")": 1, "(": -1}.get(said[place], 0)
        if deep == 0:
            return (said[: place - 1], said[place + 1 : -1]) if said[place - 1] == " " else None
    return None


@cache
def _phrases() -> Phrases:
    rooms = [import_module(f"{__name__}.{entry.name}") for entry in iter_modules(__path__)]
    return Phrases((english, other) for room in rooms for english, other in room.PHRASES.items())
