"""Stage 4, evaluate: how good is it, for whom, how sure are we?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelwright.base.console import amount
from modelwright.base.store import write_json
from modelwright.pipeline import bought
from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.tasks.contract import get_task


def work(context: Context) -> str:
    from modelwright.data.rows import read_split
    from modelwright.evaluate.attributions.route import attribute_route
    from modelwright.evaluate.route import evaluate_route

    name = context.out.name.removesuffix(".partial")
    project, record = context.project, context.ledger.record
    data, source = context.input("data"), context.input("train")
    rows = {split: read_split(data, split) for split in ("validation", "test")}
    paid = bought.record_of(context, name)
    found = evaluate_route(
        source, project.evaluate, rows["validation"], rows["test"], context.out, context.console, project.train.seed, paid
    )
    explained = attribute_route(source, project.routes[name], rows, context.out, project.evaluate.explain)
    if explained is not None:
        note = f"{len(explained['rows'])} rows, {explained['method']}"
        record(f"evaluate/{name}/explanation-time", explained["seconds"], "s", "measured", note=note)
    units = {metric.name: metric.unit for metric in get_task(project.task).metrics}
    for split, part in found["splits"].items():
        for metric, figure in part["metrics"].items():
            note = f"{part['rows']:,} rows, bootstrap, {project.evaluate.resamples:,} resamples"
            bounds = {"low": figure["low"], "high": figure["high"]}
            record(f"evaluate/{name}/{split}/{metric}", figure["value"], units[metric], "measured", **bounds, note=note)
    record(
        f"evaluate/{name}/chance",
        found["chance"],
        units[found["headline"]],
        "measured",
        note="the best answer that ignores the input",
    )
    note = "as the service answered, network included" if "bought" in found else "one request at a time, no network"
    for key in ("p50", "p95"):
        record(f"evaluate/{name}/latency-{key}", found["latency_ms"][key], "ms", "measured", note=note)
    record(f"evaluate/{name}/size", found["size_bytes"] / 1e6, "MB", "measured")
    record(
        f"evaluate/{name}/cpu-seconds", found["cpu_seconds_per_request"], "s", "measured", note="processor time of one request"
    )
    if "bought" in found:
        bought.record_usage(context, name, found)
    if get_task(project.task).wants == "next-tokens":
        _examine_language(context, name, source)
    _record_gaps(context, name, found)
    _record_robustness(context, name, source)
    headline = found["splits"]["test"]["metrics"][found["headline"]]
    return say(
        context,
        "evaluate",
        route=name,
        metric=found["headline"],
        value=amount(headline["value"], 3),
        low=amount(headline["low"], 3),
        high=amount(headline["high"], 3),
        latency=amount(found["latency_ms"]["p95"]),
    )


def _examine_language(context: Context, name: str, source: Path) -> None:
    """The built-in suite of language models; what could not be asked leaves no figure."""
    from modelwright.data.rows import read_split
    from modelwright.evaluate.language.examine import examine

    data, project = context.input("data"), context.project
    training, test = read_split(data, "train"), read_split(data, "test")
    chats = getattr(project.learn, "dialogues", None) is not None or any(row.values.get("messages") for row in test[:100])
    found = examine(source, training, test, context.out, context.console, project.train.seed, chats)
    for part in ("cloze", "choice", "instructions"):
        for language, figures in (found[part] or {}).items():
            note = f"{figures['items']} items of the built-in suite, Wilson's interval"
            note += "" if part == "instructions" else f"; chance {figures['chance']:.2f}"
            _record_share(context, f"evaluate/{name}/{part}-{language}", figures, note)
    memory = found["memorisation"]
    for key, label in (("training", "memorised"), ("held_out", "memorised-control")) if memory else ():
        note = f"{memory[key]['documents']} documents whose next {memory['tokens']} tokens come out word for word"
        _record_share(context, f"evaluate/{name}/{label}", memory[key], note)


def _record_share(context: Context, name: str, figures: Mapping[str, Any], note: str) -> None:
    if figures["value"] is not None:
        bounds = {"low": figures["low"], "high": figures["high"]}
        context.ledger.record(name, figures["value"], "1", "measured", **bounds, note=note)


def _record_gaps(context: Context, name: str, found: Mapping[str, Any]) -> None:
    """How far the best and the worst part of each named column lie apart; the largest of those between groups of people once more."""
    record, groups = context.ledger.record, context.project.evaluate.groups
    unit = next(metric.unit for metric in get_task(context.project.task).metrics if metric.name == found["headline"])
    between = []
    for gap in found["gaps"]:
        note = f"{found['headline']} of {gap['column']}: {gap['best']} above {gap['worst']}"
        note += f"; too few rows of: {', '.join(gap['left_out'])}" if gap["left_out"] else ""
        figure = {"value": gap["value"], "unit": unit, "basis": "measured", "low": gap["low"], "high": gap["high"], "note": note}
        record(f"evaluate/{name}/fairness-gap/{gap['column']}", **figure)
        if gap["column"] in groups and not gap["left_out"]:
            between.append(figure)
    if groups and len(between) == len(groups):  # a group that could not be measured is no evidence of fairness
        record(f"evaluate/{name}/fairness-gap", **max(between, key=lambda figure: figure["value"]))


def _record_robustness(context: Context, name: str, source: Path) -> None:
    """What carelessly typed texts cost; nothing where rows hold no text."""
    from modelwright.data.rows import read_split
    from modelwright.evaluate.robustness import robustness

    project = context.project
    test, paid = read_split(context.input("data"), "test"), bought.record_of(context, name)
    found = robustness(source, test, project.evaluate.resamples, project.train.seed, paid=paid)
    if found is None:
        return
    write_json(context.out / "robustness.json", found)
    note = f"{found['metric']} lost where {found['share']:.0%} of the letters are mistyped; {found['rows']:,} test rows"
    unit = next(metric.unit for metric in get_task(project.task).metrics if metric.name == found["metric"])
    bounds = {"low": found["low"], "high": found["high"]}
    context.ledger.record(f"evaluate/{name}/robustness-loss", found["loss"], unit, "measured", **bounds, note=note)
