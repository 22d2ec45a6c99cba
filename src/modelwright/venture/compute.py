"""What training and serving transformers takes: operations, memory, time, and the roofline that no claim may pass.

Sources: operations with attention from PaLM (2204.02311), memory of sharded training from ZeRO (1910.02054), activations
from Korthikanti et al. (2205.05198). One multiply-add counts as two operations. Peaks are dense, without sparsity.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from modelwright.base.errors import SpecError
from modelwright.venture.cost import currency_of, energy_kwh, money
from modelwright.venture.figures import Figure, derive
from modelwright.venture.shapes import Shape
from modelwright.venture.tables import table

Recompute = Literal["none", "selective", "full"]


@dataclass(frozen=True)
class Device:
    """An accelerator: dense operations/s in bf16, bytes/s of memory, bytes of memory, watts."""

    name: str
    flops_per_s: float
    bandwidth: float
    memory_bytes: float
    power_w: float


def device(name: str) -> Device:
    """An accelerator of the table, by its name or the beginning of it, in any case: "h100" is the first H100 listed.

    Raises:
        SpecError: it is not there.
    """
    entries = table("devices")
    wanted = name.casefold()
    key = next((known for known in entries if known.casefold() == wanted), None)
    key = key or next((known for known in entries if wanted and known.casefold().startswith(wanted)), None)
    if key is None:
        raise SpecError(
            f"the device {name!r} is not known",
            expected=f"one of: {', '.join(entries)}",
            where="device",
            remedy="Name a listed one, or here for this machine, whose peaks are then measured.",
        )
    found = entries[key].more
    return Device(key, found["tflops"] * 1e12, found["bandwidth_gb_s"] * 1e9, found["memory_gb"] * 1e9, found["power_w"])


def training_flops(active_parameters: float, tokens: float) -> float:
    """C = 6 · N · D, with N the parameters that one token passes."""
    return 6.0 * active_parameters * tokens


def training_flops_per_token(shape: Shape, context: int, causal: bool = False) -> float:
    """6N + 12·L·H·Q·T with N the multiplied weights; `causal` halves the second term, for kernels that skip the future."""
    attention = 12.0 * shape.layers * shape.heads * shape.each_head * context
    return 6.0 * shape.multiplied_parameters + attention * (0.5 if causal else 1.0)


def inference_flops_per_token(shape: Shape, context: int) -> float:
    """2·N_active + 4·L·heads·d_head·context for one generated token."""
    return 2.0 * shape.active_parameters + 4.0 * shape.layers * shape.heads * shape.each_head * context


def utilisation_of_peak(tokens_per_s: float, flops_per_token: float, devices: int, peak_flops_per_s: float) -> float:
    """Model FLOP utilisation: tokens/s · FLOPs/token ÷ (devices · dense peak).

    Raises:
        SpecError: more than the hardware can do.
    """
    share = tokens_per_s * flops_per_token / (devices * peak_flops_per_s)
    if share > 1:
        _refuse(tokens_per_s, devices * peak_flops_per_s / flops_per_token)
    return share


def device_hours(flops: float, peak_flops_per_s: float, mfu: float, goodput: float = 1.0) -> float:
    """C / (peak · MFU · 3600) / goodput.

    Raises:
        ValueError: MFU or goodput outside ]0, 1].
    """
    if not 0 < mfu <= 1 or not 0 < goodput <= 1:
        raise ValueError(f"MFU {mfu} and goodput {goodput} are shares between 0 and 1")
    return flops / (peak_flops_per_s * mfu * 3600) / goodput


def state_bytes(parameters: float, stage: int = 0, devices: int = 1, frozen: float = 0.0) -> float:
    """Weights, gradients and Adam's state of mixed-precision training, per device.

    Args:
        parameters: that are trained: 2 bytes of weight, 2 of gradient, 12 of float32 weight and two moments each.
        stage: ZeRO stage 0 to 3: how much of it is shared out over the devices.
        frozen: parameters kept in 2 bytes beside them (LoRA); shared out in stage 3 only.

    Raises:
        ValueError: another stage.
    """
    whole, shared = {0: (16, 0), 1: (4, 12), 2: (2, 14), 3: (0, 16)}.get(stage, (None, None))
    if whole is None or shared is None:
        raise ValueError(f"ZeRO stage {stage}; there are 0, 1, 2 and 3")
    return parameters * (whole + shared / devices) + 2 * frozen / (devices if stage == 3 else 1)


def activation_bytes(shape: Shape, batch: int, length: int, recompute: Recompute = "selective") -> float:
    """Activations kept for the backward pass, all layers, 2-byte numbers, one device: per layer sbh·(34 + 5as/h) without
    recomputation, 34·sbh when attention is recomputed (flash attention does), 2·sbh when everything is. The 34 is that of
    a GPT block with a feed-forward width of 4h."""
    base = float(length) * batch * shape.width
    factor = {"none": 34 + 5 * shape.heads * length / shape.width, "selective": 34.0, "full": 2.0}[recompute]
    return shape.layers * base * factor


def adapter_parameters(shape: Shape, rank: int) -> int:
    """Parameters of LoRA adapters of this rank on the four attention projections (2106.09685)."""
    inner, key = shape.heads * shape.each_head, shape.key_heads * shape.each_head
    return shape.layers * rank * (2 * (shape.width + inner) + 2 * (shape.width + key))


def cache_bytes_per_token(shape: Shape, number_bytes: float = 2) -> float:
    """Keys and values of one token: 2·L·kv_heads·d_head·bytes, or L·(latent + rope)·bytes with latent attention."""
    if shape.latent:
        return shape.layers * (shape.latent + shape.rope_width) * number_bytes
    return 2.0 * shape.layers * shape.key_heads * shape.each_head * number_bytes


def serving_bytes(shape: Shape, batch: int, context: int, weight_bytes: float = 2, cache_number_bytes: float = 2) -> float:
    """Weights (all experts) and the cache of `batch` sequences."""
    return shape.parameters * weight_bytes + batch * context * cache_bytes_per_token(shape, cache_number_bytes)


def fits(shape: Shape, on: Device, batch: int, context: int, weight_bytes: float = 2, reserve: float = 0.1) -> bool:
    """Whether it can be served from one device, with a share of its memory kept back for buffers."""
    return serving_bytes(shape, batch, context, weight_bytes) <= on.memory_bytes * (1 - reserve)


def step_floor_s(
    shape: Shape, on: Device, batch: int, context: int, weight_bytes: float = 2, cache_number_bytes: float = 2, devices: int = 1
) -> float:
    """The least time of one decoding step for `batch` sequences: max((W + B·KV)/bandwidth, B·FLOPs/peak), seconds."""
    moved = shape.active_parameters * weight_bytes + batch * context * cache_bytes_per_token(shape, cache_number_bytes)
    computed = batch * inference_flops_per_token(shape, context)
    return max(moved / (devices * on.bandwidth), computed / (devices * on.flops_per_s))


def check_decoding(
    tokens_per_s: float, shape: Shape, on: Device, batch: int, context: int, weight_bytes: float = 2, devices: int = 1
) -> float:
    """The share of the roofline that a claimed decoding throughput (all sequences together) reaches.

    Raises:
        SpecError: it is above the roofline.
    """
    ceiling = batch / step_floor_s(shape, on, batch, context, weight_bytes, devices=devices)
    if tokens_per_s > ceiling:
        _refuse(tokens_per_s, ceiling)
    return tokens_per_s / ceiling


def _refuse(claimed: float, ceiling: float) -> None:
    raise SpecError(
        f"{claimed:,.0f} tokens/s is claimed",
        expected=f"at most {ceiling:,.0f} tokens/s, which the hardware's memory bandwidth and arithmetic allow",
        where="throughput",
        remedy="Check the number of devices, the precision, and whether the claim counts prompt tokens.",
    )


def training_estimate(
    active_parameters: float,
    tokens: float,
    on: Device,
    devices: int,
    price_per_hour: Figure,
    effectiveness: Figure,
    *,
    mfu: Figure | None = None,
    goodput: Figure | None = None,
    power: Figure | None = None,
    today: date | None = None,
) -> dict[str, Figure]:
    """What a large training would take: "flops", "device-hours", "time" (s), "money", "energy" (kWh).

    Args:
        price_per_hour: of one device.
        effectiveness: the site's PUE.
        mfu, goodput, power (W): measured or stated ones if there are any; else the table's stand-ins.
    """
    currency_of(price_per_hour, "/h")
    mfu = mfu or table("training")["mfu"].figure(today)
    goodput = goodput or table("training")["goodput"].figure(today)
    flops = training_flops(active_parameters, tokens)
    seconds = derive(
        lambda share, good: device_hours(flops, on.flops_per_s, share, good) * 3600,
        mfu,
        goodput,
        unit="s",
        note=f"6ND on {on.name} at {mfu.value:.0%} of its dense peak",
    )
    power = power or table("devices")[on.name].figure(today, name="power_w", unit="W")
    return {
        "flops": Figure(flops, "FLOP", "estimated", note="6 · N · D"),
        "device-hours": derive(lambda value: value / 3600, seconds, unit="h"),
        "time": derive(lambda value: value / devices, seconds, unit="s", note=f"on {devices} devices"),
        "money": money(seconds, price_per_hour),
        "energy": energy_kwh(seconds, power, effectiveness),
    }
