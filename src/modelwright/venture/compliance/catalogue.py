"""The shipped checklist and the dates of the law behind it, read from data (`items.yaml`, `instruments.yaml`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

Kind = Literal["number", "stated", "equals", "names"]
Texts = dict[str, str]

_KEYS: dict[str, set[str]] = {
    "number": {"of", "at_least", "at_most", "basis", "interval"},
    "stated": {"of", "not_in"},
    "equals": {"of", "to"},
    "names": {"of", "each"},
}
CONDITIONS = ("provider", "deployer", "high-risk", "general-purpose", "systemic", "generative", "public", "personal-data")


@dataclass(frozen=True)
class Part:
    """A part of a law with a date of its own; `needs` is the condition under which it binds ("" always)."""

    effective: date
    source: Texts
    needs: str


@dataclass(frozen=True)
class Instrument:
    """A law, rule or standard. `confirmed` False is the mark †: nobody has read the date in the official text."""

    id: str
    name: Texts
    market: str
    official: str
    parts: dict[str, Part]
    as_of: date
    confirmed: bool


@dataclass(frozen=True)
class Clause:
    """Where a law asks for an item: instrument, part (which sets the date), article."""

    instrument: str
    part: str
    article: str


@dataclass(frozen=True)
class Check:
    """A declared check: its kind, its words, and what the kind needs (`rules`)."""

    kind: Kind
    text: Texts
    rules: dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One line of the checklist."""

    id: str
    title: Texts
    proof: Texts
    next: Texts
    clauses: tuple[Clause, ...]
    applies: tuple[str, ...]
    checks: tuple[Check, ...]
    attest: bool


def _read(name: str) -> dict[str, Any]:
    return yaml.safe_load(files("modelwright.venture.compliance").joinpath(name).read_text(encoding="utf-8"))


@cache
def instruments() -> dict[str, Instrument]:
    """Every law, rule and standard by id.

    Raises:
        ValueError: a date without source (a mistake of ours).
    """
    content = _read("instruments.yaml")
    found = {}
    for key, entry in content["instruments"].items():
        parts = {
            name: Part(part["effective"], part["source"], part.get("needs", entry.get("needs", "")))
            for name, part in entry["parts"].items()
        }
        if not all(part.source.keys() == {"en", "zh"} and isinstance(part.effective, date) for part in parts.values()):
            raise ValueError(f"instruments.yaml: {key} has a date without its source in both languages")
        if not {part.needs for part in parts.values()} <= {"", *CONDITIONS}:
            raise ValueError(f"instruments.yaml: {key} needs an unknown condition")
        about = {**content, **entry}
        found[key] = Instrument(
            key, entry["name"], entry["market"], entry["official"], parts, about["as_of"], bool(about["confirmed"])
        )
    return found


@cache
def items() -> dict[str, Item]:
    """Every item by id, in the list's order.

    Raises:
        ValueError: an unknown clause, condition or check (a mistake of ours).
    """
    found = {}
    for entry in _read("items.yaml")["items"]:
        clauses = tuple(_clause(text) for text in entry["clauses"])
        applies, checks = tuple(entry.get("applies", ())), tuple(_check(raw) for raw in entry.get("checks", ()))
        if not set(applies) <= set(CONDITIONS) or not (checks or entry.get("attest")):
            raise ValueError(f"items.yaml: {entry['id']} applies under an unknown condition, or nothing can show it")
        words = (entry["title"], entry["proof"], entry["next"])
        found[entry["id"]] = Item(entry["id"], *words, clauses, applies, checks, bool(entry.get("attest")))
    return found


def _clause(text: str) -> Clause:
    place, _, article = text.partition(" ")
    instrument, _, part = place.partition("/")
    if part not in instruments()[instrument].parts:
        raise ValueError(f"items.yaml: {instrument} has no part {part!r}")
    return Clause(instrument, part, article)


def _check(raw: dict[str, Any]) -> Check:
    rules = {key: value for key, value in raw.items() if key not in ("kind", "text")}
    if not rules.keys() <= _KEYS[raw["kind"]]:
        raise ValueError(f"items.yaml: a check of kind {raw['kind']} knows no {', '.join(rules.keys() - _KEYS[raw['kind']])}")
    return Check(raw["kind"], raw["text"], rules)
