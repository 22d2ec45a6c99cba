"""Pieces that the venture's sections are built from; `templates/blocks.html` writes them.

Every table names the artefact that it was read from and the basis of its numbers. What was not stated is asked for by key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from markupsafe import Markup

from modelwright.base.evidence import Basis
from modelwright.report.charts.style import BASES
from modelwright.report.figures import Figures
from modelwright.report.read import Artefact, Run

PLAN = "plan/plan.json"


@dataclass(frozen=True)
class Table:
    """A table read from artefacts. `text`: its cells are words."""

    kind: ClassVar[str] = "table"
    caption: Markup
    columns: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    paths: tuple[str, ...]
    basis: Basis
    text: bool = False
    chosen: str | None = None


@dataclass(frozen=True)
class Drawing:
    """Charts by their names, two beside each other; what is said where none of them could be drawn."""

    kind: ClassVar[str] = "drawing"
    names: tuple[str, ...]
    absent: Markup | None = None


@dataclass(frozen=True)
class Said:
    """A sentence whose numbers are links of their own; a list where there are several."""

    kind: ClassVar[str] = "said"
    sentences: tuple[Markup, ...]
    title: Markup | None = None
    notice: bool = False


@dataclass(frozen=True)
class Facts:
    """Labels with their figures."""

    kind: ClassVar[str] = "facts"
    items: Sequence[tuple[Markup, Markup]]


@dataclass(frozen=True)
class Asked:
    """Keys that were not stated, each with what follows from that."""

    kind: ClassVar[str] = "asked"
    keys: Sequence[tuple[str, Any]]
    paths: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Missing:
    """What is not there, in words."""

    kind: ClassVar[str] = "missing"
    text: Markup


Block = Table | Drawing | Said | Facts | Asked | Missing

KEYS: Mapping[str, tuple[str, ...]] = {
    "team": ("venture.team", "venture.payroll_load"),
    "market": ("venture.customers.acquisition_cost", "venture.customers.expansion", "venture.customers.churn", "venture.customers.growth", "venture.customers.start", "venture.marketing", "venture.discount", "venture.records"),
    "financing": ("venture.cash", "venture.accounts", "financing"),
    "compute": ("compute", "rehearse", "train"),
    "business": ("venture",),
}  # fmt: skip
"""Which question asks for which keys: the first whose prefix fits. Business takes the rest."""
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "team": ("venture.team",),
    "route": ("compute.api", "venture.customers.requests"),
    "compute": ("choose.latency_ms_p95", "venture.customers.requests", "compute.price_per_hour"),
    "business": ("venture.price.plan", "venture.customers.requests", "venture.pricing.target_margin"),
    "regulation": ("compliance.markets", "compliance.role", "compliance.use"),
    "financing": ("venture.cash", "financing.founders", "financing.rounds", "financing.exits"),
    "market": ("venture.customers.churn", "venture.customers.acquisition_cost", "venture.marketing.channels"),
    "risk": ("venture", "risk.owners", "risk.responses"),
}
"""What to state where the whole artefact is missing."""


def asked(run: Run, figures: Figures, question: str, *more: str, nothing: bool = False) -> list[Block]:
    """What the plan asks for that belongs to the question.

    Args:
        more: keys that the section's own artefact asks for.
        nothing: the artefact is missing: the defaults are asked for.
    """
    plan, words = run.plan or {}, figures.words
    told = {item["key"]: item.get(words.language) or item.get("en") or "" for item in plan.get("asked") or []}
    gone = [str(key) for key in plan.get("missing") or []]
    every = [*gone, *told, *((plan.get("team") or {}).get("asked") or []), *((plan.get("pricing") or {}).get("asked") or [])]
    mine = [key for key in dict.fromkeys(every) if _belongs(key) == question]
    keys = dict.fromkeys([*mine, *more, *(DEFAULTS.get(question, ()) if nothing else ())])
    if not keys:
        return []
    paths = tuple(path for path in (PLAN,) if path in run.artefacts)
    return [Asked([(key, told.get(key) or words("asked.stays-out" if key in gone else "asked.open")) for key in keys], paths)]


def _belongs(key: str) -> str:
    """A key's question; a whole section that is missing ("venture") is asked for under business."""
    for question, prefixes in KEYS.items():
        if any(key == prefix or key.startswith(prefix + ".") for prefix in prefixes):
            return question
    return "business"


def lacking(content: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Keys that an artefact itself says it lacks."""
    return tuple(str(key) for name in ("missing", "asked") for key in (content or {}).get(name) or [] if isinstance(key, str))


def weakest(*bases: str | None) -> Basis:
    """What is computed from several is no better than the least trusted of them."""
    return max((basis for basis in BASES if basis in bases), key=BASES.index, default="assumed")


def plan_facts(figures: Figures, names: Iterable[str], interval: bool = True) -> list[Block]:
    """Figures of the plan that the ledger holds, as facts."""
    items = [
        (figures.words(f"name.{name}"), figures.figure(f"plan/{name}", interval)) for name in names if figures.has(f"plan/{name}")
    ]
    return [Facts(items)] if items else []


def looked_at(found: Mapping[str, Any], run: Run, figures: Figures) -> Markup:
    """A link to what was looked at: a ledger record, a file of the run, or the setting by its name."""
    kind, _, rest = found["reference"].partition(":")
    name = rest.partition("@")[0] if kind == "evidence" else rest.partition("#")[0]
    if kind == "evidence" and figures.has(name):
        return figures.figure(name)
    if kind == "artefact" and name in run.artefacts:
        return Markup('<a href="#{}"><code>{}</code></a>').format(Artefact(name, "", "").id, rest)
    return Markup("<code>{}</code>").format(rest)
