"""Stages 2 and 3 for a fusion: its members are trained; what is left is to weigh them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelwright.base.console import amount, duration
from modelwright.base.store import read_json, write_json
from modelwright.pipeline import costs
from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.spec.routes.fusion import Fusion
from modelwright.venture.figures import Figure

if TYPE_CHECKING:
    from modelwright.train.fusion import Member

_FORWARD = 1 / 3
"""Of a training step's time: the backward pass takes about twice as long as the forward pass."""
_FIXED_S, _SPREAD = 1.0, 0.5
_EXPORT_ROWS = 32


def _route(context: Context, name: str) -> Fusion:
    route = context.project.routes[name]
    assert isinstance(route, Fusion)
    return route


def forecast(context: Context) -> str:
    """Every member answers the validation split once (for averaged weights twice); the rest takes no time to speak of."""
    from modelwright.data.rows import read_split

    name = context.out.name.removesuffix(".partial")
    route = _route(context, name)
    rows = len(read_split(context.input("data"), "validation"))
    members = [read_json(context.inputs[f"forecast/{member}"] / "forecast.json") for member in route.members]
    times = 2 if route.method == "weights" else 1
    seconds = _FIXED_S + sum(times * rows * _FORWARD / max(member["samples_per_second"], 1e-9) for member in members)
    found = {
        "seconds": seconds,
        "seconds_low": seconds * (1 - _SPREAD),
        "seconds_high": seconds * (1 + _SPREAD),
        "peak_memory_bytes": max(member["peak_memory_bytes"] for member in members),
        "steps": 1,
        "samples_per_second": rows / seconds,
        "precision": "float32",
        "precision_reason": "trained members are combined; nothing is trained step by step",
        "compile": "never: nothing is traced",
        "notes": [
            "from the members' forecasts: answering a row takes a third of learning from it; the members' own cost is theirs"
        ],
    }
    write_json(context.out / "forecast.json", found)
    record = context.ledger.record
    record(f"forecast/{name}/time", seconds, "s", "estimated", low=seconds * (1 - _SPREAD), high=seconds * (1 + _SPREAD))
    record(f"forecast/{name}/memory", found["peak_memory_bytes"] / 1e6, "MB", "estimated")
    money = costs.record_training(context, f"forecast/{name}", Figure(seconds, "s", "estimated"))
    return say(
        context,
        "forecast",
        route=name,
        took=duration(seconds),
        memory=f"{found['peak_memory_bytes'] / 1e9:.2f} GB",
        money=f"{amount(money.value)} {money.unit}",
    )


def work(context: Context) -> str:
    from modelwright.compress.export import export
    from modelwright.data.rows import read_split
    from modelwright.train.fusion import exported_route, fuse_route

    name = context.out.name.removesuffix(".partial")
    route, data = _route(context, name), context.input("data")
    members = _members(context, route)
    validation, rows = read_split(data, "validation"), read_split(data, "train")
    result = fuse_route(route, members, validation, folder=context.out, console=context.console, title=name)
    export(context.out, exported_route(route, members), rows[:: max(1, len(rows) // _EXPORT_ROWS)][:_EXPORT_ROWS])
    record = context.ledger.record
    record(f"train/{name}/time", result["seconds"], "s", "measured", note="beside the members' own training")
    record(f"train/{name}/memory", result["peak_memory_bytes"] / 1e6, "MB", "measured")
    for member, share in result["shares"].items():
        record(f"train/{name}/share-{member}", share, "1", "measured", note="how much the member counts")
    return say(
        context,
        "fused",
        route=name,
        score=amount(result["best_score"], 3),
        metric=result["metric"],
        shares=" + ".join(f"{share:.2f} {member}" for member, share in result["shares"].items()),
        took=duration(result["seconds"]),
    )


def _members(context: Context, route: Fusion) -> dict[str, Member]:
    from modelwright.train.fusion import Member

    return {name: Member(context.project.routes[name], context.inputs[f"train/{name}"]) for name in route.members}
