"""`modelwright compute`: what a training would take, what fits on a device, and how our arithmetic compares with published hours."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from modelwright.base import machine
from modelwright.base.console import amount, duration
from modelwright.base.errors import SpecError
from modelwright.spec.compute import Compute
from modelwright.venture.answer import Question, answer
from modelwright.venture.compute import Device, device
from modelwright.venture.memory import Load, what_fits
from modelwright.venture.published import compare

_SIZE = re.compile(r"^\s*(?P<number>\d[\d_,]*(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+)\s*(?P<unit>[kKmMbBgGtT]?)\s*$")
_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_BYTES = 1e9


def compute(given: argparse.Namespace, today: date) -> dict[str, Any]:
    """Answer: {"trainings"} with --published, {"fits"} with --fits, else what `answer` says.

    Raises:
        SpecError: wrong numbers, unknown names, and claims above the roofline.
    """
    if given.published:
        return {"trainings": [_compared(row) for row in compare()]}
    load = _load(given)
    if given.fits:
        on = _device(given.fits)
        return {"device": on.name, "memory_bytes": on.memory_bytes, "context": load.length, "fits": what_fits(on, load)}
    asked = Question(
        device=_device(given.device),
        model=given.model,
        parameters=_size("--params", given.params),
        tokens=_size("--tokens", given.tokens),
        count=given.count,
        mfu=given.mfu,
        goodput=given.goodput,
        tokens_per_s=_size("--tokens-per-s", given.tokens_per_s),
        within_days=given.within_days,
        decode_tokens_per_s=_size("--decode-tokens-per-s", given.decode_tokens_per_s),
        inference_tokens=_size("--inference-tokens", given.inference_tokens),
        stage=given.zero,
        load=load,
        compute=_settings(given),
        currency=given.currency,
    )
    return answer(asked, today)


def lines(found: Mapping[str, Any]) -> list[str]:
    """What `compute` found, as people read it."""
    if "trainings" in found:
        return [_compared_line(row) for row in found["trainings"]]
    return _fits_lines(found) if "fits" in found else _answer_lines(found)


def _load(given: argparse.Namespace) -> Load:
    for name in ("rank", "batch", "context"):
        if getattr(given, name) < 1:
            raise SpecError(
                f"--{name} is set to {getattr(given, name)}",
                expected="at least 1",
                where=f"--{name}",
                remedy="Give a larger number.",
            )
    return Load(given.batch, given.context, given.method, given.rank, given.recompute)


def _settings(given: argparse.Namespace) -> Compute:
    stated = {"price_per_hour": given.price, "power_w": given.power, "pue": given.pue, "grid": given.grid}
    try:
        return Compute.model_validate({key: value for key, value in stated.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = {"price_per_hour": "--price", "power_w": "--power", "pue": "--pue", "grid": "--grid"}[str(first["loc"][0])]
        raise SpecError(
            f"{option} is set to {first['input']!r}",
            expected=str(first["msg"]).removeprefix("Value error, ").removeprefix("Input should be "),
            where=option,
            remedy="For example: --price '2.50 USD' --power 700 --pue 1.2 --grid DE",
        ) from error


def _size(option: str, text: str | None) -> float | None:
    """7B, 1.5T, 7e9, 7_000_000_000."""
    if text is None:
        return None
    match = _SIZE.match(text)
    if match is None:
        raise SpecError(
            f"{option} is set to {text!r}",
            expected="a number with k, M, B or T, or like 1e12",
            where=option,
            remedy=f"{option} 7B",
        )
    return float(match["number"].replace(",", "").replace("_", "")) * _UNITS[match["unit"].casefold()]


def _device(name: str) -> Device:
    """A device of the table, or this machine with its measured float32 peak and bandwidth; its power is unknown (0)."""
    if name != "here":
        return device(name)
    facts = machine.describe()
    return Device("here", machine.gemm_gflops() * 1e9, machine.copy_gbytes() * 1e9, float(facts.memory_bytes), 0.0)


def _answer_lines(found: Mapping[str, Any]) -> list[str]:
    figures = {item["name"]: item for item in found["figures"]}
    active = f", {_count(found['active_parameters'])} active" if found["active_parameters"] != found["parameters"] else ""
    text = [
        f"{found['model'] or 'a plain transformer'} · {_count(found['parameters'])} parameters{active} · {found['count']} × {found['device']}"
    ]
    if figures:
        text.append(f"operations  {figures['flops']['value']:.3g} (6 · parameters · tokens)")
        text.append(
            f"time        {_range(figures['time'], lambda value: duration(value) if value < 172_800 else f'{value / 86400:,.1f} days')}"
        )
        text.append(f"hours       {_range(figures['device-hours'], lambda value: amount(value, 3))} of one device")
        for name, title in (("money", "money"), ("energy", "energy"), ("carbon", "carbon")):
            if name in figures:
                unit = figures[name]["unit"]
                text.append(f"{title:<12}{_range(figures[name], lambda value: amount(value, 3))} {unit}")
    text += _memory_lines(found)
    text += _serving_lines(found)
    text += _scaling_lines(found["scaling"])
    text += [f"claim       {name}: {value:,.3g}" for name, value in found["claims"].items()]
    text += [f"missing     {item}" for item in found["missing"]]
    text += [f"note        {item}" for item in found["notes"]]
    marks = dict.fromkeys(part for item in found["figures"] for part in item["note"].split("; ") if part.startswith("default "))
    if marks:
        text.append(
            "defaults    " + " · ".join(mark.removeprefix("default ") for mark in marks) + "  († nobody has checked the original)"
        )
    return text


def _memory_lines(found: Mapping[str, Any]) -> list[str]:
    memory, load = found["memory"], found["load"]
    parts = " + ".join(f"{name} {amount(size / _BYTES, 3)}" for name, size in memory["parts"].items())
    verdict = "fits" if memory["fits"] else "does not fit"
    return [
        f"memory      {amount(memory['bytes'] / _BYTES, 3)} GB a device = {parts}",
        f"            {verdict}: {amount(memory['room'] / _BYTES, 3)} GB may be used; {load['method']}, ZeRO {memory['stage']}, "
        f"{load['batch']} × {load['length']} tokens, recomputation {load['recompute']}",
    ]


def _serving_lines(found: Mapping[str, Any]) -> list[str]:
    count = found["count"]
    text = [f"serving     on all {count} devices together:"] if count > 1 else []
    for row in found["serving"]:
        if not row["sequences"]:
            text.append(f"serving     {row['precision']:<9} {amount(row['weights'] / _BYTES, 3)} GB of weights: does not fit")
            continue
        text.append(
            f"serving     {row['precision']:<9} {amount(row['weights'] / _BYTES, 3)} GB of weights, room for {row['sequences']:,} sequences; at most "
            f"{amount(row['tokens_per_s_alone'], 3)} tokens/s alone, {amount(row['tokens_per_s_full'], 3)} all together"
        )
    return text


def _scaling_lines(scaling: Mapping[str, Any]) -> list[str]:
    if not scaling:
        return []
    best = {item["name"]: item for item in scaling["optimum"]}
    text = [
        f"scaling     {scaling['tokens_per_parameter']:,.0f} tokens a parameter, loss about {scaling['chosen_loss']:.3f}; the same operations do best "
        f"with {_range(best['parameters'], _count)} parameters on {_range(best['tokens'], _count)} tokens: loss {best['loss']['value']:.3f}"
    ]
    if "with_inference" in scaling:
        other = scaling["with_inference"]
        text.append(
            f"            with {_count(other['inference_tokens'])} tokens served, that loss is cheapest with {_count(other['parameters'])} parameters "
            f"on {_count(other['tokens'])} tokens"
        )
    return text


def _fits_lines(found: Mapping[str, Any]) -> list[str]:
    text = [
        f"{found['device']} · {amount(found['memory_bytes'] / _BYTES, 3)} GB, of which a tenth is kept back · sequences of {found['context']} tokens"
    ]
    for row in found["fits"]:
        text.append(
            f"{row['use']:<52} {_count(row['parameters']):>7} parameters at most; largest published model here: {row['largest'] or 'none'}"
        )
    return text


def _compared(row: Any) -> dict[str, Any]:
    return {
        "model": row.model,
        "device": row.device,
        "parameters": row.parameters,
        "active_parameters": row.active,
        "tokens": row.tokens,
        "flops": row.flops,
        "hours_published": row.hours,
        "hours_forecast": row.forecast.value,
        "low": row.forecast.low,
        "high": row.forecast.high,
        "deviation": row.deviation,
        "inside": row.inside,
        "implied_share_of_peak": row.implied,
        "source": row.source,
    }


def _compared_line(row: Mapping[str, Any]) -> str:
    return (
        f"{row['model']:<13} {row['device']:<9} published {row['hours_published']:>11,.0f} h  forecast {row['hours_forecast']:>11,.0f} h "
        f"[{row['low']:,.0f}–{row['high']:,.0f}]  {row['deviation']:+.1%}  {'' if row['inside'] else 'outside the range'}"
    ).rstrip()


def _range(figure: Mapping[str, Any], say: Any) -> str:
    if figure["low"] is None or figure["high"] is None:
        return str(say(figure["value"]))
    return f"{say(figure['value'])} [{say(figure['low'])}–{say(figure['high'])}]"


def _count(value: float) -> str:
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{amount(value / size, 3)}{unit}"
    return f"{value:,.0f}"
