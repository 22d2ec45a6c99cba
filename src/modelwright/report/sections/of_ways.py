"""Questions 2 and 3, what the run alone can't say: build, fine-tune or buy; what more data would bring, and whose data it is."""

from __future__ import annotations

from typing import Any

from modelwright.report.blocks import Block, Drawing, Missing, Said, Table, asked, lacking, weakest
from modelwright.report.figures import Figures
from modelwright.report.read import Run
from modelwright.report.sections.of_run import named, unconfirmed

_WAYS = "plan/route.json"
_LEARNING = "plan/learning.json"
_CARD = "data/card.json"


def ways(run: Run, figures: Figures) -> list[Block]:
    """Build, fine-tune or buy at equal measured quality."""
    words = figures.words
    if run.ways is None or not run.ways.get("ways"):
        return [Missing(words("absent.ways")), *asked(run, figures, "route", *lacking(run.ways), nothing=not lacking(run.ways))]
    blocks: list[Block] = [Drawing(("ways",)), _compared(run.ways, figures)]
    if run.ways.get("break_even"):
        blocks.append(_break_even(run.ways, figures))
    return [*blocks, *asked(run, figures, "route")]


def _compared(content: Any, figures: Figures) -> Table:
    words, numbers, unit = figures.words, figures.numbers, content["currency"]
    rows = []
    for row in content["ways"]:
        quality = row["quality"]
        measured = words("ways.unmeasured") if quality is None else numbers.ratio(quality["value"])
        if quality is not None and quality.get("low") is not None:
            measured = f"{measured} [{numbers.ratio(quality['low'])}–{numbers.ratio(quality['high'])}]"
        good = words("unknown" if row["as_good"] is None else "yes" if row["as_good"] else "no")
        costs = [numbers.money(value, unit) for value in (row["fixed"]["value"], row["per_1000"]["value"], row["total"])]
        rows.append([row["name"], words(f"way.{row['kind']}"), measured, good, *costs])
    columns = [words("chart.ways.way"), words("ways.kind"), words("ways.quality"), words("ways.as-good")]
    columns += [words(f"chart.ways.{key}") for key in ("fixed", "per-1000", "total")]
    basis = weakest(*(row[part]["basis"] for row in content["ways"] for part in ("fixed", "per_1000")))
    return Table(words("ways.table"), columns, rows, (_WAYS,), basis, chosen=content.get("choice"))


def _break_even(content: Any, figures: Figures) -> Table:
    """From how many requests on owning is cheaper, also when bought prices fall."""
    words, numbers = figures.words, figures.numbers
    falls = [item["price_fall"] for item in content["break_even"][0]["sensitivity"]]
    rows = []
    for pair in content["break_even"]:
        needed = {item["price_fall"]: item["requests"] for item in pair["sensitivity"]}
        months = words("ways.never") if pair["months"] is None else numbers.write(float(pair["months"]), "months")
        cells = [words("ways.never") if needed.get(fall) is None else numbers.plain(round(needed[fall])) for fall in falls]
        rows.append([f"{pair['own']} / {pair['bought']}", *cells, months])
    columns = [words("ways.pair"), *(words("ways.fall", share=numbers.percent(fall)) for fall in falls), words("ways.months")]
    return Table(words("ways.break-even"), columns, rows, (_WAYS,), "estimated" if _measured(content) else "assumed")


def _measured(content: Any) -> bool:
    return all(row[part]["basis"] in ("measured", "estimated") for row in content["ways"] for part in ("fixed", "per_1000"))


def more_data(run: Run, figures: Figures) -> list[Block]:
    """Rights, then the learning curve."""
    words, numbers, blocks = figures.words, figures.numbers, list[Block]()
    sources = (run.card or {}).get("provenance") or []
    if sources:
        loose = unconfirmed(sources)
        names = named(loose)
        said = words("rights.open", names=names) if loose else words("rights.stated", count=figures.read(numbers.plain(len(sources)), "measured", _CARD))  # fmt: skip
        blocks.append(Said((said,), words("rights.title")))
    if run.learning is None or not run.learning.get("gain"):
        return [*blocks, Missing(words("absent.learning")), *asked(run, figures, "data", *lacking(run.learning))]
    content = run.learning
    blocks.append(Drawing(("learning",)))
    gain = content["gain"]
    ends = f"{numbers.ratio(gain[1])} [{numbers.ratio(gain[0])}–{numbers.ratio(gain[2])}]"
    sentences = [
        words(
            "learning.gain",
            metric=figures.name(content["metric"]),
            rows=figures.read(numbers.plain(content["rows_more"]), "measured", _LEARNING),
            gain=figures.read(ends, "estimated", _LEARNING),
        )
    ]
    unit = (run.plan or {}).get("currency") or "USD"
    if content.get("cost") is not None:
        sentences.append(words("learning.cost", cost=figures.read(numbers.money(content["cost"], unit), "assumed", _LEARNING)))
    if content.get("may_cost") is not None:
        worth = numbers.interval(content["may_cost"][0], content["may_cost"][2], unit)
        sentences.append(words("learning.may-cost", range=figures.read(worth, "assumed", _LEARNING)))
    if content.get("worth_it") is not None:
        sentences.append(words("learning.worth" if content["worth_it"] else "learning.not-worth"))
    return [*blocks, Said(tuple(sentences)), *asked(run, figures, "data", *lacking(content))]
