"""What a run knows, by name: settings, evidence and artefacts behind one way of asking. Missing is None, never zero.

A reference is one line of text, so that registers and checklists are data:
    evidence:plan/ruin-probability            a record's value; `@low`, `@high` its interval's ends
    artefact:data/card.json#splits.test       a value inside a JSON artefact; `*` takes every item of a list
    setting:choose.at_least                   a value of the resolved project file
`{route}`, `{metric}` and `{variant}` stand for what the run chose; a reference that needs one that is not known finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from modelwright.base.evidence import Basis, Evidence

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Found:
    """What a reference found.

    Args:
        reference: with its placeholders filled.
        value: a number, text, truth value, list or mapping.
        basis, unit, time: of a record of evidence; time is ISO 8601.
    """

    reference: str
    value: Any
    basis: Basis | None = None
    unit: str = ""
    time: str = ""

    @property
    def name(self) -> str:
        return self.reference.partition(":")[2]

    def as_json(self) -> dict[str, Any]:
        return {"reference": self.reference, "value": self.value, "unit": self.unit, "basis": self.basis}


@dataclass(frozen=True)
class Facts:
    """Everything a check may look at.

    Args:
        settings: the resolved project file.
        evidence: newest record by name.
        artefacts: content of the run's files by path inside the run: parsed JSON, or text.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    artefacts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def chosen(self) -> Mapping[str, str]:
        """route, metric and variant of the run, as far as they are known."""
        decision = self._artefact("choose/decision.json")
        known = {
            "route": decision.get("route"),  # of one file only: a second source could name another route once the first is gone
            "metric": decision.get("metric"),
            "variant": self._artefact("compress/variants.json").get("chosen"),
        }
        return {name: str(value) for name, value in known.items() if value}

    def _artefact(self, path: str) -> Mapping[str, Any]:
        content = self.artefacts.get(path)
        return content if isinstance(content, Mapping) else {}

    def find(self, reference: str, blank: bool = False) -> Found | None:
        """What the reference names; None if it is not there, is null, or (with `*`) is missing in any item.

        Args:
            blank: read a null inside an artefact that is there as an empty text: it was asked for and nobody stated it.

        Raises:
            ValueError: a reference of no known kind (a mistake in the data file).
        """
        kind, colon, rest = reference.partition(":")
        if not colon or kind not in ("evidence", "artefact", "setting"):
            raise ValueError(f"{reference!r} is no reference; write evidence:…, artefact:…#… or setting:…")
        wanted = set(_PLACE.findall(rest))
        if not wanted <= self.chosen.keys():
            return None
        rest = _PLACE.sub(lambda match: self.chosen[match[1]], rest)
        filled = f"{kind}:{rest}"
        if kind == "evidence":
            return self._evidence(rest, filled)
        path, _, inner = rest.partition("#")
        content = walk(self.artefacts.get(path), inner, blank) if kind == "artefact" else walk(self.settings, rest, blank)
        return None if content is None else Found(filled, content)

    def _evidence(self, name: str, filled: str) -> Found | None:
        name, _, end = name.partition("@")
        record = self.evidence.get(name)
        if record is None:
            return None
        value = {"": record.value, "low": record.low, "high": record.high}[end]
        return None if value is None else Found(filled, value, record.basis, record.unit, record.source.time)

    def number(self, limit: float | str | None) -> tuple[float | None, str]:
        """A limit that is a number, or a reference to one; with the reference it came from."""
        if limit is None or isinstance(limit, int | float):
            return limit, ""
        found = self.find(limit)
        value = found.value.get("value") if found is not None and isinstance(found.value, Mapping) else found and found.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None, limit
        return float(value), limit


def walk(content: Any, path: str, blank: bool = False) -> Any:
    """The value at a dotted path; `*` gives the list of what lies behind every item, or None if any of them lacks it. With
    `blank`, a key that is there with null for a value gives ""."""
    if not path:
        return content
    head, _, rest = path.partition(".")
    if head == "*":
        if not isinstance(content, list) or not content:
            return None
        items = [walk(item, rest, blank) for item in content]
        return None if any(item is None for item in items) else items
    if isinstance(content, Mapping):
        if blank and not rest and head in content and content[head] is None:
            return ""
        return walk(content.get(head), rest, blank)
    if isinstance(content, list) and head.isdigit() and int(head) < len(content):
        return walk(content[int(head)], rest, blank)
    return None
