"""`modelwright compute`: what would this training take, and does the machine allow what is claimed? Pure numbers.

What is not stated comes from the dated tables and says so; what nobody knows is missing. A claim above the hardware's
roofline is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from modelwright.base.errors import SpecError
from modelwright.spec.compute import Compute
from modelwright.venture.compute import (
    Device,
    check_decoding,
    training_estimate,
    training_flops,
    utilisation_of_peak,
)
from modelwright.venture.cost import carbon, hour, pue
from modelwright.venture.figures import Figure
from modelwright.venture.memory import Load, serving, training_memory
from modelwright.venture.scaling import best_size, cheapest_for_loss, fitted
from modelwright.venture.shapes import Shape, published, typical
from modelwright.venture.tables import table


@dataclass(frozen=True)
class Question:
    """What is asked.

    Args:
        model: of the table of published shapes; or
        parameters: how many, of a plain transformer.
        tokens: seen in training; None: nothing is said about training time.
        device, count: the hardware; `device.name` "here" is this machine, measured.
        mfu, goodput: shares of the peak and of the hours; None: the table's.
        tokens_per_s: training throughput that is claimed or was measured elsewhere; gives the MFU.
        within_days: how soon it must be done.
        decode_tokens_per_s: decoding throughput claimed for `load.batch` sequences in bfloat16.
        inference_tokens: to be served in the model's life, for the size that is cheapest all in all.
        compute: price, power, PUE and grid.
        stage: of ZeRO; None: the lowest that fits.
        load: how the training is laid out; its length is the context in serving too.
        currency: of the answer.
    """

    device: Device
    model: str | None = None
    parameters: float | None = None
    tokens: float | None = None
    count: int = 1
    mfu: float | None = None
    goodput: float | None = None
    tokens_per_s: float | None = None
    within_days: float | None = None
    decode_tokens_per_s: float | None = None
    inference_tokens: float | None = None
    stage: int | None = None
    load: Load = field(default_factory=Load)
    compute: Compute = field(default_factory=Compute)
    currency: str = "USD"


def answer(asked: Question, today: date | None = None) -> dict[str, Any]:
    """Everything that can be said, as JSON.

    Returns:
        {"model", "parameters", "active_parameters", "device", "count", "figures": [{"name", "value", "low", "high", "unit",
        "basis", "note"}], "memory", "serving", "scaling", "claims", "missing", "notes"}.

    Raises:
        SpecError: contradictory or impossible questions, and claims above the roofline.
    """
    _check(asked)
    shape, notes = _shape(asked)
    total = float(asked.parameters or shape.parameters)
    active = float(asked.parameters or shape.active_parameters)
    found: dict[str, Any] = {
        "model": asked.model,
        "parameters": total,
        "active_parameters": active,
        "device": asked.device.name,
        "count": asked.count,
        "figures": [],
        "memory": training_memory(shape, total, asked.load, asked.device, asked.count, asked.stage),
        "serving": serving(shape, total, asked.device, asked.count, asked.load.length),
        "scaling": {},
        "claims": {},
        "missing": [],
        "notes": notes,
    }
    found["load"] = {
        "batch": asked.load.batch,
        "length": asked.load.length,
        "method": asked.load.method,
        "recompute": asked.load.recompute,
    }
    if asked.decode_tokens_per_s is not None:
        share = check_decoding(
            asked.decode_tokens_per_s, shape, asked.device, asked.load.batch, asked.load.length, devices=asked.count
        )
        found["claims"]["decoding, share of the roofline"] = share
    if asked.tokens is None:
        found["missing"].append("tokens: without them nothing is said about time, money and energy of a training (--tokens 1T)")
        return found
    _training(asked, shape, active, found, today)
    found["scaling"] = _scaling(asked, active, found)
    return found


def _check(asked: Question) -> None:
    if (asked.model is None) == (asked.parameters is None):
        _refuse(
            "both a model and a number of parameters" if asked.model else "no model",
            "either a published model or a number of parameters",
            "--model, --params",
            f"--model llama-3-8b  or  --params 7B. Models: {', '.join(table('architectures'))}",
        )
    for name, value in (
        ("--params", asked.parameters),
        ("--tokens", asked.tokens),
        ("--count", asked.count),
        ("--tokens-per-s", asked.tokens_per_s),
        ("--within-days", asked.within_days),
        ("--decode-tokens-per-s", asked.decode_tokens_per_s),
        ("--inference-tokens", asked.inference_tokens),
    ):
        if value is not None and not 0 < value < 1e30:
            _refuse(f"{name} is {value:g}", "a positive number", name, "Give a number like 7B, 1T or 1e12.")
    for name, share in (("--mfu", asked.mfu), ("--goodput", asked.goodput)):
        if share is not None and not 0 < share <= 1:
            expected = "a share above 0 and at most 1: no training computes faster than the hardware's peak"
            _refuse(f"{name} is {share:g}", expected, name, "Large trainings report 0.3 to 0.5; leave it out for the table's.")
    if asked.mfu is not None and asked.tokens_per_s is not None:
        _refuse("--mfu and --tokens-per-s", "one of the two: each follows from the other", "--mfu", "Leave one out.")


def _shape(asked: Question) -> tuple[Shape, list[str]]:
    if asked.model is not None:
        return published(asked.model), []
    note = "no shape is given: activations and caches are those of a plain transformer, 128 channels of width per layer"
    return typical(float(asked.parameters or 0)), [note]


def _training(asked: Question, shape: Shape, active: float, found: dict[str, Any], today: date | None) -> None:
    tokens, on = float(asked.tokens or 0), asked.device
    flops = training_flops(active, tokens)
    mfu = None if asked.mfu is None else Figure(asked.mfu, "1", "assumed", source="--mfu")
    goodput = None if asked.goodput is None else Figure(asked.goodput, "1", "assumed", source="--goodput")
    if asked.tokens_per_s is not None:
        share = utilisation_of_peak(asked.tokens_per_s, 6 * active, asked.count, on.flops_per_s)
        mfu = Figure(share, "1", "assumed", source="--tokens-per-s")
    if asked.within_days is not None:
        _deadline(asked, flops, found, mfu, goodput)
    priced = asked.compute.price_per_hour is not None or on.name in table("prices")
    if not priced:
        found["missing"].append(f"price of {on.name}: money is left out (--price 2.50)")
    price = (
        hour(asked.compute, asked.currency, device=on.name, today=today)
        if priced
        else Figure(0.0, f"{asked.currency}/h", "assumed")
    )
    power = None
    if asked.compute.power_w is not None:
        power = Figure(asked.compute.power_w, "W", "assumed", source="compute.power_w")
    known_power = power is not None or on.name in table("devices")
    if not known_power:
        found["missing"].append(f"power of {on.name}: energy and carbon are left out (--power 300)")
        power = Figure(0.0, "W", "assumed")
    site = pue(asked.compute, today)
    made = training_estimate(active, tokens, on, asked.count, price, site, mfu=mfu, goodput=goodput, power=power, today=today)
    if known_power:
        made["carbon"] = carbon(made["energy"], asked.compute, today)
    else:
        del made["energy"]
    if not priced:
        del made["money"]
    found["figures"] = [figure.as_json(name) for name, figure in made.items()]
    if not found["memory"]["fits"]:
        needed = found["memory"]["devices_needed"]
        found["notes"].append(
            f"the training does not fit on {asked.count} × {on.name}: "
            + (
                f"at least {needed} are needed with everything shared out (ZeRO 3)"
                if needed
                else "one device can't hold the activations of one step; shorten --context or --batch, or --recompute full"
            )
        )


def _deadline(asked: Question, flops: float, found: dict[str, Any], mfu: Figure | None, goodput: Figure | None) -> None:
    """How much of the peak a deadline asks for; above all of it, it is refused."""
    seconds = float(asked.within_days or 0) * 86400
    share = flops / (asked.count * asked.device.flops_per_s * seconds)
    usual = (mfu or table("training")["mfu"].figure()).value * (goodput or table("training")["goodput"].figure()).value
    needed = flops / (asked.device.flops_per_s * seconds * usual)
    if share > 1:
        raise SpecError(
            f"{flops:.3g} operations in {asked.within_days:g} days on {asked.count} × {asked.device.name}",
            expected=f"at least {share * asked.count:,.1f} devices even at 100 % of their peak, and about {needed:,.0f} at the usual share",
            where="--within-days",
            remedy=f"Ask for --count {int(needed) + 1}, or for more days.",
        )
    found["claims"]["deadline, share of peak needed"] = share
    found["claims"]["deadline, devices at the usual share"] = needed


def _scaling(asked: Question, active: float, found: dict[str, Any]) -> dict[str, Any]:
    """What the scaling law says of this choice, and what it would choose for the same operations."""
    flops, law = training_flops(active, float(asked.tokens or 0)), fitted()
    parameters, tokens, loss = best_size(flops)
    chosen = float(law.loss(active, float(asked.tokens or 0)))
    made: dict[str, Any] = {
        "chosen_loss": chosen,
        "tokens_per_parameter": float(asked.tokens or 0) / active,
        "optimum": [parameters.as_json("parameters"), tokens.as_json("tokens"), loss.as_json("loss")],
        "note": "law of dense text models (2404.10102); the loss is that of its data, not yours; active parameters are counted",
    }
    if asked.inference_tokens is not None:
        size, seen, total = cheapest_for_loss(chosen, asked.inference_tokens)
        made["with_inference"] = {"parameters": size, "tokens": seen, "flops": total, "inference_tokens": asked.inference_tokens}
    return made


def _refuse(came: str, expected: str, where: str, remedy: str) -> None:
    raise SpecError(came, expected=expected, where=where, remedy=remedy)
