"""Question 5 for language models: how they were trained, what they choose, follow and repeat, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from modelwright.report.blocks import Block, Said, Table
from modelwright.report.figures import Figures
from modelwright.report.headline import shown_route
from modelwright.report.read import Run

_SUITE = ("cloze", "choice", "instructions")
_ANSWERS = 8  # of the instructions, shown with what was said
_WHY = {
    "the graph is scored and can't be continued token by token": "language.why.no-speech",
    "no conversations were learned": "language.why.no-chat",
    "no training document is long enough": "language.why.too-short",
    "the context is shorter than an instruction": "language.why.no-room",
}
"""What language.json gives as reasons, in the page's words; another reason is shown as it is."""
_LENGTH = 400  # characters of a sample that are shown


def language(run: Run, figures: Figures) -> list[Block]:
    """Nothing where the route shown is no language model that was examined."""
    name = shown_route(run)
    if name is None:
        return []
    blocks = _phases(run, name, figures)
    found = run.languages.get(name)
    if found is None:
        return blocks
    path = f"evaluate/{name}/language.json"
    for made in (_suite(found, path, figures), _memory(found, path, figures), _samples(found, path, figures)):
        blocks += made
    return blocks


def _phases(run: Run, name: str, figures: Figures) -> list[Block]:
    """Each phase's training, and what the size dial decided, with its reasons."""
    words, numbers, path = figures.words, figures.numbers, f"train/{name}/result.json"
    result = run.results.get(name) or {}
    blocks: list[Block] = []
    settled = [(item["name"], _value(item["value"], figures), item["reason"]) for item in result.get("settled") or ()]
    if settled:
        columns = [words(f"language.settled.{key}") for key in ("name", "value", "reason")]
        blocks.append(Table(words("language.settled.title"), columns, settled, (path,), "estimated", text=True))
    rows = [
        (
            words.get(f"language.phase.{phase['name']}", phase["name"]),
            numbers.plain(phase["rows"]),
            "–" if phase.get("tokens") is None else numbers.plain(phase["tokens"]),
            numbers.plain(phase["steps"]),
            numbers.write(phase["seconds"], "s"),
            "–" if phase.get("best_score") is None else f"{phase['metric']} {numbers.plain(phase['best_score'])}",
        )
        for phase in result.get("phases") or ()
    ]
    if len(rows) > 1:
        keys = ("name", "rows", "tokens", "steps", "time", "score")
        columns = [words(f"language.phases.{key}") for key in keys]
        blocks.append(Table(words("language.phases.title"), columns, rows, (path,), "measured"))
    return blocks


def _value(value: Any, figures: Figures) -> str:
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1 else figures.numbers.plain(value)


def _suite(found: Mapping[str, Any], path: str, figures: Figures) -> list[Block]:
    words, numbers = figures.words, figures.numbers
    rows = []
    for part in _SUITE:
        for spoken, made in (found.get(part) or {}).items():
            if not made["items"]:
                continue
            between = "–" if made["low"] is None else f"{numbers.percent(made['low'])}–{numbers.percent(made['high'])}"
            chance = "–" if made.get("chance") is None else numbers.percent(made["chance"])
            rows.append(
                (
                    words(f"language.suite.{part}"),
                    words.get(f"language.spoken.{spoken}", spoken),
                    numbers.plain(made["items"]),
                    "–" if made["value"] is None else numbers.percent(made["value"]),
                    between,
                    chance,
                )
            )
    said = [words(_WHY[reason]) if reason in _WHY else reason for reason in dict.fromkeys((found.get("missing") or {}).values())]
    blocks: list[Block] = []
    if rows:
        columns = [words(f"language.suite.{key}") for key in ("part", "spoken", "items", "right", "interval", "chance")]
        blocks.append(Table(words("language.suite.title"), columns, rows, (path,), "measured"))
    answers = [one for made in (found.get("instructions") or {}).values() for one in made["answers"]][:_ANSWERS]
    if answers:
        listed = [(one["instruction"], _cut(one["answer"]), words("yes" if one["kept"] else "no")) for one in answers]
        columns = [words(f"language.answers.{key}") for key in ("instruction", "answer", "kept")]
        blocks.append(Table(words("language.answers.title"), columns, listed, (path,), "measured", text=True))
    return [*blocks, *([Said(tuple(Markup.escape(one) for one in said))] if said else [])]


def _memory(found: Mapping[str, Any], path: str, figures: Figures) -> list[Block]:
    words, numbers, made = figures.words, figures.numbers, found.get("memorisation")
    if made is None:
        return []
    rows = []
    for part in ("training", "held_out"):
        of = made[part]
        share = "–" if of["value"] is None else numbers.percent(of["value"])
        between = "–" if of["low"] is None else f"{numbers.percent(of['low'])}–{numbers.percent(of['high'])}"
        agreeing = "–" if of["agreeing"] is None else numbers.percent(of["agreeing"])
        rows.append((words(f"language.memory.{part}"), numbers.plain(of["documents"]), share, between, agreeing))
    columns = [words(f"language.memory.{key}") for key in ("of", "documents", "repeated", "interval", "agreeing")]
    title = words("language.memory.title", tokens=numbers.plain(made["tokens"]))
    return [Table(title, columns, rows, (path,), "measured")]


def _samples(found: Mapping[str, Any], path: str, figures: Figures) -> list[Block]:
    words = figures.words
    rows = [(_cut(one["prompt"]), _cut(one["likeliest"]), _cut(one["drawn"])) for one in found.get("samples") or ()]
    if not rows:
        return []
    columns = [words(f"language.samples.{key}") for key in ("prompt", "likeliest", "drawn")]
    return [Table(words("language.samples.title"), columns, rows, (path,), "measured", text=True)]


def _cut(text: str) -> str:
    return text if len(text) <= _LENGTH else text[:_LENGTH] + "…"
