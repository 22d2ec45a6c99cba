"""Figures on the page: every number is a link to its ledger record and carries the mark of its basis."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup

from modelwright.base.evidence import Evidence
from modelwright.report.notes import Notes
from modelwright.report.numbers import Numbers
from modelwright.report.read import Run
from modelwright.report.words import Words

_MULTIPLES = ("plan/lifetime-value-to-acquisition", "plan/burn-multiple")
"""Ratios that are read as "3.1 times", not as shares."""
MARKS = {"measured": "●", "estimated": "◐", "assumed": "○", "fallback": "◌"}


class Figures:
    """Writes evidence as HTML.

    Args:
        run: whose ledger counts.
        words, numbers: in the page's language.
    """

    def __init__(self, run: Run, words: Words, numbers: Numbers) -> None:
        self.run, self.words, self.numbers = run, words, numbers
        self.anchors = _anchors(run.evidence)
        reason = (run.decision or {}).get("reason") or {}
        self.note = Notes(words.language, {reason["en"]: reason["zh"]} if reason.get("zh") else {})

    def has(self, *names: str) -> bool:
        return all(name in self.run.evidence for name in names)

    def value(self, name: str) -> float | None:
        """The number of a record; None if there is none, or it is text."""
        record = self.run.evidence.get(name)
        return record.value if record is not None and not isinstance(record.value, str) else None

    def figure(self, name: str, interval: bool = False) -> Markup:
        """One figure as a link, with its interval behind it if asked; a dash where there is no record."""
        record = self.run.evidence.get(name)
        if record is None:
            return self.missing()
        ends = self.interval(record) if interval else ""
        tail = Markup('<span class="interval">{}</span>').format(ends) if ends else ""
        return Markup('<a class="figure" href="#{}" data-basis="{}" title="{}">{}{}{}</a>').format(
            quote(self.anchors[name]), record.basis, self.hint(record), self.text(record), self.mark(record.basis), tail
        )

    def derived(self, text: str, *names: str) -> Markup:
        """A number computed from figures that stand beside it; it names their records and is at best estimated."""
        if not self.has(*names):
            return self.missing()
        origin = " ".join(self.anchors[name] for name in names)
        hint = self.words("figure.derived", names=" · ".join(names))
        return Markup('<span class="derived" data-from="{}" title="{}">{}</span>').format(origin, hint, text)

    def read(self, text: str, basis: str, path: str) -> Markup:
        """A number read from an artefact that the ledger does not repeat: a link to the file, with the mark of its basis."""
        artefact = self.run.artefacts.get(path)
        if artefact is None:
            return self.missing()
        anchor = quote(artefact.id)
        hint = f"{self.words(f'basis.{basis}')} · {path}"
        return Markup('<a class="read" href="#{}" data-artefact="{}" data-basis="{}" title="{}">{}{}</a>').format(
            anchor, anchor, basis, hint, text, self.mark(basis)
        )

    def missing(self) -> Markup:
        return Markup('<span class="missing"><span aria-hidden="true">–</span><span class="unseen">{}</span></span>').format(
            self.words("figure.missing")
        )

    def linked(self, name: str, text: str) -> Markup:
        """Words about a record (its interval, say) that link to it as its figure does."""
        record = self.run.evidence[name]
        return Markup('<a class="figure quiet" href="#{}" data-basis="{}">{}</a>').format(
            quote(self.anchors[name]), record.basis, text
        )

    def mark(self, basis: str, silent: bool = False) -> Markup:
        """The sign of a basis; its word is read aloud unless it stands beside anyway (`silent`)."""
        if silent:
            return Markup('<span class="mark" aria-hidden="true">{}</span> ').format(MARKS[basis])
        word = self.words(f"basis.{basis}")
        return Markup('<span class="mark" aria-hidden="true">{}</span><span class="unseen"> ({})</span>').format(
            MARKS[basis], word
        )

    def text(self, record: Evidence) -> str:
        return self._write(record, record.value)

    def _write(self, record: Evidence, value: float | str) -> str:
        if record.name in _MULTIPLES and not isinstance(value, str):
            return self.numbers.plain(value)
        return self.numbers.write(value, record.unit, percent=is_share(record.name))

    def interval(self, record: Evidence) -> str:
        """Low to high; "≥ low" where the upper end is beyond what was simulated; nothing where no interval was made."""
        if record.low is None and record.high is None:
            return ""
        if record.low is None or record.high is None:
            sign, end = ("≤", record.high) if record.low is None else ("≥", record.low)
            return f"{sign} {self._write(record, end or 0.0)}"
        if record.name in _MULTIPLES:
            return f"{self._write(record, record.low)}–{self._write(record, record.high)}"
        return self.numbers.interval(record.low, record.high, record.unit, percent=is_share(record.name))

    def hint(self, record: Evidence) -> str:
        """What a pointer sees: basis, stage, interval, note."""
        parts = [self.words(f"basis.{record.basis}"), record.source.stage, self.interval(record), self.note(record.note)]
        return " · ".join(part for part in parts if part)

    def name(self, name: str) -> str:
        """A plan figure or metric in the page's language; its own name where there is no translation."""
        return self.words.get(f"name.{name}", name.replace("-", " "))


def is_share(name: str) -> bool:
    """Whether a ratio of this name is read in per cent (shares, margins, probabilities) rather than as a metric."""
    return name.startswith(("plan/", "data/")) and name not in _MULTIPLES


def _anchors(evidence: Mapping[str, Evidence]) -> dict[str, str]:
    """Record → anchor. Two names can give one id ("a/b-c", "a-b/c"): the later ones get a number."""
    anchors: dict[str, str] = {}
    taken: set[str] = set()
    for name, record in evidence.items():
        anchor, count = record.id, 1
        while anchor in taken:
            count += 1
            anchor = f"{record.id}-{count}"
        taken.add(anchor)
        anchors[name] = anchor
    return anchors
