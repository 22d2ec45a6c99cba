"""The built-in suite as data: one YAML file for each part and language, written for this project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SUITE = Path(__file__).parent / "suite"
LANGUAGES = ("en", "zh")
_AHEAD = {"en": " ", "zh": ""}  # what stands before an ending


@dataclass(frozen=True, slots=True)
class Choice:
    """A beginning and what may follow it; the first is right. Options bring the space that stands before them."""

    context: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Instruction:
    """What is asked, and the rule that the answer must keep."""

    text: str
    rule: str
    value: Any


def choices(part: str, language: str) -> list[Choice]:
    """The items of "cloze" or "choice". Questions are asked as in a list of questions and answers."""
    found = []
    for context, options in _read(part, language):
        if part == "choice":
            context = f"Question: {context}\nAnswer:" if language == "en" else f"问：{context}\n答："
        found.append(Choice(context, tuple(f"{_AHEAD[language]}{option}" for option in options)))
    return found


def instructions(language: str) -> list[Instruction]:
    return [Instruction(text, rule, value) for text, rule, value in _read("instructions", language)]


def _read(part: str, language: str) -> list[Any]:
    return yaml.safe_load((SUITE / f"{part}.{language}.yaml").read_text(encoding="utf-8"))
