"""Stage 6, compress: how small and fast can it be at the same quality?"""

from __future__ import annotations

from modelwright.base.store import read_json, write_json
from modelwright.pipeline import bought
from modelwright.pipeline.context import Context
from modelwright.tasks.contract import get_task


def work(context: Context) -> str:
    from modelwright.compress.variants import as_bought, compress
    from modelwright.data.rows import read_split
    from modelwright.evaluate.route import evaluate_route

    project, record = context.project, context.ledger.record
    decision = read_json(context.input("choose") / "decision.json")
    data = context.input("data")
    source = context.inputs[f"train/{decision['route']}"]
    validation = read_split(data, "validation")
    if bought.is_bought(project, decision["route"]):
        found = as_bought(source, context.inputs[f"evaluate/{decision['route']}"], decision["metric"], context.out)
    else:
        seconds = project.evaluate.latency_seconds
        found = compress(source, project.compress, decision["metric"], validation, context.out, context.console, seconds)
    taken, original = next(variant for variant in found["variants"] if variant["taken"]), found["variants"][0]
    measured = read_json(context.inputs[f"evaluate/{decision['route']}"] / "evaluation.json")["splits"]
    for split, part in measured.items():
        original[split] = part["metrics"]
    if taken is not original:  # what ships is measured once, as the routes were: intervals, slices, mistakes
        folder, test = context.out / "evaluation", read_split(data, "test")
        folder.mkdir(exist_ok=True)
        shipped = evaluate_route(context.out, project.evaluate, validation, test, folder, context.console, project.train.seed)
        for split, part in shipped["splits"].items():
            taken[split] = part["metrics"]
    write_json(context.out / "variants.json", found)
    units = {metric.name: metric.unit for metric in get_task(project.task).metrics}
    for variant in found["variants"]:
        prefix = f"compress/{variant['name']}"
        record(f"{prefix}/size", variant["size_bytes"] / 1e6, "MB", "measured")
        note = "as the service answered" if "bought" in variant else "one request at a time, no network"
        record(f"{prefix}/latency-p95", variant["latency_ms"]["p95"], "ms", "measured", note=note)
        for split in ("validation", "test"):
            for metric, figure in (variant.get(split) or {}).items():
                record(
                    f"{prefix}/{split}/{metric}",
                    figure["value"],
                    units[metric],
                    "measured",
                    low=figure.get("low"),
                    high=figure.get("high"),
                )
    return found["reason"][project.language]
