"""Stage 1, data: is the data fit to learn from?"""

from __future__ import annotations

from functools import partial

from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.spec.load import Loaded
from modelwright.tasks.contract import get_task


def identity(loaded: Loaded) -> str:
    """What the source holds now, as far as a quick look tells."""
    from modelwright.data import sources

    return sources.identity(loaded.project.data, loaded.folder)


def work(context: Context) -> str:
    from modelwright.data.prepare import prepare

    project = context.project
    task = get_task(project.task)
    card = prepare(
        project.data,
        task.columns,
        context.loaded.folder,
        context.out,
        context.console,
        habits=task.habits,
        arrange=partial(task.arrange, learn=project.learn),
    )
    record = context.ledger.record
    duplicates = card["duplicates"]
    record("data/rows-read", card["rows_read"], "rows", "measured")
    record("data/rows-kept", card["rows_kept"], "rows", "measured")
    for split, rows in card["splits"].items():
        record(f"data/rows-{split}", rows, "rows", "measured")
    record("data/duplicates-exact", duplicates["exact"], "rows", "measured")
    record(
        "data/duplicates-near",
        duplicates["near"],
        "rows",
        "measured",
        note="found; quarantined only where data.clean.duplicates is near",
    )
    record(
        "data/duplicates-near-kept",
        duplicates["near_kept"],
        "rows",
        "measured",
        note="left in: data.clean.duplicates is not 'near'",
    )
    record("data/contradictions", duplicates["contradictions"], "rows", "measured")
    if card["labels"]:
        record("data/labels", len(card["labels"]), "labels", "measured")
        largest = max(card["labels"].values()) / sum(card["labels"].values())
        record("data/largest-label", largest, "1", "measured")
    quarantined = " · ".join(f"{say(context, reason)} {count:,}" for reason, count in card["quarantine"].items())
    line = say(context, "data", read=card["rows_read"], kept=card["rows_kept"], quarantined=quarantined or say(context, "none"))
    return f"{line} · {say(context, 'data-labels', labels=len(card['labels']), largest=largest)}" if card["labels"] else line
