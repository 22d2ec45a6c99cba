"""Stage 7, release: what exactly do we ship?"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from modelwright import __version__
from modelwright.base.graph import graph_file
from modelwright.base.store import read_json, write_json, write_text
from modelwright.pipeline import bought
from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.report.cards import licences, model_card, terms
from modelwright.spec.project import Project
from modelwright.spec.routes.fusion import MEMBERS

_NOT_SHIPPED = ("variants.json", "evidence.jsonl", "manifest.json", "evaluation", ".fingerprint")


def work(context: Context) -> str:
    project = context.project
    chosen = context.input("compress")
    decision = read_json(context.input("choose") / "decision.json")
    variants = read_json(chosen / "variants.json")
    source = context.inputs[f"train/{decision['route']}"]
    for path in sorted(chosen.rglob("*")):
        if path.is_file() and path.relative_to(chosen).parts[0] not in _NOT_SHIPPED:
            _copy(path, context.out / path.relative_to(chosen))
    if (source / "checkpoint").is_dir():
        for path in sorted((source / "checkpoint").rglob("*")):
            if path.is_file():
                _copy(path, context.out / "checkpoint" / path.relative_to(source / "checkpoint"))
    taken = next(variant for variant in variants["variants"] if variant["taken"])
    about = {
        "format": 1,
        "name": project.project,
        "task": project.task,
        "route": decision["route"],
        "variant": taken["name"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": context.run.name,
        "metrics": {split: taken.get(split) for split in ("validation", "test")},
        "modelwright": __version__,
    }
    card = read_json(context.input("data") / "card.json")
    starts = _starts(project, decision["route"])
    checkpoints = [_known(start) for start in starts]
    start, checkpoint = (starts[0], checkpoints[0]) if starts else (None, None)
    rights = licences(card, start, checkpoint)
    for other, about_it in list(zip(starts, checkpoints, strict=True))[1:]:
        rights += [right for right in licences(card, other, about_it) if right["what"] == "checkpoint"]
    if bought.is_bought(project, decision["route"]):
        asked = bought.route_of(project, decision["route"])
        about["service"] = {"base_url": asked.base_url, "model": asked.model}
        rights.append(terms(about["service"]))
    write_json(context.out / "release.json", about)
    write_json(context.out / "LICENSES.json", rights)
    write_text(context.out / "README.md", model_card(about, decision, card, project.language, start, checkpoint))
    size = sum(path.stat().st_size for path in context.out.rglob("*") if path.is_file())
    context.ledger.record("release/size", size / 1e6, "MB", "measured", note="all files, checkpoint included")
    graph = graph_file(context.out)
    parts = sum(path.stat().st_size for path in context.out.glob(f"{graph.name}*"))  # large weights lie in a file beside it
    context.ledger.record("release/graph-size", parts / 1e6, "MB", "measured")
    return say(context, "release", route=decision["route"], variant=taken["name"], size=size / 1e6)


def _starts(project: Project, name: str) -> list[str]:
    """The checkpoints that a route, or the members of a fusion, start from; each once."""
    routes = [project.routes[one] for one in (name, *getattr(project.routes[name], MEMBERS, ()))]
    return list(dict.fromkeys(start for route in routes if (start := getattr(route, "from_", None)) is not None))


def _known(start: str) -> dict[str, str | None] | None:
    """What the catalogue says of a checkpoint."""
    from modelwright.data.catalogue.entry import list_catalogue

    known = list_catalogue().get(start.removeprefix("catalogue://"))
    return None if known is None else {"name": known.title, "licence": known.licence, "citation": known.citation}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
