"""Stage 1, data: is the data fit to learn from?"""

from __future__ import annotations

from functools import partial

from modelwright.base.store import write_json
from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.spec.data import Data
from modelwright.spec.load import Loaded
from modelwright.tasks.contract import get_task

_SEARCHED_CHARACTERS = 20_000_000
"""Of a corpus, searched for personal data: about 2 s."""


def identity(loaded: Loaded) -> str:
    """What the sources hold now, as far as a quick look tells."""
    from modelwright.data import sources
    from modelwright.data.corpus import reading
    from modelwright.data.prepare import is_corpus

    project, task = loaded.project, get_task(loaded.project.task)
    more = [(asked.spec, asked.habits) for asked in task.more(project.learn).values()]
    found = []
    for spec, habits in ((project.data, task.habits), *more):
        found.append((reading.identity if is_corpus(spec, habits) else sources.identity)(spec, loaded.folder))
        found += [sources.identity(Data(source=source), loaded.folder) for source in spec.decontaminate]
    return " ".join(found)


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
        unusable=partial(task.unusable, learn=project.learn),
        described=partial(task.described, learn=project.learn),
    )
    _more(context)
    record = context.ledger.record
    duplicates = card["duplicates"]
    record("data/rows-read", card["rows_read"], "rows", "measured")
    record("data/rows-kept", card["rows_kept"], "rows", "measured")
    for split, rows in card["splits"].items():
        record(f"data/rows-{split}", rows, "rows", "measured")
    if card.get("left_out"):
        record("data/rows-left-out", card["left_out"], "rows", "measured", note="data.split.train takes some to learn from only")
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
    for name, value in card["task"].items():
        if isinstance(value, int | float):
            record(f"data/{name}", value, "", "measured")
    for name in ("characters", "words"):
        if name in card.get("corpus", {}):
            record(f"data/{name}", card["corpus"][name], name, "measured", note="kept; a Chinese character counts as a word")
    _search(context, project.data.split.seed)
    quarantined = " · ".join(f"{say(context, reason)} {count:,}" for reason, count in card["quarantine"].items())
    line = say(context, "data", read=card["rows_read"], kept=card["rows_kept"], quarantined=quarantined or say(context, "none"))
    if "gaps" in card["task"]:
        line += f" · {say(context, 'data-series', **card['task'])}"
    return f"{line} · {say(context, 'data-labels', labels=len(card['labels']), largest=largest)}" if card["labels"] else line


def _more(context: Context) -> None:
    """What the task learns from beside its main rows, each into a folder of its own, prepared as rows always are."""
    from modelwright.data.prepare import prepare

    project = context.project
    for name, asked in get_task(project.task).more(project.learn).items():
        folder = context.out / name
        folder.mkdir(exist_ok=True)
        card = prepare(asked.spec, asked.columns, context.loaded.folder, folder, context.console, habits=asked.habits)
        for what in ("read", "kept"):
            context.ledger.record(f"data/{name}/rows-{what}", card[f"rows_{what}"], "rows", "measured")
        for split, rows in card["splits"].items():
            context.ledger.record(f"data/{name}/rows-{split}", rows, "rows", "measured")


def _search(context: Context, seed: int) -> None:
    """Search the kept rows for personal data. Nothing is masked: what was found is kept. That a sample of the rows holds none, or
    their texts where they have pictures too, shows nothing of the rest: then no figure is recorded."""
    from modelwright.data import privacy
    from modelwright.data.rows import sample_split
    from modelwright.data.splits import NAMES

    folders = [context.out, *(context.out / name for name in get_task(context.project.task).more(context.project.learn))]
    parts = [sample_split(folder, name, _SEARCHED_CHARACTERS, seed) for folder in folders for name in NAMES]
    found = privacy.scan([row for rows, _ in parts for row in rows], seed)
    found["rows"] = sum(total for _, total in parts)
    write_json(context.out / "privacy.json", found)
    note = f"{found['scanned']:,} of {found['rows']:,} rows searched for e-mail, telephone, identity, card and account numbers by form"
    context.ledger.record("data/personal-data-scanned", found["scanned"], "rows", "measured", note=note)
    for kind, part in found["kinds"].items():
        context.ledger.record(f"data/personal-data/{kind}", part["count"], "places", "measured", note=note)
    if found["found"] or (found["scanned"] == found["rows"] and not found["unread"]):
        for name in ("data/personal-data-found", "data/personal-data-kept"):
            context.ledger.record(name, found["found"], "rows", "measured", note=f"{note}; names and addresses have no form")
