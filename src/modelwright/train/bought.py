"""The files that stand for a bought model: nothing is trained."""

from __future__ import annotations

from pathlib import Path

from modelwright.base.bought.paid import Price
from modelwright.base.graph import ASKER
from modelwright.base.store import write_json
from modelwright.spec.routes.api import Api
from modelwright.tasks.contract import Task


def price_of(route: Api, currency: str) -> Price:
    """Of a million tokens; in `currency` where the route names none."""
    return Price(route.price_input.value, route.price_output.value, route.price_input.currency or currency)


def write_asker(route: Api, task: Task, currency: str, folder: Path) -> None:
    """`asker.json`: whom to ask, at what price, within which limits. The key stands there by the name of its variable."""
    price = price_of(route, currency)
    content = {
        "format": 1,
        "base_url": route.base_url,
        "key_from": route.key_from,
        "body": route.request,
        "answer_tokens": route.answer_tokens,
        "labels": list(getattr(task, "labels", ())),
        "several": bool(getattr(task, "several", False)),
        "certainty": route.certainty,
        "price": {"input": price.input, "output": price.output, "currency": price.currency},
        "priced_on": None if route.priced_on is None else route.priced_on.isoformat(),
        "cap": route.cap.value,
        "serve_cap": None if route.serve_cap is None else route.serve_cap.value,
        "requests_per_minute": route.requests_per_minute,
        "parallel": route.parallel,
        "timeout_seconds": route.timeout_seconds,
        "retries": route.retries,
    }
    write_json(folder / ASKER, content)
