"""What fits: memory of a training by part, and how large a model a device can train, adapt or serve."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from modelwright.venture.compute import (
    Device,
    Recompute,
    activation_bytes,
    adapter_parameters,
    cache_bytes_per_token,
    state_bytes,
    step_floor_s,
)
from modelwright.venture.shapes import Shape, published
from modelwright.venture.tables import table

Method = Literal["full", "lora"]
RESERVE = 0.1
"""Share of a device's memory kept back for buffers, fragments and the runtime."""
PRECISIONS = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "int4": 0.5}
"""Bytes of a weight."""


@dataclass(frozen=True)
class Load:
    """How a training is laid out: sequences per device and step, their length, method, rank of adapters, recomputation."""

    batch: int = 1
    length: int = 4096
    method: Method = "full"
    rank: int = 16
    recompute: Recompute = "selective"


def training_parts(shape: Shape, parameters: float, load: Load, devices: int, stage: int) -> dict[str, float]:
    """Bytes per device, by part: weights, gradients, optimizer (float32 weights and Adam's moments), activations, frozen
    weights under adapters."""
    trained = float(adapter_parameters(shape, load.rank)) if load.method == "lora" else parameters
    share = {name: 1 / devices if stage >= first else 1.0 for name, first in (("weights", 3), ("gradients", 2), ("optimizer", 1))}
    parts = {
        "weights": 2 * trained * share["weights"],
        "gradients": 2 * trained * share["gradients"],
        "optimizer": 12 * trained * share["optimizer"],
        "activations": activation_bytes(shape, load.batch, load.length, load.recompute),
    }
    if load.method == "lora":
        parts["frozen weights"] = state_bytes(0, stage, devices, parameters)
    return parts


def training_memory(
    shape: Shape, parameters: float, load: Load, on: Device, devices: int, stage: int | None = None
) -> dict[str, Any]:
    """The memory of a training on `devices`, and whether it fits.

    Args:
        stage: of ZeRO; None: the lowest that fits, else 3.

    Returns:
        "stage", "parts" (bytes per device), "bytes", "room" (bytes per device that may be used), "fits", "devices_needed" (the
        fewest with which stage 3 fits; None: the activations alone are too large).
    """
    room = on.memory_bytes * (1 - RESERVE)
    tried = [stage] if stage is not None else [0, 1, 2, 3] if devices > 1 else [0]
    for chosen in tried:
        parts = training_parts(shape, parameters, load, devices, chosen)
        if sum(parts.values()) <= room:
            break
    whole = training_parts(shape, parameters, load, 1, 3)
    left = room - whole["activations"]
    needed = max(1, ceil((sum(whole.values()) - whole["activations"]) / left)) if left > 0 else None
    total = sum(parts.values())
    return {"stage": chosen, "parts": parts, "bytes": total, "room": room, "fits": total <= room, "devices_needed": needed}


def serving(shape: Shape, parameters: float, on: Device, devices: int, context: int) -> list[dict[str, Any]]:
    """For each precision of the weights: bytes, sequences of `context` tokens that fit beside them (caches in 2 bytes), and the
    roofline's ceilings of decoding in tokens/s, alone and with that many sequences. One that does not fit has no ceiling."""
    room = devices * on.memory_bytes * (1 - RESERVE)
    cache = context * cache_bytes_per_token(shape)
    rows = []
    for name, size in PRECISIONS.items():
        weights = parameters * size
        sequences = int((room - weights) // cache) if weights < room else 0
        row: dict[str, Any] = {"precision": name, "weights": weights, "cache_per_sequence": cache, "sequences": sequences}
        for title, batch in (("alone", 1), ("full", sequences)):
            row[f"tokens_per_s_{title}"] = (
                batch / step_floor_s(shape, on, batch, context, size, devices=devices) if sequences else None
            )
        rows.append(row)
    return rows


def what_fits(on: Device, load: Load) -> list[dict[str, Any]]:
    """How large a model fits on one device, for each way to use it.

    Returns:
        {"use", "bytes_per_parameter", "parameters" (the most, by weights and training state alone), "largest" (the largest
        published model that fits with its activations or one sequence's cache; None: none)}.
    """
    room = on.memory_bytes * (1 - RESERVE)
    names = sorted(table("architectures"), key=lambda name: published(name).parameters)
    shapes = {name: published(name) for name in names}

    def largest(bytes_of: Any) -> str | None:
        return next((name for name in reversed(names) if bytes_of(shapes[name]) <= room), None)

    rows = [
        _row("training, all weights, Adam in mixed precision", 16.0, room, largest(lambda shape: _train(shape, load, "full"))),
        _row(
            f"training adapters of rank {load.rank} on bfloat16 weights",
            2.0,
            room,
            largest(lambda shape: _train(shape, load, "lora")),
        ),
    ]
    for name, size in PRECISIONS.items():
        fitting = largest(lambda shape, size=size: shape.parameters * size + load.length * cache_bytes_per_token(shape))
        rows.append(_row(f"serving in {name}", size, room, fitting))
    return rows


def _train(shape: Shape, load: Load, method: Method) -> float:
    chosen = Load(load.batch, load.length, method, load.rank, load.recompute)
    return sum(training_parts(shape, shape.parameters, chosen, 1, 0).values())


def _row(use: str, each: float, room: float, largest: str | None) -> dict[str, Any]:
    return {"use": use, "bytes_per_parameter": each, "parameters": room / each, "largest": largest}
