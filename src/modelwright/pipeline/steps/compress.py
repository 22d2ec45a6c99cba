"""Stage 6, compress: how small and fast can it be at the same quality?"""

from __future__ import annotations

from modelwright.base.store import read_json
from modelwright.pipeline.context import Context
from modelwright.tasks.contract import get_task


def work(context: Context) -> str:
    from modelwright.compress.variants import compress
    from modelwright.data.rows import read_split

    project, record = context.project, context.ledger.record
    decision = read_json(context.input("choose") / "decision.json")
    data = context.input("data")
    source = context.inputs[f"train/{decision['route']}"]
    found = compress(
        source,
        project.compress,
        decision["metric"],
        read_split(data, "validation"),
        read_split(data, "test"),
        context.out,
        context.console,
    )
    units = {metric.name: metric.unit for metric in get_task(project.task).metrics}
    for variant in found["variants"]:
        prefix = f"compress/{variant['name']}"
        record(f"{prefix}/size", variant["size_bytes"] / 1e6, "MB", "measured")
        record(f"{prefix}/latency-p95", variant["latency_ms"]["p95"], "ms", "measured", note="one request at a time, no network")
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
