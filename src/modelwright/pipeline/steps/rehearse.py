"""Stage 8, rehearse: what will it do under load, and what does a request cost?"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from modelwright.base.console import amount
from modelwright.base.store import write_json
from modelwright.pipeline import bought, costs
from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.spec.routes.phases import DIALOGUES
from modelwright.tasks.contract import get_task
from modelwright.venture import cost
from modelwright.venture.figures import Figure

_ROWS = 500  # real texts sent in turn; more would only fill memory


def work(context: Context) -> str:
    from modelwright.data.rows import read_split
    from modelwright.serve.rehearse import rehearse

    project, record = context.project, context.ledger.record
    request_of = get_task(project.task).request_of
    data = context.input("data")
    rows = read_split(data / DIALOGUES if (data / DIALOGUES).is_dir() else data, "test")  # a chat is asked what people say to it
    rows = random.Random(project.train.seed).sample(rows, min(_ROWS, len(rows)))  # a split may stand sorted by class
    requests = [request_of(row) for row in rows]
    write_json(context.out / "request.json", requests[0])  # a real one, to ask with
    service = bought.service_of(context.input("release"))
    if service is None:
        found = rehearse(context.input("release"), project.serve, project.rehearse, requests, context.console)
    else:
        found = bought.rehearse(context, service, requests)
    best = found["best"]
    price = cost.cost_per_1000(Figure(best["throughput"], "requests/s", "measured"), costs.hour(project), project.compute)
    if service is not None:
        price = bought.with_machine(context, price)
    found |= {"cost_per_1000": price.value, "currency": costs.currency(project)}
    write_json(context.out / "load.json", found)
    record("rehearse/cold-start", found["cold_start_s"], "s", "measured", note="from process start to the first answer")
    record(
        "rehearse/memory", found["memory_bytes"] / 1e6, "MB", "measured", note="largest resident memory of the server under load"
    )
    for level in found["levels"]:
        prefix = f"rehearse/{level['connections']}"
        record(f"{prefix}/throughput", level["throughput"], "requests/s", "measured")
        record(f"{prefix}/errors", level["errors"], "requests", "measured")
        for key in ("p50", "p95", "p99"):
            record(f"{prefix}/{key}", level[f"{key}_ms"], "ms", "measured")
    if "tokens_per_second" in found:
        _record_chat(context, found)
    record("rehearse/throughput", best["throughput"], "requests/s", "measured", note=f"at {best['connections']} connections")
    record("rehearse/cost-per-1000", price.value, price.unit, price.basis, low=price.low, high=price.high, note=price.note)
    return say(
        context,
        "rehearse",
        throughput=best["throughput"],
        p95=amount(best["p95_ms"]),
        connections=best["connections"],
        memory=found["memory_bytes"] / 1e6,
        cost=f"{amount(price.value / 1000)} {costs.currency(project)}",
    )


def _record_chat(context: Context, found: Mapping[str, Any]) -> None:
    """What generating costs: tokens of answers, at the level of connections that gives most of them."""
    record = context.ledger.record
    record(
        "rehearse/tokens-per-second",
        found["tokens_per_second"],
        "tokens/s",
        "measured",
        note="tokens of answers, all users together",
    )
    for key in ("p50", "p95"):
        record(f"rehearse/time-to-first-token-{key}", found[f"ttft_{key}_ms"], "ms", "measured")
    for part, count in found["tokens_per_request"].items():
        record(f"rehearse/tokens-per-request/{part}", count, "tokens", "measured", note=f"of the {part}, mean")
    hour = costs.hour(context.project)
    million = hour.value / 3600 / found["tokens_per_second"] * 1e6
    note = "an hour of this machine over the answers' tokens of an hour at full load"
    record("rehearse/cost-per-million-tokens", million, costs.currency(context.project), hour.basis, note=note)
