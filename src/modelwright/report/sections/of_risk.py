"""Question 10: the register with the states of its triggers, and what each response would buy."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from modelwright.report.blocks import Block, Drawing, Missing, Table, asked, looked_at, weakest
from modelwright.report.figures import Figures
from modelwright.report.read import Run

PATH = "plan/risks.json"
_COMPARED = ("ruin-probability", "runway", "gross-margin", "break-even-month", "final-cash")


def register(run: Run, figures: Figures) -> list[Block]:
    words, content = figures.words, run.risks
    if content is None or not content.get("risks"):
        return [Missing(words("absent.risks")), *asked(run, figures, "risk", nothing=True)]
    blocks: list[Block] = [*_alarms(content, figures), Drawing(("matrix",)), _table(run, content, figures)]
    compared = [row for row in content.get("responses") or [] if row.get("applies")]
    if compared:
        blocks += [Drawing(("responses",)), _responses(compared, figures)]
    else:
        blocks.append(Missing(words("absent.responses")))
    return blocks


def _table(run: Run, content: Any, figures: Figures) -> Table:
    words, numbers, language = figures.words, figures.numbers, figures.words.language
    rows = []
    for risk in content["risks"]:
        key = risk["state"].replace(" ", "-")
        state = Markup('<span class="state state-{}">{}</span>').format(key, words(f"trigger.{key}"))
        trigger = (risk.get("trigger") or {}).get("text") or {}
        seen = (risk.get("trigger") or {}).get("found")
        now = Markup(" · {}").format(looked_at(seen, run, figures)) if seen else ""
        watched = Markup("<small>{}{}</small>").format(trigger[language], now) if trigger else ""
        title = Markup("{}<small>{}</small>").format(risk["title"][language], risk["response"][language])
        score = f"{numbers.plain(risk['likelihood'])} × {numbers.plain(risk['impact'])} = {numbers.plain(risk['score'])}"
        mark = figures.mark(risk["basis"])
        rows.append(
            [title, words(f"level.{risk['level']}"), Markup("{}{}").format(score, mark), Markup("{}{}").format(state, watched), risk["owner"] or "–"]
        )  # fmt: skip
    columns = [words(f"register.{key}") for key in ("risk", "level", "score", "trigger", "owner")]
    basis = weakest(*(risk["basis"] for risk in content["risks"]))
    return Table(words("register.title"), columns, rows, (PATH,), basis, text=True)


def _alarms(content: Any, figures: Figures) -> list[Block]:
    """What the running service said when it was last looked at; nothing where nobody has looked yet."""
    seen, words = content.get("alarms"), figures.words
    if not seen:
        return []
    rows = [[words(f"alarms.{alarm['level']}"), alarm["text"][words.language]] for alarm in seen.get("alarms") or []]
    named = [
        *((name, "alarms.quiet") for name in seen.get("quiet") or []),
        *((name, "alarms.missing") for name in seen.get("missing") or []),
    ]
    rows += [[words(key), name] for name, key in named]
    title = words("alarms.title", time=str(seen["time"])[:16].replace("T", " "))
    return [Table(title, [words("alarms.level"), words("alarms.figure")], rows, (PATH,), "measured", text=True)]


def _responses(compared: Any, figures: Figures) -> Table:
    """Each response's figures before → after."""
    words, numbers = figures.words, figures.numbers

    def cell(gap: Any) -> str:
        if gap is None:
            return "–"
        ends = ["–" if gap[end] is None else numbers.write(gap[end], gap["unit"], percent=True) for end in ("before", "after")]
        return ends[0] if ends[0] == ends[1] else f"{ends[0]} → {ends[1]}"

    rows = [
        [row["title"][words.language], *(cell(row["figures"].get(name)) for name in _COMPARED)]
        for row in compared
    ]  # fmt: skip
    columns = [words("chart.responses.response"), *(figures.name(name) for name in _COMPARED)]
    return Table(words("responses.title"), columns, rows, (PATH,), "assumed")
