"""Early warning from the running service: errors, latency, load, volume and cost against what was promised, rehearsed and planned.

Pure: live figures and limits come in, alarms of the same shape as `alarms.watch` go out. A figure that was not measured raises no
alarm and is listed as missing; a limit that nobody stated comes from `registers/alarms.yaml` and is marked as fallback.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from modelwright.base.evidence import Basis
from modelwright.venture.figures import Figure

_TEXT = {
    "above": ("{figure} is {value}, above {limit} ({source})", "{figure} 为 {value}，高于 {limit}（{source}）"),
    "below": ("{figure} is {value}, below {limit} ({source})", "{figure} 为 {value}，低于 {limit}（{source}）"),
}


@dataclass(frozen=True)
class Limit:
    """What a live figure may be.

    Args:
        figure: its name in the evidence, like "operate/error-share".
        low, high: it may not fall below, or rise above; None: no such limit.
        basis, source: who says so: a setting ("choose.latency_ms_p95"), a figure of the run, or the shipped register.
        level: "alarm", or "warning" where it asks for a look only.
    """

    figure: str
    low: float | None
    high: float | None
    basis: Basis
    source: str
    level: str = "alarm"


@cache
def shipped() -> Mapping[str, Mapping[str, Any]]:
    """Limits for what founders do not state, by key of `risk.alarms`."""
    text = files("modelwright.venture").joinpath("registers", "alarms.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["limits"]


def stated_or_shipped(key: str, stated: float | None) -> tuple[float, Basis, str]:
    """(limit, basis, source) of a key of `risk.alarms`."""
    if stated is not None:
        return stated, "assumed", f"risk.alarms.{key}"
    entry = shipped()[key]
    return float(entry["value"]), "fallback", f"{entry['source']}; default {key} of {entry['as_of']}"


def watch_service(figures: Mapping[str, Figure], limits: Sequence[Limit]) -> dict[str, Any]:
    """Compare live figures with their limits.

    Returns:
        {"alarms": [{"figure", "month": null, "level", "value", "low", "high", "unit", "basis", "limit_basis", "limit_from",
        "text": {"en","zh"}}], "quiet": [figures inside their limits], "missing": [figures that were not measured]}.
    """
    missing = [limit.figure for limit in limits if limit.figure not in figures]
    fired = [alarm for limit in limits if limit.figure in figures for alarm in _fired(figures[limit.figure], limit)]
    loud = {alarm["figure"] for alarm in fired}
    quiet = [limit.figure for limit in limits if limit.figure in figures and limit.figure not in loud]
    return {"alarms": fired, "quiet": list(dict.fromkeys(quiet)), "missing": list(dict.fromkeys(missing))}


def _fired(figure: Figure, limit: Limit) -> Iterator[dict[str, Any]]:
    for side, bound in (("above", limit.high), ("below", limit.low)):
        if bound is None or (figure.value <= bound if side == "above" else figure.value >= bound):
            continue
        unit = "" if figure.unit == "1" else f" {figure.unit}"
        shown = {
            "figure": limit.figure,
            "value": f"{figure.value:,.4g}{unit}",
            "limit": f"{bound:,.4g}{unit}",
            "source": limit.source,
        }
        yield {
            "figure": limit.figure,
            "month": None,
            "level": limit.level,
            "value": figure.value,
            "low": limit.low,
            "high": limit.high,
            "unit": figure.unit,
            "basis": figure.basis,
            "limit_basis": limit.basis,
            "limit_from": limit.source,
            "text": {language: words.format(**shown) for language, words in zip(("en", "zh"), _TEXT[side], strict=True)},
        }
