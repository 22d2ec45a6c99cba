"""A bought route in the stages: what it will cost before a request is sent, the files that stand for a model, what was paid.

Nothing is trained. The folder holds `prompt.json` and `asker.json` in the place of a graph; answers that are paid for lie in the project's
folder `paid/`, beside the runs, so that no run pays for them again and the cap counts over all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelwright.base.bought.asker import RECORD, Service
from modelwright.base.bought.paid import Purse
from modelwright.base.bought.tokens import usual_tokens
from modelwright.base.console import amount, duration
from modelwright.base.errors import SpecError
from modelwright.base.evidence import Basis, Ledger
from modelwright.base.graph import ASKER
from modelwright.base.machine import resident_bytes
from modelwright.base.nouns import Row
from modelwright.base.store import json_hash, read_json, write_json
from modelwright.pipeline import costs
from modelwright.pipeline.context import EVIDENCE, Context
from modelwright.pipeline.words import say
from modelwright.spec.project import Project
from modelwright.spec.routes.api import Api
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import Task, get_task
from modelwright.train.bought import price_of, write_asker
from modelwright.venture.figures import Figure, derive

FOLDER = "paid"
_LOW, _HIGH = 0.7, 1.5
"""Of the estimated tokens: vocabularies differ by so much."""
_ANSWER_MS = 1000.0
"""A short answer's time, where nobody has asked yet; it only bounds how long the evaluation takes."""


def is_bought(project: Project, name: str) -> bool:
    return project.routes[name].kind == "bought"


def route_of(project: Project, name: str) -> Api:
    route: Route = project.routes[name]
    assert isinstance(route, Api)
    return route


def record_of(context: Context, name: str) -> Path | None:
    """The file of answers that are paid for; None for a route that is built. Another model or address is another file: its tokens
    had other prices."""
    if not is_bought(context.project, name):
        return None
    route = route_of(context.project, name)
    return context.loaded.folder / FOLDER / f"{name}-{json_hash([route.base_url, route.model])[:8]}.jsonl"


def train(context: Context, name: str) -> str:
    """Fit the task, which chooses the examples of the prompt, and write the asker."""
    from modelwright.data.rows import read_split

    project, route = context.project, route_of(context.project, name)
    began = time.perf_counter()
    rows = read_split(context.input("data"), "train")
    task = get_task(project.task).fit(rows, route, None, project.learn)
    task.save(context.out)
    write_asker(route, task, costs.currency(project), context.out)
    seconds = time.perf_counter() - began
    result = {
        "seconds": seconds,
        "steps": 0,
        "epochs": 0,
        "rows": len(rows),
        "samples_per_second": None,
        "tokens_per_second": None,
        "stopped_by": "bought",
        "best_step": 0,
        "best_score": None,
        "metric": task.metrics[0].name,
        "peak_memory_bytes": resident_bytes(),
        "precision": None,
        "parameters": None,
    }
    write_json(context.out / "result.json", result)
    context.ledger.record(f"train/{name}/time", seconds, "s", "measured", note="the prompt was made; nothing is trained")
    return say(context, "bought", route=name, model=route.model, examples=(len(_messages(task)) - 1) // 2, took=duration(seconds))


def forecast(context: Context, name: str) -> str:
    """Tokens and money that evaluating this route will take, from the prompt and the rows, without a request.

    Raises:
        SpecError: it would cost more than the cap: half an evaluation would be paid for nothing.
    """
    from modelwright.data.rows import read_split
    from modelwright.evaluate.robustness import MOST_ROWS

    project, route = context.project, route_of(context.project, name)
    data = context.input("data")
    began = time.perf_counter()
    task = get_task(project.task).fit(read_split(data, "train"), route, None, project.learn)
    seconds = max(time.perf_counter() - began, 1e-3)
    validation, test = read_split(data, "validation"), read_split(data, "test")
    requests = len(validation) + len(test) + min(MOST_ROWS, len(test))
    sent = _sent_tokens(task, [*validation, *test])
    got = max(usual_tokens([label]) for label in getattr(task, "labels", ("",)))
    price, record = price_of(route, costs.currency(project)), record_of(context, name)
    money = requests * price.of(sent, got)
    purse = Purse(price, route.cap.value, record)
    asked = len(purse.answers)
    if purse.left is not None and money * max(0, requests - asked) / requests > purse.left:
        raise _too_dear(name, money, requests, purse)
    took = requests * max(60 / route.requests_per_minute, _ANSWER_MS / 1e3 / route.parallel)
    found = {
        "seconds": seconds,
        "seconds_low": seconds * 0.5,
        "seconds_high": seconds * 2,
        "peak_memory_bytes": resident_bytes(),
        "steps": 0,
        "samples_per_second": None,
        "precision": None,
        "requests": requests,
        "requests_paid": asked,
        "input_tokens": sent,
        "output_tokens": got,
        "money": money,
        "currency": price.currency,
        "cap": route.cap.value,
        "spent": purse.spent,
        "evaluation_seconds": took,
        "notes": ["tokens are estimated from characters; no request was sent"],
    }
    write_json(context.out / "forecast.json", found)
    _record_forecast(context, name, found)
    costs.record_training(context, f"forecast/{name}", Figure(seconds, "s", "estimated"))
    return say(
        context,
        "forecast-bought",
        route=name,
        requests=requests,
        tokens=sent * requests,
        money=f"{amount(money)} {price.currency}",
        took=duration(took),
    )


def _record_forecast(context: Context, name: str, found: Mapping[str, Any]) -> None:
    record = context.ledger.record
    record(f"forecast/{name}/time", found["seconds"], "s", "estimated", low=found["seconds_low"], high=found["seconds_high"])
    record(f"forecast/{name}/memory", found["peak_memory_bytes"] / 1e6, "MB", "estimated")
    record(f"forecast/{name}/requests", found["requests"], "requests", "estimated", note="to evaluate it")
    for key in ("input_tokens", "output_tokens"):
        value, bounds = found[key], {"low": found[key] * _LOW, "high": found[key] * _HIGH}
        name_of = f"forecast/{name}/{key.replace('_', '-')}"
        record(name_of, value, "tokens", "estimated", **bounds, note="of a request, from its characters")
    money = found["money"]
    note = f"of evaluating it, at most {found['cap']:g} {found['currency']}"
    bounds = {"low": money * _LOW, "high": money * _HIGH}
    record(f"forecast/{name}/evaluation-money", money, found["currency"], "estimated", **bounds, note=note)


def _messages(task: Task) -> list[Mapping[str, str]]:
    return list(task.reader.messages)  # type: ignore[attr-defined]


def _sent_tokens(task: Task, rows: Sequence[Row]) -> float:
    """Mean tokens of a request: what comes before is the same each time."""
    before = usual_tokens(message["content"] for message in _messages(task))
    texts = [" ".join(str(row.values[column.role]) for column in task.columns if column.input) for row in rows]
    most = task.reader.max_characters  # type: ignore[attr-defined]
    return before + sum(usual_tokens([text[:most]]) for text in texts) / max(1, len(texts))


def _too_dear(name: str, money: float, requests: int, purse: Purse) -> SpecError:
    currency = purse.price.currency
    return SpecError(
        f"evaluating {name} takes {requests:,} requests, about {money:.2g} {currency}; {purse.spent:.2g} {currency} are spent already",
        expected=f"at most {purse.cap:g} {currency} in all",
        where=f"routes.{name}.cap",
        remedy="Raise the cap, shorten the prompt (examples, example_characters, max_characters), or give fewer rows "
        "(data.split).",
    )


def record_usage(context: Context, name: str, found: Mapping[str, Any]) -> None:
    """What the evaluation's requests were like: evaluation.json's part "bought"."""
    record, used = context.ledger.record, found["bought"]
    basis: Basis = "estimated" if used["estimated"] else "measured"
    share = f"{used['estimated']:.0%} of the answers came without a count" if used["estimated"] else "as the service counted"
    for key in ("input_tokens", "output_tokens"):
        record(f"evaluate/{name}/{key.replace('_', '-')}", used[key], "tokens", basis, note=f"of a request, {share}")
    note = f"{used['unparseable']:,} of {used['rows']:,} answers named no label; they count as wrong"
    record(f"evaluate/{name}/unparseable", used["unparseable"] / max(1, used["rows"]), "1", "measured", note=note)
    record(f"evaluate/{name}/spent", used["spent"], used["currency"], basis, note="on this route, over all runs of the project")


def request_cost(project: Project, name: str, used: Mapping[str, Any]) -> Figure:
    """Money for 1,000 requests in the project's currency: tokens times price."""
    from modelwright.venture.cost import convert

    price = convert(used["cost_per_1000"], used["currency"], costs.currency(project), project.venture)
    basis = "estimated" if used["estimated"] else "measured" if used["currency"] == price.unit else price.basis
    note = f"{used['input_tokens']:,.0f} tokens in and {used['output_tokens']:,.1f} out at the service's price, {used['rows']:,} requests"
    if (day := route_of(project, name).priced_on) is not None:
        note += f", price of {day.isoformat()}"
    return Figure(price.value, price.unit, basis, note=note)


def rehearse(context: Context, service: Service, requests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rehearsal of a release that asks a service: as many connections as may be on their way at once, each request paid for, the
    cap kept. What the server pays is recorded where the evaluation's answers are, and nothing is answered from there."""
    from modelwright.serve.rehearse import rehearse as load

    project = context.project
    name = str(read_json(context.input("release") / "release.json")["route"])
    allowed = tuple(dict.fromkeys(min(count, service.parallel) for count in project.rehearse.connections))
    settings = project.rehearse.model_copy(update={"connections": allowed})
    record = record_of(context, name)
    assert record is not None
    before = os.environ.get(RECORD)
    os.environ[RECORD] = str(record)  # of the server, which inherits it
    try:
        return load(context.input("release"), project.serve, settings, requests, context.console)
    finally:
        if before is None:
            del os.environ[RECORD]
        else:
            os.environ[RECORD] = before


def with_machine(context: Context, machine: Figure) -> Figure:
    """1,000 requests: what the service takes, and the machine that asks it."""
    each = Ledger(context.run / EVIDENCE).latest()
    name = str(read_json(context.input("release") / "release.json")["route"])
    paid = each[f"evaluate/{name}/cost-per-1000"]
    service = Figure(float(paid.value), paid.unit, paid.basis)
    note = f"{amount(service.value)} for the service, {amount(machine.value)} for this machine, which asks it"
    return derive(lambda one, two: one + two, service, machine, unit=machine.unit, note=note)


def service_of(folder: Path) -> Service | None:
    """The service that a folder asks; None where it holds a graph."""
    return Service.read(folder) if (folder / ASKER).is_file() else None
